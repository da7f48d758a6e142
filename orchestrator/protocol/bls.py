"""BLS12-381 signatures with signatures in G1, as the Internet Computer's subnets make them.

Source: draft-irtf-cfrg-bls-signature-05, ciphersuite `BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_`; the DER
wrapping of public keys: the interface specification, section "Delegation".
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Self

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from orchestrator.errors import CertificateError

__all__ = [
    "DER_PREFIX",
    "PUBLIC_KEY_BYTES",
    "SIGNATURE_BYTES",
    "SecretKey",
    "der_decode",
    "der_encode",
    "verify",
]

PUBLIC_KEY_BYTES = 96
SIGNATURE_BYTES = 48
DER_PREFIX = bytes.fromhex("308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100")
"""Algorithm 1.3.6.1.4.1.44668.5.3.1.2.1 on curve 1.3.6.1.4.1.44668.5.3.2.1, then the bit string's header."""

_DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
_KEYGEN_SALT = b"BLS-SIG-KEYGEN-SALT-"
_KEYGEN_BYTES = 48
_MIN_SEED_BYTES = 32


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether a 48-byte signature of a message is valid under a 96-byte public key.

    The identity element is refused as key and as signature: with both, every message would verify.
    Points outside the prime-order subgroup are refused by the decoder.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        key_point = G2Point.from_compressed_bytes(public_key)
        signature_point = G1Point.from_compressed_bytes(signature)
    except ValueError:
        return False
    if key_point == G2Point.identity() or signature_point == G1Point.identity():
        return False
    hashed = G1Point.hash_to_curve(message, _DOMAIN)
    return bool(GT.pairing_check([signature_point, hashed], [-G2Point(), key_point]))


def der_encode(public_key: bytes) -> bytes:
    """Wrap a 96-byte public key."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise CertificateError("a BLS public key has the wrong length", detail=f"{len(public_key)} bytes instead of {PUBLIC_KEY_BYTES}")
    return DER_PREFIX + public_key


def der_decode(der: bytes) -> bytes:
    """Return the 96 bytes of a wrapped public key; raise `CertificateError` for anything else."""
    if len(der) != len(DER_PREFIX) + PUBLIC_KEY_BYTES or not der.startswith(DER_PREFIX):
        raise CertificateError(
            "not a DER-encoded BLS public key",
            slug="protocol/root-key",
            detail=f"{len(der)} bytes; expected {len(DER_PREFIX) + PUBLIC_KEY_BYTES} that start with the BLS12-381 algorithm",
        )
    return der[len(DER_PREFIX) :]


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A signing key of a test or embedded network; its representation never shows the secret."""

    public_key: bytes
    _scalar: Scalar = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Derive a key from at least 32 secret bytes (KeyGen of the draft, with an empty key info)."""
        if len(seed) < _MIN_SEED_BYTES:
            raise CertificateError("a BLS key needs a longer seed", detail=f"{len(seed)} bytes; at least {_MIN_SEED_BYTES}")
        salt = hashlib.sha256(_KEYGEN_SALT).digest()
        extracted = hmac.digest(salt, seed + b"\x00", "sha256")
        info = _KEYGEN_BYTES.to_bytes(2, "big")
        first = hmac.digest(extracted, info + b"\x01", "sha256")
        second = hmac.digest(extracted, first + info + b"\x02", "sha256")
        scalar = Scalar.from_be_bytes_mod_order((first + second)[:_KEYGEN_BYTES])
        return cls(bytes((G2Point() * scalar).to_compressed_bytes()), scalar)

    def sign(self, message: bytes) -> bytes:
        """Return the 48-byte signature of a message."""
        return bytes((G1Point.hash_to_curve(message, _DOMAIN) * self._scalar).to_compressed_bytes())
