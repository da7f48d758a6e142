"""Native canisters as the network runs them: what raises undoes all, and what waits survives a restart."""

from pathlib import Path
from typing import ClassVar

import pytest

from orchestrator.candid import Variant, load_interface
from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.cycles_ledger import CyclesLedgerCode
from orchestrator.replica.system.cycles_minting import CyclesMintingCode
from orchestrator.replica.system.icp_ledger import IcpLedgerCode
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, PROXY_ID
from orchestrator.replica.system.installing import SYSTEM_CANISTER_IDS, restore_native
from orchestrator.replica.system.native import (
    NativeCall,
    NativeCode,
    NativeInstance,
    NativeModule,
    NativeRejectError,
    NativeTrapError,
    update,
)
from orchestrator.replica.system.proxy import ProxyCode
from orchestrator.replica.system.records import PendingCall
from orchestrator.replica.vm.interface import Callback, CanisterView, InvalidModuleError, Message, MessageKind
from tests.support.scripted_machine import answer
from tests.support.scripted_network import OWNER, STRANGER
from tests.support.system_network import TRILLION, SystemNetwork, ok

CODES = [CyclesLedgerCode, CyclesMintingCode, IcpLedgerCode, ProxyCode]
KINDS = {"query": "canister_query ", "update": "canister_update "}


@pytest.fixture
def network() -> SystemNetwork:
    """Return a network with its system canisters."""
    return SystemNetwork()


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.interface)
def test_code_does_what_its_interface_says(code: type[NativeCode]) -> None:
    """Every method of the interface is exported, as a query or an update as declared, and no other."""
    service = load_interface(code.interface).service
    assert service is not None
    declared = {KINDS["query" if "query" in method.annotations else "update"] + name for name, method in service.methods.items()}

    info = NativeModule(code).info

    assert {name for name in info.exports if " " in name} == declared
    assert b"service" in info.metadata["candid:service"].content


class Toy(NativeCode):
    """A canister that changes its tables, sends a call, and then fails as it is told to."""

    interface = "proxy"
    error: ClassVar[Exception]

    @update
    def proxy(self, call: NativeCall, argument: object) -> Variant:  # noqa: ARG002 # the shape of every method
        """Do all that and fail."""
        call.certify(b"new")
        call.mint_cycles(1)
        call.send(CYCLES_LEDGER_ID, "icrc1_name", b"", then="proxy")
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [(NativeTrapError("on purpose"), "IC0503"), (ZeroDivisionError("by mistake"), "IC0521")],
    ids=["trap", "mistake"],
)
def test_a_failure_undoes_everything(network: SystemNetwork, error: Exception, code: str) -> None:
    """Tables, cycles, certified data and calls are as before, whether the code trapped or is wrong; nobody else notices."""
    Toy.error = error
    canister = network.scripted.state.canisters[PROXY_ID]
    canister.instance = toy = NativeInstance(Toy())
    before = canister.cycles, canister.certified_data

    refused = network.respond(PROXY_ID, "proxy", {"canister_id": OWNER, "method": "", "args": b"", "cycles": 0})

    assert isinstance(refused, Rejection)
    assert refused.error_code == code
    assert (canister.cycles, canister.certified_data) == before
    assert all(len(table) == 0 for table in toy.code.tables.values())
    assert network.cycles() == 1_000 * TRILLION


def test_a_rejection_keeps_what_was_done(network: SystemNetwork) -> None:
    """Native code may reject a call in its own words; what it did before stays."""
    Toy.error = NativeRejectError("not today")
    canister = network.scripted.state.canisters[PROXY_ID]
    canister.instance = NativeInstance(Toy())

    refused = network.respond(PROXY_ID, "proxy", {"canister_id": OWNER, "method": "", "args": b"", "cycles": 0})

    assert isinstance(refused, Rejection)
    assert (refused.error_code, refused.message) == ("IC0406", "not today")
    assert canister.certified_data == b"new"


def test_a_call_under_way_survives_a_restart(network: SystemNetwork, tmp_path: Path) -> None:
    """A creation that waits for its answer goes on in the instance that was read from disk."""
    request = network.submit(CYCLES_LEDGER_ID, "create_canister", {"amount": TRILLION})
    assert network.scripted.replica.run(1)
    canister = network.scripted.state.canisters[CYCLES_LEDGER_ID]
    network.instance(CYCLES_LEDGER_ID).save(tmp_path)
    assert canister.wasm is not None

    canister.instance = restore_native(canister.wasm, tmp_path)
    network.scripted.run()

    made = ok(network.answer(CYCLES_LEDGER_ID, "create_canister", request))
    assert made["canister_id"].raw in network.scripted.state.canisters
    assert len(network.cycles_ledger.pending) == 0


def test_bytes_that_stand_for_no_native_canister(tmp_path: Path) -> None:
    """Any other module is left to the machine; nobody can install what stands for a system canister."""
    assert restore_native(b"\x00asm", tmp_path) is None


def test_nobody_installs_a_native_canister(network: SystemNetwork) -> None:
    """The bytes that stand for a system canister are no module."""
    canister = network.scripted.create()

    refused = network.scripted.install(canister, CyclesLedgerCode.wasm())

    assert isinstance(refused, Rejection)


def test_a_cleanup_forgets_what_waited() -> None:
    """When a continuation trapped, its cleanup removes what was left for it."""
    instance = NativeInstance(ProxyCode())
    number = instance.code.leave(PendingCall(continuation="on_answer", method="proxy", data=None))
    view = CanisterView(id=PROXY_ID, controllers=frozenset(), cycles=0)

    outcome = instance.run(Callback(2, number), Message(kind=MessageKind.CLEANUP, now=0), view)

    assert outcome.response is None
    assert len(instance.code.pending) == 0


def test_system_canisters_belong_to_nobody(network: SystemNetwork) -> None:
    """No user controls the ledgers or the minting canister, so nobody stops or replaces them."""
    for canister_id in SYSTEM_CANISTER_IDS:
        refused = network.scripted.manage("stop_canister", {"canister_id": Principal(canister_id)}, caller=STRANGER)
        assert isinstance(refused, Rejection)
        assert refused.error_code == "IC0512"


def test_seeding_is_done_once(network: SystemNetwork) -> None:
    """An account that spent its funds gets no new ones; a new principal gets its own."""
    ok(network.transfer(TRILLION, STRANGER))
    before = network.cycles(), network.icp()

    network.scripted.replica.seed_accounts([OWNER.raw, STRANGER.raw])

    assert (network.cycles(), network.icp()) == before
    assert network.cycles(STRANGER) == 1_001 * TRILLION
    assert STRANGER.raw in network.scripted.state.canisters[PROXY_ID].settings.controllers


def test_there_are_no_snapshots_of_native_canisters(network: SystemNetwork) -> None:
    """What a controller of the proxy may ask for, but cannot have, is refused."""
    with pytest.raises(InvalidModuleError):
        network.instance(PROXY_ID).capture()


def test_a_fork_is_a_copy(network: SystemNetwork) -> None:
    """What a fork changes, the instance does not see."""
    fork = network.instance(CYCLES_LEDGER_ID).fork()
    assert isinstance(fork, NativeInstance)

    fork.code.tables["balances"][b"x"] = 1

    assert network.cycles_ledger.balance(b"x") == 0


def test_a_deleted_proxy_is_there_again_after_a_restart(network: SystemNetwork) -> None:
    """Whoever controls the proxy may delete it; the next start brings it back, with the same controllers."""
    controllers = network.scripted.state.canisters[PROXY_ID].settings.controllers
    for method in ("stop_canister", "delete_canister"):
        network.scripted.managed(method, {"canister_id": Principal(PROXY_ID)})

    network.scripted.replica.install_system_canisters()

    assert network.scripted.state.canisters[PROXY_ID].settings.controllers == controllers


def test_the_proxy_keeps_its_code(network: SystemNetwork) -> None:
    """Its controllers can neither replace the proxy's code nor take it away: it goes on as before."""
    wasm = network.scripted.machine.module({"canister_update work": answer(b"mine")})

    installed = network.scripted.install(Principal(PROXY_ID), wasm, mode=Variant("reinstall"))
    uninstalled = network.scripted.manage("uninstall_code", {"canister_id": Principal(PROXY_ID)})

    assert isinstance(installed, Rejection)
    assert isinstance(uninstalled, Rejection)
    assert isinstance(network.instance(PROXY_ID).code, ProxyCode)
