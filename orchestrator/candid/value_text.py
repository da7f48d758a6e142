"""Shows values as Candid text, laid out and spelled as DFINITY's tools print them.

Source: the Candid specification, section "Core Grammar", values; layout after Rust's candid: ten levels are laid out,
deeper values and vecs of more than ten elements stand on one line.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import Any, Final

from orchestrator.candid import types as T
from orchestrator.candid.decode import decode, decode_with_types
from orchestrator.candid.layout import Document, Group, render
from orchestrator.candid.spelling import quote_blob, quote_name, quote_text
from orchestrator.candid.table import types_of
from orchestrator.candid.values import Some, Variant
from orchestrator.errors import CandidError

__all__ = ["format_message", "format_values"]

_DECIMAL_BITS: Final = 13_000
_LAID_OUT_LEVELS: Final = 10
_LAID_OUT_ELEMENTS: Final = 10
_FLOAT32_DIGITS: Final = range(1, 10)
_EXACT: Final = Context(prec=1_100)
_Part = Callable[[Any, T.Type], Document]


def _reads_back(text: str, value: float, type_: T.Type) -> bool:
    """Whether the digits stand for this number at this width; digits that were rounded up may leave the range."""
    if type_ != T.FLOAT32:
        return float(text) == value
    try:
        return struct.pack("<f", float(text)) == struct.pack("<f", value)
    except OverflowError:
        return False


def _digits(value: float, type_: T.Type) -> str:
    """Return the fewest digits that read back, the last one rounded up where the number lies exactly between two."""
    shortest = repr(value)
    if type_ == T.FLOAT32:
        candidates = (f"{value:.{digits}g}" for digits in _FLOAT32_DIGITS)
        shortest = next((text for text in candidates if _reads_back(text, value, type_)), shortest)
    lower = Decimal(shortest)
    upper = Decimal(value).quantize(Decimal(1).scaleb(int(lower.as_tuple().exponent)), rounding=ROUND_HALF_UP, context=_EXACT)
    return format(upper if _reads_back(str(upper), value, type_) else lower, "f")


def _float(value: float, type_: T.Type) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    digits = _digits(value, type_)
    return f"{digits.split('.')[0]}.0" if value.is_integer() else digits.rstrip("0")


def _integer(value: int) -> str:
    """Return the digits in groups of three; beyond what Python turns into decimal digits, hexadecimal ones."""
    if value.bit_length() <= _DECIMAL_BITS:
        return f"{value:_}"
    return f"{'-' if value < 0 else ''}0x{abs(value):x}"


def _primitive(value: Any, type_: T.Primitive, *, inline: bool) -> str:
    match type_.name:
        case "null" | "reserved":
            return f"null : {type_.name}"
        case "bool":
            return "true" if value else "false"
        case "text":
            return quote_text(value, inline=inline)
        case "principal":
            return f'principal "{value}"'
        case "float32" | "float64":
            return f"{_float(value, type_)} : {type_.name}"
        case _:
            return f"{_integer(value)} : {type_.name}"


def _leaf(value: Any, type_: T.Type, *, inline: bool) -> str | None:
    """Return the text of a value without parts, else None."""
    if isinstance(type_, T.Primitive):
        return _primitive(value, type_, inline=inline)
    if isinstance(type_, T.Function):
        return f'func "{value.service}".{quote_name(value.method)}'
    if isinstance(type_, T.Service):
        return f'service "{value.principal}"'
    if isinstance(type_, T.Opt) and value is None:
        return "null"
    if isinstance(type_, T.Vec) and T.resolve(type_.inner) == T.NAT8:
        return quote_blob(bytes(value))
    return None


def _label(label: T.Label) -> str:
    return f"{label:_}" if isinstance(label, int) else quote_name(label)


def _fields(value: Any, type_: T.Record) -> Iterator[tuple[T.Field, Any]]:
    """Yield a record's fields and their values; absent ones are None."""
    for index, field in enumerate(type_.fields):
        if isinstance(value, (tuple, list)):
            yield field, value[index]
        else:
            yield field, value.get(field.label, value.get(field.id))


def _tag(value: Variant, type_: T.Variant) -> T.Field:
    number = T.field_id(value.label)
    found = next((field for field in type_.fields if field.id == number), None)
    if found is None:
        raise CandidError(f"the variant has no tag `{value.label}`", slug="candid/encode")
    return found


def _annotated(type_: T.Type) -> bool:
    """Whether a value of this type is shown with its type, so that it needs parentheses after `opt`."""
    return isinstance(type_, T.Primitive) and type_.name not in {"bool", "text", "principal", "empty"}


def _opened(value: Any) -> Any:
    return value.value if isinstance(value, Some) else value


def _record_group(value: Any, type_: T.Record, part: _Part) -> Group:
    parts: list[Document] = []
    for field, inner in _fields(value, type_):
        shown = part(inner, field.type)
        parts.append(shown if type_.is_tuple else (f"{_label(field.label)} = ", shown))
    return Group("{", parts, ";", "}")


def _variant_group(value: Variant, type_: T.Variant, part: _Part) -> Group:
    field = _tag(value, type_)
    label = _label(field.label)
    bare = T.resolve(field.type) == T.NULL
    return Group("{", [label if bare else (f"{label} = ", part(value.value, field.type))], "", "}")


def _document(value: Any, type_: T.Type, level: int) -> Document:
    """Return the document of a value; parts are made when the layout comes to them."""
    type_ = T.resolve(type_)
    leaf = _leaf(value, type_, inline=level == 0)
    if leaf is not None:
        return leaf
    if level == 0 or (isinstance(type_, T.Vec) and len(value) > _LAID_OUT_ELEMENTS):
        return _inline(value, type_)

    def part(inner: Any, inner_type: T.Type) -> Document:
        return cache(lambda: _document(inner, inner_type, level - 1))

    match type_:
        case T.Opt():
            shown = part(_opened(value), type_.inner)
            return ("opt ", Group("(", [shown], "", ")", "") if _annotated(T.resolve(type_.inner)) else shown)
        case T.Vec():
            return ("vec ", Group("{", [part(element, type_.inner) for element in value], ";", "}"))
        case T.Record():
            return ("record ", _record_group(value, type_, part))
        case T.Variant():
            return ("variant ", _variant_group(value, type_, part))
        case _:
            raise CandidError(f"a value of type `{type_}` cannot be shown", slug="candid/encode")


def _inline_parts(value: Any, type_: T.Type) -> list[Any]:
    """Return the texts of a value on one line, with (value, type) for its parts."""
    match type_:
        case T.Opt():
            inner = (_opened(value), type_.inner)
            return ["opt (", inner, ")"] if _annotated(T.resolve(type_.inner)) else ["opt ", inner]
        case T.Vec():
            return ["vec {", *(piece for element in value for piece in (" ", (element, type_.inner), ";")), "}"]
        case T.Record():
            pieces: list[Any] = ["record {"]
            for index, (field, inner) in enumerate(_fields(value, type_)):
                pieces += [" " if field.id == index else f" {_label(field.label)} = ", (inner, field.type), ";"]
            return [*pieces, "}"]
        case T.Variant():
            field = _tag(value, type_)
            bare = T.resolve(field.type) == T.NULL
            return [f"variant {{ {_label(field.label)}", *([] if bare else [" = ", (value.value, field.type)]), " }"]
    raise CandidError(f"a value of type `{type_}` cannot be shown", slug="candid/encode")


def _inline(value: Any, type_: T.Type) -> str:
    """Return a value on one line, whatever its depth."""
    out: list[str] = []
    stack: list[Any] = [(value, type_)]
    while stack:
        piece = stack.pop()
        if isinstance(piece, str):
            out.append(piece)
            continue
        inner, resolved = piece[0], T.resolve(piece[1])
        leaf = _leaf(inner, resolved, inline=True)
        stack += [leaf] if leaf is not None else reversed(_inline_parts(inner, resolved))
    return "".join(out)


def format_values(values: Sequence[object], types: Sequence[T.Type]) -> str:
    """Return values as Candid text, such as `(42 : nat, "text")`, broken into lines where they are long."""
    if len(values) != len(types):
        raise CandidError(f"{len(types)} values are expected, not {len(values)}", slug="candid/argument-count")
    documents = [_document(value, type_, _LAID_OUT_LEVELS) for value, type_ in zip(values, types, strict=True)]
    return render(Group("(", documents, ",", ")", ""))


def format_message(data: bytes, types: Sequence[T.Type] | None = None) -> str:
    """Return a message as Candid text, at the expected types or at its own (where names are unknown: field ids)."""
    if types is not None:
        return format_values(decode(data, types), types)
    values, table = decode_with_types(data)
    return format_values(values, types_of(table))
