"""Writers: a type table compiled to functions that append values to a message.

A plain writer is `call(value, out) -> None`; a deep one returns a walk. Both refuse a value that does not fit by
raising `Misfit`, to which every enclosing value adds its part of the path.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.candid import table as tables
from orchestrator.candid import types as T
from orchestrator.candid.leaf_writers import (
    PRIMITIVE_WRITERS,
    LeafWriter,
    elements_of,
    numbers_writer,
    refusal,
    write_blob,
    write_function,
    write_service,
)
from orchestrator.candid.scalars import unsigned_leb128
from orchestrator.candid.table import FIXED_WIDTH, Entry, Table
from orchestrator.candid.values import Some, Variant
from orchestrator.candid.walking import Misfit, Walk, deep_entries

__all__ = ["Writer", "WriterCompiler"]

_ABSENT: Final = object()
_REFERENCES = frozenset({tables.FUNCTION, tables.SERVICE})
_MAY_MISS = frozenset({tables.OPT, T.NULL.code, T.RESERVED.code})


@dataclass(frozen=True, slots=True)
class Writer:
    """How one type is written: `deep` says that `call` returns a walk."""

    deep: bool
    call: Callable[[Any, bytearray], Any]


_PRIMITIVES = {code: Writer(deep=False, call=call) for code, call in PRIMITIVE_WRITERS.items()}


def _record_values(entry: Entry, optional: tuple[bool, ...]) -> Callable[[object], list[Any]]:
    """Return what takes a record's Python value apart into its fields' values, in order."""
    known = set(entry.labels) | set(entry.ids)
    count = len(entry.ids)
    tuple_like = tables.tuple_shaped(entry)
    columns = tuple(zip(entry.labels, entry.ids, optional, strict=True))

    def one(value: Mapping[Any, Any], label: T.Label, number: int, *, may_miss: bool) -> Any:
        found = value.get(label, _ABSENT)
        if found is _ABSENT:
            found = value.get(number, _ABSENT)
            if found is _ABSENT:
                if not may_miss:
                    raise Misfit(f"field `{label}` is missing")
                return None
        return found

    def values(value: object) -> list[Any]:
        if isinstance(value, Mapping):
            if not known.issuperset(value):
                raise Misfit(f"the record has no field `{next(iter(set(value) - known))}`")
            return [one(value, label, number, may_miss=may_miss) for label, number, may_miss in columns]
        if not tuple_like or not isinstance(value, (tuple, list)):
            raise refusal(value, "a tuple" if tuple_like else "a dict")
        if len(value) != count:
            raise Misfit(f"expected a tuple of {count}, got one of {len(value)}")
        return list(value)

    return values


class WriterCompiler:
    """Compiles one table; `writer(ref)` gives the writer of a reference, made once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._deep = deep_entries(table, leaves=_REFERENCES)
        self._made: dict[int, Writer] = {}

    def writer(self, ref: int) -> Writer:
        """Return the writer for values of this type."""
        if ref < 0:
            return _PRIMITIVES[ref]
        made = self._made.get(ref)
        if made is None:
            made = self._made[ref] = self._make(ref)
        return made

    def _make(self, ref: int) -> Writer:
        entry, deep = self._table.entries[ref], ref in self._deep
        if entry.code == tables.FUNCTION:
            return Writer(deep=False, call=write_function)
        if entry.code == tables.SERVICE:
            return Writer(deep=False, call=write_service)
        if entry.code == tables.VEC and entry.refs[0] in FIXED_WIDTH:
            return Writer(deep=False, call=write_blob if entry.refs[0] == T.NAT8.code else numbers_writer(entry.refs[0]))
        makers: dict[int, tuple[Callable[[Entry], Any], Callable[[Entry], Any]]] = {
            tables.OPT: (self._opt, self._deep_opt),
            tables.VEC: (self._vec, self._deep_vec),
            tables.RECORD: (self._record, self._deep_record),
            tables.VARIANT: (self._variant, self._deep_variant),
        }
        return Writer(deep=deep, call=makers[entry.code][deep](entry))

    def _unwrap(self, entry: Entry) -> Callable[[object], object]:
        """Return what turns an opt's present value into the inner value."""
        ambiguous = self._table.code(entry.refs[0]) in _MAY_MISS

        def unwrap(value: object) -> object:
            if isinstance(value, Some):
                return value.value
            if ambiguous:
                raise refusal(value, "None or Some(…), because the inner type is itself opt, null or reserved")
            return value

        return unwrap

    def _opt(self, entry: Entry) -> LeafWriter:
        unwrap, inner = self._unwrap(entry), self.writer(entry.refs[0]).call

        def write(value: object, out: bytearray) -> None:
            if value is None:
                out.append(0)
            else:
                out.append(1)
                inner(unwrap(value), out)

        return write

    def _deep_opt(self, entry: Entry) -> Callable[[object, bytearray], Walk]:
        unwrap = self._unwrap(entry)

        def walk(value: object, out: bytearray) -> Walk:
            if value is None:
                out.append(0)
                return
            out.append(1)
            writer = self.writer(entry.refs[0])
            part = writer.call(unwrap(value), out)
            if writer.deep:
                yield part

        return walk

    def _vec(self, entry: Entry) -> LeafWriter:
        inner = self.writer(entry.refs[0]).call

        def write(value: object, out: bytearray) -> None:
            elements = elements_of(value)
            unsigned_leb128(len(elements), out)
            index = 0
            try:
                for index, element in enumerate(elements):  # noqa: B007 # the handler reads it
                    inner(element, out)
            except Misfit as misfit:
                raise misfit.within(f"[{index}]") from None

        return write

    def _deep_vec(self, entry: Entry) -> Callable[[object, bytearray], Walk]:
        def walk(value: object, out: bytearray) -> Walk:
            elements, writer = elements_of(value), self.writer(entry.refs[0])
            unsigned_leb128(len(elements), out)
            for index, element in enumerate(elements):
                try:
                    part = writer.call(element, out)
                    if writer.deep:
                        yield part
                except Misfit as misfit:
                    raise misfit.within(f"[{index}]") from None

        return walk

    def _fields(self, entry: Entry) -> Callable[[object], list[Any]]:
        return _record_values(entry, tuple(self._table.code(ref) in _MAY_MISS for ref in entry.refs))

    def _record(self, entry: Entry) -> LeafWriter:
        fields, labels = self._fields(entry), entry.labels
        calls = tuple(self.writer(ref).call for ref in entry.refs)

        def write(value: object, out: bytearray) -> None:
            index, parts = 0, fields(value)
            try:
                for index, (call, part) in enumerate(zip(calls, parts, strict=True)):  # noqa: B007 # the handler reads it
                    call(part, out)
            except Misfit as misfit:
                raise misfit.within(f".{labels[index]}") from None

        return write

    def _deep_record(self, entry: Entry) -> Callable[[object, bytearray], Walk]:
        fields = self._fields(entry)

        def walk(value: object, out: bytearray) -> Walk:
            for label, ref, field in zip(entry.labels, entry.refs, fields(value), strict=True):
                writer = self.writer(ref)
                try:
                    part = writer.call(field, out)
                    if writer.deep:
                        yield part
                except Misfit as misfit:
                    raise misfit.within(f".{label}") from None

        return walk

    def _tag(self, entry: Entry) -> Callable[[object], tuple[int, Any]]:
        """Return what turns a variant's Python value into the tag's position and the value it carries."""
        positions: dict[T.Label, int] = {number: index for index, number in enumerate(entry.ids)}
        positions.update((label, index) for index, label in enumerate(entry.labels))

        def tag(value: object) -> tuple[int, Any]:
            if not isinstance(value, Variant):
                raise refusal(value, "a Variant")
            position = positions.get(value.label)
            if position is None:
                raise Misfit(f"the variant has no tag `{value.label}`")
            return position, value.value

        return tag

    def _variant(self, entry: Entry) -> LeafWriter:
        tag, labels = self._tag(entry), entry.labels
        calls = tuple(self.writer(ref).call for ref in entry.refs)

        def write(value: object, out: bytearray) -> None:
            position, carried = tag(value)
            unsigned_leb128(position, out)
            try:
                calls[position](carried, out)
            except Misfit as misfit:
                raise misfit.within(f".{labels[position]}") from None

        return write

    def _deep_variant(self, entry: Entry) -> Callable[[object, bytearray], Walk]:
        tag = self._tag(entry)

        def walk(value: object, out: bytearray) -> Walk:
            position, carried = tag(value)
            unsigned_leb128(position, out)
            writer = self.writer(entry.refs[position])
            try:
                part = writer.call(carried, out)
                if writer.deep:
                    yield part
            except Misfit as misfit:
                raise misfit.within(f".{entry.labels[position]}") from None

        return walk
