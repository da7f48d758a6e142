"""Numbers on the wire: read as they were written, of any size."""

import pytest

from orchestrator.candid.cursor import Cursor
from orchestrator.candid.scalars import signed_leb128, unsigned_leb128
from orchestrator.errors import CandidDecodeError

EDGES = [0, 1, 63, 64, 127, 128, 2**14 - 1, 2**31, 2**62, 2**63 - 1, 2**63, 2**64, 2**70 - 1, 3**500, 2**7000]


@pytest.mark.parametrize("value", EDGES)
def test_naturals(value: int) -> None:
    """LEB128 round-trips at the edges of every size."""
    out = bytearray()
    unsigned_leb128(value, out)

    assert Cursor(bytes(out), budget=0).natural() == value


@pytest.mark.parametrize("value", [*EDGES, *(-edge for edge in EDGES), *(-edge - 1 for edge in EDGES)])
def test_integers(value: int) -> None:
    """SLEB128 round-trips at the edges of every size, below zero too."""
    out = bytearray()
    signed_leb128(value, out)

    assert Cursor(bytes(out), budget=0).integer() == value


def test_huge_numbers_take_linear_effort() -> None:
    """A number of a million bits is written and read in slices, without losing any."""
    for value in (7**400_000, -(7**400_000)):
        out = bytearray()
        signed_leb128(value, out)
        assert Cursor(bytes(out), budget=0).integer() == value


def test_lengths_have_64_bits() -> None:
    """A length may be padded up to ten bytes and no further."""
    assert Cursor(bytes.fromhex("ffffffffffffffffff01"), budget=0).length() == 2**64 - 1
    assert Cursor(bytes.fromhex("8580808080808080" + "8000"), budget=0).length() == 5
    with pytest.raises(CandidDecodeError, match="64 bits"):
        Cursor(bytes.fromhex("ffffffffffffffffff02"), budget=0).length()
    with pytest.raises(CandidDecodeError, match="64 bits"):
        Cursor(bytes.fromhex("80808080808080808080" + "00"), budget=0).length()


def test_the_budget_ends() -> None:
    """Spending more than there is raises, with a hint what to do."""
    cursor = Cursor(b"", budget=3)
    cursor.spend(3)
    with pytest.raises(CandidDecodeError) as caught:
        cursor.spend(1)

    assert caught.value.slug == "candid/quota"
    assert "quota" in str(caught.value.hint)
