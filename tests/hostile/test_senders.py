"""Keys and signatures of strangers: whatever they are, they verify or they are refused."""

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.principal import Principal
from orchestrator.errors import SignatureError
from orchestrator.protocol.canister_signature import CanisterKey
from orchestrator.protocol.der import CANISTER_SIGNATURE_OID, COSE_OID, wrap_key
from orchestrator.protocol.senders import verify_sender_signature
from tests.support.authenticators import client_data, es256_identity
from tests.support.authority import Authority

EXAMPLES = 50
MESSAGE = b"\x0aic-request" + bytes(32)
PASSKEY = es256_identity()
ROOT_KEYS = (Authority().root_key,)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 2**70) | st.binary(max_size=40) | st.text(max_size=10) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(-4, 4) | st.text(max_size=8), inner, max_size=5),
    max_leaves=10,
)
TREES = st.recursive(
    st.just([0]) | st.builds(lambda value: [3, value], st.binary(max_size=4)) | st.builds(lambda value: [4, value], st.binary(max_size=33)),
    lambda inner: (
        st.builds(lambda a, b: [1, a, b], inner, inner)
        | st.builds(lambda label, below: [2, label, below], st.sampled_from([b"sig", b"time", b""]), inner)
    ),
    max_leaves=8,
)
COSE_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        1: st.integers(0, 4),
        3: st.sampled_from([-7, -8, -257, 0]),
        -1: st.integers(0, 7) | st.binary(max_size=300),
        -2: st.binary(max_size=33),
        -3: st.binary(max_size=33),
    },
)


def is_refused(public_key: bytes, signature: bytes) -> bool:
    """Say if a signature is refused as one; any other failure is raised."""
    try:
        verify_sender_signature(public_key, MESSAGE, signature, root_keys=ROOT_KEYS)
    except SignatureError:
        return True
    return False


@settings(max_examples=EXAMPLES)
@given(content=st.binary(max_size=120), oid=st.sampled_from([COSE_OID, CANISTER_SIGNATURE_OID]), signature=st.binary(max_size=80))
def test_wrapped_rubbish_is_no_key(content: bytes, oid: bytes, signature: bytes) -> None:
    """Keys of either scheme may hold anything."""
    assert is_refused(wrap_key(oid, content), signature)


@settings(max_examples=EXAMPLES)
@given(der=st.binary(max_size=120), signature=st.binary(max_size=80))
def test_rubbish_is_no_key(der: bytes, signature: bytes) -> None:
    """A key may be no key at all."""
    assert is_refused(der, signature)


@settings(max_examples=EXAMPLES)
@given(fields=COSE_FIELDS, signature=st.binary(max_size=80))
def test_odd_authenticator_keys_are_refused(fields: dict[int, object], signature: bytes) -> None:
    """Key types, algorithms, curves and numbers may fit together in any way."""
    assert is_refused(wrap_key(COSE_OID, cbor2.dumps(fields)), signature)


@settings(max_examples=EXAMPLES)
@given(value=VALUES, name=st.sampled_from(["authenticator_data", "client_data_json", "signature", "other"]))
def test_odd_assertions_are_refused(value: object, name: str) -> None:
    """Each part of an assertion may be anything."""
    fields: dict[str, object] = {"authenticator_data": bytes(37), "client_data_json": client_data(MESSAGE).decode(), "signature": bytes(70)}
    assert is_refused(PASSKEY.public_key_der, cbor2.dumps({**fields, name: value}))


@settings(max_examples=EXAMPLES)
@given(told=st.text(max_size=60) | VALUES.map(str))
def test_odd_client_data_is_refused(told: str) -> None:
    """What the browser is said to have said may be anything."""
    fields = {"authenticator_data": bytes(37), "client_data_json": told, "signature": bytes(70)}
    assert is_refused(PASSKEY.public_key_der, cbor2.dumps(fields))


@settings(max_examples=EXAMPLES)
@given(value=VALUES, tree=TREES | VALUES, certificate_tree=TREES | VALUES)
def test_odd_canister_signatures_are_refused(value: object, tree: object, certificate_tree: object) -> None:
    """The tree, the certificate and the tree in it may be anything."""
    key = CanisterKey(Principal(b"\x01\x01\x01"), b"seed").to_der()
    certificates = [value, cbor2.dumps(value), cbor2.dumps({"tree": certificate_tree, "signature": bytes(48)})]
    for certificate in certificates:
        assert is_refused(key, cbor2.dumps({"certificate": certificate, "tree": tree}))
