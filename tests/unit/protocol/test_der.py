"""The DER wrapping of keys: one form each, and nothing else is read."""

import pytest

from orchestrator.protocol.der import CANISTER_SIGNATURE_OID, COSE_OID, unwrap_key, wrap_key

EXAMPLE = bytes.fromhex(
    "305e300c060a2b0601040183b8430101034e00a50102032620012158207ffd83632072fd1bfeaf3fbaa43146e0ef95c3f55e3994a41bbf2b5174d771da"
    "22582032497eed0a7f6f000928765b8318162cfd80a94e525a6a368c2363063d04e6ed"
)
"""The DER-wrapped COSE key that the interface specification shows."""


def test_the_specifications_example_is_read_and_written() -> None:
    """What is unwrapped and wrapped again is the same bytes."""
    key = unwrap_key(COSE_OID, EXAMPLE)
    assert key is not None
    assert key[:1] == b"\xa5"
    assert wrap_key(COSE_OID, key) == EXAMPLE
    assert unwrap_key(CANISTER_SIGNATURE_OID, EXAMPLE) is None


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 255, 256, 70_000])
def test_keys_of_any_length_come_back(size: int) -> None:
    """Lengths are in the short and in the long form as they must be."""
    assert unwrap_key(COSE_OID, wrap_key(COSE_OID, bytes(size))) == bytes(size)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        EXAMPLE[:-1],
        EXAMPLE + b"\x00",
        b"\x31" + EXAMPLE[1:],
        b"\x30\x81" + EXAMPLE[1:],
        b"\x30\xff" + EXAMPLE[2:],
        EXAMPLE[:16] + b"\x04" + EXAMPLE[17:],
        EXAMPLE[:18] + b"\x01" + EXAMPLE[19:],
    ],
    ids=["empty", "tag", "short", "long", "set", "long form", "huge", "octets", "unused bits"],
)
def test_other_forms_are_not_read(der: bytes) -> None:
    """One key has one encoding, so that it has one principal."""
    assert unwrap_key(COSE_OID, der) is None
