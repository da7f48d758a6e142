"""Private keys in PEM files: what `openssl`, dfx and icp-cli write, read into identities and written back.

Read: PKCS#8 of version 1 and 2, plain or encrypted (PBES2 with scrypt or PBKDF2), and SEC1 with or without its
parameters block. Source: RFC 5208, RFC 5958, RFC 5915, RFC 8018; RFC 7914 for scrypt.
"""

import base64
import binascii
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.errors import IdentityError
from orchestrator.protocol.keys import Ed25519Identity, KeyIdentity, Prime256v1Identity, Secp256k1Identity
from orchestrator.protocol.pbes2 import decrypt_pkcs8, encrypt_pkcs8

__all__ = ["MAX_PEM_BYTES", "identity_from_pem", "identity_to_pem", "is_encrypted"]

MAX_PEM_BYTES = 64 * 1024
"""The longest PEM text that is read, in bytes."""

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\s+(.*?)-----END \1-----", re.DOTALL)
_ENCRYPTED = "ENCRYPTED PRIVATE KEY"
_ED25519_PKCS8 = re.compile(rb"\x30[\x00-\x7f]\x02\x01[\x00\x01]\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20(.{32})(.*)\Z", re.DOTALL)
_ED25519_KEY_BYTES = 32
_PUBLIC_KEY_TAGS = {0x81, 0xA1}
_UNLOCK_HINT = "give the password with --identity-password-file FILE"


def is_encrypted(text: str | bytes) -> bool:
    """Tell whether a PEM text's key can only be read with a password."""
    label, body = _find_block(text)
    return label == _ENCRYPTED or "ENCRYPTED" in body


def identity_from_pem(text: str | bytes, password: str | bytes | None = None) -> KeyIdentity:
    """Read the first private key of a PEM text; raise `IdentityError` if there is none that can be used.

    `password` opens an encrypted key and is ignored for a plain one.
    """
    label, body = _find_block(text)
    locked = label == _ENCRYPTED or "ENCRYPTED" in body
    secret = password.encode("utf-8") if isinstance(password, str) else password
    if locked and secret is None:
        raise IdentityError("the key is encrypted, and no password is given", slug="identity/password-needed", hint=_UNLOCK_HINT)
    block = f"-----BEGIN {label}-----\n{body.strip()}\n-----END {label}-----\n".encode()
    try:
        key = serialization.load_pem_private_key(block, secret if locked else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        fallback = _read_ed25519(_decode_body(body, secret if locked else None))
        if fallback is not None:
            return fallback
        if locked:
            raise IdentityError(
                "the key cannot be decrypted", slug="identity/wrong-password", detail="most likely the password is wrong"
            ) from error
        raise IdentityError("the private key cannot be read", detail=f"a `{label}` block that is damaged or of an unknown form") from error
    return _identity_of(key)


def _find_block(text: str | bytes) -> tuple[str, str]:
    raw = text if isinstance(text, str) else text.decode("utf-8", errors="replace")
    if len(raw) > MAX_PEM_BYTES:
        raise IdentityError("the file is too long for a PEM key", detail=f"more than {MAX_PEM_BYTES} bytes")
    found = _BLOCK.search(raw)
    if found is None:
        raise IdentityError("no private key in PEM form", detail="no `-----BEGIN … PRIVATE KEY-----` block was found")
    return found.group(1), found.group(2)


def _identity_of(key: object) -> KeyIdentity:
    if isinstance(key, Ed25519PrivateKey):
        return Ed25519Identity.from_key(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256K1):
        return Secp256k1Identity.from_key(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return Prime256v1Identity.from_key(key)
    raise IdentityError(
        "the private key is of a scheme that the network does not know", detail="use Ed25519, secp256k1 or P-256 (prime256v1)"
    )


def _decode_body(body: str, password: bytes | None) -> bytes | None:
    """Return the DER bytes of a block, decrypted if there is a password; None where that fails."""
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        return None
    return der if password is None else decrypt_pkcs8(der, password)


def _read_ed25519(der: bytes | None) -> KeyIdentity | None:
    """Read Ed25519 keys that carry their public key, as dfx and icp-cli write them (`cryptography` refuses them)."""
    if der is None:
        return None
    found = _ED25519_PKCS8.match(der)
    if found is None or der[1] != len(der) - 2:
        return None
    seed, rest = found.groups()
    identity = Ed25519Identity.from_seed(seed)
    if rest and rest[0] in _PUBLIC_KEY_TAGS and rest[-_ED25519_KEY_BYTES:] != identity.public_key_der[-_ED25519_KEY_BYTES:]:
        raise IdentityError("the key file contradicts itself", detail="its public key does not belong to its private key")
    return identity


def identity_to_pem(identity: KeyIdentity, password: str | bytes | None = None) -> str:
    """Write a private key as PKCS#8 PEM; with a password encrypted as icp-cli does (scrypt, AES-256-CBC)."""
    plain = serialization.NoEncryption()
    if password is None:
        pem = identity.private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        return pem.decode("ascii")
    der = identity.private_key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)
    return encrypt_pkcs8(der, password.encode("utf-8") if isinstance(password, str) else password)
