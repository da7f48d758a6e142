"""Readers of values without parts: primitives, references, blobs, vecs of numbers.

A reader is `call(cursor) -> value`. It raises `CandidDecodeError` for bytes that are no value at all, and
`Misfit` for a value that has no form at the expected type.
"""

import struct
from collections.abc import Callable
from typing import Any, Final, Never

from orchestrator.candid import types as T
from orchestrator.candid.cursor import Cursor
from orchestrator.candid.table import FIXED_WIDTH
from orchestrator.candid.values import FunctionReference, ServiceReference
from orchestrator.candid.walking import Misfit
from orchestrator.core.principal import MAX_PRINCIPAL_BYTES, Principal

__all__ = [
    "PRIMITIVE_READERS",
    "LeafReader",
    "mismatch_reader",
    "numbers_reader",
    "read_blob",
    "read_function",
    "read_future",
    "read_nothing",
    "read_service",
]

LeafReader = Callable[[Cursor], Any]
"""Reads one value and moves the cursor behind it."""


def read_nothing(_cursor: Cursor) -> None:
    """Read a value that takes no bytes: null, reserved."""


def _read_empty(cursor: Cursor) -> Never:
    raise cursor.fail("the message claims to hold a value of type empty")


def _read_bool(cursor: Cursor) -> bool:
    byte = cursor.byte()
    if byte > 1:
        raise cursor.fail(f"a bool is 0 or 1, not {byte}")
    return byte == 1


def _read_text(cursor: Cursor) -> str:
    raw = cursor.take(cursor.length())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise cursor.fail("a text is not UTF-8") from None


def _read_principal(cursor: Cursor) -> Principal:
    if cursor.byte() != 1:
        raise cursor.fail("an opaque reference: it has no meaning outside the system that made it")
    length = cursor.length()
    if length > MAX_PRINCIPAL_BYTES:
        raise cursor.fail(f"a principal has at most {MAX_PRINCIPAL_BYTES} bytes, not {length}")
    return Principal(cursor.take(length))


def read_service(cursor: Cursor) -> ServiceReference:
    """Read a reference to a canister."""
    return ServiceReference(_read_principal(cursor))


def read_function(cursor: Cursor) -> FunctionReference:
    """Read a reference to a method; opaque ones are refused."""
    if cursor.byte() != 1:
        raise cursor.fail("an opaque function reference: it has no meaning outside the system that made it")
    principal = _read_principal(cursor)
    return FunctionReference(principal, _read_text(cursor))


def read_future(cursor: Cursor) -> None:
    """Skip a value of a kind that this version does not know."""
    length = cursor.length()
    cursor.length()
    cursor.take(length)


def read_blob(cursor: Cursor) -> bytes:
    """Read a `vec nat8`."""
    return cursor.take(cursor.length())


def _number_reader(code: int) -> LeafReader:
    layout = struct.Struct(f"<{FIXED_WIDTH[code]}")
    width, unpack = layout.size, layout.unpack_from

    def read(cursor: Cursor) -> Any:
        start = cursor.position
        if start + width > len(cursor.data):
            raise cursor.fail("the message ends too early")
        cursor.position = start + width
        return unpack(cursor.data, start)[0]

    return read


def _read_bools(cursor: Cursor) -> list[bool]:
    raw = cursor.take(cursor.length())
    if raw and max(raw) > 1:
        raise cursor.fail(f"a bool is 0 or 1, not {max(raw)}")
    return list(map(bool, raw))


def numbers_reader(code: int) -> LeafReader:
    """Return the reader of a vec of bools or of numbers of one width: one `struct.unpack` for all elements."""
    if code == T.BOOL.code:
        return _read_bools
    letter = FIXED_WIDTH[code]
    width = struct.calcsize(f"<{letter}")

    def read(cursor: Cursor) -> list[Any]:
        count = cursor.length()
        raw = cursor.take(count * width)
        return list(struct.unpack(f"<{count}{letter}", raw))

    return read


def mismatch_reader(message: str) -> LeafReader:
    """Return a reader for a pair of types that have no value in common."""

    def read(_cursor: Cursor) -> Never:
        raise Misfit(message)

    return read


PRIMITIVE_READERS: Final[dict[int, LeafReader]] = {
    T.NULL.code: read_nothing,
    T.BOOL.code: _read_bool,
    T.NAT.code: Cursor.natural,
    T.INT.code: Cursor.integer,
    T.TEXT.code: _read_text,
    T.RESERVED.code: read_nothing,
    T.EMPTY.code: _read_empty,
    T.PRINCIPAL.code: _read_principal,
    **{code: _number_reader(code) for code in FIXED_WIDTH},
}
