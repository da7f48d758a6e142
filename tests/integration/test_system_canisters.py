"""The system canisters over HTTP: what real clients see of them, and what a kill leaves of them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest

from orchestrator.candid import Variant, decode
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal
from orchestrator.protocol import cbor, hash_tree
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.replica.certified_state import encode_natural
from orchestrator.replica.system.icrc3 import value_hash
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, CYCLES_MINTING_ID, ICP_LEDGER_ID, PROXY_ID
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_process import RunningReplica, running_replica
from tests.support.system_client import SystemClient

TRILLION = 10**12
FEE = 100_000_000
CYCLES_LEDGER, ICP_LEDGER = Principal(CYCLES_LEDGER_ID), Principal(ICP_LEDGER_ID)
CYCLES_MINTING, PROXY = Principal(CYCLES_MINTING_ID), Principal(PROXY_ID)


@pytest.fixture(scope="module")
def identity() -> Ed25519Identity:
    """Return an identity that has funds."""
    return Ed25519Identity.generate()


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory, identity: Ed25519Identity) -> Iterator[RunningReplica]:
    """Run a network that was told of the identity."""
    with running_replica(tmp_path_factory.mktemp("replica"), arguments=["--account", str(identity.principal)]) as running:
        yield running


@pytest.fixture(scope="module")
def system(replica: RunningReplica, identity: Ed25519Identity) -> Iterator[SystemClient]:
    """Call the network's system canisters as the identity."""
    with ReplicaClient(replica.url, replica.root_key, identity) as client:
        yield SystemClient(client)


def test_an_account_has_its_funds(system: SystemClient) -> None:
    """An identity that the network was told of has a thousand trillion cycles and a million ICP, and controls the proxy."""
    assert system.balance(ICP_LEDGER_ID) == 1_000_000 * 10**8
    assert system.cycles() == 1_000 * TRILLION
    assert system.client.identity.principal in system.client.status(PROXY)["settings"]["controllers"]  # type: ignore[index]


@pytest.mark.parametrize("canister", [CYCLES_LEDGER, ICP_LEDGER, CYCLES_MINTING, PROXY], ids=str)
def test_certified_state_tells_of_system_canisters(system: SystemClient, canister: Principal) -> None:
    """`read_state` proves a module hash and the interface, as for any other canister."""
    certificate = system.client.certificate(
        [[b"canister", canister.raw, b"module_hash"], [b"canister", canister.raw, b"metadata", b"candid:service"]], canister
    )

    assert len(certificate.lookup([b"canister", canister.raw, b"module_hash"]).value) == 32  # type: ignore[union-attr]
    assert b"service" in certificate.lookup([b"canister", canister.raw, b"metadata", b"candid:service"]).value  # type: ignore[union-attr]


@pytest.mark.parametrize("method", ["http_request", "nothing"])
def test_unknown_methods_are_refused_as_everywhere(system: SystemClient, method: str) -> None:
    """A method that a system canister lacks is rejected with the reference's code, in a query and in a call."""
    with pytest.raises(CallRejectedError) as queried:
        system.client.query(CYCLES_LEDGER, method, b"DIDL\x00\x00")
    with pytest.raises(CallRejectedError) as called:
        system.client.call(CYCLES_LEDGER, method, b"DIDL\x00\x00")

    assert (queried.value.error_code, called.value.error_code) == ("IC0536", "IC0536")


def test_an_argument_that_does_not_decode_traps(system: SystemClient) -> None:
    """A wrong argument is a trap of the canister, and nothing has changed."""
    before = system.cycles()

    with pytest.raises(CallRejectedError) as refused:
        system.client.call(CYCLES_LEDGER, "icrc1_transfer", b"DIDL\x00\x00")

    assert refused.value.error_code == "IC0503"
    assert system.cycles() == before


def test_a_creation_is_done_once(system: SystemClient) -> None:
    """The same creation again names the canister that the first one made, and costs nothing."""
    before, created_at = system.cycles(), time.time_ns()

    first, again = system.create(created_at), system.create(created_at)

    assert first.label == "Ok"
    assert again == Variant(
        "Err",
        Variant("Duplicate", {"duplicate_of": first.value["block_id"], "canister_id": first.value["canister_id"]}),  # type: ignore[index]
    )
    assert before - system.cycles() == 2 * TRILLION + FEE


def proven(system: SystemClient, canister: bytes, certificate: bytes, tree: bytes, label: bytes) -> bytes:
    """Return what a canister's own hash tree has at a label, once the network's certificate has proven the tree."""
    content = cast("hash_tree.Tree", cbor.loads(tree))
    certified = system.client.verify(certificate).lookup([b"canister", canister, b"certified_data"])
    found = hash_tree.lookup(content, [label])
    assert isinstance(certified, hash_tree.Found)
    assert isinstance(found, hash_tree.Found)
    assert certified.value == hash_tree.digest(content)
    return found.value


def test_the_price_of_icp_is_certified(system: SystemClient) -> None:
    """The conversion rate comes with a hash tree that the network certifies, and that has the rate."""
    rate = system.query(CYCLES_MINTING_ID, "get_icp_xdr_conversion_rate")

    data = proven(system, CYCLES_MINTING_ID, rate["certificate"], rate["hash_tree"], b"ICP_XDR_CONVERSION_RATE")

    named = {"timestamp_seconds": T.NAT64, "xdr_permyriad_per_icp": T.NAT64}
    assert rate["data"]["xdr_permyriad_per_icp"] == 35_200
    assert decode(data, [T.record(named)]) == [rate["data"]]


def test_the_newest_block_is_certified(system: SystemClient) -> None:
    """The cycles ledger proves number and hash of its newest block, from which the chain of all others follows."""
    system.create()

    tip = system.query(CYCLES_LEDGER_ID, "icrc3_get_tip_certificate")
    length = system.query(CYCLES_LEDGER_ID, "icrc3_get_blocks", [])["log_length"]
    newest = system.query(CYCLES_LEDGER_ID, "icrc3_get_blocks", [{"start": length - 1, "length": 1}])["blocks"][0]

    assert proven(system, CYCLES_LEDGER_ID, tip["certificate"], tip["hash_tree"], b"last_block_hash") == value_hash(newest["block"])
    assert proven(system, CYCLES_LEDGER_ID, tip["certificate"], tip["hash_tree"], b"last_block_index") == encode_natural(newest["id"])


@pytest.mark.slow
def test_a_kill_leaves_canisters_and_ledger_together(tmp_path: Path) -> None:
    """After `kill -9` right after the answer, the account was charged, and the same creation again is a duplicate."""
    identity, created_at = Ed25519Identity.generate(), time.time_ns()
    arguments = ["--account", str(identity.principal)]
    with running_replica(tmp_path, arguments=arguments) as replica, ReplicaClient(replica.url, replica.root_key, identity) as client:
        SystemClient(client).create(None)
        made = SystemClient(client).create(created_at)
        replica.process.kill()
        replica.process.wait()
    with running_replica(tmp_path, arguments=arguments) as replica, ReplicaClient(replica.url, replica.root_key, identity) as client:
        again = SystemClient(client).create(created_at)
        status = client.status(made.value["canister_id"])  # type: ignore[index]

        assert again.value.label == "Duplicate"  # type: ignore[attr-defined]
        assert again.value.value["canister_id"] == made.value["canister_id"]  # type: ignore[attr-defined, index]
        assert status["cycles"]
        assert SystemClient(client).cycles() == 1_000 * TRILLION - 2 * (2 * TRILLION + FEE)


@pytest.mark.parametrize(
    "principals", [None, "2vxsx-fae", ["no principal"], [7], ["2vxsx-fae"] * 1001], ids=["none", "text", "odd", "number", "many"]
)
def test_accounts_that_make_no_sense_are_refused(replica: RunningReplica, principals: object) -> None:
    """The control channel says what is wrong with them."""
    answer = tell(replica, principals)

    assert answer.status_code == 400
    assert "principals" in answer.text


def test_accounts_come_while_the_network_runs(replica: RunningReplica) -> None:
    """A principal that the control channel is told of has its funds when the channel answers."""
    identity = Ed25519Identity.generate()
    with ReplicaClient(replica.url, replica.root_key, identity) as client:
        before = SystemClient(client).cycles()

        assert tell(replica, [str(identity.principal)]).status_code == 200
        assert tell(replica, [str(identity.principal)]).status_code == 200

        assert before == 0
        assert SystemClient(client).cycles() == 1_000 * TRILLION


def tell(replica: RunningReplica, principals: object) -> httpx.Response:
    """Tell the control channel of accounts."""
    headers = {"authorization": f"Bearer {replica.control_token}"}
    return httpx.post(f"http://127.0.0.1:{replica.control_port}/accounts", json={"principals": principals}, headers=headers, timeout=30)
