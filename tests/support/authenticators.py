"""Authenticators of the web in software, and canisters' signatures: senders that have no plain key.

A browser hands the challenge to the authenticator inside JSON; the authenticator signs its own data and the
hash of that JSON.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.core.principal import Principal
from orchestrator.protocol import hash_tree
from orchestrator.protocol.canister_signature import CanisterKey, encode_canister_signature
from orchestrator.protocol.der import COSE_OID, wrap_key
from orchestrator.protocol.keys import SignedDelegation
from tests.support.authority import build_tree

__all__ = ["AuthenticatorIdentity", "CanisterIdentity", "client_data", "eddsa_identity", "es256_identity", "rs256_identity"]

AUTHENTICATOR_DATA = hashlib.sha256(b"localhost").digest() + b"\x05" + bytes(4)
"""The relying party's hash, the flags for a present and verified user, and a counter."""
MODULUS_BITS, EXPONENT = 2048, 65537


def client_data(challenge: bytes, **more: object) -> bytes:
    """Return what a browser says about an assertion."""
    encoded = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
    return json.dumps({"type": "webauthn.get", "challenge": encoded, "origin": "http://localhost:8000", **more}).encode()


@dataclass(frozen=True, slots=True)
class AuthenticatorIdentity:
    """Signs requests as a passkey would: `cose` is its public key, `assertion` signs as its scheme does."""

    cose: bytes
    assertion: Callable[[bytes], bytes]
    delegations: tuple[SignedDelegation, ...] = ()

    @property
    def public_key_der(self) -> bytes:
        """The DER-wrapped COSE key."""
        return wrap_key(COSE_OID, self.cose)

    @property
    def principal(self) -> Principal:
        """The self-authenticating principal."""
        return Principal.self_authenticating(self.public_key_der)

    def sign(self, message: bytes) -> bytes:
        """Return the encoded assertion over a message."""
        told = client_data(message)
        inner = self.assertion(AUTHENTICATOR_DATA + hashlib.sha256(told).digest())
        fields = {"authenticator_data": AUTHENTICATOR_DATA, "client_data_json": told.decode(), "signature": inner}
        return b"\xd9\xd9\xf7" + cbor2.dumps(fields)


def es256_identity() -> AuthenticatorIdentity:
    """Make a key on P-256, which nearly all authenticators have."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    return AuthenticatorIdentity(cbor2.dumps(cose), lambda message: key.sign(message, ec.ECDSA(hashes.SHA256())))


def rs256_identity(bits: int = MODULUS_BITS) -> AuthenticatorIdentity:
    """Make an RSA key, which Windows Hello has."""
    key = rsa.generate_private_key(EXPONENT, bits)
    numbers = key.public_key().public_numbers()
    cose = {1: 3, 3: -257, -1: numbers.n.to_bytes(bits // 8, "big"), -2: numbers.e.to_bytes(3, "big")}
    return AuthenticatorIdentity(cbor2.dumps(cose), lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA256()))


def eddsa_identity() -> AuthenticatorIdentity:
    """Make an Ed25519 key."""
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return AuthenticatorIdentity(cbor2.dumps({1: 1, 3: -8, -1: 6, -2: raw}), key.sign)


@dataclass(frozen=True, slots=True)
class CanisterIdentity:
    """Signs as a canister does; `certify` returns the certificate for the root hash of the canister's tree."""

    key: CanisterKey
    certify: Callable[[bytes], bytes]
    delegations: tuple[SignedDelegation, ...] = field(default=())

    @property
    def public_key_der(self) -> bytes:
        """The DER-encoded canister key."""
        return self.key.to_der()

    @property
    def principal(self) -> Principal:
        """The self-authenticating principal."""
        return Principal.self_authenticating(self.public_key_der)

    def sign(self, message: bytes) -> bytes:
        """Return the signature: the tree that holds the message's hash, and its certificate."""
        digests = {hashlib.sha256(self.key.seed).digest(): {hashlib.sha256(message).digest(): b""}}
        tree = build_tree({b"sig": digests})
        return encode_canister_signature(self.certify(hash_tree.digest(tree)), tree)
