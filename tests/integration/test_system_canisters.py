"""The system canisters over HTTP: what real clients see of them, and what a kill leaves of them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.core.principal import Principal
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, CYCLES_MINTING_ID, ICP_LEDGER_ID, PROXY_ID
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_process import running_replica

TRILLION = 10**12
FEE = 100_000_000
CYCLES_LEDGER, ICP_LEDGER = Principal(CYCLES_LEDGER_ID), Principal(ICP_LEDGER_ID)
CYCLES_MINTING, PROXY = Principal(CYCLES_MINTING_ID), Principal(PROXY_ID)


class System:
    """Calls system canisters as one identity."""

    def __init__(self, client: ReplicaClient) -> None:
        self.client = client

    def call(self, canister: Principal, interface: str, method: str, argument: object) -> Any:
        """Call an update method."""
        service = load_interface(interface).service
        assert service is not None
        signature = service.methods[method]
        return decode(self.client.call(canister, method, encode(signature.arguments, [argument])), signature.results)[0]

    def query(self, canister: Principal, interface: str, method: str, *arguments: object) -> Any:
        """Evaluate a query method."""
        service = load_interface(interface).service
        assert service is not None
        signature = service.methods[method]
        return decode(self.client.query(canister, method, encode(signature.arguments, arguments)), signature.results)[0]

    def cycles(self) -> int:
        """Return the cycles of the identity's account."""
        account = {"owner": self.client.identity.principal, "subaccount": None}
        return int(self.query(CYCLES_LEDGER, "cycles_ledger", "icrc1_balance_of", account))

    def create(self, created_at: int | None) -> Variant:
        """Create a canister with two trillion cycles."""
        argument = {"from_subaccount": None, "created_at_time": created_at, "amount": 2 * TRILLION, "creation_args": None}
        found: Variant = self.call(CYCLES_LEDGER, "cycles_ledger", "create_canister", argument)
        return found


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a network with an identity that has funds."""
    identity = Ed25519Identity.generate()
    directory = tmp_path_factory.mktemp("replica")
    with (
        running_replica(directory, arguments=["--account", str(identity.principal)]) as replica,
        ReplicaClient(replica.url, replica.root_key, identity) as client,
    ):
        yield System(client)


def test_an_account_has_its_funds(system: System) -> None:
    """An identity that the network was told of has a thousand trillion cycles and a million ICP, and controls the proxy."""
    account = {"owner": system.client.identity.principal, "subaccount": None}

    assert system.query(ICP_LEDGER, "icp_ledger", "icrc1_balance_of", account) == 1_000_000 * 10**8
    assert system.query(CYCLES_LEDGER, "cycles_ledger", "icrc1_balance_of", account) == 1_000 * TRILLION
    assert system.client.identity.principal in system.client.status(PROXY)["settings"]["controllers"]  # type: ignore[index]


@pytest.mark.parametrize("canister", [CYCLES_LEDGER, ICP_LEDGER, CYCLES_MINTING, PROXY], ids=str)
def test_certified_state_tells_of_system_canisters(system: System, canister: Principal) -> None:
    """`read_state` proves a module hash and the interface, as for any other canister."""
    certificate = system.client.certificate(
        [[b"canister", canister.raw, b"module_hash"], [b"canister", canister.raw, b"metadata", b"candid:service"]], canister
    )

    assert len(certificate.lookup([b"canister", canister.raw, b"module_hash"]).value) == 32  # type: ignore[union-attr]
    assert b"service" in certificate.lookup([b"canister", canister.raw, b"metadata", b"candid:service"]).value  # type: ignore[union-attr]


@pytest.mark.parametrize("method", ["http_request", "nothing"])
def test_unknown_methods_are_refused_as_everywhere(system: System, method: str) -> None:
    """A method that a system canister lacks is rejected with the reference's code, in a query and in a call."""
    with pytest.raises(CallRejectedError) as queried:
        system.client.query(CYCLES_LEDGER, method, b"DIDL\x00\x00")
    with pytest.raises(CallRejectedError) as called:
        system.client.call(CYCLES_LEDGER, method, b"DIDL\x00\x00")

    assert (queried.value.error_code, called.value.error_code) == ("IC0536", "IC0536")


def test_an_argument_that_does_not_decode_traps(system: System) -> None:
    """A wrong argument is a trap of the canister, and nothing has changed."""
    before = system.cycles()

    with pytest.raises(CallRejectedError) as refused:
        system.client.call(CYCLES_LEDGER, "icrc1_transfer", b"DIDL\x00\x00")

    assert refused.value.error_code == "IC0503"
    assert system.cycles() == before


def test_a_creation_is_done_once(system: System) -> None:
    """The same creation again names the canister that the first one made, and costs nothing."""
    before, created_at = system.cycles(), time.time_ns()

    first, again = system.create(created_at), system.create(created_at)

    assert first.label == "Ok"
    assert again == Variant(
        "Err",
        Variant("Duplicate", {"duplicate_of": first.value["block_id"], "canister_id": first.value["canister_id"]}),  # type: ignore[index]
    )
    assert before - system.cycles() == 2 * TRILLION + FEE


def test_the_price_of_icp_is_certified(system: System) -> None:
    """The conversion rate comes with a certificate of the minting canister's data."""
    rate = system.query(CYCLES_MINTING, "cycles_minting", "get_icp_xdr_conversion_rate")

    certificate = system.client.verify(rate["certificate"])
    assert rate["data"]["xdr_permyriad_per_icp"] == 35_200
    assert len(certificate.lookup([b"canister", CYCLES_MINTING_ID, b"certified_data"]).value) == 32  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_kill_leaves_canisters_and_ledger_together(tmp_path: Path) -> None:
    """After `kill -9` right after the answer, the account was charged, and the same creation again is a duplicate."""
    identity, created_at = Ed25519Identity.generate(), time.time_ns()
    arguments = ["--account", str(identity.principal)]
    with running_replica(tmp_path, arguments=arguments) as replica, ReplicaClient(replica.url, replica.root_key, identity) as client:
        System(client).create(None)
        made = System(client).create(created_at)
        replica.process.kill()
        replica.process.wait()
    with running_replica(tmp_path, arguments=arguments) as replica, ReplicaClient(replica.url, replica.root_key, identity) as client:
        again = System(client).create(created_at)
        status = client.status(made.value["canister_id"])  # type: ignore[index]

        assert again.value.label == "Duplicate"  # type: ignore[attr-defined]
        assert again.value.value["canister_id"] == made.value["canister_id"]  # type: ignore[attr-defined, index]
        assert status["cycles"]
        assert System(client).cycles() == 1_000 * TRILLION - 2 * (2 * TRILLION + FEE)
