"""Types as a table: the form in which they travel, are compared and are compiled.

A reference to a type is one `int`, as on the wire: below zero it is a primitive's code, else an index into
`Table.entries`. `build_table` turns types into a table in which equal types (recursive ones included) share
one entry. Source: the Candid specification, section "Binary Format", type definitions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.ordering import cycle_breakers, leaves_first

__all__ = [
    "FIXED_WIDTH",
    "FUNCTION",
    "FUTURE",
    "KINDS",
    "MAGIC",
    "MAX_TYPE_TABLE_LENGTH",
    "OPT",
    "RECORD",
    "SERVICE",
    "VARIANT",
    "VEC",
    "Entry",
    "Table",
    "build_table",
    "tuple_shaped",
    "types_of",
]

MAGIC: Final = b"DIDL"
MAX_TYPE_TABLE_LENGTH: Final = 10_000
"""How many types a message may define (entries); other implementations refuse more."""

OPT: Final = -18
VEC: Final = -19
RECORD: Final = -20
VARIANT: Final = -21
FUNCTION: Final = -22
SERVICE: Final = -23
FUTURE: Final = -25

FIXED_WIDTH: Final = {-5: "B", -6: "H", -7: "I", -8: "Q", -9: "b", -10: "h", -11: "i", -12: "q", -13: "f", -14: "d"}
"""The `struct` letter of every number type of fixed width, by its code."""


KINDS: Final = {
    **{primitive.code: primitive.name for primitive in T.PRIMITIVES.values()},
    OPT: "opt",
    VEC: "vec",
    RECORD: "record",
    VARIANT: "variant",
    FUNCTION: "func",
    SERVICE: "service",
    FUTURE: "a type of the future",
}
"""What a kind of type is called, by its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One type with parts.

    `refs` are its parts: one for opt and vec, one per field or method, a function's arguments and then its
    results (`split` is how many arguments). `labels` are the field labels or method names, `ids` the field ids.
    """

    code: int
    refs: tuple[int, ...] = ()
    labels: tuple[T.Label, ...] = ()
    ids: tuple[int, ...] = ()
    split: int = 0
    annotations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Type definitions and the references that a message's values (or a type's user) start from."""

    entries: tuple[Entry, ...]
    roots: tuple[int, ...]

    def code(self, ref: int) -> int:
        """Return the kind of a reference: a primitive's code, or `OPT` … `FUTURE`."""
        return ref if ref < 0 else self.entries[ref].code


def tuple_shaped(entry: Entry) -> bool:
    """Whether a record's ids are 0, 1, 2 … (at least one)."""
    return bool(entry.ids) and entry.ids == tuple(range(len(entry.ids)))


def _take_apart(type_: T.Type) -> tuple[Entry, tuple[T.Type, ...]]:
    """Return an entry without its `refs`, and the parts that these shall point at."""
    match type_:
        case T.Opt():
            return Entry(code=OPT), (type_.inner,)
        case T.Vec():
            return Entry(code=VEC), (type_.inner,)
        case T.Record() | T.Variant():
            code = RECORD if isinstance(type_, T.Record) else VARIANT
            labels = tuple(field.label for field in type_.fields)
            return Entry(code=code, labels=labels, ids=tuple(map(T.field_id, labels))), tuple(field.type for field in type_.fields)
        case T.Function():
            return Entry(code=FUNCTION, split=len(type_.arguments), annotations=type_.annotations), (*type_.arguments, *type_.results)
        case T.Service():
            return Entry(code=SERVICE, labels=tuple(name for name, _ in type_.entries)), tuple(entry for _, entry in type_.entries)
        case _:
            message = f"{type(type_).__name__} is not a Candid type"
            raise TypeError(message)


class _Collector:
    """Numbers every type object reachable from the roots, without recursion."""

    def __init__(self) -> None:
        self.shells: list[Entry] = []
        self.parts: list[tuple[int, ...]] = []
        self._numbers: dict[int, int] = {}
        self._open: list[tuple[int, tuple[T.Type, ...]]] = []
        self._kept: list[T.Type] = []

    def number(self, type_: T.Type) -> int:
        """Return the reference of one type; its parts follow in `finish`."""
        if isinstance(type_, T.Primitive):
            return type_.code
        known = self._numbers.get(id(type_))
        if known is not None:
            return known
        resolved = T.resolve(type_)
        self._kept += (type_, resolved)
        if resolved is not type_:
            index = self.number(resolved)
        else:
            shell, parts = _take_apart(resolved)
            index = len(self.shells)
            self.shells.append(shell)
            self.parts.append(())
            self._open.append((index, parts))
        self._numbers[id(type_)] = index
        return index

    def finish(self) -> None:
        """Give numbers to the parts of everything that has one."""
        while self._open:
            index, parts = self._open.pop()
            self.parts[index] = tuple(map(self.number, parts))


def _share_finished(shells: Sequence[Entry], parts: Sequence[tuple[int, ...]]) -> dict[int, int]:
    """Map every node that reaches no cycle to the first node equal to it, from the leaves upwards."""
    users: dict[int, list[int]] = {}
    missing = [0] * len(shells)
    for index, refs in enumerate(parts):
        for ref in refs:
            if ref >= 0:
                users.setdefault(ref, []).append(index)
                missing[index] += 1
    first: dict[tuple[Entry, tuple[int, ...]], int] = {}
    shared: dict[int, int] = {}
    ready = [index for index, count in enumerate(missing) if count == 0]
    while ready:
        index = ready.pop()
        key = (shells[index], tuple(ref if ref < 0 else shared[ref] for ref in parts[index]))
        shared[index] = first.setdefault(key, index)
        for user in users.get(index, ()):
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(user)
    return shared


def _share_cyclic(shells: Sequence[Entry], parts: Sequence[tuple[int, ...]], shared: dict[int, int]) -> dict[int, int]:
    """Map the other nodes to the first node equal to them: split classes until none splits."""
    rest = [index for index in range(len(shells)) if index not in shared]
    classes = dict.fromkeys(rest, 0)
    count = 0
    while True:
        numbers: dict[object, int] = {}
        refined: dict[int, int] = {}
        for index in rest:
            seen = tuple((ref, 0) if ref < 0 else (shared[ref], 1) if ref in shared else (classes[ref], 2) for ref in parts[index])
            refined[index] = numbers.setdefault((shells[index], seen), len(numbers))
        classes = refined
        if len(numbers) == count:
            break
        count = len(numbers)
    first: dict[int, int] = {}
    return {index: first.setdefault(classes[index], index) for index in rest}


def build_table(types: Sequence[T.Type]) -> Table:
    """Return the table of these types: equal types once, numbered from the roots down, parents before parts."""
    collector = _Collector()
    roots = []
    for type_ in types:
        roots.append(collector.number(type_))
        collector.finish()
    shells, parts = collector.shells, collector.parts
    shared = _share_finished(shells, parts)
    if len(shared) < len(shells):
        shared.update(_share_cyclic(shells, parts, dict(shared)))
    order: dict[int, int] = {}
    waiting = [shared[root] for root in reversed(roots) if root >= 0]
    while waiting:
        index = waiting.pop()
        if index not in order:
            order[index] = len(order)
            waiting += [shared[ref] for ref in reversed(parts[index]) if ref >= 0]

    def moved(refs: Sequence[int]) -> tuple[int, ...]:
        return tuple(ref if ref < 0 else order[shared[ref]] for ref in refs)

    def entry(index: int) -> Entry:
        shell = shells[index]
        return Entry(
            code=shell.code, refs=moved(parts[index]), labels=shell.labels, ids=shell.ids, split=shell.split, annotations=shell.annotations
        )

    return Table(entries=tuple(map(entry, order)), roots=moved(roots))


_PRIMITIVE_OF: Final = {primitive.code: primitive for primitive in T.PRIMITIVES.values()}


def _put_together(entry: Entry, parts: tuple[T.Type, ...]) -> T.Type:
    """Return the type of an entry whose parts are made: the inverse of `_take_apart`."""
    match entry.code:
        case -18:
            return T.Opt(parts[0])
        case -19:
            return T.Vec(parts[0])
        case -20:
            return T.Record(tuple(map(T.Field, entry.labels, parts)))
        case -21:
            return T.Variant(tuple(map(T.Field, entry.labels, parts)))
        case -22:
            return T.Function(arguments=parts[: entry.split], results=parts[entry.split :], annotations=entry.annotations)
        case -23:
            return T.Service(tuple(zip(map(str, entry.labels), parts, strict=True)))
        case _:
            return T.RESERVED


def types_of(table: Table) -> list[T.Type]:
    """Return the roots as types; recursive ones go through knots named after the entry, such as `table0`.

    A type of a kind from the future reads as `reserved`.
    """
    parts = [[ref for ref in entry.refs if ref >= 0] for entry in table.entries]
    knots = {index: T.Knot(f"table{index}") for index in cycle_breakers(parts)}
    made: dict[int, T.Type] = {}
    for index in leaves_first(parts, set(knots)):
        entry = table.entries[index]
        made[index] = _put_together(entry, tuple(_PRIMITIVE_OF[ref] if ref < 0 else knots.get(ref) or made[ref] for ref in entry.refs))
    for index, knot in knots.items():
        knot.tie(made[index])
    return [_PRIMITIVE_OF[root] if root < 0 else made[root] for root in table.roots]
