"""Canisters as the Motoko compiler makes them: 64-bit memory, enhanced orthogonal persistence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.replica.vm.copy_on_write import copy_on_write_works
from orchestrator.replica.vm.instance import WasmInstance
from orchestrator.replica.vm.interface import START, Message, MessageKind, Outcome, Reply
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import NOW, VIEW, send

pytestmark = pytest.mark.npm
EMPTY = b"DIDL\0\0"
MAX_STEPS = 10
ACTOR = """
import Timer "mo:core/Timer";
persistent actor Counter {
  var count : Nat = 0;
  transient var volatile : Nat = 0;
  public func increment() : async Nat { count += 1; volatile += 1; count };
  public func incrementAndTrap() : async Nat { count += 100; volatile += 100; assert false; count };
  public func allocate() : async () { var list : ?(Nat, Any) = null; var i = 0; while (i < 100_000) { list := ?(i, list); i += 1 }; count += 1; assert count != 1000 };
  public func allocateAndTrap() : async () { var list : ?(Nat, Any) = null; var i = 0; while (i < 300_000) { list := ?(i, list); i += 1 }; assert false };
  public query func get() : async Nat { count };
  public query func getVolatile() : async Nat { volatile };
  public query func spoil() : async Nat { count += 1000; count };
  public func later() : async () { ignore Timer.setTimer<system>(#seconds 1, func () : async () { count += 10 }) };
};
"""


@pytest.fixture(scope="module")
def wasm(compile_actor: Callable[[str], bytes]) -> bytes:
    """Return the compiled actor."""
    return compile_actor(ACTOR)


@pytest.fixture(params=["copying", "copy_on_write"])
def machine(request: pytest.FixtureRequest) -> WasmMachine:
    """Return a machine for each way to roll back."""
    if request.param == "copy_on_write" and not copy_on_write_works():
        pytest.skip("this system does not show which pages of a process are dirty")
    return WasmMachine(rollback=request.param)


@pytest.fixture
def actor(machine: WasmMachine, wasm: bytes) -> WasmInstance:
    """Return the installed actor."""
    instance = machine.instantiate(machine.load(wasm))
    start(instance, "canister_init", MessageKind.INIT)
    instance.commit()
    return instance


def start(instance: WasmInstance, entry: str, kind: MessageKind) -> None:
    """Run the start function and an entry point of an installation."""
    assert send(instance, START, kind=MessageKind.START).trap is None
    assert send(instance, entry, EMPTY, kind=kind).trap is None


def call(instance: WasmInstance, method: str) -> Outcome:
    """Call an update method and keep or undo its effects, as the system would."""
    outcome = send(instance, f"canister_update {method}", EMPTY)
    if outcome.trap is None:
        instance.commit()
    else:
        instance.rollback()
    return outcome


def query(instance: WasmInstance, method: str) -> int:
    """Return the number that a query method answers."""
    outcome = send(instance, f"canister_query {method}", EMPTY, kind=MessageKind.QUERY)
    instance.rollback()
    assert isinstance(outcome.response, Reply)
    return leb128(outcome.response.data.removeprefix(b"DIDL\0\1\x7d"))


def leb128(data: bytes) -> int:
    """Decode the number."""
    return sum((byte & 0x7F) << (7 * index) for index, byte in enumerate(data))


def test_traps_and_queries_leave_no_trace(actor: WasmInstance) -> None:
    """Only the updates that succeed count."""
    assert actor.module.info.memory64
    call(actor, "increment")
    assert "assertion failed" in str(call(actor, "incrementAndTrap").trap)
    assert query(actor, "spoil") == 1001
    assert (query(actor, "get"), query(actor, "getVolatile")) == (1, 1)
    call(actor, "increment")
    assert query(actor, "get") == 2


def test_growth_of_the_heap_is_kept_or_undone(actor: WasmInstance) -> None:
    """A message that grows the heap and traps gives it back; one that succeeds keeps it."""
    size = actor.memory_bytes
    assert call(actor, "allocateAndTrap").trap is not None
    assert actor.memory_bytes == size
    assert call(actor, "allocate").trap is None
    assert actor.memory_bytes > size
    assert query(actor, "get") == 1


def test_persistent_variables_survive_upgrades(machine: WasmMachine, actor: WasmInstance) -> None:
    """With memory kept, `persistent` variables go on and `transient` ones start anew, upgrade after upgrade."""
    current = actor
    for expected in range(1, 4):
        call(current, "increment")
        assert send(current, "canister_pre_upgrade", kind=MessageKind.PRE_UPGRADE).trap is None
        successor = machine.instantiate(current.module, previous=current, keep_memory=True)
        start(successor, "canister_post_upgrade", MessageKind.POST_UPGRADE)
        successor.commit()
        current.close()
        current = successor
        assert (query(current, "get"), query(current, "getVolatile")) == (expected, 0)


def test_upgrade_that_is_given_up_changes_nothing(machine: WasmMachine, actor: WasmInstance) -> None:
    """A successor that is dropped leaves the actor running as before."""
    call(actor, "increment")
    send(actor, "canister_pre_upgrade", kind=MessageKind.PRE_UPGRADE)
    successor = machine.instantiate(actor.module, previous=actor, keep_memory=True)
    start(successor, "canister_post_upgrade", MessageKind.POST_UPGRADE)
    send(successor, "canister_update increment", EMPTY)
    successor.close()
    assert (query(actor, "get"), query(actor, "getVolatile")) == (1, 1)
    assert call(actor, "increment").trap is None


def test_state_survives_a_restart(machine: WasmMachine, actor: WasmInstance, tmp_path: Path) -> None:
    """A saved actor goes on where it was, transient variables included: nothing was reinstalled."""
    call(actor, "allocate")
    call(actor, "increment")
    actor.save(tmp_path)
    restored = machine.restore(actor.module, tmp_path)
    call(restored, "increment")
    assert (query(restored, "get"), query(restored, "getVolatile")) == (3, 2)
    assert (query(actor, "get"), query(actor, "getVolatile")) == (2, 1)


def test_timers_are_asked_for_and_fire(actor: WasmInstance) -> None:
    """`setTimer` sets the global timer; running it makes the calls that run the job."""
    outcome = call(actor, "later")
    assert outcome.global_timer == NOW + 1_000_000_000
    later = Message(kind=MessageKind.SYSTEM_TASK, now=NOW + 2_000_000_000, caller=VIEW.id)
    fired = send(actor, "canister_global_timer", kind=MessageKind.SYSTEM_TASK, message=later)
    actor.commit()
    jobs = fired.calls
    for _ in range(MAX_STEPS):
        if not jobs:
            break
        job = jobs.pop(0)
        assert job.callee == VIEW.id
        done = send(actor, f"canister_update {job.method}", job.arg, message=later)
        assert done.trap is None
        actor.commit()
        jobs += done.calls
    assert query(actor, "get") == 10
