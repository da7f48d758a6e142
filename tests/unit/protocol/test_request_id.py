"""Representation-independent hashing, by the specification's own examples."""

import hashlib

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import ProtocolError
from orchestrator.protocol.request_id import encode_leb128, hash_of_map, hash_of_value, request_id


def sha(data: bytes) -> bytes:
    """Return SHA-256."""
    return hashlib.sha256(data).digest()


def test_the_specifications_request_has_its_id() -> None:
    """The worked example of section "Request ids" gives the hash that stands there."""
    content = {
        "request_type": "call",
        "sender": b"\x04",
        "ingress_expiry": 1685570400000000000,
        "canister_id": bytes.fromhex("00000000000004d2"),
        "method_name": "hello",
        "arg": b"DIDL\x00\xfd*",
    }
    assert request_id(content).hex() == "1d1091364d6bb8a6c16b203ee75467d59ead468f523eb058880ae8ec80e2b101"


def test_nested_maps_hash_recursively() -> None:
    """The worked example of a map in a map: H(H("reply") · hash_of_map(inner))."""
    inner = sha(sha(b"arg") + sha(b"DIDL\x00\x00"))
    assert hash_of_map({"reply": {"arg": b"DIDL\x00\x00"}}) == sha(sha(b"reply") + inner)


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (624485, "e58e26"), (1 << 64, "80808080808080808002")]
)
def test_natural_numbers_are_leb128(value: int, encoded: str) -> None:
    """Numbers take their shortest LEB128 form, the specification's examples included."""
    assert encode_leb128(value).hex() == encoded


def test_negative_numbers_are_signed_leb128() -> None:
    """The specification's example of an integer hashes as its signed LEB128."""
    assert hash_of_value(-123456) == sha(bytes.fromhex("c0bb78"))
    with pytest.raises(ProtocolError):
        encode_leb128(-1)


def test_lists_hash_their_elements_hashes() -> None:
    """A list is the hash of its elements' hashes; principals and other byte strings are hashed as they are."""
    assert hash_of_value([b"a", [Principal(b"b")]]) == sha(sha(b"a") + sha(sha(b"b")))
    assert hash_of_value(memoryview(b"a")) == hash_of_value(bytearray(b"a")) == sha(b"a")


@pytest.mark.parametrize("value", [None, True, 1.5, {1, 2}])
def test_other_values_have_no_hash(value: object) -> None:
    """What has no hash is refused instead of being hashed as something else."""
    with pytest.raises(ProtocolError):
        hash_of_value(value)


def test_deep_values_are_refused() -> None:
    """A value nested a thousand times is refused and never a RecursionError."""
    value: object = b""
    for _ in range(1000):
        value = [value]
    with pytest.raises(ProtocolError):
        hash_of_value(value)
