"""Certificates: what verifies, for whom, and until when."""

import pytest

from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.errors import CertificateError
from orchestrator.protocol import bls, cbor
from orchestrator.protocol.certificate import (
    MAX_CERTIFICATE_SKEW_NS,
    MAX_DELEGATION_AGE_NS,
    decode_leb128,
    encode_certificate,
    read_certificate,
    verify_certificate,
)
from orchestrator.protocol.hash_tree import Found
from orchestrator.protocol.request_id import encode_leb128
from tests.support.authority import Authority, Subnet

NOW = 1_700_000_000_000_000_000
CANISTER = Principal(bytes(7) + b"\x10\x01\x01")
OTHER = Principal(b"\x01" * 8 + b"\x01\x01")
AUTHORITY = Authority()


@pytest.mark.parametrize("sharded", [True, False])
def test_a_delegated_certificate_verifies_in_both_layouts(*, sharded: bool) -> None:
    """Canister ranges are found in their shards and in the older single list."""
    data = AUTHORITY.certify({b"a": {b"b": b"value"}}, NOW, sharded=sharded)
    certificate = verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER)
    assert certificate.time_ns == NOW
    assert certificate.lookup(["a", b"b"]) == Found(b"value")
    assert certificate.list_labels() == [b"a", b"time"]


@pytest.mark.parametrize("sharded", [True, False])
def test_a_subnet_speaks_for_its_canisters_only(*, sharded: bool) -> None:
    """A canister outside the delegation's ranges is refused; the management canister is everywhere."""
    data = AUTHORITY.certify({}, NOW, sharded=sharded)
    with pytest.raises(CertificateError) as caught:
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=OTHER)
    assert caught.value.slug == "protocol/canister-range"
    assert verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=MANAGEMENT_CANISTER).time_ns == NOW


def test_several_shards_are_searched() -> None:
    """The canister may be in any shard that the certificate shows; the pruned ones do not matter."""
    subnet = AUTHORITY.application
    shards = {low: cbor.dumps([[low, high]]) for low, high in ((b"\x01", b"\x02"), (b"\x04", b"\x05"), (b"\x07", b"\x09"))}
    delegation = AUTHORITY.root.certify(
        {
            b"time": encode_leb128(NOW),
            b"subnet": {subnet.principal.raw: {b"public_key": subnet.public_key_der}},
            b"canister_ranges": {subnet.principal.raw: shards},
        }
    )
    data = AUTHORITY.certify({}, NOW, delegation=delegation)
    for raw in (b"\x01", b"\x05", b"\x08\xff"):
        assert verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=Principal(raw)).time_ns == NOW
    for raw in (b"\x03", b"\x06", b"\x0a"):
        with pytest.raises(CertificateError):
            verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=Principal(raw))


def test_the_root_subnet_needs_no_delegation() -> None:
    """A certificate by the root key itself verifies for any canister and for the root subnet."""
    data = AUTHORITY.root.certify({b"time": encode_leb128(NOW)})
    assert verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=OTHER).delegation is None
    assert verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, subnet_id=AUTHORITY.root.principal).time_ns == NOW


def test_the_subnet_asked_for_is_the_one_that_signed() -> None:
    """A certificate of another subnet is refused when the subnet is what was asked for."""
    data = AUTHORITY.certify({}, NOW)
    assert verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, subnet_id=AUTHORITY.application.principal).time_ns == NOW
    with pytest.raises(CertificateError, match="another subnet"):
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, subnet_id=AUTHORITY.root.principal)


def test_exactly_one_scope_is_given() -> None:
    """A check for nobody, or for two, is a mistake of the caller and refused."""
    data = AUTHORITY.certify({}, NOW)
    with pytest.raises(CertificateError):
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW)
    with pytest.raises(CertificateError):
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER, subnet_id=CANISTER)


@pytest.mark.parametrize("offset", [-MAX_CERTIFICATE_SKEW_NS - 1, MAX_CERTIFICATE_SKEW_NS + 1])
def test_old_and_future_certificates_are_refused_with_both_times(offset: int) -> None:
    """The error names the certified time and the local clock, and says what to do."""
    data = AUTHORITY.certify({}, NOW)
    with pytest.raises(CertificateError) as caught:
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW + offset, canister_id=CANISTER)
    assert caught.value.slug == "protocol/certificate-time"
    assert "2023-11-14 22:13:20 UTC" in str(caught.value.detail)
    assert "clock" in str(caught.value.hint)


def test_old_delegations_are_refused() -> None:
    """A delegation may be weeks old and not months; without an age limit it may."""
    old = AUTHORITY.delegate(NOW - MAX_DELEGATION_AGE_NS - 1)
    data = AUTHORITY.certify({}, NOW, delegation=old)
    with pytest.raises(CertificateError, match="too old"):
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER)
    assert (
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER, max_delegation_age_ns=None).time_ns
        == NOW
    )


def test_another_root_key_refuses_everything() -> None:
    """A certificate of one network proves nothing on another, with and without a delegation."""
    stranger = Subnet(bls.SecretKey.from_seed(b"stranger" * 4))
    for data in (AUTHORITY.certify({}, NOW), AUTHORITY.root.certify({b"time": encode_leb128(NOW)})):
        with pytest.raises(CertificateError) as caught:
            verify_certificate(data, root_key_der=stranger.public_key_der, now_ns=NOW, canister_id=CANISTER)
        assert caught.value.slug == "protocol/certificate-signature"


def test_a_delegation_cannot_delegate_further() -> None:
    """A chain of two delegations is refused, whoever signed it."""
    inner = AUTHORITY.certify({}, NOW)
    data = AUTHORITY.certify({}, NOW, delegation=inner)
    with pytest.raises(CertificateError, match="malformed"):
        verify_certificate(data, root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER)


def test_a_delegation_must_show_the_key() -> None:
    """A delegation that does not show the subnet's key, or shows garbage, is refused."""
    subnet = AUTHORITY.application.principal.raw
    silent = AUTHORITY.root.certify({b"time": encode_leb128(NOW), b"subnet": {subnet: {b"type": b"application"}}})
    garbage = AUTHORITY.root.certify({b"time": encode_leb128(NOW), b"subnet": {subnet: {b"public_key": b"key"}}})
    for delegation in (silent, garbage):
        with pytest.raises(CertificateError):
            verify_certificate(
                AUTHORITY.certify({}, NOW, delegation=delegation), root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER
            )


@pytest.mark.parametrize("ranges", [b"garbage", cbor.dumps({}), cbor.dumps([1]), cbor.dumps([[b"a"]]), cbor.dumps([["a", "b"]])])
def test_malformed_ranges_are_refused(ranges: bytes) -> None:
    """Ranges that are not pairs of principals give an error, not an exception of another kind."""
    subnet = AUTHORITY.application
    described = {b"public_key": subnet.public_key_der, b"canister_ranges": ranges}
    delegation = AUTHORITY.root.certify({b"time": encode_leb128(NOW), b"subnet": {subnet.principal.raw: described}})
    with pytest.raises(CertificateError):
        verify_certificate(
            AUTHORITY.certify({}, NOW, delegation=delegation), root_key_der=AUTHORITY.root_key, now_ns=NOW, canister_id=CANISTER
        )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        cbor.dumps([]),
        cbor.dumps({"tree": [0]}),
        cbor.dumps({"tree": [0], "signature": bytes(48)}),
        cbor.dumps({"tree": [2, b"time", [3, b"\x80"]], "signature": bytes(48)}),
        cbor.dumps({"tree": [2, b"time", [4, bytes(32)]], "signature": bytes(48)}),
        cbor.dumps({"tree": [2, b"time", [3, b"\x01"]], "signature": bytes(48), "delegation": {"subnet_id": b"a"}}),
        cbor.dumps(
            {"tree": [2, b"time", [3, b"\x01"]], "signature": bytes(48), "delegation": {"subnet_id": bytes(99), "certificate": b""}}
        ),
    ],
)
def test_malformed_certificates_are_refused(data: bytes) -> None:
    """Bytes that are not a certificate raise `CertificateError`, whatever they are."""
    with pytest.raises(CertificateError):
        read_certificate(data)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x01\x01", b"\x80" * 11 + b"\x01"])
def test_times_are_whole_numbers(data: bytes) -> None:
    """A time that is not one LEB128 number is refused."""
    with pytest.raises(CertificateError):
        decode_leb128(data)


def test_encoding_leaves_an_absent_delegation_out() -> None:
    """A certificate without delegation has no such key at all."""
    data = encode_certificate([2, b"time", [3, b"\x05"]], b"s")
    assert cbor.loads(data) == {"tree": [2, b"time", [3, b"\x05"]], "signature": b"s"}
    assert read_certificate(data).time_ns == 5
