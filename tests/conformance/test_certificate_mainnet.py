"""A certificate that the Internet Computer made, and every way to spoil it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError
from orchestrator.protocol import cbor
from orchestrator.protocol.certificate import MAINNET_ROOT_KEY, Certificate, verify_certificate
from orchestrator.protocol.hash_tree import Found

CASE = json.loads((Path(__file__).parents[1] / "cases" / "protocol" / "mainnet-certificate.json").read_text(encoding="utf-8"))
DATA = bytes.fromhex(CASE["certificate"])
CANISTER = Principal.from_text(CASE["canister_id"])
SAMPLES = 90


def verify(data: bytes) -> Certificate:
    """Verify as of the time that the certificate itself states."""
    return verify_certificate(data, root_key_der=MAINNET_ROOT_KEY, now_ns=None, canister_id=CANISTER)


def test_the_certificate_verifies() -> None:
    """The mainnet's certificate proves its reply for its canister and for no other."""
    certificate = verify(DATA)
    request = next(label for label in certificate.list_labels(["request_status"]))
    assert certificate.time_ns == 1756047490313875636
    assert certificate.delegation is not None
    assert certificate.lookup(["request_status", request, "status"]) == Found(b"replied")
    assert certificate.lookup(["request_status", request, "reply"]) == Found(b"DIDL\x00\x01}\x02")
    with pytest.raises(CertificateError):
        verify_certificate(DATA, root_key_der=MAINNET_ROOT_KEY, now_ns=None, canister_id=Principal.from_text("rrkah-fqaaa-aaaaa-aaaaq-cai"))


def test_the_certificate_is_too_old_today() -> None:
    """Replaying an old certificate is noticed by the clock."""
    with pytest.raises(CertificateError) as caught:
        verify_certificate(DATA, root_key_der=MAINNET_ROOT_KEY, now_ns=1756047490313875636 + 3600 * 10**9, canister_id=CANISTER)
    assert caught.value.slug == "protocol/certificate-time"


@pytest.mark.parametrize("offset", range(0, len(DATA), max(1, len(DATA) // SAMPLES)))
def test_one_changed_byte_is_enough(offset: int) -> None:
    """A certificate with any one byte changed, in any of three ways, proves nothing."""
    for change in (0x01, 0x80, 0xFF):
        spoiled = bytearray(DATA)
        spoiled[offset] ^= change
        with pytest.raises(CertificateError):
            verify(bytes(spoiled))


@pytest.mark.parametrize("length", range(0, len(DATA), len(DATA) // 40))
def test_a_truncated_certificate_is_refused(length: int) -> None:
    """A certificate that ends early, or goes on, proves nothing."""
    with pytest.raises(CertificateError):
        verify(DATA[:length])
    with pytest.raises(CertificateError):
        verify(DATA + DATA[:1])


def every_leaf(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Yield the way to each byte string of a decoded certificate."""
    if isinstance(value, bytes):
        yield path
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from every_leaf(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from every_leaf(item, (*path, key))


def spoil(value: object, path: tuple[object, ...]) -> object:
    """Return a copy with the byte string at a path changed in its last byte."""
    if not path:
        assert isinstance(value, bytes)
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"x"
    if isinstance(value, list):
        return [spoil(item, path[1:]) if index == path[0] else item for index, item in enumerate(value)]
    assert isinstance(value, dict)
    return {key: spoil(item, path[1:]) if key == path[0] else item for key, item in value.items()}


FIELDS = cbor.loads(DATA)
assert isinstance(FIELDS, dict)
INNER = cbor.loads(FIELDS["delegation"]["certificate"])


@pytest.mark.parametrize("path", list(every_leaf(FIELDS)), ids=str)
def test_every_field_counts(path: tuple[object, ...]) -> None:
    """Each label, value, hash, signature and id of the certificate is covered by its signature."""
    with pytest.raises(CertificateError):
        verify(cbor.dumps(spoil(FIELDS, path)))


@pytest.mark.parametrize("path", list(every_leaf(INNER)), ids=str)
def test_every_field_of_the_delegation_counts(path: tuple[object, ...]) -> None:
    """Each label, value, hash and signature of the delegation's certificate is covered as well."""
    assert isinstance(FIELDS, dict)
    delegation = {**FIELDS["delegation"], "certificate": cbor.dumps(spoil(INNER, path))}
    with pytest.raises(CertificateError):
        verify(cbor.dumps({**FIELDS, "delegation": delegation}))


def test_the_delegation_cannot_be_left_out_or_swapped() -> None:
    """Without its delegation, or as its own delegation, the certificate proves nothing."""
    assert isinstance(FIELDS, dict)
    with pytest.raises(CertificateError):
        verify(cbor.dumps({name: FIELDS[name] for name in ("tree", "signature")}))
    with pytest.raises(CertificateError):
        verify(cbor.dumps({**FIELDS, "delegation": {**FIELDS["delegation"], "certificate": DATA}}))


def test_the_delegations_certificate_is_one_of_the_root_subnet() -> None:
    """The inner certificate verifies by itself, and proves nothing about the outer one's request."""
    assert isinstance(FIELDS, dict)
    certificate = verify(FIELDS["delegation"]["certificate"])
    assert certificate.delegation is None
    assert certificate.list_labels(["request_status"]) == []
