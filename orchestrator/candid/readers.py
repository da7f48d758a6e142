"""Readers: a pair of types, what the wire has and what is expected, compiled to a function of a cursor.

Source: the Candid specification 0.1.8, section "Coercion": whether a value fits is decided value by value, as in
Rust's candid: a wire type that is no subtype does not matter until such a value comes along. The nearest opt
around a value that does not fit becomes null.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Never

from orchestrator.candid import table as tables
from orchestrator.candid import types as T
from orchestrator.candid.cursor import Cursor
from orchestrator.candid.leaf_readers import (
    PRIMITIVE_READERS,
    LeafReader,
    mismatch_reader,
    numbers_reader,
    read_blob,
    read_function,
    read_future,
    read_nothing,
    read_service,
)
from orchestrator.candid.subtype import MAX_COMPARED_PAIRS, is_table_subtype
from orchestrator.candid.table import FIXED_WIDTH, KINDS, Entry, Table
from orchestrator.candid.values import Some, Variant
from orchestrator.candid.walking import Misfit, Walk, deep_entries

__all__ = ["Reader", "ReaderCompiler"]

_REFERENCES: Final = frozenset({tables.FUNCTION, tables.SERVICE})
_MAY_MISS: Final = frozenset({tables.OPT, T.NULL.code, T.RESERVED.code})
_SKIPPED: Final = object()
_LEAVES: Final[dict[int, LeafReader]] = {
    **PRIMITIVE_READERS,
    tables.FUNCTION: read_function,
    tables.SERVICE: read_service,
    tables.FUTURE: read_future,
}
_BULK: Final = frozenset(FIXED_WIDTH) | {T.BOOL.code}


@dataclass(frozen=True, slots=True)
class Reader:
    """How one pair of types is read: `deep` says that `call` returns a walk."""

    deep: bool
    call: Callable[[Cursor], Any]


def _read_endless(cursor: Cursor) -> Never:
    raise cursor.fail("the expected type is an opt of itself, which this value would fill without end")


_Step = tuple[object, int | None, int | None]
"""What to do with a record's field: its label (`_SKIPPED` if nobody wants it), its type on the wire, the expected one."""


def _steps(wire: Entry, expected: Entry) -> list[_Step]:
    """Return what to do per field, in the order of field ids."""
    kept = dict(zip(expected.ids, zip(expected.labels, expected.refs, strict=True), strict=True))
    there = dict(zip(wire.ids, wire.refs, strict=True))
    unwanted = (_SKIPPED, None)
    return [
        (label, there.get(number), want) for number in sorted(kept.keys() | there.keys()) for label, want in (kept.get(number, unwanted),)
    ]


class ReaderCompiler:
    """Compiles one message's types against the expected ones; every pair is compiled once."""

    def __init__(self, wire: Table, expected: Table | None = None) -> None:
        self._wire = wire
        self._expected = expected or wire
        self._wire_deep = deep_entries(wire, leaves=_REFERENCES)
        self._expected_deep = self._wire_deep if expected is None else deep_entries(expected, leaves=_REFERENCES)
        self._skipping = self if expected is None else ReaderCompiler(wire)
        self._made: dict[tuple[int, int], Reader] = {}
        self._pairs_left = MAX_COMPARED_PAIRS

    def reader(self, wire: int, expected: int) -> Reader:
        """Return the reader that takes a value of the wire's type to the expected type."""
        made = self._made.get((wire, expected))
        if made is None:
            deep = wire in self._wire_deep or expected in self._expected_deep
            made = self._made[wire, expected] = self._make(wire, expected, deep=deep)
        return made

    def skipper(self, wire: int) -> Reader:
        """Return the reader that checks a value which nobody wants."""
        return self._skipping.reader(wire, wire)

    def may_miss(self, expected: int) -> bool:
        """Whether a value of this expected type may be absent: it is opt, null or reserved."""
        return self._expected.code(expected) in _MAY_MISS

    def _make(self, wire: int, expected: int, *, deep: bool) -> Reader:
        have, want = self._wire.code(wire), self._expected.code(expected)
        if want == T.RESERVED.code != have:
            return self._drop(wire)
        if want == tables.OPT:
            return self._opt(wire, expected, deep=deep)
        if have != want or (want in _REFERENCES and not self._is_subtype(wire, expected)):
            return self._other_kind(have, want)
        leaf = _LEAVES.get(want)
        if leaf is not None:
            return Reader(deep=False, call=leaf)
        wire_entry, expected_entry = self._wire.entries[wire], self._expected.entries[expected]
        if want == tables.VEC:
            return self._vec(wire_entry.refs[0], expected_entry.refs[0], deep=deep)
        make = self._record if want == tables.RECORD else self._variant
        return make(wire_entry, expected_entry, deep=deep)

    def _is_subtype(self, wire: int, expected: int) -> bool:
        if self._expected is self._wire and wire == expected:
            return True
        holds, compared = is_table_subtype(self._wire, wire, self._expected, expected, limit=self._pairs_left)
        self._pairs_left -= compared
        return holds

    @staticmethod
    def _other_kind(have: int, want: int) -> Reader:
        if (have, want) == (T.NAT.code, T.INT.code):
            return Reader(deep=False, call=Cursor.natural)
        if (have, want) == (tables.SERVICE, T.PRINCIPAL.code):
            return Reader(deep=False, call=PRIMITIVE_READERS[T.PRINCIPAL.code])
        there = f"a {KINDS[have]} of another signature" if have == want else KINDS[have]
        return Reader(deep=False, call=mismatch_reader(f"expected {KINDS[want]}, the message has {there}"))

    def _drop(self, wire: int) -> Reader:
        skipper = self.skipper(wire)

        def read(cursor: Cursor) -> None:
            skipper.call(cursor)

        def walk(cursor: Cursor) -> Walk:
            yield skipper.call(cursor)

        return Reader(deep=skipper.deep, call=walk if skipper.deep else read)

    def _endless(self, expected: int) -> bool:
        """Whether an expected opt holds only opts, for ever."""
        seen = set()
        while self._expected.code(expected) == tables.OPT:
            if expected in seen:
                return True
            seen.add(expected)
            expected = self._expected.entries[expected].refs[0]
        return False

    def _opt(self, wire: int, expected: int, *, deep: bool) -> Reader:
        have = self._wire.code(wire)
        if have in {T.NULL.code, T.RESERVED.code}:
            return Reader(deep=False, call=read_nothing)
        inner = self._expected.entries[expected].refs[0]
        wrap = self.may_miss(inner)
        tagged = have == tables.OPT
        if tagged:
            wire = self._wire.entries[wire].refs[0]
        elif self._endless(expected):
            return Reader(deep=False, call=_read_endless)
        if deep:
            return Reader(deep=True, call=self._deep_opt(wire, inner, tagged=tagged, wrap=wrap))
        return Reader(deep=False, call=self._plain_opt(wire, inner, tagged=tagged, wrap=wrap))

    def _plain_opt(self, wire: int, inner: int, *, tagged: bool, wrap: bool) -> LeafReader:
        call, skip = self.reader(wire, inner).call, self.skipper(wire).call
        is_present = PRIMITIVE_READERS[T.BOOL.code]

        def read(cursor: Cursor) -> Any:
            if tagged and not is_present(cursor):
                return None
            start = cursor.position
            try:
                value = call(cursor)
            except Misfit:
                cursor.position = start
                skip(cursor)
                return None
            return Some(value) if wrap else value

        return read

    def _deep_opt(self, wire: int, inner: int, *, tagged: bool, wrap: bool) -> Callable[[Cursor], Walk]:
        is_present = PRIMITIVE_READERS[T.BOOL.code]

        def walk(cursor: Cursor) -> Walk:
            cursor.spend(1)
            if tagged and not is_present(cursor):
                return None
            start = cursor.position
            reader = self.reader(wire, inner)
            try:
                value = reader.call(cursor)
                if reader.deep:
                    value = yield value
            except Misfit:
                cursor.position = start
                skipper = self.skipper(wire)
                skipped = skipper.call(cursor)
                if skipper.deep:
                    yield skipped
                return None
            return Some(value) if wrap else value

        return walk

    def _vec(self, wire: int, expected: int, *, deep: bool) -> Reader:
        if expected == T.NAT8.code and wire != expected:
            return Reader(deep=False, call=mismatch_reader("expected a blob, the message has a vec of something else"))
        if wire == expected and wire in _BULK:
            return Reader(deep=False, call=read_blob if wire == T.NAT8.code else numbers_reader(wire))
        if deep:
            return Reader(deep=True, call=self._deep_vec(wire, expected))
        call = self.reader(wire, expected).call

        def read(cursor: Cursor) -> list[Any]:
            count = cursor.length()
            cursor.spend(count)
            elements: list[Any] = []
            try:
                for _ in range(count):
                    elements.append(call(cursor))  # noqa: PERF401 # the handler needs to know how far it got
            except Misfit as misfit:
                raise misfit.within(f"[{len(elements)}]") from None
            return elements

        return Reader(deep=False, call=read)

    def _deep_vec(self, wire: int, expected: int) -> Callable[[Cursor], Walk]:
        def walk(cursor: Cursor) -> Walk:
            count = cursor.length()
            cursor.spend(count)
            reader = self.reader(wire, expected)
            elements: list[Any] = []
            try:
                for _ in range(count):
                    value = reader.call(cursor)
                    elements.append((yield value) if reader.deep else value)
            except Misfit as misfit:
                raise misfit.within(f"[{len(elements)}]") from None
            return elements

        return walk

    def _field(self, step: _Step) -> Reader:
        """Return the reader for one field: it is skipped, read, or filled in."""
        label, have, want = step
        if have is not None:
            return self.skipper(have) if want is None else self.reader(have, want)
        if want is not None and self.may_miss(want):
            return Reader(deep=False, call=read_nothing)
        return Reader(deep=False, call=mismatch_reader(f"the message has no field `{label}`"))

    def _record(self, wire: Entry, expected: Entry, *, deep: bool) -> Reader:
        fields = _steps(wire, expected)
        is_tuple = tables.tuple_shaped(expected)
        count = len(fields)
        if deep:
            return Reader(deep=True, call=self._deep_record(fields, is_tuple=is_tuple))
        steps = [(step[0], self._field(step).call) for step in fields]

        def read(cursor: Cursor) -> Any:
            cursor.spend(count)
            values: dict[Any, Any] = {}
            label: object = None
            try:
                for label, call in steps:
                    values[label] = call(cursor)
            except Misfit as misfit:
                raise misfit.within(f".{label}") from None
            values.pop(_SKIPPED, None)
            return tuple(values.values()) if is_tuple else values

        return Reader(deep=False, call=read)

    def _deep_record(self, fields: list[_Step], *, is_tuple: bool) -> Callable[[Cursor], Walk]:
        def walk(cursor: Cursor) -> Walk:
            cursor.spend(len(fields))
            values: dict[Any, Any] = {}
            label: object = None
            try:
                for step in fields:
                    label = step[0]
                    reader = self._field(step)
                    value = reader.call(cursor)
                    values[label] = (yield value) if reader.deep else value
            except Misfit as misfit:
                raise misfit.within(f".{label}") from None
            values.pop(_SKIPPED, None)
            return tuple(values.values()) if is_tuple else values

        return walk

    def _variant(self, wire: Entry, expected: Entry, *, deep: bool) -> Reader:
        known = dict(zip(expected.ids, zip(expected.labels, expected.refs, strict=True), strict=True))
        tags = [(number, ref, known.get(number)) for number, ref in zip(wire.ids, wire.refs, strict=True)]

        def choose(cursor: Cursor) -> tuple[T.Label, int, int]:
            index = cursor.length()
            if index >= len(tags):
                raise cursor.fail(f"tag {index} of a variant that has {len(tags)}")
            number, ref, target = tags[index]
            if target is None:
                raise Misfit(f"the message has the tag {number}, which the expected variant does not know")
            return target[0], ref, target[1]

        def read(cursor: Cursor) -> Variant:
            label, have, want = choose(cursor)
            try:
                return Variant(label, self.reader(have, want).call(cursor))
            except Misfit as misfit:
                raise misfit.within(f".{label}") from None

        def walk(cursor: Cursor) -> Walk:
            cursor.spend(1)
            label, have, want = choose(cursor)
            reader = self.reader(have, want)
            try:
                value = reader.call(cursor)
                return Variant(label, (yield value) if reader.deep else value)
            except Misfit as misfit:
                raise misfit.within(f".{label}") from None

        return Reader(deep=deep, call=walk if deep else read)
