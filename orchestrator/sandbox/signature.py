"""Writes component types as text, to compare what a plugin declares with what its interface says."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wasmtime.component import EnumType, FuncType, ListType, OptionType, RecordType, ResultType, TupleType, ValType, VariantType

__all__ = ["MAX_SIGNATURE_CHARACTERS", "describe_function", "describe_type"]

MAX_SIGNATURE_CHARACTERS: Final = 2_000
"""Where a text ends, with `…`: a small component can declare a type whose text has a gigabyte. Interfaces of ours have some hundreds."""


def _joined(parts: Iterable[Iterator[str]]) -> Iterator[str]:
    for number, part in enumerate(parts):
        if number:
            yield ", "
        yield from part


def _named(name: str, kind: ValType) -> Iterator[str]:
    yield f"{name[:MAX_SIGNATURE_CHARACTERS]}: "
    yield from _type_parts(kind)


def _case(name: str, payload: ValType | None) -> Iterator[str]:
    yield name[:MAX_SIGNATURE_CHARACTERS]
    if payload is not None:
        yield from _bracketed("", "(", (_type_parts(payload),), ")")


def _bracketed(what: str, opening: str, parts: Iterable[Iterator[str]], closing: str) -> Iterator[str]:
    yield what + opening
    yield from _joined(parts)
    yield closing


def _type_parts(kind: ValType | None) -> Iterator[str]:
    """Yield a type's text piece by piece: nothing is written that nobody asks for."""
    match kind:
        case RecordType():
            yield from _bracketed("record", "{", (_named(name, field) for name, field in kind.fields), "}")
        case VariantType():
            yield from _bracketed("variant", "{", (_case(name, payload) for name, payload in kind.cases), "}")
        case EnumType():
            yield from _bracketed("enum", "{", (_case(name, None) for name in kind.names), "}")
        case ListType() | TupleType() | OptionType() | ResultType():
            yield from _bracketed(_name(kind), "<", map(_type_parts, _inner_types(kind)), ">")
        case _:
            yield _name(kind)


def _name(kind: ValType | None) -> str:
    return "_" if kind is None else type(kind).__name__.removesuffix("Type").lower()


def _inner_types(kind: ListType | TupleType | OptionType | ResultType) -> Sequence[ValType | None]:
    match kind:
        case ListType():
            return (kind.element,)
        case TupleType():
            return kind.elements
        case OptionType():
            return (kind.payload,)
        case ResultType():
            return (kind.ok, kind.err)


def _cut(parts: Iterator[str]) -> str:
    """Put the pieces together, as far as the text may go."""
    taken, size = [], 0
    for part in parts:
        taken.append(part)
        size += len(part)
        if size > MAX_SIGNATURE_CHARACTERS:
            return "".join(taken)[:MAX_SIGNATURE_CHARACTERS] + "…"
    return "".join(taken)


def describe_type(kind: ValType) -> str:
    """Write a value type as WIT would; types that no interface of ours uses are written as their kind's name."""
    return _cut(_type_parts(kind))


def _function_parts(function: FuncType) -> Iterator[str]:
    yield from _bracketed("func", "(", (_type_parts(kind) for _, kind in function.params), ")")
    if function.result is not None:
        yield " -> "
        yield from _type_parts(function.result)


def describe_function(function: FuncType) -> str:
    """Write a function's type without its parameters' names, which do not count."""
    return _cut(_function_parts(function))
