"""Capturing a canister's state and making an instance of it again."""

import struct
from dataclasses import replace

import pytest

from orchestrator.replica.vm.interface import InvalidModuleError
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.machine import WasmMachine
from orchestrator.replica.vm.pages import Pages
from tests.support.vm import module, send

NAMES = ["msg_reply", "stable64_grow", "stable64_write"]
BODY = """
(global $hidden i32 (i32.const 11)) (global $a (mut i64) (i64.const 1)) (global $shown (export "shown") f32 (f32.const 2.5))
(global $vector (mut v128) (v128.const i64x2 3 4)) (global $exported (export "exported") (mut f64) (f64.const 0.5))
(func (export "canister_update change")
  (global.set $a (i64.add (global.get $a) (i64.const 1))) (global.set $exported (f64.const -1.5))
  (i32.store8 (i32.const 9) (i32.add (i32.load8_u (i32.const 9)) (i32.const 1)))
  (drop (memory.grow (i32.const 1))) (drop (call $stable64_grow (i64.const 1)))
  (call $stable64_write (i64.const 5) (i64.const 9) (i64.const 1)) (call $msg_reply))
"""


def test_globals_are_captured_exports_first_constants_among_them() -> None:
    """Exported globals come as they are exported, then the other mutable ones; hidden constants are not shown."""
    machine = WasmMachine()
    loaded = machine.load(module(NAMES, BODY))
    assert loaded.info.globals == ("f32", "f64", "i64", "v128")
    state = machine.instantiate(loaded).capture()
    values = [state.globals[at : at + 16] for at in range(0, 64, 16)]
    assert [values[0][:4], values[1][:8], values[2][:8], values[3]] == [
        struct.pack("<f", 2.5),
        struct.pack("<d", 0.5),
        struct.pack("<q", 1),
        struct.pack("<qq", 3, 4),
    ]


def test_a_global_with_two_names_is_shown_twice() -> None:
    """As the reference does; what is written last counts."""
    machine = WasmMachine()
    body = """(global $g (mut i32) (i32.const 5)) (global $h (mut i32) (i32.const 6)) (export "one" (global $h)) (export "two" (global $h))
      (func (export "canister_update show") (i32.store (i32.const 0) (global.get $g)) (i32.store (i32.const 4) (global.get $h))
        (call $debug_print (i32.const 0) (i32.const 8)))"""
    loaded = machine.load(module(["debug_print"], body))
    state = machine.instantiate(loaded).capture()
    assert [state.globals[at] for at in range(0, len(state.globals), 16)] == [6, 6, 5]
    changed = b"".join(number.to_bytes(16, "little") for number in (7, 8, 9))
    outcome = send(machine.revive(loaded, replace(state, globals=changed)), "canister_update show")
    assert outcome.logs == [(9).to_bytes(4, "little") + (8).to_bytes(4, "little")]


def test_a_revived_instance_is_as_it_was_when_captured(machine: WasmMachine) -> None:
    """Memory, its size, stable memory and globals come back; what happened since is not there."""
    body = BODY.replace("(global $vector (mut v128) (v128.const i64x2 3 4))", "")  # the portable bindings refuse it
    instance = machine.instantiate(machine.load(module(NAMES, body)))
    assert send(instance, "canister_update change").trap is None
    instance.commit()
    state = instance.capture()
    assert send(instance, "canister_update change").trap is None
    instance.commit()
    revived = machine.revive(instance.module, state)
    assert (revived.memory_bytes, revived.stable_bytes) == (2 * WASM_PAGE_BYTES, WASM_PAGE_BYTES)
    again = revived.capture()
    assert again.globals == state.globals != instance.capture().globals
    assert again.memory.digest() == state.memory.digest() != instance.capture().memory.digest()
    assert again.stable.digest() == state.stable.digest()
    assert state.stable.read(5, 1) == b"\1"


def test_a_state_that_does_not_fit_its_module_is_refused() -> None:
    """Too few globals, too little memory, or more than the module's maximum."""
    machine = WasmMachine()
    loaded = machine.load(module(NAMES, BODY))
    state = machine.instantiate(loaded).capture()
    for wrong in (replace(state, globals=b""), replace(state, memory=Pages(0)), replace(state, memory=Pages(2**33))):
        with pytest.raises(InvalidModuleError):
            machine.revive(loaded, wrong)
