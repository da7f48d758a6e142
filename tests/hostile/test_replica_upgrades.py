"""Upgrades that fail in every way there is: code, heap, globals and stable memory are exactly as they were, and work on."""

import threading

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.canister import Canister
from orchestrator.replica.fees import APPLICATION_SUBNET, frozen_cycles
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.copy_on_write import copy_on_write_works
from orchestrator.replica.vm.interface import Reply
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.scripted_network import ScriptedNetwork
from tests.support.vm import module

NAMES = [
    "msg_reply",
    "stable64_grow",
    "stable64_write",
    "stable64_size",
    "certified_data_set",
    "global_timer_set",
    "trap",
    "msg_cycles_accept",
]
EOP = '(@custom "icp:private enhanced-orthogonal-persistence" "")'
STATE = """
(global $count (export "count") (mut i64) (i64.const 3)) (global $more (mut f32) (f32.const 1.5)) (data (i32.const 64) "hello")
(func $spoil
  (global.set $count (i64.add (global.get $count) (i64.const 1000))) (global.set $more (f32.const -9)) (i64.store (i32.const 64) (i64.const -1))
  (drop (memory.grow (i32.const 2))) (i64.store (i32.const 80000) (i64.const 99)) (drop (call $stable64_grow (i64.const 3)))
  (call $stable64_write (i64.const 0) (i64.const 64) (i64.const 8)) (call $stable64_write (i64.const 70000) (i64.const 64) (i64.const 8))
  (call $certified_data_set (i32.const 64) (i32.const 5)) (drop (call $global_timer_set (i64.const 4000000000000000000))))
"""
WORKING = """
(func (export "canister_init") (drop (call $stable64_grow (i64.const 1)))
  (call $stable64_write (i64.const 9) (i64.const 64) (i64.const 5)) (call $certified_data_set (i32.const 64) (i32.const 3)))
(func (export "canister_update work") (global.set $count (i64.add (global.get $count) (i64.const 1)))
  (i64.store (i32.const 128) (global.get $count)) (call $stable64_write (i64.const 100) (i64.const 128) (i64.const 8)) (call $msg_reply))
"""


def code(body: str = "", *, names: list[str] | None = None, pages: int = 1) -> bytes:
    """Return a module that has `$spoil`, which writes to everything there is, and works."""
    return module(names or NAMES, STATE + WORKING + body, pages=pages)


OLD = code('(func (export "canister_pre_upgrade") (call $spoil))')
OLD_TRAPPING = code('(func (export "canister_pre_upgrade") (call $spoil) unreachable)')
OLD_EOP = code('(func (export "canister_pre_upgrade") (call $spoil))' + EOP)
KEEP = Variant("upgrade", {"skip_pre_upgrade": None, "wasm_memory_persistence": Variant("keep")})
UPGRADE = Variant("upgrade", None)
POST = '(func (export "canister_post_upgrade") (call $spoil) {})'
FAILURES = {
    "pre_upgrade traps": (OLD_TRAPPING, code(), UPGRADE, "IC0502"),
    "post_upgrade traps": (OLD, code(POST.format("unreachable")), UPGRADE, "IC0502"),
    "post_upgrade traps with kept memory": (OLD_EOP, code(POST.format("unreachable") + EOP), KEEP, "IC0502"),
    "post_upgrade asks for a trap": (OLD, code(POST.format("(call $trap (i32.const 64) (i32.const 5))")), UPGRADE, "IC0503"),
    "post_upgrade breaks its contract": (OLD, code(POST.format("(call $msg_reply)")), UPGRADE, "IC0504"),
    "start traps": (OLD, code("(func $go (global.set $count (i64.const 7)) unreachable) (start $go)"), UPGRADE, "IC0502"),
    "start calls the system": (OLD, code("(func $go (drop (call $global_timer_set (i64.const 1)))) (start $go)"), UPGRADE, "IC0504"),
    "post_upgrade recurses for ever": (
        OLD,
        code("(func $deep (call $deep) (call $spoil))" + POST.format("(call $deep)")),
        UPGRADE,
        "IC0502",
    ),
    "no module": (OLD, b"\0asm no module", UPGRADE, "IC0505"),
    "nothing at all": (OLD, b"", UPGRADE, "IC0505"),
    "unknown import": (OLD, code().replace(b"msg_cycles_accept", b"msg_cycles_accent"), UPGRADE, "IC0505"),
    "data segment out of bounds": (OLD, code('(data (i32.const 65535) "too long")'), UPGRADE, "IC0505"),
    "element segment out of bounds": (OLD, code("(table 1 funcref) (elem (i32.const 1) $spoil)"), UPGRADE, "IC0505"),
    "persistence is not said": (OLD_EOP, code(EOP), UPGRADE, "IC0504"),
    "persistence cannot be": (OLD_EOP, code(), KEEP, "IC0504"),
    "kept memory is too large": (OLD_EOP, code(EOP).replace(b"\x05\x03\x01\x00\x01", b"\x05\x04\x01\x01\x01\x01"), KEEP, "IC0505"),
}


@pytest.fixture(params=["copying", "copy_on_write"], scope="module")
def machine(request: pytest.FixtureRequest) -> WasmMachine:
    """Return a machine for either way to roll back."""
    if request.param == "copy_on_write" and not copy_on_write_works():
        pytest.skip("this system does not show which pages of a process are dirty")
    return WasmMachine(rollback=request.param)


@pytest.fixture
def network(machine: WasmMachine) -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork(machine=machine)  # type: ignore[arg-type]  # any machine will do


def everything(canister: Canister) -> dict[str, object]:
    """Return all that an upgrade might change, cycles apart."""
    assert canister.instance is not None
    state = canister.instance.capture()
    names = (
        "wasm",
        "module_hash",
        "certified_data",
        "global_timer",
        "version",
        "installed_at",
        "settings",
        "chunks",
        "total_changes",
        "status",
    )
    return {
        "memory": (state.memory.length, state.memory.digest()),
        "stable": (state.stable.length, state.stable.digest()),
        "globals": state.globals,
        "sizes": (canister.instance.memory_bytes, canister.instance.stable_bytes),
        **{name: getattr(canister, name) for name in names},
    }


def works(network: ScriptedNetwork, canister: Principal) -> None:
    """Use the canister, and upgrade it to something that works."""
    before = everything(network.canister(canister))
    assert isinstance(network.call(canister, "work"), Reply)
    assert everything(network.canister(canister))["globals"] != before["globals"]
    assert isinstance(network.install(canister, code(), mode=Variant("reinstall")), Reply)
    assert isinstance(network.install(canister, code(POST.format("")), mode=UPGRADE), Reply)
    assert everything(network.canister(canister))["sizes"] == (3 * 65_536, 4 * 65_536)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_upgrade_changes_nothing(network: ScriptedNetwork, failure: str) -> None:
    """Whatever stops it, and whatever was written before: the canister is the same and goes on."""
    old, new, mode, error = FAILURES[failure]
    canister = network.deploy(old)
    assert isinstance(network.call(canister, "work"), Reply)
    before = everything(network.canister(canister))
    for _ in range(2):
        response = network.install(canister, new, mode=mode)
        assert isinstance(response, Rejection), failure
        assert response.error_code == error, response
        assert everything(network.canister(canister)) == before
    works(network, canister)


def test_a_timer_that_pre_upgrade_sets_does_not_outlive_the_upgrade(network: ScriptedNetwork) -> None:
    """The old code's timer stops; what post_upgrade sets counts."""
    canister = network.deploy(OLD)
    assert isinstance(network.install(canister, code(), mode=UPGRADE), Reply)
    assert network.canister(canister).global_timer == 0
    assert isinstance(network.install(canister, code(POST.format("")), mode=UPGRADE), Reply)
    assert network.canister(canister).global_timer == 4 * 10**18


def test_pre_upgrade_that_traps_can_be_skipped(network: ScriptedNetwork) -> None:
    """With skip_pre_upgrade it neither traps nor writes."""
    canister = network.deploy(OLD_TRAPPING)
    stable = everything(network.canister(canister))["stable"]
    mode = Variant("upgrade", {"skip_pre_upgrade": True, "wasm_memory_persistence": None})
    assert isinstance(network.install(canister, code(), mode=mode), Reply)
    assert everything(network.canister(canister))["stable"] == stable


def test_replacing_a_persistent_memory_begins_anew(network: ScriptedNetwork) -> None:
    """With `replace` stable memory stays, and main memory is that of the new module."""
    canister = network.deploy(OLD_EOP)
    mode = Variant("upgrade", {"skip_pre_upgrade": True, "wasm_memory_persistence": Variant("replace")})
    assert isinstance(network.call(canister, "work"), Reply)
    stable = everything(network.canister(canister))["stable"]
    assert isinstance(network.install(canister, code(EOP), mode=mode), Reply)
    assert everything(network.canister(canister))["stable"] == stable
    assert network.canister(canister).instance is not None
    assert everything(network.canister(canister))["globals"] == everything(network.canister(network.deploy(code(EOP))))["globals"]


def test_an_upgrade_that_is_interrupted_changes_nothing(network: ScriptedNetwork, machine: WasmMachine) -> None:
    """An endless post_upgrade that is ended from outside leaves nothing behind."""
    canister = network.deploy(OLD)
    before = everything(network.canister(canister))
    done = threading.Event()

    def interrupt() -> None:
        while not done.wait(0.02):
            machine.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        response = network.install(canister, code(POST.format("(loop $l (br $l))")), mode=UPGRADE)
    finally:
        done.set()
        thread.join()
    assert isinstance(response, Rejection)
    assert response.error_code == "IC0522"
    assert everything(network.canister(canister)) == before
    works(network, canister)


@pytest.mark.parametrize("beyond", [-1, 301_000_000_000 * 2], ids=["no installation", "no growth"])
def test_an_upgrade_that_cannot_be_paid_for_changes_nothing(machine: WasmMachine, beyond: int) -> None:
    """Neither one that cannot begin nor one whose memory cannot be kept."""
    network = ScriptedNetwork(machine=machine, fees=APPLICATION_SUBNET)  # type: ignore[arg-type]  # any machine will do
    canister = network.deploy(OLD)
    network.managed("update_settings", {"canister_id": canister, "settings": {"freezing_threshold": 10**12}})
    record = network.canister(canister)
    record.cycles = frozen_cycles(record, APPLICATION_SUBNET) + beyond
    before = everything(record)
    response = network.install(canister, code(POST.format("")), mode=UPGRADE)
    assert isinstance(response, Rejection)
    assert response.error_code == ("IC0207" if beyond < 0 else "IC0532")
    assert everything(record) == before


def test_a_memory_limit_ends_an_upgrade_and_changes_nothing(network: ScriptedNetwork) -> None:
    """post_upgrade must not grow main memory beyond the setting."""
    canister = network.deploy(OLD)
    network.managed("update_settings", {"canister_id": canister, "settings": {"wasm_memory_limit": 65_536}})
    before = everything(network.canister(canister))
    mode = Variant("upgrade", {"skip_pre_upgrade": True, "wasm_memory_persistence": None})
    response = network.install(canister, code(POST.format("")), mode=mode)
    assert isinstance(response, Rejection)
    assert response.error_code == "IC0539"
    assert everything(network.canister(canister)) == before
