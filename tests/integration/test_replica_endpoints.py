"""Every endpoint of the HTTP interface in every version: what it takes, and the form of what it answers."""

import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from orchestrator.candid import decode, encode, load_interface, types
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.protocol import cbor
from orchestrator.protocol.certificate import decode_ranges
from orchestrator.protocol.envelope import sign_call, sign_query, sign_read_state
from orchestrator.protocol.hash_tree import Found
from orchestrator.protocol.keys import AnonymousIdentity
from tests.support.replica_client import EXPIRY_NS, ReplicaClient
from tests.support.replica_modules import counter
from tests.support.replica_process import RunningReplica

EMPTY = b"DIDL\x00\x00"
REJECTION = {"reject_code", "reject_message", "error_code"}


@pytest.fixture(scope="module")
def client(replica: RunningReplica) -> Iterator[ReplicaClient]:
    """Return a client of the network."""
    with ReplicaClient(replica.url, replica.root_key) as made:
        yield made


@pytest.fixture(scope="module")
def canister(client: ReplicaClient) -> Principal:
    """Return a canister that counts."""
    made = client.create()
    client.install(made, counter())
    return made


@pytest.fixture
def subnet(client: ReplicaClient) -> Principal:
    """Return the network's only subnet."""
    return Principal.self_authenticating(client.root_key)


def expiry() -> int:
    """Return when a request of now expires."""
    return time.time_ns() + EXPIRY_NS


def fields(content: bytes) -> dict[str, Any]:
    """Return the map of an answer."""
    decoded = cbor.loads(content)
    assert isinstance(decoded, dict)
    return cast("dict[str, Any]", decoded)


@pytest.mark.parametrize("version", [3, 4])
def test_synchronous_calls_answer_with_a_certificate(client: ReplicaClient, canister: Principal, version: int) -> None:
    """An accepted call is certified; one that is not says so, with code, words and error code."""
    request = client.prepare(canister, "inc", EMPTY)
    answer = client.post(f"/api/v{version}/canister/{canister}/call", request.body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/cbor")
    assert set(fields(answer.content)) == {"status", "certificate"}
    missing = Principal(b"\x03\x01\x01")
    refused = client.post(f"/api/v{version}/canister/{missing}/call", client.prepare(missing, "inc", EMPTY).body)
    assert refused.status_code == 200
    assert set(fields(refused.content)) == {"status", *REJECTION}
    assert fields(refused.content)["status"] == "non_replicated_rejection"


def test_asynchronous_calls_are_accepted_and_asked_for(client: ReplicaClient, canister: Principal) -> None:
    """The answer is 202 without a body, and the status is read until it is there; a refusal has no status field."""
    request = client.prepare(canister, "inc", EMPTY)
    answer = client.post(f"/api/v2/canister/{canister}/call", request.body)
    assert (answer.status_code, answer.content) == (202, b"")
    path = [b"request_status", request.request_id]
    while (status := client.certificate([path], canister).lookup([*path, b"status"])) != Found(b"replied"):
        assert status in {Found(b"received"), Found(b"processing")}
    missing = Principal(b"\x03\x01\x01")
    refused = client.post(f"/api/v2/canister/{missing}/call", client.prepare(missing, "inc", EMPTY).body)
    assert (refused.status_code, set(fields(refused.content))) == (200, REJECTION)


@pytest.mark.parametrize("version", [2, 3])
def test_queries_are_signed(client: ReplicaClient, canister: Principal, version: int) -> None:
    """Replies and rejections carry the node's signature."""
    for method, content in (("get", {"status", "reply", "signatures"}), ("missing", {"status", "signatures", *REJECTION})):
        request = sign_query(client.identity, canister, method, EMPTY, expiry_ns=expiry())
        answer = client.post(f"/api/v{version}/canister/{canister}/query", request.body)
        assert (answer.status_code, set(fields(answer.content))) == (200, content)
        assert set(fields(answer.content)["signatures"][0]) == {"timestamp", "signature", "identity"}


@pytest.mark.parametrize("version", [2, 3])
def test_the_state_is_read_at_canisters_and_at_the_subnet(
    client: ReplicaClient, canister: Principal, subnet: Principal, version: int
) -> None:
    """Time and subnet are read anywhere, ranges and metrics at the subnet; both layouts have the same ranges."""
    request = sign_read_state(client.identity, [[b"time"], [b"subnet"]], expiry_ns=expiry())
    for place in (f"canister/{canister}", f"subnet/{subnet}"):
        answer = client.post(f"/api/v{version}/{place}/read_state", request.body)
        certificate = client.verify(fields(answer.content)["certificate"])
        assert certificate.lookup(["subnet", subnet.raw, "type"]) == Found(b"application")
    paths = [[b"canister_ranges", subnet.raw], [b"subnet", subnet.raw]]
    answer = client.post(f"/api/v{version}/subnet/{subnet}/read_state", sign_read_state(client.identity, paths, expiry_ns=expiry()).body)
    certificate = client.verify(fields(answer.content)["certificate"])
    ranges = decode_ranges(certificate.lookup(["subnet", subnet.raw, "canister_ranges"]))
    (shard,) = certificate.list_labels(["canister_ranges", subnet.raw])
    assert decode_ranges(certificate.lookup(["canister_ranges", subnet.raw, shard])) == ranges
    assert shard == ranges[0][0]
    assert any(low <= canister.raw <= high for low, high in ranges)
    metrics = certificate.lookup(["subnet", subnet.raw, "metrics"])
    assert isinstance(metrics, Found)
    assert set(fields(metrics.value)) == {"num_canisters", "canister_state_bytes", "consumed_cycles_total", "update_transactions_total"}
    (node,) = certificate.list_labels(["subnet", subnet.raw, "node"])
    assert isinstance(certificate.lookup(["subnet", subnet.raw, "node", node, "public_key"]), Found)


def test_canisters_are_created_at_the_subnet(client: ReplicaClient, canister: Principal, subnet: Principal) -> None:
    """Nothing else is called there, and no other subnet is known."""
    service = load_interface("management").service
    assert service is not None
    signature = service.methods["provisional_create_canister_with_cycles"]
    arg = encode(signature.arguments, [{"amount": None, "settings": None, "specified_id": None, "sender_canister_version": None}])
    request = sign_call(client.identity, MANAGEMENT_CANISTER, "provisional_create_canister_with_cycles", arg, expiry_ns=expiry())
    answer = client.post(f"/api/v4/subnet/{subnet}/call", request.body)
    reply = client.finish(request, fields(answer.content))
    assert isinstance(decode(reply, signature.results)[0], dict)
    path = [b"request_status", request.request_id, b"status"]
    read = sign_read_state(client.identity, [path], expiry_ns=expiry()).body
    assert client.post(f"/api/v3/subnet/{subnet}/read_state", read).status_code == 200
    assert client.post(f"/api/v3/canister/{canister}/read_state", read).status_code == 403
    assert client.post(f"/api/v4/subnet/{subnet}/call", client.prepare(canister, "inc", EMPTY).body).status_code == 400
    assert client.post(f"/api/v4/subnet/{canister}/call", request.body).status_code == 400


def test_canisters_are_listed_at_the_subnet(client: ReplicaClient, canister: Principal, subnet: Principal) -> None:
    """The method is called at the subnet or at any canister, and nothing else is asked at the subnet."""
    request = sign_query(client.identity, MANAGEMENT_CANISTER, "list_canisters", encode([], []), expiry_ns=expiry())
    answers = [client.post(f"/api/v3/{place}/query", request.body) for place in (f"subnet/{subnet}", f"canister/{canister}")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({fields(answer.content)["status"] for answer in answers}) == 1
    other = sign_query(client.identity, canister, "get", EMPTY, expiry_ns=expiry())
    assert client.post(f"/api/v3/subnet/{subnet}/query", other.body).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/canister/{canister}/call",
        "/api/v5/canister/{canister}/call",
        "/api/v4/canister/{canister}/query",
        "/api/v4/canister/{canister}/read_state",
        "/api/v2/subnet/{subnet}/call",
        "/api/v3/subnet/{subnet}/call",
        "/api/v2/subnet/{subnet}/query",
        "/api/v4/subnet/{subnet}/read_state",
        "/api/v3/status",
    ],
)
def test_other_versions_are_not_there(client: ReplicaClient, canister: Principal, subnet: Principal, path: str) -> None:
    """What the specification does not have is 404, so that clients can try an older version."""
    request = sign_call(AnonymousIdentity(), canister, "inc", EMPTY, expiry_ns=expiry())
    assert client.post(path.format(canister=canister, subnet=subnet), request.body).status_code == 404


def test_arguments_beyond_the_limit_are_refused(client: ReplicaClient, canister: Principal) -> None:
    """Two mebibytes of method and argument pass the door, one byte more does not."""
    size = 2 * 2**20 - len("inc")
    for length, status in ((size, 200), (size + 1, 413)):
        body = client.prepare(canister, "inc", encode([types.BLOB], [bytes(length)])[-length:]).body
        assert client.post(f"/api/v4/canister/{canister}/call", body).status_code == status
