"""The network's HTTP interface: what is accepted, what is refused, and in which words."""

import secrets
import time
from collections.abc import Iterator
from typing import cast

import pytest

from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.protocol import cbor
from orchestrator.protocol.certificate import Certificate
from orchestrator.protocol.envelope import sign_call, sign_query, sign_read_state
from orchestrator.protocol.hash_tree import Absent, Found
from orchestrator.protocol.keys import AnonymousIdentity, Ed25519Identity
from tests.support.replica_client import EXPIRY_NS, CallRejectedError, ReplicaClient
from tests.support.replica_modules import SECRET, counter
from tests.support.replica_process import RunningReplica

EMPTY = b"DIDL\x00\x00"
MINUTE_NS = 60_000_000_000


@pytest.fixture
def client(replica: RunningReplica) -> Iterator[ReplicaClient]:
    """Return a client with a key of its own."""
    with ReplicaClient(replica.url, replica.root_key) as made:
        yield made


@pytest.fixture
def canister(client: ReplicaClient) -> Principal:
    """Deploy a counter that the client controls."""
    canister_id = client.create()
    client.install(canister_id, counter())
    return canister_id


def number(reply: bytes) -> int:
    """Return the counter's value."""
    return int.from_bytes(reply[-4:], "little")


def status_of(certificate: Certificate, request_id: bytes) -> bytes:
    """Return the certified status of a request."""
    found = certificate.lookup([b"request_status", request_id, b"status"])
    assert isinstance(found, Found)
    return found.value


def test_the_status_tells_the_root_key(client: ReplicaClient) -> None:
    """GET /api/v2/status is CBOR with the root key and a health status."""
    response = client.http.get("/api/v2/status")
    status = cast("dict[str, object]", cbor.loads(response.content))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/cbor")
    assert (status["root_key"], status["replica_health_status"]) == (client.root_key, "healthy")


def test_a_call_sent_twice_runs_once(client: ReplicaClient, canister: Principal) -> None:
    """The same request gives the same reply and no second effect."""
    request = client.prepare(canister, "inc", EMPTY)
    first = client.finish(request, client.submit(request, canister))
    second = client.finish(request, client.submit(request, canister))
    assert (number(first), number(second)) == (101, 101)
    assert number(client.query(canister, "get", EMPTY)) == 101


def test_an_asynchronous_call_is_polled(client: ReplicaClient, canister: Principal) -> None:
    """Version 2 answers 202 with nothing, and read_state tells the status."""
    request = client.prepare(canister, "inc", EMPTY)
    response = client.post(f"/api/v2/canister/{canister}/call", request.body)
    assert (response.status_code, response.content) == (202, b"")
    certificate = client.certificate([[b"request_status", request.request_id]], canister)
    assert status_of(certificate, request.request_id) == b"replied"


def test_an_update_that_cannot_be_started_is_refused_beforehand(client: ReplicaClient) -> None:
    """An empty canister refuses before anything is certified, in version 2 with the same words."""
    empty = client.create()
    with pytest.raises(CallRejectedError, match="contains no Wasm module") as caught:
        client.call(empty, "inc", EMPTY)
    assert caught.value.error_code == "IC0537"
    response = client.post(f"/api/v2/canister/{empty}/call", client.prepare(empty, "inc", EMPTY).body)
    answer = cast("dict[str, object]", cbor.loads(response.content))
    assert (response.status_code, answer["error_code"], answer["reject_code"]) == (200, "IC0537", 5)


def test_a_request_status_is_its_senders_alone(client: ReplicaClient, canister: Principal, replica: RunningReplica) -> None:
    """Somebody else is refused; an unknown request is certified absent for anybody."""
    request = client.prepare(canister, "inc", EMPTY)
    client.finish(request, client.submit(request, canister))
    path = [b"request_status", request.request_id]
    with ReplicaClient(replica.url, replica.root_key) as other:
        assert other.read_state([path], canister).status_code == 403
        unknown = secrets.token_bytes(32)
        certificate = other.certificate([[b"request_status", unknown]], canister)
        assert certificate.lookup([b"request_status", unknown]) == Absent()


def test_a_request_status_is_read_at_its_own_canister(client: ReplicaClient, canister: Principal) -> None:
    """Through another canister's URL it is refused."""
    request = client.prepare(canister, "inc", EMPTY)
    client.finish(request, client.submit(request, canister))
    assert client.read_state([[b"request_status", request.request_id]], client.create()).status_code == 403


def test_private_metadata_is_for_controllers(client: ReplicaClient, canister: Principal, replica: RunningReplica) -> None:
    """A controller reads it, others get 403; public metadata and absent names are for all."""
    base = [b"canister", canister.raw, b"metadata"]
    certificate = client.certificate([[*base, b"secret"]], canister)
    assert certificate.lookup([*base, b"secret"]) == Found(SECRET.encode())
    with ReplicaClient(replica.url, replica.root_key, AnonymousIdentity()) as other:
        refused = other.read_state([[*base, b"secret"]], canister)
        assert (refused.status_code, "secret" in refused.text) == (403, True)
        certificate = other.certificate([[*base, b"candid:service"], [*base, b"no such name"]], canister)
        assert isinstance(certificate.lookup([*base, b"candid:service"]), Found)
        assert certificate.lookup([*base, b"no such name"]) == Absent()


@pytest.mark.parametrize(
    "path",
    [[], [b"canister"], [b"nonsense"], [b"time", b"deeper"], [b"canister_ranges", b"any"], [b"request_status"]],
    ids=["empty", "canister", "nonsense", "below-time", "ranges", "all-requests"],
)
def test_paths_that_cannot_be_read_are_refused(client: ReplicaClient, canister: Principal, path: list[bytes]) -> None:
    """A path that the specification does not offer gets 404 and is named."""
    response = client.read_state([path], canister)
    assert response.status_code == 404
    assert "Invalid path" in response.text


def test_certified_data_is_not_for_clients(client: ReplicaClient, canister: Principal) -> None:
    """Certified data is shown to the canister only, and other canisters are not read through this one."""
    assert client.read_state([[b"canister", canister.raw, b"certified_data"]], canister).status_code == 404
    assert client.read_state([[b"canister", client.create().raw, b"module_hash"]], canister).status_code == 400


def test_the_effective_canister_must_be_the_one_called(client: ReplicaClient, canister: Principal) -> None:
    """Calls, queries and management calls are refused at another canister's URL."""
    other = client.create()
    query = sign_query(client.identity, canister, "get", EMPTY, expiry_ns=time.time_ns() + EXPIRY_NS)
    answers = [
        client.post(f"/api/v4/canister/{other}/call", client.prepare(canister, "inc", EMPTY).body),
        client.post(f"/api/v3/canister/{other}/query", query.body),
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert all(str(canister) in answer.text for answer in answers)
    with pytest.raises(AssertionError, match="Effective canister ID"):
        client.manage("stop_canister", {"canister_id": canister}, effective=other)


@pytest.mark.parametrize(("offset", "accepted"), [(-MINUTE_NS, False), (4 * MINUTE_NS, True), (10 * MINUTE_NS, False)])
def test_the_expiry_must_lie_in_the_window(client: ReplicaClient, canister: Principal, offset: int, accepted: bool) -> None:  # noqa: FBT001 # parametrized
    """Requests that have expired, or expire too far ahead, are refused; anonymous queries may say anything."""
    expiry = time.time_ns() + offset
    call = sign_call(client.identity, canister, "inc", EMPTY, expiry_ns=expiry)
    response = client.post(f"/api/v4/canister/{canister}/call", call.body)
    assert (response.status_code == 200) is accepted
    assert accepted or "expiry" in response.text
    query = sign_query(AnonymousIdentity(), canister, "get", EMPTY, expiry_ns=expiry)
    assert client.post(f"/api/v3/canister/{canister}/query", query.body).status_code == 200


def test_a_wrong_signature_is_refused(client: ReplicaClient, canister: Principal) -> None:
    """One flipped bit of the signature, or a foreign sender, is a 403 that says so."""
    request = client.prepare(canister, "inc", EMPTY)
    envelope = cast("dict[str, object]", cbor.loads(request.body))
    signature = cast("bytes", envelope["sender_sig"])
    forged = cbor.dumps({**envelope, "sender_sig": bytes([signature[0] ^ 1]) + signature[1:]})
    foreign = cbor.dumps({**envelope, "sender_pubkey": Ed25519Identity.generate().public_key_der})
    answers = [client.post(f"/api/v4/canister/{canister}/call", body) for body in (forged, foreign)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "signature" in answers[0].text
    assert number(client.query(canister, "get", EMPTY)) == 100


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v2/nothing", 404),
        ("POST", "/api/v2/status", 405),
        ("GET", "/api/v3/canister/aaaaa-aa/query", 405),
        ("POST", "/api/v3/canister/not-a-principal/query", 400),
        ("POST", "/api/v5/canister/aaaaa-aa/call", 404),
        ("POST", "/api/v4/canister/aaaaa-aa/read_state", 404),
        ("POST", "/api/v3/canister/aaaaa-aa/query", 400),
    ],
)
def test_requests_that_are_none_are_answered_in_words(client: ReplicaClient, method: str, path: str, status: int) -> None:
    """Wrong paths, methods and bodies get a fitting status and one line of text."""
    response = client.http.request(method, path, content=b"not CBOR")
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/plain")
    assert len(response.text.splitlines()) == 1


def test_large_requests_are_refused(client: ReplicaClient, canister: Principal) -> None:
    """An argument above 2 MiB, or a body above 5 MiB, is a 413; just below it is passed on."""
    fits = client.prepare(canister, "inc", bytes(2 * 1024 * 1024 - 3))
    large = client.prepare(canister, "inc", bytes(2 * 1024 * 1024 - 2))
    url = f"/api/v4/canister/{canister}/call"
    statuses = [client.post(url, body).status_code for body in (fits.body, large.body, bytes(5 * 1024 * 1024 + 1))]
    assert statuses == [200, 413, 413]


def test_the_envelopes_request_type_must_fit_the_url(client: ReplicaClient, canister: Principal) -> None:
    """A signed query is not taken as a call."""
    query = sign_query(client.identity, canister, "get", EMPTY, expiry_ns=time.time_ns() + EXPIRY_NS)
    response = client.post(f"/api/v4/canister/{canister}/call", query.body)
    assert (response.status_code, "request_type" in response.text) == (400, True)


def test_browsers_of_other_origins_may_ask(client: ReplicaClient) -> None:
    """Preflights and answers carry CORS headers, errors too."""
    preflight = client.http.options(
        "/api/v4/canister/aaaaa-aa/call", headers={"access-control-request-method": "POST", "origin": "http://x"}
    )
    failed = client.http.post("/api/v2/canister/aaaaa-aa/query", content=b"")
    assert preflight.status_code == 204
    assert {response.headers["access-control-allow-origin"] for response in (preflight, failed)} == {"*"}


def test_the_subnet_is_read_at_its_own_url(client: ReplicaClient) -> None:
    """Ranges in shards are read at the subnet's URL; an unknown subnet is refused."""
    subnet = Principal.self_authenticating(client.root_key)
    paths = [[b"canister_ranges", subnet.raw], [b"subnet", subnet.raw, b"node"]]
    request = sign_read_state(AnonymousIdentity(), paths, expiry_ns=time.time_ns() + EXPIRY_NS)
    found = client.post(f"/api/v3/subnet/{subnet}/read_state", request.body)
    other = client.post(f"/api/v3/subnet/{Principal(b'x')}/read_state", request.body)
    assert (found.status_code, other.status_code) == (200, 400)
    certificate = client.verify(cast("dict[str, bytes]", cbor.loads(found.content))["certificate"])
    assert certificate.list_labels([b"canister_ranges", subnet.raw])


def test_management_refuses_what_users_may_not(client: ReplicaClient, canister: Principal) -> None:
    """raw_rand is for canisters, and what it says is the reference's wording."""
    with pytest.raises(CallRejectedError, match="can not be called via ingress messages"):
        client.call(MANAGEMENT_CANISTER, "raw_rand", EMPTY, effective=canister)
