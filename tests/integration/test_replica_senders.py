"""Senders of every kind at a running network: keys, authenticators of the web, and canisters that sign for their users."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from orchestrator.core.principal import Principal
from orchestrator.protocol import cbor
from orchestrator.protocol.authentication import MAX_DELEGATION_TARGETS, MAX_DELEGATIONS, SENDER_INFO_SEPARATOR
from orchestrator.protocol.canister_signature import CanisterKey
from orchestrator.protocol.envelope import REQUEST_SEPARATOR, sign_call, sign_delegation, sign_query
from orchestrator.protocol.keys import DelegatedIdentity, Ed25519Identity, Identity, Prime256v1Identity, Secp256k1Identity
from orchestrator.protocol.request_id import request_id
from tests.support.authenticators import CanisterIdentity, eddsa_identity, es256_identity, rs256_identity
from tests.support.authority import Authority
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_process import RunningReplica
from tests.support.signing_canister import signing_canister

HOUR_NS = 3600 * 10**9
KINDS: dict[str, Callable[[], Identity]] = {
    "ed25519": Ed25519Identity.generate,
    "secp256k1": Secp256k1Identity.generate,
    "p-256": Prime256v1Identity.generate,
    "passkey": es256_identity,
    "windows hello": rs256_identity,
    "ed25519 passkey": eddsa_identity,
}


@pytest.fixture(scope="module")
def owner(replica: RunningReplica) -> Iterator[ReplicaClient]:
    """Return a client that owns the canister."""
    with ReplicaClient(replica.url, replica.root_key) as made:
        yield made


@pytest.fixture(scope="module")
def canister(owner: ReplicaClient) -> Principal:
    """Return the canister that signs."""
    made = owner.create()
    owner.install(made, signing_canister())
    return made


@pytest.fixture
def signer(owner: ReplicaClient, canister: Principal) -> CanisterIdentity:
    """Return a user for whom the canister signs."""

    def certify(digest: bytes) -> bytes:
        owner.call(canister, "certify", digest)
        return owner.query(canister, "certificate", b"")

    return CanisterIdentity(CanisterKey(canister, b"the user's seed"), certify)


def ask(replica: RunningReplica, identity: Identity, canister: Principal) -> tuple[bytes, bytes]:
    """Call and query as somebody and return whom the canister saw each time."""
    with ReplicaClient(replica.url, replica.root_key, identity) as client:
        return client.call(canister, "who", b""), client.query(canister, "who_asks", b"")


def session_of(owner: Identity, *, targets: list[Principal] | None = None, links: int = 1) -> DelegatedIdentity:
    """Return a session at the end of a chain of delegations."""
    chain, last = [], owner
    for _ in range(links):
        following = Ed25519Identity.generate()
        chain.append(sign_delegation(last, following.public_key_der, expiration_ns=time.time_ns() + HOUR_NS, targets=targets))
        last = following
    assert owner.public_key_der is not None
    return DelegatedIdentity(public_key_der=owner.public_key_der, session=last, delegations=tuple(chain))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key_calls_and_queries(replica: RunningReplica, canister: Principal, kind: str) -> None:
    """The canister sees the principal of the key, directly and through a session."""
    identity = KINDS[kind]()
    assert ask(replica, identity, canister) == (identity.principal.raw,) * 2
    assert ask(replica, session_of(identity), canister) == (identity.principal.raw,) * 2


def test_a_canister_signs_for_its_users(replica: RunningReplica, canister: Principal, signer: CanisterIdentity) -> None:
    """A session that a canister of this network delegated to is the canister's user."""
    assert ask(replica, session_of(signer), canister) == (signer.principal.raw,) * 2


def test_chains_and_targets_have_limits(replica: RunningReplica, canister: Principal) -> None:
    """The longest chain and the most targets pass; one more of either is refused."""
    owner = Ed25519Identity.generate()
    others = [Principal(number.to_bytes(4, "big")) for number in range(MAX_DELEGATION_TARGETS)]
    assert ask(replica, session_of(owner, links=MAX_DELEGATIONS), canister)[0] == owner.principal.raw
    assert ask(replica, session_of(owner, targets=[canister, *others[1:]]), canister)[0] == owner.principal.raw
    with ReplicaClient(replica.url, replica.root_key) as client:
        for session in (
            session_of(owner, links=MAX_DELEGATIONS + 1),
            session_of(owner, targets=[canister, *others]),
            session_of(owner, targets=others),
        ):
            signed = sign_call(session, canister, "who", b"", expiry_ns=time.time_ns() + HOUR_NS // 20)
            assert client.post(f"/api/v4/canister/{canister}/call", signed.body).status_code == 403


def test_a_canister_of_another_network_signs_for_nobody(replica: RunningReplica, canister: Principal, signer: CanisterIdentity) -> None:
    """Only this network's root key and the mainnet's are trusted."""
    foreign = Authority()

    def certify(digest: bytes) -> bytes:
        return foreign.root.certify({b"time": b"\x00", b"canister": {canister.raw: {b"certified_data": digest}}})

    session = session_of(replace(signer, certify=certify))
    signed = sign_call(session, canister, "who", b"", expiry_ns=time.time_ns() + HOUR_NS // 20)
    with ReplicaClient(replica.url, replica.root_key) as client:
        answer = client.post(f"/api/v4/canister/{canister}/call", signed.body)
    assert (answer.status_code, "canister signature" in answer.text) == (403, True)


def with_info(signed: bytes, session: DelegatedIdentity, info: Mapping[str, object]) -> bytes:
    """Return the envelope with what is said of its sender, signed again."""
    envelope = cbor.loads(signed)
    assert isinstance(envelope, dict)
    content = {**envelope["content"], "sender_info": info}
    return cbor.dumps({**envelope, "content": content, "sender_sig": session.sign(REQUEST_SEPARATOR + request_id(content))})


def test_canisters_tell_of_their_users(replica: RunningReplica, canister: Principal, signer: CanisterIdentity) -> None:
    """What the signing canister says of a sender reaches the callee, in calls and in queries; nobody else can say it."""
    session = session_of(signer)
    info = {"info": b"is of age", "signer": canister.raw, "sig": signer.sign(SENDER_INFO_SEPARATOR + b"is of age")}
    expiry = time.time_ns() + HOUR_NS // 20
    with ReplicaClient(replica.url, replica.root_key, session) as client:
        query = client.post(
            f"/api/v3/canister/{canister}/query",
            with_info(sign_query(session, canister, "who_asks", b"", expiry_ns=expiry).body, session, info),
        )
        answer = cbor.loads(query.content)
        assert isinstance(answer, dict)
        assert answer["reply"] == {"arg": session.principal.raw + canister.raw + b"is of age"}
        call = sign_call(session, canister, "who", b"", expiry_ns=expiry)
        answered = client.post(f"/api/v4/canister/{canister}/call", with_info(call.body, session, info))
        assert session.principal.raw + canister.raw + b"is of age" in answered.content
        for wrong in ({**info, "info": b"is a minor"}, {**info, "signer": b"other"}, {**info, "sig": b""}):
            refused = client.post(f"/api/v4/canister/{canister}/call", with_info(call.body, session, wrong))
            assert refused.status_code == 403
    plain = session_of(Ed25519Identity.generate())
    with ReplicaClient(replica.url, replica.root_key, plain) as client:
        call = sign_call(plain, canister, "who", b"", expiry_ns=expiry)
        assert client.post(f"/api/v4/canister/{canister}/call", with_info(call.body, plain, info)).status_code == 403


def test_a_session_of_a_deleted_canister_lasts(replica: RunningReplica, owner: ReplicaClient, signer: CanisterIdentity) -> None:
    """A signature is valid for as long as its delegation says, whatever became of the canister."""
    other = owner.create()
    owner.install(other, signing_canister())

    def certify(digest: bytes) -> bytes:
        owner.call(other, "certify", digest)
        return owner.query(other, "certificate", b"")

    session = session_of(CanisterIdentity(CanisterKey(other, signer.key.seed), certify))
    owner.manage("stop_canister", {"canister_id": other})
    owner.manage("delete_canister", {"canister_id": other})
    with ReplicaClient(replica.url, replica.root_key, session) as client, pytest.raises(CallRejectedError, match="not found"):
        client.call(other, "who", b"")
