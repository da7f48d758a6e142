"""CBOR as it travels: plain values, self-described, and nothing that surprises."""

import contextlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ProtocolError
from orchestrator.protocol import cbor

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(1 << 80), max_value=1 << 80)
    | st.binary(max_size=40)
    | st.text(max_size=40)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_is_decoded_again(value: object) -> None:
    """Every plain value survives, with the self-describe tag and without it."""
    assert cbor.loads(cbor.dumps(value)) == value
    assert cbor.loads(cbor.dumps(value, tagged=False)) == value


@given(VALUES)
def test_decodes_what_cbor2_decodes(value: object) -> None:
    """Our decoder and cbor2's agree on messages without tags."""
    data = cbor2.dumps(value)
    assert cbor.loads(data) == cbor2.loads(data)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    """Bytes of a stranger give plain values or `ProtocolError`, and nothing else."""
    with contextlib.suppress(ProtocolError):
        assert isinstance(cbor.loads(data), (int, bytes, str, float, list, dict, type(None)))


def test_starts_with_the_self_describe_tag() -> None:
    """A message starts with tag 55799, as the specification asks."""
    assert cbor.dumps({}) == bytes.fromhex("d9d9f7a0")


def test_reads_lists_and_maps_of_indefinite_length() -> None:
    """Replicas written in Rust answer with maps whose length stands nowhere."""
    assert cbor.loads(bytes.fromhex("bf61619f0102ff6162" + "5f41014102ff" + "ff")) == {"a": [1, 2], "b": b"\x01\x02"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (bytes.fromhex("43ffff"), "truncated"),
        (bytes.fromhex("9bffffffffffffffff"), "truncated"),
        (bytes.fromhex("bbffffffffffffffff"), "truncated"),
        (bytes.fromhex("0000"), "follow"),
        (bytes.fromhex("a2616101616102"), "twice"),
        (bytes.fromhex("a1f601"), "map key"),
        (bytes.fromhex("a1f501"), "map key"),
        (bytes.fromhex("d8236161"), "tag 35"),
        (bytes.fromhex("d81d00"), "tag 29"),
        (bytes.fromhex("d9d9f7d9d9f700"), "tag 55799"),
        (bytes.fromhex("61ff"), "UTF-8"),
        (bytes.fromhex("1f"), "starts no value"),
        (bytes.fromhex("ff"), "simple value"),
        (bytes.fromhex("5f6161ff"), "holds something else"),
        (bytes.fromhex("c26161"), "big number"),
        (bytes.fromhex("e0"), "simple value"),
        (b"\x81" * 500 + b"\x00", "nested"),
        (b"\x81" * 200_000, "nested"),
        (b"\x9f" * 200_000, "nested"),
    ],
)
def test_refuses_what_is_malformed(data: bytes, reason: str) -> None:
    """Truncated, trailing, doubled, tagged, over-deep: refused with the reason, and never a RecursionError."""
    with pytest.raises(ProtocolError) as caught:
        cbor.loads(data)
    assert reason in str(caught.value.detail)


def test_refuses_a_message_that_is_too_long() -> None:
    """The cap on a message's length holds before anything is decoded."""
    with pytest.raises(ProtocolError) as caught:
        cbor.loads(cbor.dumps(b"x" * 100), max_bytes=50)
    assert "at most 50" in str(caught.value.detail)
