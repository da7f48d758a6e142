"""What a replica checks beyond a plain signature: canisters that sign, what they say, and the words of a refusal."""

from typing import Any

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import ProtocolError, SignatureError
from orchestrator.protocol import cbor
from orchestrator.protocol.authentication import (
    INGRESS_WINDOW_NS,
    MAX_CLOCK_DRIFT_NS,
    SENDER_INFO_SEPARATOR,
    AuthenticatedRequest,
    SenderInfo,
    verify_envelope,
)
from orchestrator.protocol.canister_signature import CanisterKey
from orchestrator.protocol.envelope import REQUEST_SEPARATOR, sign_call, sign_delegation, sign_query
from orchestrator.protocol.keys import AnonymousIdentity, DelegatedIdentity, Ed25519Identity, Identity
from orchestrator.protocol.request_id import encode_leb128, request_id
from tests.support.authenticators import CanisterIdentity, es256_identity
from tests.support.authority import Authority

NOW = 1_700_000_000_000_000_000
EXPIRY = NOW + 60_000_000_000
CANISTER = Principal(b"canister")
SIGNER = Principal(bytes(8) + b"\x01\x01")
AUTHORITY = Authority()
SESSION = Ed25519Identity.from_seed(b"\x03" * 32)
USER = CanisterIdentity(
    CanisterKey(SIGNER, b"user"),
    lambda data: AUTHORITY.root.certify({b"time": encode_leb128(NOW), b"canister": {SIGNER.raw: {b"certified_data": data}}}),
)


def session_of(owner: Identity, *, expiration_ns: int = EXPIRY) -> DelegatedIdentity:
    """Return a session key that an owner let sign."""
    assert owner.public_key_der is not None
    link = sign_delegation(owner, SESSION.public_key_der, expiration_ns=expiration_ns)
    return DelegatedIdentity(public_key_der=owner.public_key_der, session=SESSION, delegations=(link,))


def envelope(identity: Identity, **content: object) -> dict[str, Any]:
    """Return the decoded envelope of a query with more fields in its content."""
    signed = cbor.loads(sign_query(identity, CANISTER, "method", b"arg", expiry_ns=EXPIRY).body)
    assert isinstance(signed, dict)
    whole = {**signed["content"], **content}
    signature = identity.sign(REQUEST_SEPARATOR + request_id(whole))
    return {**signed, "content": whole} if signature is None else {**signed, "content": whole, "sender_sig": signature}


def verify(made: dict[str, Any], *, root_keys: tuple[bytes, ...] = (AUTHORITY.root_key,)) -> AuthenticatedRequest:
    """Check an envelope as a replica of the authority's network does."""
    return verify_envelope(made, now_ns=NOW, root_keys=root_keys)


@pytest.mark.parametrize("owner", [USER, es256_identity()], ids=["canister", "passkey"])
def test_sessions_speak_for_senders_without_plain_keys(owner: Identity) -> None:
    """A delegation by a canister or a passkey is as good as any."""
    assert verify(envelope(session_of(owner))).sender == owner.principal


def test_canisters_sign_under_trusted_root_keys_only() -> None:
    """By default nobody's canisters are trusted."""
    made = envelope(session_of(USER))
    for root_keys in ((), (AUTHORITY.application.public_key_der,)):
        with pytest.raises(SignatureError):
            verify(made, root_keys=root_keys)


def said(info: bytes = b"is of age", signer: Principal = SIGNER) -> dict[str, object]:
    """Return what the signing canister says of its user."""
    return {"info": info, "signer": signer.raw, "sig": USER.sign(SENDER_INFO_SEPARATOR + info)}


def test_what_a_canister_says_of_its_user_is_verified() -> None:
    """It is part of the request, signed by the user's canister; a request without it says nothing."""
    request = verify(envelope(session_of(USER), sender_info=said()))
    assert request.sender_info == SenderInfo(b"is of age", SIGNER)
    assert verify(envelope(session_of(USER))).sender_info is None


@pytest.mark.parametrize(
    ("identity", "info"),
    [
        (session_of(USER), {**said(), "info": b"is a minor"}),
        (session_of(USER), said(signer=CANISTER)),
        (session_of(USER), {**said(), "sig": SESSION.sign(SENDER_INFO_SEPARATOR + b"is of age")}),
        (session_of(USER), {"info": b"is of age"}),
        (session_of(USER), "is of age"),
        (session_of(es256_identity()), said()),
        (AnonymousIdentity(), said()),
    ],
    ids=["changed", "another signer", "another signature", "parts missing", "text", "a passkey's", "anonymous"],
)
def test_nobody_else_says_anything_of_a_sender(identity: Identity, info: object) -> None:
    """What is not the canister's own word is refused with the request."""
    with pytest.raises(ProtocolError):
        verify(envelope(identity, sender_info=info))


@pytest.mark.parametrize("expiry", [NOW - 1, NOW + INGRESS_WINDOW_NS + MAX_CLOCK_DRIFT_NS + 1])
def test_a_wrong_expiry_is_told_in_the_words_that_clients_look_for(expiry: int) -> None:
    """Clients that read these words set their clock and try again."""
    signed = sign_call(SESSION, CANISTER, "method", b"", expiry_ns=expiry)
    with pytest.raises(ProtocolError, match=r"^Invalid request expiry") as caught:
        verify_envelope(cbor.loads(signed.body), now_ns=NOW)
    assert str(caught.value.detail).startswith("Specified ingress_expiry not within expected range: Minimum allowed expiry: 2023-11-14")


def test_an_expired_delegation_is_told_apart() -> None:
    """It is nobody's forgery, and has a slug of its own."""
    with pytest.raises(SignatureError) as caught:
        verify(envelope(session_of(USER, expiration_ns=NOW - 1)))
    assert caught.value.slug == "protocol/delegation-expiry"
