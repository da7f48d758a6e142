"""Keys and signatures: three schemes, one encoding each, and no private key in sight."""

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.errors import IdentityError, SignatureError
from orchestrator.protocol.keys import (
    AnonymousIdentity,
    DelegatedIdentity,
    Ed25519Identity,
    Identity,
    KeyIdentity,
    Prime256v1Identity,
    Secp256k1Identity,
    SignedDelegation,
    load_public_key,
    verify_signature,
)

IDENTITIES = [
    Ed25519Identity.from_seed(b"\x01" * 32),
    Secp256k1Identity.from_seed(b"\x02" * 32),
    Prime256v1Identity.from_seed(b"\x03" * 32),
]
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: type(identity).__name__)
def test_signatures_verify_for_their_message_and_key(identity: KeyIdentity) -> None:
    """A signature is 64 bytes, verifies, and stops verifying with any other message, key or byte."""
    signature = identity.sign(b"message")
    assert len(signature) == 64
    verify_signature(identity.public_key_der, b"message", signature)
    for der, message, changed in (
        (identity.public_key_der, b"massage", signature),
        (identity.public_key_der, b"message", signature[:-1] + bytes([signature[-1] ^ 1])),
        (identity.public_key_der, b"message", signature + b"\x00"),
        (identity.public_key_der, b"message", bytes(64)),
        (type(identity).generate().public_key_der, b"message", signature),  # type: ignore[attr-defined]  # each concrete class has it
    ):
        with pytest.raises(SignatureError):
            verify_signature(der, message, changed)


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: type(identity).__name__)
def test_the_principal_comes_from_the_public_key(identity: KeyIdentity) -> None:
    """The principal is SHA-224 of the DER-encoded key and the byte 2."""
    assert identity.principal.raw == hashlib.sha224(identity.public_key_der).digest() + b"\x02"


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: type(identity).__name__)
def test_a_representation_shows_no_key(identity: KeyIdentity) -> None:
    """`repr` and `str` show the scheme and the principal, nothing that could sign."""
    assert repr(identity) == str(identity) == f"{type(identity).__name__}({identity.principal})"


def test_the_anonymous_identity_signs_nothing() -> None:
    """Anonymous requests carry neither key nor signature."""
    identity: Identity = AnonymousIdentity()
    assert (identity.principal, identity.public_key_der, identity.sign(b"m")) == (ANONYMOUS, None, None)


def test_secp256k1_signatures_have_the_lower_half() -> None:
    """Every signature has the lower of the two possible `s`, as other signers of this curve make them."""
    identity = Secp256k1Identity.generate()
    for index in range(16):
        assert int.from_bytes(identity.sign(bytes([index]))[32:], "big") <= SECP256K1_ORDER // 2


def test_ed25519_keys_are_rfc_8032() -> None:
    """The first test vector of RFC 8032 gives its signature."""
    identity = Ed25519Identity.from_seed(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert identity.public_key_der.hex().endswith("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert identity.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215")


def encode(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> bytes:
    """Return the DER encoding of a public key."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"garbage",
        IDENTITIES[0].public_key_der[:-1],
        IDENTITIES[1].public_key_der + b"\x00",
        encode(ec.generate_private_key(ec.SECP384R1()).public_key()),
        encode(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()),
    ],
    ids=["empty", "garbage", "short", "trailing", "p384", "rsa"],
)
def test_other_public_keys_are_refused(der: bytes) -> None:
    """Only the three schemes are read, each in one encoding."""
    with pytest.raises(SignatureError):
        load_public_key(der)


def test_compressed_points_are_refused() -> None:
    """A key in compressed form would be a second principal for one key."""
    point = load_public_key(IDENTITIES[2].public_key_der)
    assert isinstance(point, ec.EllipticCurvePublicKey)
    compressed = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + compressed
    with pytest.raises(SignatureError):
        load_public_key(der)


def test_seeds_of_the_wrong_size_are_refused() -> None:
    """A seed that is no key says so."""
    with pytest.raises(IdentityError):
        Ed25519Identity.from_seed(b"short")
    for scheme in (Secp256k1Identity, Prime256v1Identity):
        with pytest.raises(IdentityError):
            scheme.from_seed(bytes(32))


def test_a_delegation_travels_whole() -> None:
    """Targets and permissions survive the wire: leaving one out would change what was signed."""
    link = SignedDelegation(
        public_key_der=b"key", expiration_ns=5, signature=b"s", targets=(Principal(b"a"), Principal(b"b")), permissions="queries"
    )
    assert SignedDelegation.from_envelope(link.to_envelope()) == link
    assert link.to_map() == {"pubkey": b"key", "expiration": 5, "targets": [b"a", b"b"], "permissions": "queries"}
    plain = SignedDelegation(public_key_der=b"key", expiration_ns=5, signature=b"s")
    assert plain.to_map() == {"pubkey": b"key", "expiration": 5}


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"delegation": {"pubkey": b"", "expiration": "5"}, "signature": b""},
        {"delegation": {"pubkey": b"", "expiration": 5, "targets": [5]}, "signature": b""},
        {"delegation": {"pubkey": b"", "expiration": 5, "targets": [bytes(30)]}, "signature": b""},
        {"delegation": {"pubkey": b"", "expiration": 5, "permissions": 5}, "signature": b""},
    ],
)
def test_malformed_delegations_are_refused(entry: object) -> None:
    """A delegation of another shape raises `SignatureError`."""
    with pytest.raises(SignatureError):
        SignedDelegation.from_envelope(entry)


def test_a_delegated_identity_is_the_delegator() -> None:
    """The sender is the chain's first signer; the session's key signs."""
    owner, session = IDENTITIES[1], Ed25519Identity.generate()
    identity = DelegatedIdentity(public_key_der=owner.public_key_der, session=session, delegations=())
    assert identity.principal == owner.principal
    signature = identity.sign(b"m")
    assert signature is not None
    verify_signature(session.public_key_der, b"m", signature)
