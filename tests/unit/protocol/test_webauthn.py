"""Assertions of web authentication: the three schemes, and everything about them that may be wrong."""

from collections.abc import Callable

import cbor2
import pytest

from orchestrator.errors import SignatureError
from orchestrator.protocol import cbor
from orchestrator.protocol.senders import verify_sender_signature
from orchestrator.protocol.webauthn import MIN_RSA_BITS, load_authenticator_key, verify_assertion
from tests.support.authenticators import AuthenticatorIdentity, client_data, eddsa_identity, es256_identity, rs256_identity

MESSAGE = b"\x0aic-request" + bytes(32)
MAKERS = {"es256": es256_identity, "rs256": rs256_identity, "eddsa": eddsa_identity}
IDENTITY = es256_identity()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_assertions_verify_for_their_message_and_key(make: Callable[[], AuthenticatorIdentity]) -> None:
    """An assertion verifies under its key, and under no other key or message."""
    identity = make()
    signature = identity.sign(MESSAGE)
    verify_sender_signature(identity.public_key_der, MESSAGE, signature)
    for der, message in ((identity.public_key_der, MESSAGE + b"!"), (make().public_key_der, MESSAGE)):
        with pytest.raises(SignatureError):
            verify_sender_signature(der, message, signature)


def parts(identity: AuthenticatorIdentity = IDENTITY) -> dict[str, object]:
    """Return the decoded fields of an assertion."""
    fields = cbor.loads(identity.sign(MESSAGE))
    assert isinstance(fields, dict)
    return fields


def test_client_data_may_be_bytes() -> None:
    """Some clients send the JSON as bytes; what was signed is the same."""
    fields = parts()
    told = str(fields["client_data_json"]).encode()
    verify_assertion(IDENTITY.cose, MESSAGE, cbor.dumps({**fields, "client_data_json": told}))
    assert client_data(MESSAGE) == told


@pytest.mark.parametrize(
    "change",
    [
        {"client_data_json": "{}"},
        {"client_data_json": "[" * 100_000},
        {"client_data_json": "[]"},
        {"client_data_json": '{"challenge": 1}'},
        {"client_data_json": '{"challenge": "é"}'},
        {"client_data_json": '{"challenge": "a"}'},
        {"client_data_json": '{"challenge": "*"}'},
        {"client_data_json": b"\xff"},
        {"client_data_json": client_data(MESSAGE, more=True)},
        {"client_data_json": 1},
        {"authenticator_data": bytes(37)},
        {"authenticator_data": None},
        {"signature": b""},
        {"signature": bytes(64)},
        {"signature": None},
    ],
    ids=lambda change: " ".join(f"{name} {str(value)[:20]}" for name, value in change.items()),
)
def test_changed_assertions_are_refused(change: dict[str, object]) -> None:
    """No part of an assertion can be changed, left out, or be of another kind."""
    with pytest.raises(SignatureError):
        verify_assertion(IDENTITY.cose, MESSAGE, cbor.dumps({**parts(), **change}))


@pytest.mark.parametrize("signature", [b"", b"\x00", cbor2.dumps({}), bytes(64)], ids=["nothing", "a number", "no fields", "plain"])
def test_what_is_no_assertion_is_refused(signature: bytes) -> None:
    """A plain signature is none of an authenticator."""
    with pytest.raises(SignatureError):
        verify_assertion(IDENTITY.cose, MESSAGE, signature)


@pytest.mark.parametrize(
    "cose",
    [
        b"",
        cbor2.dumps({}),
        cbor2.dumps({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}),
        cbor2.dumps({1: 2, 3: -7, -1: 1, -2: bytes(31), -3: bytes(31)}),
        cbor2.dumps({1: 2, 3: -35, -1: 2, -2: bytes(48), -3: bytes(48)}),
        cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 2048, -2: b"\x03"}),
        cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 256, -2: b""}),
        cbor2.dumps({1: 1, 3: -8, -1: 6, -2: bytes(31)}),
    ],
    ids=[
        "nothing",
        "no fields",
        "not on the curve",
        "short",
        "another curve",
        "huge modulus",
        "no exponent",
        "short Ed25519",
    ],
)
def test_unusable_keys_are_refused(cose: bytes) -> None:
    """Keys of other schemes, or that are none, are told apart from wrong signatures."""
    with pytest.raises(SignatureError) as caught:
        load_authenticator_key(cose)
    assert caught.value.slug == "protocol/public-key"


def test_short_rsa_keys_are_refused() -> None:
    """A key that is too short to trust proves nothing."""
    identity = rs256_identity(MIN_RSA_BITS // 2)
    with pytest.raises(SignatureError, match="public key"):
        verify_sender_signature(identity.public_key_der, MESSAGE, identity.sign(MESSAGE))
