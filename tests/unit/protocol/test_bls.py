"""BLS signatures: one known vector, our own keys, and the traps of the scheme."""

import json
import os
from pathlib import Path

import pytest

from orchestrator.errors import CertificateError
from orchestrator.protocol import bls
from orchestrator.protocol.certificate import MAINNET_ROOT_KEY

CASES = Path(__file__).parents[2] / "cases" / "protocol"
IDENTITY_KEY = bytes([0xC0]) + bytes(95)
IDENTITY_SIGNATURE = bytes([0xC0]) + bytes(47)


def test_the_known_vector_verifies() -> None:
    """A signature made by the network's own implementation verifies, and no other message does."""
    vector = json.loads((CASES / "mainnet-certificate.json").read_text(encoding="utf-8"))["bls"]
    key, signature = bytes.fromhex(vector["public_key"]), bytes.fromhex(vector["signature"])
    assert bls.verify(key, signature, vector["message"].encode())
    assert not bls.verify(key, signature, b"hallo")


def test_our_own_signatures_verify() -> None:
    """A key signs deterministically, verifies its own message only, and differs per seed."""
    key, other = bls.SecretKey.from_seed(b"a" * 32), bls.SecretKey.from_seed(b"b" * 32)
    signature = key.sign(b"message")
    assert signature == bls.SecretKey.from_seed(b"a" * 32).sign(b"message")
    assert bls.verify(key.public_key, signature, b"message")
    assert not bls.verify(key.public_key, signature, b"other")
    assert not bls.verify(other.public_key, signature, b"message")


def test_the_identity_element_is_refused() -> None:
    """Identity key and identity signature would verify any message; both are refused."""
    key = bls.SecretKey.from_seed(b"a" * 32)
    assert not bls.verify(IDENTITY_KEY, IDENTITY_SIGNATURE, b"anything")
    assert not bls.verify(key.public_key, IDENTITY_SIGNATURE, b"anything")
    assert not bls.verify(IDENTITY_KEY, key.sign(b"anything"), b"anything")


def test_garbage_is_no_signature() -> None:
    """Random points and wrong lengths are refused without an exception."""
    key = bls.SecretKey.from_seed(b"a" * 32)
    for _ in range(20):
        assert not bls.verify(key.public_key, os.urandom(48), b"m")
        assert not bls.verify(os.urandom(96), key.sign(b"m"), b"m")
    assert not bls.verify(key.public_key[:-1], key.sign(b"m"), b"m")
    assert not bls.verify(key.public_key, key.sign(b"m") + b"\x00", b"m")


def test_der_wrapping() -> None:
    """A wrapped key unwraps to itself; anything else is refused."""
    key = bls.SecretKey.from_seed(b"a" * 32).public_key
    assert bls.der_decode(bls.der_encode(key)) == key
    assert len(MAINNET_ROOT_KEY) == 133
    for wrong in (b"", key, bls.der_encode(key) + b"\x00", b"\x31" + bls.der_encode(key)[1:]):
        with pytest.raises(CertificateError):
            bls.der_decode(wrong)
    with pytest.raises(CertificateError):
        bls.der_encode(key[:-1])


def test_the_secret_stays_out_of_sight() -> None:
    """A key's representation shows no scalar, and short seeds are refused."""
    assert "calar" not in repr(bls.SecretKey.from_seed(b"a" * 32))
    with pytest.raises(CertificateError):
        bls.SecretKey.from_seed(b"short")
