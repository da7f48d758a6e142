"""Spells types on one line, as a .did file would; huge ones are cut with an ellipsis."""

from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.spelling import quote_name

__all__ = ["spell_type"]

MAX_SHOWN_DEPTH: Final = 64
"""How deep nested types are spelled (levels)."""

MAX_SHOWN_PARTS: Final = 2_000
"""How many types one spelling shows (types)."""

_CUT: Final = "…"


def spell_type(type_: T.Type) -> str:
    """Return the type as Candid text; recursive types show the name where they recur."""
    return _Speller().type(type_, MAX_SHOWN_DEPTH)


def _braces(parts: list[str]) -> str:
    return f"{{ {'; '.join(parts)} }}" if parts else "{}"


class _Speller:
    """Counts what it spells: types that share parts can be exponentially long as text."""

    def __init__(self) -> None:
        self._left = MAX_SHOWN_PARTS

    def type(self, type_: T.Type, depth: int) -> str:
        self._left -= 1
        if depth == 0 or self._left < 0:
            return _CUT
        match type_:
            case T.Primitive() | T.Knot():
                return type_.name
            case T.Opt():
                return f"opt {self.type(type_.inner, depth - 1)}"
            case T.Vec():
                return "blob" if type_.inner == T.NAT8 else f"vec {self.type(type_.inner, depth - 1)}"
            case T.Record() | T.Variant():
                return self._fields(type_, depth - 1)
            case T.Function():
                return f"func {self._signature(type_, depth - 1)}"
            case T.Service():
                return f"service {_braces([self._method(name, entry, depth - 1) for name, entry in type_.entries])}"
        return _CUT

    def _fields(self, type_: T.Record | T.Variant, depth: int) -> str:
        if isinstance(type_, T.Record) and type_.is_tuple:
            return f"record {_braces([self.type(field.type, depth) for field in type_.fields])}"
        word = "record" if isinstance(type_, T.Record) else "variant"
        return f"{word} {_braces([self._field(field, depth, tag=word == 'variant') for field in type_.fields])}"

    def _field(self, field: T.Field, depth: int, *, tag: bool) -> str:
        label = str(field.label) if isinstance(field.label, int) else quote_name(field.label)
        return label if tag and field.type == T.NULL else f"{label} : {self.type(field.type, depth)}"

    def _signature(self, type_: T.Function, depth: int) -> str:
        arguments, results = (", ".join(self.type(part, depth) for part in parts) for parts in (type_.arguments, type_.results))
        words = "".join(f" {annotation}" for annotation in T.ANNOTATIONS if annotation in type_.annotations)
        return f"({arguments}) -> ({results}){words}"

    def _method(self, name: str, entry: T.Type, depth: int) -> str:
        signature = self._signature(entry, depth) if isinstance(entry, T.Function) else self.type(entry, depth)
        return f"{quote_name(name)} : {signature}"
