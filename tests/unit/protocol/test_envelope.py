"""Envelopes: what is signed is accepted, and nothing else is."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.errors import OrchestratorError, ProtocolError, SignatureError
from orchestrator.protocol import cbor
from orchestrator.protocol.authentication import INGRESS_WINDOW_NS, MAX_CLOCK_DRIFT_NS, MAX_DELEGATIONS, verify_envelope
from orchestrator.protocol.envelope import sign_call, sign_delegation, sign_query, sign_read_state
from orchestrator.protocol.keys import (
    AnonymousIdentity,
    DelegatedIdentity,
    Ed25519Identity,
    Identity,
    KeyIdentity,
    Prime256v1Identity,
    Secp256k1Identity,
)
from orchestrator.protocol.request_id import request_id

NOW = 1_700_000_000_000_000_000
EXPIRY = NOW + 60_000_000_000
CANISTER = Principal(b"canister")
OWNER = Secp256k1Identity.from_seed(b"\x02" * 32)
SESSION = Ed25519Identity.from_seed(b"\x03" * 32)


def call(identity: Identity = OWNER, expiry_ns: int = EXPIRY) -> dict[str, Any]:
    """Return the decoded envelope of a call."""
    envelope = cbor.loads(sign_call(identity, CANISTER, "method", b"arg", expiry_ns=expiry_ns).body)
    assert isinstance(envelope, dict)
    return envelope


def delegate(
    *links: tuple[KeyIdentity, Identity],
    targets: list[Principal] | None = None,
    expiration_ns: int = EXPIRY,
    permissions: str | None = None,
) -> DelegatedIdentity:
    """Return an identity at the end of a chain of (signer, next) pairs."""
    chain = tuple(
        sign_delegation(signer, follower.public_key_der or b"", expiration_ns=expiration_ns, targets=targets, permissions=permissions)
        for signer, follower in links
    )
    return DelegatedIdentity(public_key_der=links[0][0].public_key_der, session=links[-1][1], delegations=chain)


@pytest.mark.parametrize(
    "identity", [AnonymousIdentity(), OWNER, SESSION, Prime256v1Identity.generate()], ids=["anonymous", "owner", "session", "p256"]
)
def test_a_signed_call_is_accepted(identity: Identity) -> None:
    """Every kind of identity makes calls whose sender and id the replica proves."""
    signed = sign_call(identity, CANISTER, "method", b"arg", expiry_ns=EXPIRY)
    request = verify_envelope(cbor.loads(signed.body), now_ns=NOW)
    assert (request.sender, request.request_id, request.expiry_ns) == (identity.principal, signed.request_id, EXPIRY)
    assert request.request_type == "call"
    assert request.targets is None
    assert request.content["arg"] == b"arg"
    assert signed.sender == identity.principal


def test_equal_calls_are_two_requests() -> None:
    """A random nonce keeps two equal calls apart; a given nonce makes them one."""
    first, second = (sign_call(OWNER, CANISTER, "m", b"", expiry_ns=EXPIRY) for _ in range(2))
    assert first.request_id != second.request_id
    third, fourth = (sign_call(OWNER, CANISTER, "m", b"", expiry_ns=EXPIRY, nonce=b"n") for _ in range(2))
    assert third.request_id == fourth.request_id


def test_queries_and_state_reads_are_accepted() -> None:
    """The two other kinds of request carry the fields of the specification."""
    query = verify_envelope(cbor.loads(sign_query(OWNER, CANISTER, "q", b"x", expiry_ns=EXPIRY, nonce=b"n").body), now_ns=NOW)
    assert (query.request_type, query.content["method_name"], query.content["nonce"]) == ("query", "q", b"n")
    read = verify_envelope(cbor.loads(sign_read_state(OWNER, [[b"time"]], expiry_ns=EXPIRY).body), now_ns=NOW)
    assert (read.request_type, read.content["paths"]) == ("read_state", [[b"time"]])


def test_an_anonymous_envelope_has_no_signature_fields() -> None:
    """Anonymous requests leave the fields out instead of sending null."""
    assert set(call(AnonymousIdentity())) == {"content"}
    assert call(AnonymousIdentity())["content"]["sender"] == ANONYMOUS.raw


@pytest.mark.parametrize("field", ["arg", "canister_id", "method_name", "ingress_expiry", "nonce", "sender"])
def test_changing_any_field_breaks_the_signature(field: str) -> None:
    """No field of the content can be changed on the way."""
    envelope = call()
    value = envelope["content"][field]
    changes: dict[type, Any] = {bytes: b"\x01" + bytes(3), str: "other", int: EXPIRY - 1}
    envelope["content"][field] = changes[type(value)]
    with pytest.raises(SignatureError):
        verify_envelope(envelope, now_ns=NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda envelope: envelope.update(sender_sig=bytes(64)),
        lambda envelope: envelope.pop("sender_sig"),
        lambda envelope: envelope.pop("sender_pubkey"),
        lambda envelope: envelope.update(sender_pubkey=SESSION.public_key_der),
        lambda envelope: envelope.update(sender_delegation={}),
        lambda envelope: envelope.update(sender_delegation=[{}]),
        lambda envelope: envelope["content"].update(sender=ANONYMOUS.raw),
    ],
)
def test_unproven_senders_are_refused(change: Callable[[dict[str, Any]], object]) -> None:
    """A request without the sender's own signature is refused."""
    envelope = call()
    change(envelope)
    with pytest.raises(SignatureError):
        verify_envelope(envelope, now_ns=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"request_type": "transfer"},
        {"request_type": None},
        {"sender": "text"},
        {"sender": bytes(30)},
        {"ingress_expiry": "soon"},
        {"ingress_expiry": -1},
        {"ingress_expiry": True},
        {"nonce": bytes(33)},
        {"canister_id": bytes(30)},
        {"method_name": b"bytes"},
        {"arg": "text"},
        {"request_type": "read_state", "paths": None},
        {"request_type": "read_state", "paths": [["text"]]},
        {"request_type": "read_state", "paths": [[b""] * 128]},
        {"request_type": "read_state", "paths": [[]] * 1001},
    ],
)
def test_malformed_requests_are_refused(change: dict[str, object]) -> None:
    """Requests of another shape raise `ProtocolError` before any signature is looked at."""
    envelope = call(AnonymousIdentity())
    envelope["content"].update(change)
    with pytest.raises(ProtocolError):
        verify_envelope(envelope, now_ns=NOW)


@pytest.mark.parametrize("envelope", [None, [], {}, {"content": []}])
def test_what_is_no_envelope_is_refused(envelope: object) -> None:
    """An envelope is a map with a content map."""
    with pytest.raises(ProtocolError):
        verify_envelope(envelope, now_ns=NOW)


@pytest.mark.parametrize("expiry", [NOW - 1, NOW + INGRESS_WINDOW_NS + MAX_CLOCK_DRIFT_NS + 1])
def test_expired_and_far_requests_are_refused(expiry: int) -> None:
    """A request outside the window is refused with a slug that tells; anonymous reads may carry any expiry."""
    for identity in (OWNER, AnonymousIdentity()):
        with pytest.raises(ProtocolError) as caught:
            verify_envelope(call(identity, expiry), now_ns=NOW)
        assert caught.value.slug == "protocol/ingress-expiry"
    signed = sign_query(AnonymousIdentity(), CANISTER, "q", b"", expiry_ns=expiry)
    assert verify_envelope(cbor.loads(signed.body), now_ns=NOW).sender == ANONYMOUS


def test_a_chain_of_delegations_is_followed() -> None:
    """A session two links away signs for the owner; the request's id is that of any other request."""
    middle = Prime256v1Identity.generate()
    identity = delegate((OWNER, middle), (middle, SESSION))
    envelope = call(identity)
    request = verify_envelope(envelope, now_ns=NOW)
    assert request.sender == OWNER.principal
    assert request.request_id == request_id(envelope["content"])
    assert request.targets is None


def test_targets_are_intersected() -> None:
    """A request may be used where every link of the chain allows it."""
    middle = Prime256v1Identity.generate()
    first = sign_delegation(OWNER, middle.public_key_der, expiration_ns=EXPIRY, targets=[CANISTER, Principal(b"b")])
    second = sign_delegation(middle, SESSION.public_key_der, expiration_ns=EXPIRY, targets=[CANISTER, Principal(b"c")])
    identity = DelegatedIdentity(public_key_der=OWNER.public_key_der, session=SESSION, delegations=(first, second))
    assert verify_envelope(call(identity), now_ns=NOW).targets == frozenset({CANISTER})


@pytest.mark.parametrize(
    "identity",
    [
        delegate((OWNER, SESSION), expiration_ns=NOW - 1),
        delegate((OWNER, SESSION), permissions="queries"),
        delegate((OWNER, SESSION), permissions="everything"),
        delegate((OWNER, SESSION), targets=[CANISTER] * 1001),
        delegate((OWNER, OWNER)),
        delegate((OWNER, SESSION), (SESSION, OWNER)),
        delegate((SESSION, OWNER), (OWNER, SESSION)),
        delegate((OWNER, SESSION), (OWNER, Prime256v1Identity.generate())),
        delegate(
            *(
                (a, b)
                for keys in [[OWNER, *(Ed25519Identity.generate() for _ in range(MAX_DELEGATIONS + 1))]]
                for a, b in itertools.pairwise(keys)
            )
        ),
    ],
    ids=["expired", "queries only", "unknown permissions", "many targets", "self", "cycle", "cycle back", "wrong signer", "long"],
)
def test_bad_chains_are_refused(identity: DelegatedIdentity) -> None:
    """Expired, restricted, cyclic, forged and over-long chains do not speak for their owner."""
    with pytest.raises(OrchestratorError) as caught:
        verify_envelope(call(identity), now_ns=NOW)
    assert isinstance(caught.value, SignatureError)


def test_a_queries_only_delegation_permits_queries() -> None:
    """The restriction concerns calls: queries and state reads pass."""
    identity = delegate((OWNER, SESSION), permissions="queries")
    signed = sign_query(identity, CANISTER, "q", b"", expiry_ns=EXPIRY)
    assert verify_envelope(cbor.loads(signed.body), now_ns=NOW).sender == OWNER.principal


def test_dropped_targets_break_the_delegation() -> None:
    """Whoever removes the targets of a delegation removes its validity."""
    envelope = call(delegate((OWNER, SESSION), targets=[CANISTER]))
    del envelope["sender_delegation"][0]["delegation"]["targets"]
    with pytest.raises(SignatureError):
        verify_envelope(envelope, now_ns=NOW)


def test_the_anonymous_identity_cannot_delegate() -> None:
    """Nobody can be let to speak for nobody."""
    with pytest.raises(SignatureError):
        sign_delegation(AnonymousIdentity(), SESSION.public_key_der, expiration_ns=EXPIRY)
