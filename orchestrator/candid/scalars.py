"""Numbers on the wire: LEB128, ranges and fixed widths.

Source: the Candid specification, section "Binary Format", memory (`M`).
"""

from typing import Final

__all__ = ["INTEGER_RANGES", "signed_leb128", "unsigned_leb128"]

INTEGER_RANGES: Final = {
    **{-5 - index: (0, 2 ** (8 << index) - 1) for index in range(4)},
    **{-9 - index: (-(2 ** ((8 << index) - 1)), 2 ** ((8 << index) - 1) - 1) for index in range(4)},
}
"""The least and the greatest value of every integer type of fixed width, by its code."""

_BIG: Final = 1 << 63
_CHUNK_GROUPS: Final = 8192


def _big_groups(value: int, out: bytearray) -> int:
    """Append the low groups of a number far beyond machine size, a slice at a time; return what is left of it."""
    groups = value.bit_length() // 7
    while groups > 2 * _CHUNK_GROUPS:
        low = value & ((1 << (7 * _CHUNK_GROUPS)) - 1)
        for _ in range(_CHUNK_GROUPS):
            out.append(low & 0x7F | 0x80)
            low >>= 7
        value >>= 7 * _CHUNK_GROUPS
        groups -= _CHUNK_GROUPS
    return value


def unsigned_leb128(value: int, out: bytearray) -> None:
    """Append a natural number as LEB128."""
    if value > _BIG:
        value = _big_groups(value, out)
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def signed_leb128(value: int, out: bytearray) -> None:
    """Append an integer as SLEB128."""
    if not -_BIG < value < _BIG:
        value = _big_groups(value, out)
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
