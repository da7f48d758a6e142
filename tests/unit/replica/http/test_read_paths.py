"""Which paths may be read where, and by whom."""

import pytest

from orchestrator.core.principal import ANONYMOUS, Principal
from orchestrator.protocol.authentication import AuthenticatedRequest
from orchestrator.replica.http.exchange import HttpError
from orchestrator.replica.http.read_paths import check_canister_paths, check_subnet_paths
from tests.support.scripted_machine import answer
from tests.support.scripted_network import OWNER, STRANGER, ScriptedNetwork

NODE = b"node"
PUBLIC = [
    [b"time"],
    [b"subnet"],
    [b"subnet", b"any"],
    [b"subnet", b"any", b"public_key"],
    [b"subnet", b"any", b"type"],
    [b"subnet", b"any", b"canister_ranges"],
    [b"subnet", b"any", b"node"],
    [b"subnet", b"any", b"node", NODE],
    [b"subnet", b"any", b"node", NODE, b"public_key"],
    [b"api_boundary_nodes"],
    [b"api_boundary_nodes", NODE],
    [b"api_boundary_nodes", NODE, b"domain"],
    [b"api_boundary_nodes", NODE, b"ipv4_address"],
    [b"api_boundary_nodes", NODE, b"ipv6_address"],
]
NOWHERE = [
    [],
    [b""],
    [b"time", b"more"],
    [b"canister"],
    [b"request_status"],
    [b"subnet", b"any", b"secret"],
    [b"subnet", b"any", b"node", NODE, b"secret"],
    [b"subnet", b"any", b"public_key", b"more"],
    [b"api_boundary_nodes", NODE, b"secret"],
    [b"canister_ranges"],
    [b"canister_ranges", b"any", b"shard"],
    [b"streams"],
]


@pytest.fixture(scope="module")
def network() -> ScriptedNetwork:
    """Return a network with one canister, which has answered one call."""
    return ScriptedNetwork()


@pytest.fixture(scope="module")
def canister(network: ScriptedNetwork) -> Principal:
    """Return the canister."""
    return network.deploy(network.machine.module({"canister_update ask": answer(b"yes")}))


def request(sender: Principal = ANONYMOUS, targets: frozenset[Principal] | None = None) -> AuthenticatedRequest:
    """Return a request of somebody, who was authenticated."""
    return AuthenticatedRequest(sender=sender, request_id=bytes(32), content={}, request_type="read_state", expiry_ns=0, targets=targets)


def status(network: ScriptedNetwork, asked: AuthenticatedRequest, *paths: list[bytes], canister: Principal | None = None) -> int:
    """Return what reading paths is answered with, at a canister's or at the subnet's endpoint."""
    try:
        if canister is None:
            check_subnet_paths(network.replica, asked, paths, network.replica.keys.subnet_id)
        else:
            check_canister_paths(network.replica, asked, paths, canister.raw)
    except HttpError as error:
        return error.response.status
    return 200


@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: "/".join(label.decode() for label in path))
def test_what_anybody_may_read(network: ScriptedNetwork, canister: Principal, path: list[bytes]) -> None:
    """Time, subnets and boundary nodes are read anywhere by anybody."""
    assert status(network, request(), path) == 200
    assert status(network, request(), path, canister=canister) == 200


@pytest.mark.parametrize("path", NOWHERE, ids=lambda path: "/".join(label.decode() for label in path) or "nothing")
def test_what_nobody_may_read(network: ScriptedNetwork, canister: Principal, path: list[bytes]) -> None:
    """Paths that the specification does not list are not there."""
    assert status(network, request(OWNER), path) == 404
    assert status(network, request(OWNER), path, canister=canister) == 404


def test_ranges_and_metrics_are_read_at_the_subnet(network: ScriptedNetwork, canister: Principal) -> None:
    """Metrics of this subnet only, ranges of one subnet at a time, and neither at a canister's endpoint."""
    own = network.replica.keys.subnet_id
    assert status(network, request(), [b"subnet", own, b"metrics"]) == 200
    assert status(network, request(), [b"subnet", b"other", b"metrics"]) == 400
    assert status(network, request(), [b"subnet", bytes(40), b"metrics"]) == 400
    assert status(network, request(), [b"subnet", own, b"metrics"], canister=canister) == 404
    assert status(network, request(), [b"canister_ranges", own]) == 200
    assert status(network, request(), [b"canister_ranges", own], [b"canister_ranges", b"other"]) == 400
    assert status(network, request(), [b"canister_ranges", own], canister=canister) == 404


@pytest.mark.parametrize("leaf", [b"module_hash", b"controllers", b"canister_creation_timestamp", b"last_install_timestamp"])
def test_a_canister_is_read_at_its_own_endpoint(network: ScriptedNetwork, canister: Principal, leaf: bytes) -> None:
    """Anybody may, but not through another canister or the subnet."""
    path = [b"canister", canister.raw, leaf]
    assert status(network, request(STRANGER), path, canister=canister) == 200
    assert status(network, request(STRANGER), path, canister=Principal(b"other")) == 400
    assert status(network, request(STRANGER), path) == 404
    assert status(network, request(OWNER), [b"canister", canister.raw, b"certified_data"], canister=canister) == 404


def test_names_of_metadata_are_texts(network: ScriptedNetwork, canister: Principal) -> None:
    """A name that is not UTF-8 is none, and what is not there may be asked for."""
    assert status(network, request(), [b"canister", canister.raw, b"metadata", b"\xff"], canister=canister) == 400
    assert status(network, request(), [b"canister", canister.raw, b"metadata", b"no such"], canister=canister) == 200


def test_a_request_is_read_by_its_sender_where_it_was_sent(network: ScriptedNetwork, canister: Principal) -> None:
    """Everybody else, every other endpoint and every delegation for other canisters is refused."""
    identifier = network.submit(canister, "ask", caller=OWNER)
    assert isinstance(identifier, bytes)
    network.run()
    path = [b"request_status", identifier, b"reply"]
    other = Principal(b"other")
    assert status(network, request(OWNER), path, [b"request_status", identifier], canister=canister) == 200
    assert status(network, request(OWNER, frozenset({canister})), path, canister=canister) == 200
    assert status(network, request(STRANGER), path, canister=canister) == 403
    assert status(network, request(), path, canister=canister) == 403
    assert status(network, request(OWNER), path, canister=other) == 403
    assert status(network, request(OWNER), path) == 403
    assert status(network, request(OWNER, frozenset({other})), path, canister=canister) == 403


def test_requests_that_are_unknown_may_be_asked_for_one_at_a_time(network: ScriptedNetwork, canister: Principal) -> None:
    """The absence of a request is nobody's secret; ids have their length, and a certificate is about one of them."""
    unknown = [b"request_status", b"\xfe" * 32]
    assert status(network, request(), unknown, canister=canister) == 200
    assert status(network, request(), [b"request_status", bytes(31)], canister=canister) == 400
    assert status(network, request(), [*unknown, b"secret"], canister=canister) == 404
    assert status(network, request(), unknown, [b"request_status", b"\x01" * 32], canister=canister) == 400
