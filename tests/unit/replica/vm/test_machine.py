"""Instances over their life: messages that count, messages that do not, upgrades, restarts."""

from dataclasses import replace
from pathlib import Path

import pytest
import wasmtime

from orchestrator.replica.vm.instance import WasmInstance
from orchestrator.replica.vm.interface import START, Callback, Instance, InvalidModuleError, MessageKind, Reply
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.machine import WasmMachine
from orchestrator.replica.vm.snapshot import SnapshotError
from tests.support.vm import VIEW, module, send

NAMES = ["msg_reply", "stable64_grow", "stable64_write", "stable64_read", "debug_print"]
PAGES = 2
COUNTER = """
(table 4 funcref) (elem (i32.const 0) $callback $not_a_callback)
(global $count (mut P) (P.const 0)) (global $float (mut f64) (f64.const 1.5)) (global $small (mut f32) (f32.const 3))
(data (P.const 8) "\\07")
(func $start (global.set $count (P.const 50))) (start $start)
(func $add (i32.store8 (P.const 8) (i32.add (i32.load8_u (P.const 8)) (i32.const 1)))
  (global.set $count (P.add (global.get $count) (P.const 1)))
  (global.set $float (f64.mul (global.get $float) (f64.const 2))) (global.set $small (f32.neg (global.get $small)))
  (call $stable64_write (i64.const 0) (i64.const 8) (i64.const 1)))
(func $end (result P) (P.sub (P.mul (memory.size) (P.const 65536)) (P.const 1)))
(func $far (i32.store8 (call $end) (i32.const 255)))
(func $grow (drop (memory.grow (P.const 3))) (call $add) (call $far))
(func $callback (param P) (P.store (P.const 8) (local.get 0))) (func $not_a_callback)
(func (export "canister_init") (drop (call $stable64_grow (i64.const 1))))
(func (export "canister_update add") (call $add) (call $msg_reply))
(func (export "canister_update trap") (call $add) unreachable)
(func (export "canister_update grow") (call $grow))
(func (export "canister_update grow and trap") (call $grow) unreachable)
(func (export "canister_pre_upgrade") (call $add))
(func (export "growing pre_upgrade") (call $grow))
(func (export "canister_post_upgrade") (call $add))
(func (export "canister_query show")
  (P.store8 (P.const 9) (global.get $count)) (f64.store (P.const 16) (global.get $float)) (f32.store (P.const 24) (global.get $small))
  (call $stable64_read (i64.const 10) (i64.const 0) (i64.const 1)) (call $debug_print (P.const 8) (P.const 20)))
(func (export "canister_query far") (call $debug_print (call $end) (P.const 1)))
"""
FRESH = bytes.fromhex("0732000000000000000000000000f83f00004040")


def counter(*, wide: bool = False) -> bytes:
    """Return a canister whose state is bytes of main and of stable memory, and three globals."""
    return module(
        NAMES, COUNTER.replace("P.", "i64." if wide else "i32.").replace("P)", "i64)" if wide else "i32)"), wide=wide, pages=PAGES
    )


@pytest.fixture(params=[False, True], ids=["wasm32", "wasm64"])
def canister(machine: WasmMachine, request: pytest.FixtureRequest) -> WasmInstance:
    """Return a counter that has been installed, in either pointer width."""
    return install(machine, counter(wide=request.param))


def install(machine: WasmMachine, raw: bytes) -> WasmInstance:
    """Install a module."""
    instance = machine.instantiate(machine.load(raw))
    for entry, kind in ((START, MessageKind.START), ("canister_init", MessageKind.INIT)):
        assert send(instance, entry, kind=kind).trap is None
    instance.commit()
    return instance


def show(instance: Instance) -> bytes:
    """Return the state as the canister sees it: memory, counter, stable memory, floats."""
    outcome = send(instance, "canister_query show", kind=MessageKind.QUERY)
    instance.rollback()
    return outcome.logs[0]


def test_a_fresh_canister_has_what_its_start_function_and_init_left(canister: WasmInstance) -> None:
    """Data segments, the start function's globals and `canister_init` make up the first state."""
    assert show(canister) == FRESH


def test_committed_messages_add_up(canister: WasmInstance) -> None:
    """What is committed is there for the next message."""
    for expected in (8, 9, 10):
        assert send(canister, "canister_update add").response == Reply(b"")
        canister.commit()
        assert show(canister)[:3] == bytes([expected, 43 + expected, expected])


@pytest.mark.parametrize("entry", ["canister_update add", "canister_update trap", "canister_update grow", "canister_update grow and trap"])
def test_what_is_rolled_back_never_happened(canister: WasmInstance, entry: str) -> None:
    """After a rollback memory, its size, globals and stable memory are what they were, again and again."""
    for _ in range(3):
        outcome = send(canister, entry)
        assert (outcome.trap is None) == ("trap" not in entry)
        canister.rollback()
        assert show(canister) == FRESH
        assert canister.memory_bytes == PAGES * WASM_PAGE_BYTES


def test_growth_is_kept_and_later_writes_to_it_roll_back(canister: WasmInstance) -> None:
    """Committed growth stays, and new pages take part in rollback like the old ones."""
    send(canister, "canister_update grow")
    canister.commit()
    state = show(canister)
    assert canister.memory_bytes == (PAGES + 3) * WASM_PAGE_BYTES
    send(canister, "canister_update trap")
    canister.rollback()
    send(canister, "canister_update grow and trap")
    canister.rollback()
    assert show(canister) == state
    assert send(canister, "canister_query far", kind=MessageKind.QUERY).logs == [b"\xff"]


def test_callbacks_get_their_environment(canister: WasmInstance) -> None:
    """A callback is a table index and a value; the function is called with it."""
    assert send(canister, Callback(0, 77), kind=MessageKind.REPLY_CALLBACK).trap is None
    assert show_uncommitted(canister)[0] == 77


@pytest.mark.parametrize(("index", "code"), [(1, "IC0504"), (2, "IC0513"), (4, "IC0513"), (2**64 - 1, "IC0513")])
def test_callbacks_that_are_none_trap(canister: WasmInstance, index: int, code: str) -> None:
    """A function of another type, an empty place and one outside of the table trap."""
    trap = send(canister, Callback(index, 0), kind=MessageKind.REPLY_CALLBACK).trap
    assert trap is not None
    assert trap.error_code == code


def test_missing_method_traps(canister: WasmInstance) -> None:
    """An export that is not there is the canister's fault."""
    trap = send(canister, "canister_update nothing").trap
    assert trap is not None
    assert trap.error_code == "IC0536"


def show_uncommitted(instance: Instance) -> bytes:
    """Return the state with what has not been committed."""
    return send(instance, "canister_query show", kind=MessageKind.QUERY).logs[0]


@pytest.mark.parametrize("pre_upgrade", ["canister_pre_upgrade", "growing pre_upgrade"])
@pytest.mark.parametrize("keep_memory", [False, True])
def test_upgrade_carries_uncommitted_writes_over(machine: WasmMachine, canister: WasmInstance, pre_upgrade: str, keep_memory: bool) -> None:  # noqa: FBT001 - parametrized
    """`pre_upgrade` writes reach the new instance: stable memory always, main memory when it is kept; globals start anew."""
    assert send(canister, pre_upgrade, kind=MessageKind.PRE_UPGRADE).trap is None
    successor = machine.instantiate(canister.module, previous=canister, keep_memory=keep_memory)
    send(successor, START, kind=MessageKind.START)
    state = show_uncommitted(successor)
    assert state[:3] == bytes([8 if keep_memory else 7, 50, 8])
    if keep_memory and pre_upgrade != "canister_pre_upgrade":
        assert send(successor, "canister_query far", kind=MessageKind.QUERY).logs == [b"\xff"]
    assert send(successor, "canister_post_upgrade", kind=MessageKind.POST_UPGRADE).trap is None
    successor.commit()
    canister.close()
    assert show(successor)[:2] == bytes([9 if keep_memory else 8, 51])
    send(successor, "canister_update grow and trap")
    successor.rollback()
    assert show(successor)[:2] == bytes([9 if keep_memory else 8, 51])


@pytest.mark.parametrize("pre_upgrade", ["canister_pre_upgrade", "growing pre_upgrade"])
@pytest.mark.parametrize("keep_memory", [False, True])
@pytest.mark.parametrize("end", ["rollback", "close", "drop"])
def test_failed_upgrade_leaves_the_canister_as_it_was(
    machine: WasmMachine,
    canister: WasmInstance,
    pre_upgrade: str,
    keep_memory: bool,  # noqa: FBT001 - parametrized
    end: str,
) -> None:
    """Whatever `post_upgrade` wrote, the previous instance goes on from its last commit, stable memory included."""
    send(canister, "canister_update add")
    canister.commit()
    state, size = show(canister), canister.memory_bytes
    send(canister, pre_upgrade, kind=MessageKind.PRE_UPGRADE)
    successor = machine.instantiate(canister.module, previous=canister, keep_memory=keep_memory)
    send(successor, START, kind=MessageKind.START)
    send(successor, "canister_update grow and trap", kind=MessageKind.POST_UPGRADE)
    if end == "rollback":
        successor.rollback()
    elif end == "close":
        successor.close()
    del successor
    assert (show(canister), canister.memory_bytes) == (state, size)
    send(canister, "canister_update add")
    canister.commit()
    assert show(canister)[:3] == bytes([state[0] + 1, state[1] + 1, state[2] + 1])


ABOVE_THE_LIMIT = frozenset({MessageKind.UPDATE, MessageKind.INIT, MessageKind.POST_UPGRADE})


@pytest.mark.parametrize("kind", list(MessageKind))
def test_memory_limit_of_the_settings_counts_where_the_specification_says(canister: WasmInstance, kind: MessageKind) -> None:
    """Updates and installations that end with more memory than the canister's own limit trap; all other messages ignore it."""
    view = replace(VIEW, wasm_memory_limit=PAGES * WASM_PAGE_BYTES)
    trap = send(canister, "canister_update grow", kind=kind, view=view).trap
    if kind in ABOVE_THE_LIMIT:
        assert trap is not None
        assert (trap.error_code, "memory limit of 131072 bytes" in trap.message) == ("IC0539", True)
    else:
        assert trap is None or trap.error_code != "IC0539"


def test_memory_above_a_lowered_limit_stops_updates(canister: WasmInstance) -> None:
    """A limit below what the canister has already makes updates trap that do not grow it; 0 is no limit."""
    trap = send(canister, "canister_update add", view=replace(VIEW, wasm_memory_limit=1)).trap
    assert trap is not None
    assert trap.error_code == "IC0539"
    canister.rollback()
    assert send(canister, "canister_update add", view=replace(VIEW, wasm_memory_limit=0)).trap is None
    assert send(canister, "canister_update add", view=replace(VIEW, wasm_memory_limit=canister.memory_bytes)).trap is None


def test_kept_memory_must_fit_the_new_module(machine: WasmMachine, canister: WasmInstance) -> None:
    """A module whose memory may not grow that far is refused for an upgrade that keeps memory; the canister goes on."""
    send(canister, "canister_update grow")
    canister.commit()
    state = show(canister)
    small = machine.load(bytes(wasmtime.wat2wasm("(module (memory 1 2))")))
    with pytest.raises(InvalidModuleError, match="cannot hold"):
        machine.instantiate(small, previous=canister, keep_memory=True)
    without = machine.instantiate(machine.load(bytes(wasmtime.wat2wasm("(module)"))), previous=canister, keep_memory=True)
    without.commit()
    assert (without.memory_bytes, without.stable_bytes) == (0, WASM_PAGE_BYTES)
    assert show(canister) == state


def test_state_survives_a_restart(machine: WasmMachine, canister: WasmInstance, tmp_path: Path) -> None:
    """What was committed is saved and restored; what was not is not."""
    for entry in ("canister_update add", "canister_update grow"):
        send(canister, entry)
        canister.commit()
    state = show(canister)
    send(canister, "canister_update grow")
    canister.save(tmp_path)
    canister.rollback()
    restored = machine.restore(canister.module, tmp_path)
    assert (show(restored), restored.memory_bytes, restored.stable_bytes) == (state, canister.memory_bytes, canister.stable_bytes)
    send(restored, "canister_update trap")
    restored.rollback()
    assert show(restored) == state


def test_restoring_clears_what_data_segments_wrote(machine: WasmMachine, tmp_path: Path) -> None:
    """A page that the canister cleared stays clear after a restart."""
    raw = module(
        ["debug_print"],
        '(data (i32.const 0) "x") (func (export "clear") (i32.store8 (i32.const 0) (i32.const 0))) (func (export "show") (call $debug_print (i32.const 0) (i32.const 1)))',
    )
    instance = machine.instantiate(machine.load(raw))
    send(instance, "clear")
    instance.commit()
    instance.save(tmp_path)
    assert send(machine.restore(instance.module, tmp_path), "show").logs == [b"\0"]


def test_saved_state_of_another_module_is_refused(machine: WasmMachine, canister: WasmInstance, tmp_path: Path) -> None:
    """Globals that do not fit the module raise `SnapshotError`."""
    canister.save(tmp_path)
    with pytest.raises(SnapshotError, match="globals"):
        machine.restore(machine.load(module([], "")), tmp_path)


def test_fork_sees_the_committed_state_and_leaves_it_alone(canister: WasmInstance) -> None:
    """A fork starts from the last commit; neither sees what the other does."""
    send(canister, "canister_update grow")
    fork = canister.fork()
    assert show(fork) == FRESH
    send(fork, "canister_update grow")
    canister.rollback()
    assert show(canister) == FRESH
    assert show_uncommitted(fork)[0] == 8
    fork.close()
    assert show(canister) == FRESH


def test_same_bytes_are_loaded_once(machine: WasmMachine) -> None:
    """Loading a module again gives the one that is there."""
    assert machine.load(counter()) is machine.load(counter())


def test_closed_instances_refuse_to_run(canister: WasmInstance) -> None:
    """Using a closed instance is a mistake of the host, which is told; closing twice is none."""
    canister.close()
    canister.close()
    with pytest.raises(RuntimeError, match="closed"):
        send(canister, "canister_update add")


def test_canister_without_memory_runs(machine: WasmMachine) -> None:
    """A module with no memory can run, roll back, and traps where it needs memory."""
    raw = bytes(
        wasmtime.wat2wasm(
            '(module (import "ic0" "msg_reply" (func $r)) (import "ic0" "debug_print" (func $p (param i32 i32))) (import "ic0" "canister_self_copy" (func $c (param i32 i32 i32))) (func (export "canister_update f") (call $p (i32.const 0) (i32.const 1)) (call $r)) (func (export "canister_update g") (call $c (i32.const 0) (i32.const 0) (i32.const 1))))'
        )
    )
    instance = machine.instantiate(machine.load(raw))
    assert send(instance, "canister_update f").response == Reply(b"")
    instance.commit()
    assert send(instance, "canister_update g").trap is not None
    instance.rollback()
    assert instance.memory_bytes == 0


def test_segments_that_do_not_fit_are_refused(machine: WasmMachine) -> None:
    """A data segment outside of the memory makes a module that cannot be instantiated."""
    loaded = machine.load(module([], '(data (i32.const 65535) "xx")'))
    with pytest.raises(InvalidModuleError, match="out of bounds"):
        machine.instantiate(loaded)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('(import "ic0" "no_such_function" (func))', "'no_such_function' from 'ic0' that is not exported by the runtime"),
        ('(import "env" "time" (func (result i64)))', '"time" from "env"'),
        ('(import "ic0" "time" (func (result i32)))', r"Expected return type \[I64\] for 'time', got \[I32\]"),
        ('(import "ic0" "stable_size" (func (result i32))) (memory i64 1)', "'stable_size' from 'ic0'"),
        ('(import "ic0" "msg_arg_data_size" (func (result i32))) (memory i64 1)', r"Expected return type \[I64\]"),
        ('(func (export "canister_init") (param i32))', r"Expected input params \[\] for 'canister_init'"),
        ('(func (export "canister_query q") (result i32) (i32.const 0))', r"Expected return type \[\] for 'canister_query q'"),
    ],
)
def test_modules_that_do_not_fit_the_system_are_refused(machine: WasmMachine, text: str, reason: str) -> None:
    """Imports and entry points must be those of the specification."""
    with pytest.raises(InvalidModuleError, match=reason):
        machine.load(bytes(wasmtime.wat2wasm(f"(module {text})")))


def test_code_that_is_not_valid_is_refused_with_the_engines_reason(machine: WasmMachine) -> None:
    """A function body that does not type-check is refused, and the reason says where."""
    raw = bytearray(wasmtime.wat2wasm('(module (func (export "canister_init") (drop (i32.const 1))))'))
    raw[raw.index(b"\x41\x01\x1a")] = 0x6A
    with pytest.raises(InvalidModuleError, match="Wasmtime failed to validate wasm module"):
        machine.load(bytes(raw))


def test_vector_globals_roll_back() -> None:
    """A 128-bit global is restored bit for bit; without the native bindings such a module is refused."""
    body = '(global $v (mut v128) (v128.const i64x2 1 2)) (func (export "flip") (global.set $v (v128.not (global.get $v)))) (func (export "show") (v128.store (i32.const 0) (global.get $v)) (call $debug_print (i32.const 0) (i32.const 16)))'
    raw = module(["debug_print"], body)
    machine = WasmMachine()
    instance = machine.instantiate(machine.load(raw))
    before = send(instance, "show").logs
    send(instance, "flip")
    assert send(instance, "show").logs != before
    instance.rollback()
    assert send(instance, "show").logs == before
    portable = WasmMachine(bindings="portable")
    with pytest.raises(InvalidModuleError, match="native bindings"):
        portable.instantiate(portable.load(raw))


@pytest.mark.slow
def test_memories_beyond_4_gib_are_kept_and_rolled_back() -> None:
    """A 64-bit memory grows past what the engine reserved for it, and commits, traps, forks and restarts go on as ever."""
    at = 5 * 1024**3
    body = f"""(func (export "grow") (drop (memory.grow (i64.const {at // WASM_PAGE_BYTES}))) (i64.store (i64.const {at}) (i64.const 77)))
      (func (export "add") (i64.store (i64.const {at}) (i64.add (i64.const 1) (i64.load (i64.const {at})))))
      (func (export "fail") (drop (memory.grow (i64.const 1))) (i64.store (i64.const {at}) (i64.const 0)) unreachable)
      (func (export "show") (call $debug_print (i64.const {at}) (i64.const 8)))"""
    machine = WasmMachine()
    instance = machine.instantiate(machine.load(module(["debug_print"], body, wide=True)))
    instance.commit()
    for entry in ("grow", "add"):
        assert send(instance, entry).trap is None
        instance.commit()
    for entry in ("add", "fail"):
        send(instance, entry)
        instance.rollback()
    fork = instance.fork()
    for one in (instance, fork):
        assert send(one, "show").logs == [(78).to_bytes(8, "little")]
        one.close()
