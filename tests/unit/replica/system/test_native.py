"""Native canisters as the network runs them: what raises undoes all, and what waits survives a restart."""

from pathlib import Path

import pytest

from orchestrator.candid import Variant, load_interface
from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.cycles_ledger import CyclesLedgerCode
from orchestrator.replica.system.cycles_minting import CyclesMintingCode
from orchestrator.replica.system.icp_ledger import IcpLedgerCode
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, PROXY_ID
from orchestrator.replica.system.installing import SYSTEM_CANISTER_IDS, restore_native
from orchestrator.replica.system.native import NativeCode, NativeInstance, NativeModule
from orchestrator.replica.system.proxy import ProxyCode
from orchestrator.replica.system.records import PendingCall
from orchestrator.replica.vm.interface import Callback, CanisterView, InvalidModuleError, Message, MessageKind
from tests.support.scripted_machine import answer
from tests.support.scripted_network import OWNER, STRANGER
from tests.support.system_network import TRILLION, SystemNetwork, account, ok

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


def test_a_trap_undoes_everything(network: SystemNetwork) -> None:
    """A message that fails after it has changed tables leaves them as they were."""
    ledger = network.cycles_ledger
    before = {name: table.items() for name, table in ledger.tables.items()}

    refused = network.respond(CYCLES_LEDGER_ID, "icrc1_transfer", {"to": account(STRANGER), "amount": 1, "memo": bytes(99)})

    assert isinstance(refused, Rejection)
    assert {name: table.items() for name, table in ledger.tables.items()} == before


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
