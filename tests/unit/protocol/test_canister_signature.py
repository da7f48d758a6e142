"""Canister signatures: what a canister certified is its signature, by the word of a trusted network only."""

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import SignatureError
from orchestrator.protocol import cbor, hash_tree
from orchestrator.protocol.canister_signature import CanisterKey, encode_canister_signature, verify_canister_signature
from orchestrator.protocol.der import CANISTER_SIGNATURE_OID, wrap_key
from orchestrator.protocol.request_id import encode_leb128
from tests.support.authenticators import CanisterIdentity
from tests.support.authority import Authority, Labels

AUTHORITY = Authority()
SIGNER = Principal(bytes(8) + b"\x01\x01")
ELSEWHERE = Principal(b"\xff" * 8 + b"\x01\x01")
KEY = CanisterKey(SIGNER, b"a user's seed")
MESSAGE = b"\x0aic-request" + bytes(32)
TIME = 1_700_000_000_000_000_000


def labels_of(canister: Principal, data: bytes) -> dict[bytes, Labels | bytes]:
    """Return what a certificate shows of a canister's data."""
    return {b"time": encode_leb128(TIME), b"canister": {canister.raw: {b"certified_data": data}}}


def by_root(data: bytes) -> bytes:
    """Certify as the root subnet does, without a delegation."""
    return AUTHORITY.root.certify(labels_of(SIGNER, data))


def by_subnet(data: bytes, *, kind: bytes | None = b"application", canister: Principal = SIGNER) -> bytes:
    """Certify as the application subnet does, whose type the delegation shows unless `kind` is None."""
    subnet = AUTHORITY.application
    described: dict[bytes, Labels | bytes] = {b"public_key": subnet.public_key_der}
    if kind is not None:
        described[b"type"] = kind
    ranges = {subnet.principal.raw: {subnet.ranges[0][0]: cbor.dumps(subnet.encoded_ranges())}}
    told: Labels = {b"time": encode_leb128(TIME), b"subnet": {subnet.principal.raw: described}, b"canister_ranges": ranges}
    return subnet.certify(labels_of(canister, data), delegation=AUTHORITY.root.certify(told))


def verify(
    signature: bytes, *, key: CanisterKey = KEY, message: bytes = MESSAGE, root_keys: tuple[bytes, ...] = (AUTHORITY.root_key,)
) -> None:
    """Check a signature as a replica does."""
    verify_canister_signature(key, message, signature, root_keys=root_keys)


@pytest.mark.parametrize("certify", [by_root, by_subnet], ids=["root", "subnet"])
def test_certified_trees_are_signatures(certify: object) -> None:
    """A signature verifies for its canister, seed, message and network, and for none else."""
    assert callable(certify)
    signature = CanisterIdentity(KEY, certify).sign(MESSAGE)
    verify(signature)
    verify(signature, root_keys=(AUTHORITY.application.public_key_der, AUTHORITY.root_key))
    other_network = (AUTHORITY.application.public_key_der,)
    for arguments in (
        {"message": MESSAGE + b"!"},
        {"key": CanisterKey(SIGNER, b"another seed")},
        {"key": CanisterKey(Principal(bytes(7) + b"\x01\x01\x01"), KEY.seed)},
        {"root_keys": other_network},
        {"root_keys": ()},
    ):
        with pytest.raises(SignatureError):
            verify(signature, **arguments)


@pytest.mark.parametrize("kind", [None, b"cloud_engine"], ids=["untold", "cloud engine"])
def test_the_type_of_the_subnet_must_be_told(kind: bytes | None) -> None:
    """A subnet that somebody else runs signs for nobody."""
    signature = CanisterIdentity(KEY, lambda data: by_subnet(data, kind=kind)).sign(MESSAGE)
    with pytest.raises(SignatureError, match="canister signature") as caught:
        verify(signature)
    assert "type" in str(caught.value.detail)


def test_the_canister_must_be_in_the_subnets_ranges() -> None:
    """A subnet cannot sign for canisters that are not its own."""
    key = CanisterKey(ELSEWHERE, b"seed")
    signature = CanisterIdentity(key, lambda data: by_subnet(data, canister=ELSEWHERE)).sign(MESSAGE)
    with pytest.raises(SignatureError) as caught:
        verify(signature, key=key)
    assert "does not host" in str(caught.value.detail)


def test_the_certificate_must_be_about_the_tree() -> None:
    """A tree that was not certified signs nothing, and neither does a certificate of other data."""
    with pytest.raises(SignatureError, match="canister signature"):
        verify(CanisterIdentity(KEY, lambda _: by_root(bytes(32))).sign(MESSAGE))
    absent = AUTHORITY.root.certify({b"time": encode_leb128(TIME)})
    with pytest.raises(SignatureError, match="canister signature"):
        verify(CanisterIdentity(KEY, lambda _: absent).sign(MESSAGE))


@pytest.mark.parametrize(
    "tree",
    [[], [3, b""], [9], [2, b"sig", [3, b""]], [1, [2, b"b", [0]], [2, b"a", [0]]], [4, bytes(31)]],
    ids=["no node", "leaf", "unknown", "leaf below", "order", "short hash"],
)
def test_malformed_trees_are_refused(tree: list[object]) -> None:
    """A tree that is none ends in the refusal of the signature."""
    with pytest.raises(SignatureError):
        verify(encode_canister_signature(by_root(bytes(32)), tree))


@pytest.mark.parametrize(
    "signature", [b"", cbor.dumps([]), cbor.dumps({"certificate": b"", "tree": [0]}), bytes(64)], ids=["nothing", "list", "empty", "plain"]
)
def test_what_is_no_canister_signature_is_refused(signature: bytes) -> None:
    """Plain signatures and empty ones are no canister's."""
    with pytest.raises(SignatureError):
        verify(signature)


def test_pruned_trees_hide_other_messages() -> None:
    """The rest of a canister's signatures may be pruned away."""
    shown = CanisterIdentity(KEY, by_root).sign(MESSAGE)
    fields = cbor.loads(shown)
    assert isinstance(fields, dict)
    tree = [1, fields["tree"], [4, hash_tree.leaf_hash(b"other")]]
    verify(encode_canister_signature(by_root(hash_tree.digest(tree)), tree))


def test_keys_are_read_as_they_are_written() -> None:
    """The canister and the seed come back; a key that names no canister is refused, and others are no canister's."""
    assert CanisterKey.from_der(KEY.to_der()) == KEY
    assert CanisterKey.from_der(b"\x30\x00") is None
    for content in (b"", b"\x1e" + bytes(40), b"\x0a" + bytes(9)):
        with pytest.raises(SignatureError):
            CanisterKey.from_der(wrap_key(CANISTER_SIGNATURE_OID, content))
