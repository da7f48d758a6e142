"""The header of a message: its type table and the types of its arguments, checked.

Source: the Candid specification, section "Binary Format"; where it leaves room, what Rust's candid 0.10 does.
"""

from typing import Final

from orchestrator.candid import types as T
from orchestrator.candid.cursor import Cursor
from orchestrator.candid.table import FUNCTION, FUTURE, MAGIC, MAX_TYPE_TABLE_LENGTH, RECORD, SERVICE, Entry, Table

__all__ = ["read_header"]

_PRIMITIVES: Final = frozenset(primitive.code for primitive in T.PRIMITIVES.values())
_FIRST_FUTURE: Final = -25


def _reference(cursor: Cursor, length: int) -> int:
    ref = cursor.signed()
    if ref >= length or (ref < 0 and ref not in _PRIMITIVES):
        raise cursor.fail(f"{ref} is not a type of this message")
    return ref


def _references(cursor: Cursor, length: int) -> tuple[int, ...]:
    count = cursor.length()
    cursor.spend(count)
    return tuple(_reference(cursor, length) for _ in range(count))


def _fields(cursor: Cursor, length: int, code: int) -> Entry:
    ids: list[int] = []
    refs: list[int] = []
    count = cursor.length()
    cursor.spend(count)
    for _ in range(count):
        number = cursor.length()
        if number > T.MAX_FIELD_ID:
            raise cursor.fail(f"field id {number} has more than 32 bits")
        if ids and number <= ids[-1]:
            raise cursor.fail(f"field id {number} is not greater than the one before it")
        ids.append(number)
        refs.append(_reference(cursor, length))
    return Entry(code=code, refs=tuple(refs), labels=tuple(ids), ids=tuple(ids))


def _function(cursor: Cursor, length: int) -> Entry:
    arguments, results = _references(cursor, length), _references(cursor, length)
    count = cursor.byte()
    if count > 1:
        raise cursor.fail("a function type with more than one annotation")
    annotations = [cursor.byte() for _ in range(count)]
    if any(not 1 <= number <= len(T.ANNOTATIONS) for number in annotations):
        raise cursor.fail("a function annotation of an unknown kind")
    words = frozenset(T.ANNOTATIONS[number - 1] for number in annotations)
    return Entry(code=FUNCTION, refs=arguments + results, split=len(arguments), annotations=words)


def _service(cursor: Cursor, length: int) -> Entry:
    names: list[str] = []
    raw_names: list[bytes] = []
    refs: list[int] = []
    count = cursor.length()
    cursor.spend(count)
    for _ in range(count):
        raw = cursor.take(cursor.length())
        if raw_names and raw <= raw_names[-1]:
            raise cursor.fail("methods of a service type are not sorted, or one is there twice")
        raw_names.append(raw)
        try:
            names.append(raw.decode())
        except UnicodeDecodeError:
            raise cursor.fail("a method's name is not UTF-8") from None
        refs.append(_reference(cursor, length))
    return Entry(code=SERVICE, refs=tuple(refs), labels=tuple(names))


def _entry(cursor: Cursor, length: int) -> Entry:
    start = cursor.position
    code = cursor.byte() - 0x80
    match code:
        case -18 | -19:
            return Entry(code=code, refs=(_reference(cursor, length),))
        case -20 | -21:
            return _fields(cursor, length, code)
        case -22:
            return _function(cursor, length)
        case -23:
            return _service(cursor, length)
    cursor.position = start
    code = cursor.signed()
    if code > _FIRST_FUTURE:
        raise cursor.fail(f"{code} is not the code of a type with parts")
    cursor.take(cursor.length())
    return Entry(code=FUTURE)


def _without_values(entries: list[Entry]) -> list[int]:
    """Return the records that contain themselves without an opt, vec or variant between: no value has such a type."""
    uncertain = {
        index: {ref for ref in entry.refs if ref >= 0 and entries[ref].code == RECORD}
        for index, entry in enumerate(entries)
        if entry.code == RECORD
    }
    users: dict[int, list[int]] = {}
    for index, parts in uncertain.items():
        for part in parts:
            users.setdefault(part, []).append(index)
    finite = [index for index, parts in uncertain.items() if not parts]
    while finite:
        index = finite.pop()
        del uncertain[index]
        for user in users.get(index, ()):
            uncertain[user].discard(index)
            if not uncertain[user]:
                finite.append(user)
    return list(uncertain)


def _check_methods(cursor: Cursor, entries: list[Entry]) -> None:
    for entry in entries:
        if entry.code == SERVICE and any(ref < 0 or entries[ref].code != FUNCTION for ref in entry.refs):
            raise cursor.fail("a method's type is not a function")


def read_header(cursor: Cursor) -> Table:
    """Read the magic, the type table and the argument types; records that cannot have values become `empty`."""
    if cursor.data[: len(MAGIC)] != MAGIC:
        raise cursor.fail("this is not a Candid message: it does not start with DIDL")
    cursor.position = len(MAGIC)
    length = cursor.length()
    if length > MAX_TYPE_TABLE_LENGTH:
        raise cursor.fail(f"the message defines {length} types; {MAX_TYPE_TABLE_LENGTH} are allowed")
    entries = [_entry(cursor, length) for _ in range(length)]
    _check_methods(cursor, entries)
    roots = _references(cursor, length)
    endless = set(_without_values(entries))
    if endless:

        def moved(refs: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(T.EMPTY.code if ref in endless else ref for ref in refs)

        entries = [
            Entry(
                code=entry.code,
                refs=moved(entry.refs),
                labels=entry.labels,
                ids=entry.ids,
                split=entry.split,
                annotations=entry.annotations,
            )
            for entry in entries
        ]
        roots = moved(roots)
    return Table(entries=tuple(entries), roots=roots)
