"""Web authentication: signatures that passkeys and security keys make over a browser's account of the challenge.

Three schemes: ECDSA on P-256 and RSASSA-PKCS1-v1_5, both with SHA-256, and EdDSA on Ed25519.
Source: the interface specification, section "Web Authentication"; RFC 9053 for the COSE keys; the Web
Authentication recommendation, section "Verifying an Authentication Assertion".
"""

import base64
import hashlib
import json
from functools import lru_cache
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from orchestrator.errors import ProtocolError, SignatureError
from orchestrator.protocol import cbor

__all__ = ["MAX_RSA_BITS", "MIN_RSA_BITS", "AuthenticatorKey", "load_authenticator_key", "verify_assertion"]

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
"""The sizes of an RSA modulus that are accepted, in bits; the reference implementation's."""
_KEY_CACHE_SIZE = 256
_MAX_KEY_BYTES = 2048
_COORDINATE_BYTES = 32

AuthenticatorKey: TypeAlias = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@lru_cache(maxsize=_KEY_CACHE_SIZE)
def load_authenticator_key(cose: bytes) -> AuthenticatorKey:
    """Read a COSE key of one of the three schemes; raise `SignatureError` for any other.

    Label 1 is the key's type (1 octet pair, 2 elliptic curve, 3 RSA), 3 the algorithm (-7 ES256, -8 EdDSA, -257
    RS256), and the negative ones are curve and coordinates, or modulus and exponent.
    """
    try:
        fields = cbor.loads(cose, max_bytes=_MAX_KEY_BYTES)
    except ProtocolError as error:
        raise _unusable("it is not CBOR") from error
    match fields:
        case {1: 2, 3: -7, -1: 1, -2: bytes(x), -3: bytes(y)} if len(x) == len(y) == _COORDINATE_BYTES:
            return _load_point(x, y)
        case {1: 3, 3: -257, -1: bytes(modulus), -2: bytes(exponent)}:
            return _load_rsa(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
        case {1: 1, 3: -8, -1: 6, -2: bytes(x)} if len(x) == _COORDINATE_BYTES:
            return Ed25519PublicKey.from_public_bytes(x)
    raise _unusable("only ES256, RS256 and EdDSA on Ed25519 are supported")


def _load_point(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    except ValueError as error:
        raise _unusable("its point is not on the curve") from error


def _load_rsa(modulus: int, exponent: int) -> rsa.RSAPublicKey:
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise _unusable(f"an RSA modulus of {modulus.bit_length()} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} are accepted")
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise _unusable("its RSA numbers make no key") from error


def verify_assertion(cose: bytes, message: bytes, signature: bytes) -> None:
    """Return if an authenticator signed a message as its challenge; raise `SignatureError` if not.

    `signature` is the CBOR map of `authenticator_data`, `client_data_json` (text, or the bytes of it) and
    `signature`, the last as authenticators give it: DER for ECDSA.
    """
    key = load_authenticator_key(cose)
    try:
        fields = cbor.loads(signature)
    except ProtocolError as error:
        raise _malformed("it is not CBOR") from error
    match fields:
        case {"authenticator_data": bytes(data), "client_data_json": bytes() | str() as client_data, "signature": bytes(inner)}:
            told = client_data.encode() if isinstance(client_data, str) else client_data
        case _:
            raise _malformed("it is not a map of `authenticator_data`, `client_data_json` and `signature`")
    if _challenge(told) != message:
        raise _malformed("its challenge is not the message")
    try:
        _verify(key, data + hashlib.sha256(told).digest(), inner)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("a signature does not verify", detail="under the key of the authenticator") from error


def _verify(key: AuthenticatorKey, message: bytes, signature: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, message)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


def _challenge(client_data: bytes) -> bytes:
    """Return the bytes that the browser says the authenticator was asked to sign."""
    try:
        told = json.loads(client_data)
    except (ValueError, RecursionError) as error:
        raise _malformed("its client data is not JSON") from error
    match told:
        case {"challenge": str(text)} if text.isascii():
            unpadded = text.rstrip("=")
            try:
                return base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), altchars=b"-_", validate=True)
            except ValueError as error:
                raise _malformed("its challenge is not base64url") from error
    raise _malformed("its client data has no challenge")


def _unusable(reason: str) -> SignatureError:
    return SignatureError("a public key cannot be used", slug="protocol/public-key", detail=f"a key for web authentication: {reason}")


def _malformed(reason: str) -> SignatureError:
    return SignatureError("a signature of web authentication is malformed", detail=reason)
