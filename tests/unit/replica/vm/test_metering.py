"""Instructions that move memory: what they count, and what messages of modules that give data segments up begin with."""

import pytest
import wasmtime

from orchestrator.replica.vm.engine import Compiler
from orchestrator.replica.vm.instance import WasmInstance
from orchestrator.replica.vm.interface import START, InvalidModuleError, MessageKind
from orchestrator.replica.vm.machine import WasmMachine
from orchestrator.replica.vm.probe import choose_engine, this_system, try_in_child
from tests.support.vm import module, send

BEST = choose_engine(None, system=this_system(), try_out=try_in_child)
COMPILERS: list[Compiler] = ["winch", "cranelift"] if BEST.compiler == "winch" else ["cranelift"]
PAGES = 64
MOVES = """
(data $d "abcdefghijklmnopqrstuvwxyz")
(func (export "nothing"))
(func (export "fill") (memory.fill ({p}.const 7) (i32.const 1) ({p}.const 1000)))
(func (export "copy") (memory.copy ({p}.const 7) ({p}.const 9) ({p}.const 1000)))
(func (export "init") (memory.init $d ({p}.const 0) (i32.const 0) (i32.const 20)))
(func (export "repeat") (local $i i32)
  (loop $next
    (memory.fill ({p}.const 0) (i32.const 1) ({p}.const 1000000))
    (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {times})))))
(func (export "work") (local $i i32)
  (loop $next (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {rounds})))))
(func (export "both") (call 4) (call 5))
(func (export "endless") (loop $next (memory.fill ({p}.const 0) (i32.const 1) ({p}.const 4000000)) (br $next)))
"""


def make(compiler: Compiler, *, wide: bool, times: int = 2, rounds: int = 10) -> WasmInstance:
    """Return an instance that moves memory."""
    body = MOVES.format(p="i64" if wide else "i32", times=times, rounds=rounds)
    machine = WasmMachine(compiler=compiler)
    return machine.instantiate(machine.load(module([], body, wide=wide, pages=PAGES)))


@pytest.mark.parametrize("wide", [False, True], ids=["wasm32", "wasm64"])
def test_bytes_count_alike_with_both_compilers(*, wide: bool) -> None:
    """Every byte that is filled, copied or initialized is an instruction, whichever compiler made the code."""
    counts = []
    for compiler in COMPILERS:
        instance = make(compiler, wide=wide)
        counts.append([send(instance, name).instructions for name in ("nothing", "fill", "copy", "init", "repeat", "work", "both")])
        instance.close()
    assert all(count == counts[0] for count in counts)
    assert [count - counts[0][0] for count in counts[0][1:4]] == [1004, 1004, 24]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_moving_for_ever_is_stopped(compiler: Compiler) -> None:
    """A loop that only fills memory ends at the instruction limit of its kind, soon."""
    trap = send(make(compiler, wide=False), "endless", kind=MessageKind.INSPECT_MESSAGE).trap
    assert trap is not None
    assert (trap.error_code, "200000000 instructions" in trap.message) == ("IC0522", True)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_moving_and_working_add_up(compiler: Compiler) -> None:
    """A message that stays below the limit with either, and exceeds it with both, traps."""
    instance = make(compiler, wide=False, times=120, rounds=20_000_000)
    outcomes = [send(instance, name, kind=MessageKind.INSPECT_MESSAGE) for name in ("repeat", "work", "both")]
    assert [outcome.trap is None for outcome in outcomes] == [True, True, False]
    assert outcomes[0].instructions > 120_000_000
    assert outcomes[1].instructions > 100_000_000
    trap = outcomes[2].trap
    assert trap is not None
    assert trap.error_code == "IC0522"


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_counter_shows_moved_bytes(compiler: Compiler) -> None:
    """`performance_counter` told within a message has what was moved so far."""
    body = """(func (export "f") (memory.fill (i32.const 0) (i32.const 1) (i32.const 5000))
      (i64.store (i32.const 0) (call $performance_counter (i32.const 0))) (call $debug_print (i32.const 0) (i32.const 8)))"""
    machine = WasmMachine(compiler=compiler)
    outcome = send(machine.instantiate(machine.load(module(["performance_counter", "debug_print"], body))), "f")
    assert 5000 < int.from_bytes(outcome.logs[0], "little") <= 5050


DROPPING = """
(data $d "once") (global $runs (mut i32) (i32.const 0))
(func $use (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
  (memory.init $d (i32.mul (global.get $runs) (i32.const 4)) (i32.const 0) (i32.const 4)) (data.drop $d))
(start $use)
(func (export "canister_update use") (call $use))
(func (export "canister_update twice") (call $use) (call $use))
(func (export "show") (call $debug_print (i32.const 0) (i32.const 16)))
"""


@pytest.mark.parametrize("rollback", ["copying", "copy_on_write"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_dropped_segments_are_there_for_the_next_message(compiler: Compiler, rollback: str) -> None:
    """Within a message a segment is gone once dropped; the next message has it again, and all uncommitted writes."""
    machine = WasmMachine(compiler=compiler, rollback="copying" if rollback == "copying" else "auto")
    instance = machine.instantiate(machine.load(module(["debug_print"], DROPPING)))
    assert send(instance, START, kind=MessageKind.START).trap is None
    assert send(instance, "canister_update use").trap is None
    instance.commit()
    trap = send(instance, "canister_update twice").trap
    assert trap is not None
    assert "out of bounds" in trap.message
    instance.rollback()
    assert send(instance, "canister_update use").trap is None
    assert send(instance, "show").logs == [b"\0\0\0\0onceonceonce"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))", "at index 0 with unsupported instruction table.set"),
        ("(table 1 funcref) (func) (func (drop (table.grow (ref.null func) (i32.const 1))))", "at index 1 with unsupported .* table.grow"),
        ("(table 1 funcref) (func (table.fill (i32.const 0) (ref.null func) (i32.const 1)))", "unsupported instruction table.fill"),
        ("(table 1 funcref) (func (table.copy (i32.const 0) (i32.const 0) (i32.const 1)))", "unsupported instruction table.copy"),
        (
            "(table 1 funcref) (elem $e func 0) (func (table.init $e (i32.const 0) (i32.const 0) (i32.const 1)))",
            "unsupported .* table.init",
        ),
        ("(table 1 funcref) (table $t 1 externref) (func (table.set $t (i32.const 0) (ref.null extern)))", "unsupported .* table.set"),
        ("(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))", "relaxed SIMD"),
        ("(memory 1) (memory 1)", "2 memories"),
        ("(memory 1 1 shared)", "shared"),
        ("(tag $t) (func (throw $t))", "malformed section|exceptions"),
        ("(func (result i64 i64) (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))", "wide arithmetic"),
    ],
    ids=["set", "grow", "fill", "copy", "init", "externref", "relaxed", "memories", "shared", "exceptions", "wide"],
)
def test_what_the_mainnet_does_not_run_is_refused(text: str, reason: str) -> None:
    """Instructions that write to tables, and proposals that the Internet Computer has not taken up."""
    with pytest.raises(InvalidModuleError, match=reason):
        WasmMachine().load(bytes(wasmtime.wat2wasm(f"(module {text})")))


@pytest.mark.parametrize(
    "text",
    [
        '(func $f return_call $f) (func (export "f"))',
        '(func (export "f") (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 1 2) (v128.const i64x2 3 4))))',
        '(table 1 funcref) (elem (i32.const 0) func $g) (elem $e func $g) (func $g) (func (export "f") (drop (table.get (i32.const 0))) (elem.drop $e) (drop (table.size)))',
        '(memory i64 1 65536) (func (export "f") (i64.store (i64.const 8) (i64.const 9)))',
        '(global $g (mut v128) (v128.const i64x2 1 2)) (func (export "f") (global.set $g (v128.const i64x2 3 4)))',
        '(global i32 (i32.add (i32.const 1) (i32.const 2))) (func (result i32 i32) (i32.const 1) (i32.const 2)) (func (export "f"))',
    ],
    ids=["tail calls", "vectors", "references", "memory64", "vector globals", "multiple values"],
)
def test_what_the_mainnet_runs_runs(text: str) -> None:
    """Proposals that the Internet Computer has taken up, alone or behind the slower compiler."""
    machine = WasmMachine()
    outcome = send(machine.instantiate(machine.load(bytes(wasmtime.wat2wasm(f"(module {text})")))), "f")
    assert outcome.trap is None
