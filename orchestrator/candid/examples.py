"""An example of a type's values, as text to start writing from."""

from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.spelling import quote_name
from orchestrator.core.principal import MANAGEMENT_CANISTER

__all__ = ["example_text"]

MAX_EXAMPLE_DEPTH: Final = 24
"""How deep an example goes (levels); below it vecs are empty and opts are null."""

MAX_EXAMPLE_PARTS: Final = 500
"""How many values one example has before its vecs are left empty and its opts null (values)."""

_ID: Final = f'"{MANAGEMENT_CANISTER}"'
_PRIMITIVES: Final = {
    "bool": "false",
    "float32": "0.0",
    "float64": "0.0",
    "null": "null",
    "principal": f"principal {_ID}",
    "reserved": "null",
    "text": '""',
}
_INDENT: Final = "  "


class _EndlessError(Exception):
    """Raised when a type has no finite value on this way; variants try their other tags."""


def example_text(type_: T.Type) -> str | None:
    """Return a value of the type as Candid text, on several lines where it has named fields; None when it has no value.

    Numbers are 0, texts and blobs empty, opts null, vecs have one element, variants their first tag that has an end.
    """
    try:
        return _Writer().write(type_, frozenset(), MAX_EXAMPLE_DEPTH)
    except _EndlessError:
        return None


class _Writer:
    """Counts what it writes: types that share parts can have exponentially many."""

    def __init__(self) -> None:
        self._left = MAX_EXAMPLE_PARTS

    def write(self, type_: T.Type, inside: frozenset[int], depth: int) -> str:
        """Write one value; `inside` are the identities of the types that it is a part of."""
        self._left -= 1
        resolved = T.resolve(type_)
        if id(resolved) in inside:
            raise _EndlessError
        if isinstance(resolved, T.Record | T.Variant | T.Vec):
            inside |= {id(resolved)}
        match resolved:
            case T.Primitive():
                return self._primitive(resolved)
            case T.Opt():
                return "null"
            case T.Vec():
                return self._vec(resolved, inside, depth)
            case T.Record():
                return self._record(resolved, inside, depth)
            case T.Variant():
                return self._variant(resolved, inside, depth)
            case T.Function():
                return f"func {_ID}.method"
        return f"service {_ID}"

    @staticmethod
    def _primitive(type_: T.Primitive) -> str:
        if type_.name == "empty":
            raise _EndlessError
        return _PRIMITIVES.get(type_.name, "0")

    def _vec(self, type_: T.Vec, inside: frozenset[int], depth: int) -> str:
        if T.resolve(type_.inner) == T.NAT8:
            return 'blob ""'
        if depth <= 0 or self._left <= 0:
            return "vec {}"
        try:
            return f"vec {{ {self.write(type_.inner, inside, depth - 1)} }}"
        except _EndlessError:
            return "vec {}"

    def _record(self, type_: T.Record, inside: frozenset[int], depth: int) -> str:
        if depth <= 0 or self._left <= 0:
            raise _EndlessError
        parts = [(field.label, self.write(field.type, inside, depth - 1)) for field in type_.fields]
        if not parts:
            return "record {}"
        if type_.is_tuple:
            return f"record {{ {'; '.join(text for _, text in parts)} }}"
        lines = [f"{_INDENT}{_label(label)} = {_indented(text)};" for label, text in parts]
        return "\n".join(["record {", *lines, "}"])

    def _variant(self, type_: T.Variant, inside: frozenset[int], depth: int) -> str:
        if depth <= 0 or self._left <= 0:
            raise _EndlessError
        for field in type_.fields:
            if T.resolve(field.type) == T.NULL:
                return f"variant {{ {_label(field.label)} }}"
            try:
                return f"variant {{ {_label(field.label)} = {self.write(field.type, inside, depth - 1)} }}"
            except _EndlessError:
                continue
        raise _EndlessError


def _label(label: T.Label) -> str:
    return str(label) if isinstance(label, int) else quote_name(label)


def _indented(text: str) -> str:
    return text.replace("\n", f"\n{_INDENT}")
