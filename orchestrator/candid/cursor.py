"""Reading bytes: a position that only moves forward, and the budget that a message may use up.

Source: the Candid specification, section "Binary Format"; which over-long numbers are taken is what Rust's
`leb128` crate takes (up to ten bytes for a length, any number for `nat` and `int`).
"""

from typing import Final

from orchestrator.errors import CandidDecodeError

__all__ = ["DECODING_QUOTA", "VALUES_PER_BYTE", "Cursor"]

DECODING_QUOTA: Final = 1_000_000
"""How many values a message may unfold to, beyond `VALUES_PER_BYTE` for each of its bytes (values).

A `vec null` of any length takes eleven bytes on the wire: this bound, not the message's size, limits it. Fields and
elements count, whether they are kept, skipped or filled in; the bytes of a text or a blob do not.
"""

VALUES_PER_BYTE: Final = 4
"""How many values a byte of a message pays for (values): a number in a record in a vec is a field and an element."""

_LAST_SHIFT: Final = 63


class Cursor:
    """A place in a message. `position` counts bytes from 0; `budget` is how many values are still allowed."""

    __slots__ = ("budget", "data", "position")

    def __init__(self, data: bytes, *, budget: int) -> None:
        self.data = data
        self.position = 0
        self.budget = budget

    def fail(self, message: str) -> CandidDecodeError:
        """Return the error that names this place."""
        return CandidDecodeError(message, detail=f"at byte {min(self.position, len(self.data))} of {len(self.data)}")

    def spend(self, values: int) -> None:
        """Take values from the budget; too many raise `CandidDecodeError`."""
        self.budget -= values
        if self.budget < 0:
            raise CandidDecodeError(
                "the message unfolds to more values than allowed",
                slug="candid/quota",
                detail=f"its {len(self.data)} bytes ran out of quota at byte {self.position}",
                hint="if the sender is trusted, pass a larger `quota` to `decode`",
            )

    def byte(self) -> int:
        """Return the next byte."""
        position = self.position
        if position >= len(self.data):
            raise self.fail("the message ends too early")
        self.position = position + 1
        return self.data[position]

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        start = self.position
        end = start + count
        if end > len(self.data):
            raise self.fail("the message ends too early")
        self.position = end
        return self.data[start:end]

    def length(self) -> int:
        """Return a LEB128 number of at most 64 bits: a length, an index or a field id."""
        first = self.byte()
        if first < 0x80:
            return first
        value, shift = first & 0x7F, 7
        while True:
            byte = self.byte()
            if shift == _LAST_SHIFT and byte > 1:
                raise self.fail("a length of more than 64 bits")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        """Return an SLEB128 number of at most 64 bits: a type reference or a type's code."""
        value = shift = 0
        while True:
            byte = self.byte()
            if shift == _LAST_SHIFT and byte not in {0, 0x7F}:
                raise self.fail("a type reference of more than 64 bits")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if byte & 0x40 else value

    def _groups(self) -> bytes:
        """Return the bytes of one LEB128 number of any length."""
        data, start = self.data, self.position
        end, size = start, len(data)
        while end < size and data[end] & 0x80:
            end += 1
        if end == size:
            self.position = size
            raise self.fail("the message ends too early")
        self.position = end + 1
        return data[start : end + 1]

    def natural(self) -> int:
        """Return a LEB128 number of any size."""
        groups = self._groups()
        if len(groups) == 1:
            return groups[0]
        return _assemble(groups)

    def integer(self) -> int:
        """Return an SLEB128 number of any size."""
        groups = self._groups()
        value = groups[0] if len(groups) == 1 else _assemble(groups)
        return value - (1 << (7 * len(groups))) if groups[-1] & 0x40 else value


_SLICE: Final = 512


def _assemble(groups: bytes) -> int:
    """Return the number whose groups of seven bits these are, the least first; long ones pairwise, not bit by bit."""
    if len(groups) > _SLICE:
        half = len(groups) // 2
        return _assemble(groups[:half]) | _assemble(groups[half:]) << (7 * half)
    value = 0
    for group in reversed(groups):
        value = value << 7 | group & 0x7F
    return value
