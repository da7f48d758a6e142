"""Text values to Python values and to messages, with types or without.

Source: the Candid specification, section "Core Grammar", values. Without a type, a value gets the one that DFINITY's
tools infer: a number is an int (float64 with a point or an exponent), a vec has the type of its first element.
"""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.decode import decode
from orchestrator.candid.encode import encode
from orchestrator.candid.lexer import Token
from orchestrator.candid.scalars import INTEGER_RANGES
from orchestrator.candid.stream import TokenStream
from orchestrator.candid.subtype import is_subtype
from orchestrator.candid.value_syntax import Node, ValueParser
from orchestrator.candid.values import Some, Variant
from orchestrator.errors import CandidError, CandidSyntaxError

__all__ = ["parse_arguments", "parse_typed_values", "parse_values"]

_LITERAL_TYPES: Final[dict[str, T.Type]] = {
    "null": T.NULL,
    "bool": T.BOOL,
    "number": T.INT,
    "float": T.FLOAT64,
    "text": T.TEXT,
    "blob": T.BLOB,
    "principal": T.PRINCIPAL,
    "service": T.service({}),
    "func": T.function(),
}
_INTEGERS: Final = frozenset({T.NAT, T.INT} | {primitive for primitive in T.PRIMITIVES.values() if primitive.code in INTEGER_RANGES})
_FLOAT32: Final = struct.Struct("<f")
_WHAT: Final = {"number": "a number", "float": "a number with a fraction", "blob": "a blob", "null": "null", "func": "a func reference"}


def infer_type(node: Node) -> T.Type:
    """Return the type that a value without a type has."""
    match node.kind:
        case "annotated":
            return node.value[1]  # type: ignore[no-any-return] # an annotated node holds (node, type)
        case "opt":
            return T.Opt(infer_type(node.value))
        case "vec":
            return T.Vec(infer_type(node.value[0]) if node.value else T.EMPTY)
        case "record":
            return T.record({label: infer_type(part) for label, part in node.value.items()})
        case "variant":
            return T.variant({label: infer_type(part) for label, part in node.value.items()})
        case _:
            return _LITERAL_TYPES[node.kind]


def _labels(type_: T.Record | T.Variant) -> str:
    return ", ".join(str(field.label) for field in type_.fields)


class _Fitter:
    """Gives nodes the Python values they have at a type, or complains at their place."""

    def __init__(self, complain: Callable[..., CandidSyntaxError], *, strict: bool) -> None:
        self._complain = complain
        self._strict = strict

    def _error(self, node: Node, message: str, hint: str | None = None) -> CandidSyntaxError:
        return self._complain(message, node.token, slug="candid/type-mismatch", hint=hint)

    def fit(self, node: Node, type_: T.Type) -> object:
        """Return the node's value at this type."""
        resolved = T.resolve(type_)
        if node.kind == "annotated":
            return self._annotated(node, resolved)
        if resolved == T.RESERVED:
            return None
        match resolved:
            case T.Opt():
                return self._opt(node, resolved)
            case T.Vec():
                return self._vec(node, resolved)
            case T.Record() if node.kind == "record":
                return self._record(node, resolved)
            case T.Variant() if node.kind == "variant":
                return self._variant(node, resolved)
            case T.Primitive():
                return self._primitive(node, resolved)
        if (isinstance(resolved, T.Function) and node.kind == "func") or (isinstance(resolved, T.Service) and node.kind == "service"):
            return node.value
        raise self._mismatch(node, resolved)

    def _mismatch(self, node: Node, type_: T.Type) -> CandidSyntaxError:
        kind = type_.name if isinstance(type_, (T.Primitive, T.Knot)) else type(type_).__name__.lower()
        return self._error(node, f"expected a value of type {kind}, found {_WHAT.get(node.kind, f'a {node.kind}')}")

    def _annotated(self, node: Node, type_: T.Type) -> object:
        inner, own = node.value
        value = self.fit(inner, own)
        if own == type_:
            return value
        unwanted = isinstance(type_, T.Opt) and not isinstance(own, T.Opt) and own not in {T.NULL, T.RESERVED}
        if unwanted or is_subtype(own, type_) is not None:
            raise self._error(node, f"a value of type `{own}` does not fit the type `{type_}`")
        try:
            return decode(encode([own], [value]), [type_])[0]
        except CandidError as error:
            raise self._error(node, error.summary) from None

    def _opt(self, node: Node, type_: T.Opt) -> object:
        if node.kind == "null":
            return None
        if node.kind != "opt":
            raise self._error(
                node, f"expected `opt …` or `null`, found {_WHAT.get(node.kind, f'a {node.kind}')}", hint="write `opt` before the value"
            )
        value = self.fit(node.value, type_.inner)
        inner = T.resolve(type_.inner)
        return Some(value) if isinstance(inner, T.Opt) or inner in {T.NULL, T.RESERVED} else value

    def _vec(self, node: Node, type_: T.Vec) -> object:
        blob = T.resolve(type_.inner) == T.NAT8
        if blob and node.kind == "blob":
            return node.value
        if node.kind != "vec":
            raise self._mismatch(node, type_)
        elements = [self.fit(part, type_.inner) for part in node.value]
        return bytes(elements) if blob else elements  # type: ignore[arg-type] # fitted as nat8

    def _record(self, node: Node, type_: T.Record) -> object:
        given = {T.field_id(label): (label, part) for label, part in node.value.items()}
        values: dict[T.Label, object] = {}
        for field in type_.fields:
            found = given.pop(field.id, None)
            inner = T.resolve(field.type)
            if found is not None:
                values[field.label] = self.fit(found[1], field.type)
            elif isinstance(inner, T.Opt) or inner in {T.NULL, T.RESERVED}:
                values[field.label] = None
            else:
                raise self._error(node, f"field `{field.label}` is missing")
        for label, part in given.values() if self._strict else ():
            raise self._error(part, f"the record has no field `{label}`", hint=f"its fields are {_labels(type_)}" if type_.fields else None)
        return tuple(values.values()) if type_.is_tuple else values

    def _variant(self, node: Node, type_: T.Variant) -> object:
        ((label, part),) = node.value.items()
        for field in type_.fields:
            if field.id == T.field_id(label):
                return Variant(field.label, self.fit(part, field.type))
        raise self._error(node, f"the variant has no tag `{label}`", hint=f"its tags are {_labels(type_)}")

    def _primitive(self, node: Node, type_: T.Primitive) -> object:
        if type_ in {T.FLOAT32, T.FLOAT64} and node.kind in {"float", "number"}:
            return self._float(node, type_)
        if type_ in _INTEGERS and node.kind == "number":
            return self._integer(node, type_)
        if type_ not in _INTEGERS and _LITERAL_TYPES.get(node.kind) == type_:
            return node.value
        raise self._mismatch(node, type_)

    def _float(self, node: Node, type_: T.Primitive) -> float:
        try:
            number = float(node.value)
            if type_ == T.FLOAT32:
                (number,) = _FLOAT32.unpack(_FLOAT32.pack(number))
        except OverflowError:
            raise self._error(node, f"the number is out of range for {type_}") from None
        return number

    def _integer(self, node: Node, type_: T.Primitive) -> int:
        number = int(node.value)
        least, greatest = INTEGER_RANGES.get(type_.code, (0 if type_ == T.NAT else number, number))
        if not least <= number <= greatest:
            raise self._error(node, f"the number is out of range for {type_}")
        return number


def _parse(text: str, types: Sequence[T.Type] | None, path: Path | None, *, strict: bool) -> tuple[list[T.Type], list[object]]:
    stream = TokenStream(text, path)
    nodes = ValueParser(stream).arguments()
    fitter = _Fitter(stream.error, strict=strict or types is None)
    if types is None:
        inferred = [infer_type(node) for node in nodes]
        return inferred, [fitter.fit(node, type_) for node, type_ in zip(nodes, inferred, strict=True)]
    if len(nodes) > len(types):
        raise stream.error(_miscounted(len(types), len(nodes)), nodes[len(types)].token, slug="candid/argument-count")
    values = [fitter.fit(node, type_) for node, type_ in zip(nodes, types, strict=False)]
    for type_ in types[len(nodes) :]:
        resolved = T.resolve(type_)
        if not isinstance(resolved, T.Opt) and resolved not in {T.NULL, T.RESERVED}:
            place: Token = stream.previous
            raise stream.error(
                _miscounted(len(types), len(nodes)),
                place,
                slug="candid/argument-count",
                hint=f"an argument of type `{type_}` is missing",
            )
        values.append(None)
    return list(types), values


def _miscounted(expected: int, given: int) -> str:
    return f"{expected} argument{' is' if expected == 1 else 's are'} expected, not {given}"


def parse_typed_values(
    text: str, types: Sequence[T.Type] | None = None, *, path: Path | None = None, strict: bool = False
) -> tuple[list[T.Type], list[object]]:
    """Return the types and the values of `(value, value, …)`: the given types, or inferred ones.

    Missing trailing arguments, and missing fields, of type opt, null or reserved are None. Fields that the type does not
    have are dropped, as subtyping has it; when `strict` they are refused, as the typing errors they mostly are. Text that
    does not parse or fit raises `CandidSyntaxError` with the place; `path` is what it shows.
    """
    return _parse(text, types, path, strict=strict)


def parse_values(text: str, types: Sequence[T.Type] | None = None, *, path: Path | None = None, strict: bool = False) -> list[object]:
    """Return the values of `(value, value, …)` (see `parse_typed_values`)."""
    return _parse(text, types, path, strict=strict)[1]


def parse_arguments(text: str, types: Sequence[T.Type] | None = None, *, path: Path | None = None, strict: bool = False) -> bytes:
    """Return the message for `(value, value, …)` (see `parse_typed_values`)."""
    found, values = _parse(text, types, path, strict=strict)
    return encode(found, values)
