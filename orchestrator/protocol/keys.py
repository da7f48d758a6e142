"""Public keys, signatures and identities: who signs a request, and how a signature is checked.

Three schemes: Ed25519, and ECDSA with SHA-256 on secp256k1 and on P-256, with raw `r || s` signatures of 64
bytes. Source: the interface specification, section "Signatures" (RFC 8410, RFC 5480 for the DER encodings).
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, Self, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.errors import IdentityError, SignatureError

__all__ = [
    "ED25519_DER_PREFIX",
    "SIGNATURE_BYTES",
    "AnonymousIdentity",
    "DelegatedIdentity",
    "Ed25519Identity",
    "Identity",
    "KeyIdentity",
    "Prime256v1Identity",
    "PublicKey",
    "Secp256k1Identity",
    "SignedDelegation",
    "load_public_key",
    "verify_signature",
]

SIGNATURE_BYTES = 64
ED25519_DER_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 public key."""

_ED25519_KEY_BYTES = 32
_KEYS_KEPT = 256
_CURVES = (ec.SECP256K1, ec.SECP256R1)
_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

PublicKey: TypeAlias = Ed25519PublicKey | ec.EllipticCurvePublicKey


@lru_cache(maxsize=_KEYS_KEPT)
def load_public_key(der: bytes) -> PublicKey:
    """Read a DER-encoded public key of one of the three schemes; raise `SignatureError` for any other.

    Only the one encoding that the specification allows is read: uncompressed points, no explicit curve
    parameters, nothing after the key, so that one key has one principal.
    """
    if der.startswith(ED25519_DER_PREFIX) and len(der) == len(ED25519_DER_PREFIX) + _ED25519_KEY_BYTES:
        return Ed25519PublicKey.from_public_bytes(der[len(ED25519_DER_PREFIX) :])
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable_key("it is not a DER-encoded public key of a supported scheme") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        raise _unusable_key("only Ed25519, secp256k1 and P-256 keys are supported")
    if _encode_public_key(key) != der:
        raise _unusable_key("its DER encoding is not the canonical one")
    return key


def _unusable_key(reason: str) -> SignatureError:
    return SignatureError("a public key cannot be used", slug="protocol/public-key", detail=reason)


def _encode_public_key(key: PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def verify_signature(public_key_der: bytes, message: bytes, signature: bytes) -> None:
    """Return if a 64-byte signature of a message is valid; raise `SignatureError` if not."""
    key = load_public_key(public_key_der)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError("a signature has the wrong length", detail=f"{len(signature)} bytes instead of {SIGNATURE_BYTES}")
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        else:
            half = SIGNATURE_BYTES // 2
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as error:
        raise SignatureError(
            "a signature does not verify", detail=f"under the key of {Principal.self_authenticating(public_key_der)}"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDelegation:
    """One link of a delegation chain: `public_key_der` may sign until `expiration_ns`.

    `targets` limits it to these canisters; `permissions` is `queries`, `all` or None; `signature` is by the
    previous key of the chain.
    """

    public_key_der: bytes
    expiration_ns: int
    signature: bytes
    targets: tuple[Principal, ...] | None = None
    permissions: str | None = None

    def to_map(self) -> dict[str, object]:
        """Return the map that is hashed and signed; fields that are not given are left out."""
        fields: dict[str, object] = {"pubkey": self.public_key_der, "expiration": self.expiration_ns}
        if self.targets is not None:
            fields["targets"] = [target.raw for target in self.targets]
        if self.permissions is not None:
            fields["permissions"] = self.permissions
        return fields

    def to_envelope(self) -> dict[str, object]:
        """Return the entry of an envelope's `sender_delegation`."""
        return {"delegation": self.to_map(), "signature": self.signature}

    @classmethod
    def from_envelope(cls, entry: object) -> Self:
        """Read an entry of `sender_delegation`; raise `SignatureError` for another shape."""
        match entry:
            case {"delegation": {"pubkey": bytes(key), "expiration": int(expiration), **rest}, "signature": bytes(signature)}:
                targets, permissions = rest.get("targets"), rest.get("permissions")
                if isinstance(permissions, (str, type(None))):
                    return cls(
                        public_key_der=key,
                        expiration_ns=expiration,
                        signature=signature,
                        targets=_read_targets(targets),
                        permissions=permissions,
                    )
        raise SignatureError("a delegation is malformed", slug="protocol/delegation")


def _read_targets(targets: object) -> tuple[Principal, ...] | None:
    if targets is None:
        return None
    if isinstance(targets, list) and all(isinstance(target, bytes) for target in targets):
        try:
            return tuple(Principal(target) for target in targets)
        except ValueError as error:
            raise SignatureError("a delegation is malformed", slug="protocol/delegation", detail=str(error)) from error
    raise SignatureError("a delegation is malformed", slug="protocol/delegation", detail="its targets are not a list of principals")


class Identity(Protocol):
    """Who signs requests: a principal, the public key it comes from, and a way to sign."""

    @property
    def principal(self) -> Principal:
        """The sender of the requests."""
        ...

    @property
    def public_key_der(self) -> bytes | None:
        """The DER-encoded key that the principal is derived from; None when anonymous."""
        ...

    @property
    def delegations(self) -> tuple[SignedDelegation, ...]:
        """The chain from `public_key_der` to the key that signs; mostly empty."""
        ...

    def sign(self, message: bytes) -> bytes | None:
        """Return the 64-byte signature of a message that carries its domain separator; None when anonymous."""
        ...


@dataclass(frozen=True, slots=True)
class AnonymousIdentity:
    """Nobody in particular: requests are not signed."""

    principal: Principal = ANONYMOUS
    public_key_der: None = None
    delegations: tuple[SignedDelegation, ...] = ()

    def sign(self, message: bytes) -> None:  # noqa: ARG002 - the shape of every identity
        """Sign nothing."""
        return


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """A key pair in memory; equal by public key, and its representation never shows the private key."""

    public_key_der: bytes
    private_key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(repr=False, compare=False)
    delegations: tuple[SignedDelegation, ...] = ()

    @property
    def principal(self) -> Principal:
        """The self-authenticating principal of the public key."""
        return Principal.self_authenticating(self.public_key_der)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return the scheme and the principal only."""
        return f"{type(self).__name__}({self.principal})"


@dataclass(frozen=True, slots=True, repr=False)
class Ed25519Identity(KeyIdentity):
    """An Ed25519 key pair."""

    @classmethod
    def from_key(cls, key: Ed25519PrivateKey) -> Self:
        """Take a private key of `cryptography`."""
        return cls(_encode_public_key(key.public_key()), key)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Take the 32 secret bytes of RFC 8032."""
        if len(seed) != _ED25519_KEY_BYTES:
            raise IdentityError("an Ed25519 key has the wrong length", detail=f"{len(seed)} bytes instead of {_ED25519_KEY_BYTES}")
        return cls.from_key(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls.from_key(Ed25519PrivateKey.generate())

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message."""
        if not isinstance(self.private_key, Ed25519PrivateKey):
            raise IdentityError("an Ed25519 identity holds a key of another scheme")
        return self.private_key.sign(message)


@dataclass(frozen=True, slots=True, repr=False)
class _EcdsaIdentity(KeyIdentity):
    """What both curves share."""

    @classmethod
    def from_key(cls, key: ec.EllipticCurvePrivateKey) -> Self:
        """Take a private key of `cryptography`."""
        return cls(_encode_public_key(key.public_key()), key)

    def sign(self, message: bytes) -> bytes:
        """Return `r || s` of the ECDSA signature with SHA-256; on secp256k1 with the lower `s`."""
        if not isinstance(self.private_key, ec.EllipticCurvePrivateKey):
            raise IdentityError("an ECDSA identity holds a key of another scheme")
        r, s = decode_dss_signature(self.private_key.sign(message, ec.ECDSA(hashes.SHA256())))
        if isinstance(self.private_key.curve, ec.SECP256K1):
            s = min(s, _SECP256K1_ORDER - s)
        return r.to_bytes(SIGNATURE_BYTES // 2, "big") + s.to_bytes(SIGNATURE_BYTES // 2, "big")


@dataclass(frozen=True, slots=True, repr=False)
class Secp256k1Identity(_EcdsaIdentity):
    """A secp256k1 key pair, icp-cli's default."""

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls.from_key(ec.generate_private_key(ec.SECP256K1()))

    @classmethod
    def from_seed(cls, secret: bytes) -> Self:
        """Take the 32 bytes of the secret scalar."""
        return cls.from_key(_derive_key(secret, ec.SECP256K1()))


@dataclass(frozen=True, slots=True, repr=False)
class Prime256v1Identity(_EcdsaIdentity):
    """A P-256 key pair."""

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls.from_key(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_seed(cls, secret: bytes) -> Self:
        """Take the 32 bytes of the secret scalar."""
        return cls.from_key(_derive_key(secret, ec.SECP256R1()))


def _derive_key(secret: bytes, curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    try:
        return ec.derive_private_key(int.from_bytes(secret, "big"), curve)
    except ValueError as error:
        raise IdentityError("the secret number is not a key of this curve") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegatedIdentity:
    """A session key that signs for somebody else, by a chain of delegations.

    `public_key_der` is the chain's first signer, whose principal is the sender; `session` signs.
    """

    public_key_der: bytes
    session: Identity
    delegations: tuple[SignedDelegation, ...]

    @property
    def principal(self) -> Principal:
        """The self-authenticating principal of the chain's first signer."""
        return Principal.self_authenticating(self.public_key_der)

    def sign(self, message: bytes) -> bytes | None:
        """Sign with the session's key."""
        return self.session.sign(message)
