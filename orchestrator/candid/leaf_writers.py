"""Writers of values without parts: primitives, references, blobs, vecs of numbers.

A writer is `call(value, out) -> None`. It refuses a value that does not fit by raising `Misfit`, to which every
enclosing value adds its part of the path.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from orchestrator.candid import types as T
from orchestrator.candid.scalars import INTEGER_RANGES, signed_leb128, unsigned_leb128
from orchestrator.candid.table import FIXED_WIDTH
from orchestrator.candid.values import FunctionReference, ServiceReference
from orchestrator.candid.walking import Misfit
from orchestrator.core.principal import Principal

__all__ = [
    "PRIMITIVE_WRITERS",
    "LeafWriter",
    "elements_of",
    "numbers_writer",
    "refusal",
    "write_blob",
    "write_function",
    "write_service",
]

LeafWriter = Callable[[Any, bytearray], None]
"""Appends one value to a message."""

_SHOWN: Final = 60
_SHOWN_BITS: Final = 256


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return f"a number of {value.bit_length()} bits"
    text = repr(value) if isinstance(value, (int, float, str, bytes)) else type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def refusal(value: object, expected: str) -> Misfit:
    """Return the error for a value of the wrong kind."""
    return Misfit(f"expected {expected}, got {_shown(value)}")


def _write_nothing(value: object, _out: bytearray) -> None:
    if value is not None:
        raise refusal(value, "null (None)")


def _write_reserved(_value: object, _out: bytearray) -> None:
    """Write any value as nothing."""


def _write_empty(value: object, _out: bytearray) -> None:
    raise refusal(value, "nothing at all: no value has the type empty")


def _write_bool(value: object, out: bytearray) -> None:
    if value.__class__ is not bool:
        raise refusal(value, "bool")
    out.append(value is True)


def _write_nat(value: Any, out: bytearray) -> None:
    if not isinstance(value, int) or value.__class__ is bool or value < 0:
        raise refusal(value, "nat")
    unsigned_leb128(value, out)


def _write_int(value: Any, out: bytearray) -> None:
    if not isinstance(value, int) or value.__class__ is bool:
        raise refusal(value, "int")
    signed_leb128(value, out)


def _write_text(value: object, out: bytearray) -> None:
    if not isinstance(value, str):
        raise refusal(value, "text")
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise refusal(value, "text that is valid Unicode (no lone surrogates)") from None
    unsigned_leb128(len(raw), out)
    out += raw


def _principal_bytes(principal: Principal, out: bytearray) -> None:
    out.append(1)
    out.append(len(principal.raw))
    out += principal.raw


def _write_principal(value: object, out: bytearray) -> None:
    if isinstance(value, ServiceReference):
        value = value.principal
    if not isinstance(value, Principal):
        raise refusal(value, "a Principal")
    _principal_bytes(value, out)


def write_service(value: object, out: bytearray) -> None:
    """Write a reference to a canister."""
    if not isinstance(value, ServiceReference):
        raise refusal(value, "a ServiceReference")
    _principal_bytes(value.principal, out)


def write_function(value: object, out: bytearray) -> None:
    """Write a reference to a method."""
    if not isinstance(value, FunctionReference):
        raise refusal(value, "a FunctionReference")
    out.append(1)
    _principal_bytes(value.service, out)
    _write_text(value.method, out)


def _number_writer(code: int, name: str) -> LeafWriter:
    pack = struct.Struct(f"<{FIXED_WIDTH[code]}").pack
    kinds: tuple[type, ...] = (int,) if code in INTEGER_RANGES else (int, float)

    def write(value: Any, out: bytearray) -> None:
        if not isinstance(value, kinds) or value.__class__ is bool:
            raise refusal(value, name)
        try:
            out += pack(value)
        except (struct.error, OverflowError):
            raise refusal(value, f"{name}, which it is out of range for") from None

    return write


PRIMITIVE_WRITERS: Final[dict[int, LeafWriter]] = {
    T.NULL.code: _write_nothing,
    T.BOOL.code: _write_bool,
    T.NAT.code: _write_nat,
    T.INT.code: _write_int,
    T.TEXT.code: _write_text,
    T.RESERVED.code: _write_reserved,
    T.EMPTY.code: _write_empty,
    T.PRINCIPAL.code: _write_principal,
    **{
        primitive.code: _number_writer(primitive.code, primitive.name)
        for primitive in T.PRIMITIVES.values()
        if primitive.code in FIXED_WIDTH
    },
}


def write_blob(value: Any, out: bytearray) -> None:
    """Write a `vec nat8`: anything bytes-like, or a list of numbers."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        if not isinstance(value, (list, tuple)):
            raise refusal(value, "a blob (bytes)")
        try:
            value = bytes(value)
        except (TypeError, ValueError):
            raise Misfit("expected a blob (bytes), got a list with other things than numbers from 0 to 255") from None
    elif isinstance(value, memoryview):
        value = value.tobytes()
    unsigned_leb128(len(value), out)
    out += value


def elements_of(value: object) -> list[Any] | tuple[Any, ...]:
    """Return a vec's elements; only lists and tuples are taken, so that no text becomes a list of letters."""
    if not isinstance(value, (list, tuple)):
        raise refusal(value, "a list")
    return value


def numbers_writer(code: int) -> LeafWriter:
    """Return the writer of a vec of numbers of one width: one `struct.pack` where all elements fit."""
    letter, one = FIXED_WIDTH[code], PRIMITIVE_WRITERS[code]
    kinds = {int} if code in INTEGER_RANGES else {int, float}

    def write(value: object, out: bytearray) -> None:
        numbers = elements_of(value)
        unsigned_leb128(len(numbers), out)
        if set(map(type, numbers)) <= kinds:
            try:
                out += struct.pack(f"<{len(numbers)}{letter}", *numbers)
            except (struct.error, OverflowError):
                pass
            else:
                return
        for index, number in enumerate(numbers):
            try:
                one(number, out)
            except Misfit as misfit:
                raise misfit.within(f"[{index}]") from None

    return write
