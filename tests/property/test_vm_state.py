"""Random lives of canisters against a model, on every way to roll back: the same bytes, message after message.

The canister is an interpreter: a message's argument is a program of writes, growth, stable writes, calls of globals
and perhaps a trap at its end. The model does the same on Python objects.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.replica.vm.copy_on_write import copy_on_write_works
from orchestrator.replica.vm.instance import WasmInstance
from orchestrator.replica.vm.interface import SavedState
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.machine import Rollback, WasmMachine
from tests.support.vm import module, send

PAGES = 3
PROGRAM_AT = 0x8000
INTERPRETER = """
(global $g (mut i64) (i64.const 1)) (data (i32.const 70000) "segment")
(func $word (param $p i32) (result i32) (i32.load (local.get $p)))
(func $end (result i32) (i32.mul (memory.size) (i32.const 65536)))
(func (export "canister_update run") (local $p i32) (local $stop i32) (local $op i32) (local $a i32) (local $b i32)
  (call $msg_arg_data_copy (i32.const 0x8000) (i32.const 0) (call $msg_arg_data_size))
  (local.set $p (i32.const 0x8000))
  (local.set $stop (i32.add (local.get $p) (call $msg_arg_data_size)))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $p) (local.get $stop)))
    (local.set $op (call $word (local.get $p)))
    (local.set $a (call $word (i32.add (local.get $p) (i32.const 4))))
    (local.set $b (call $word (i32.add (local.get $p) (i32.const 8))))
    (local.set $p (i32.add (local.get $p) (i32.const 12)))
    (if (i32.eq (local.get $op) (i32.const 0))
      (then (i32.store8 (i32.add (i32.const 0x10000) (i32.rem_u (local.get $a) (i32.sub (call $end) (i32.const 0x10000)))) (local.get $b))))
    (if (i32.eq (local.get $op) (i32.const 1)) (then
      (drop (memory.grow (i32.rem_u (local.get $a) (select (i32.const 90) (i32.const 3) (i32.eqz (local.get $b))))))))
    (if (i32.eq (local.get $op) (i32.const 2)) (then (drop (call $stable64_grow (i64.extend_i32_u (i32.rem_u (local.get $a) (i32.const 3)))))))
    (if (i32.eq (local.get $op) (i32.const 3)) (then
      (i32.store8 (i32.const 16) (local.get $b))
      (if (i64.ne (call $stable64_size) (i64.const 0))
        (then (call $stable64_write (i64.rem_u (i64.extend_i32_u (local.get $a)) (i64.mul (call $stable64_size) (i64.const 65536))) (i64.const 16) (i64.const 1))))))
    (if (i32.eq (local.get $op) (i32.const 4)) (then (global.set $g (i64.add (i64.mul (global.get $g) (i64.const 31)) (i64.extend_i32_u (local.get $a))))))
    (if (i32.eq (local.get $op) (i32.const 5)) (then
      (memory.fill (i32.add (i32.const 0x10000) (i32.rem_u (local.get $a) (i32.sub (call $end) (i32.const 0x12000)))) (local.get $b) (i32.rem_u (local.get $a) (i32.const 0x2000)))))
    (if (i32.eq (local.get $op) (i32.const 6)) (then (unreachable)))
    (br $next))))
(func (export "global") (i64.store (i32.const 0) (global.get $g)) (call $debug_print (i32.const 0) (i32.const 8)))
"""
NAMES = ["msg_arg_data_copy", "msg_arg_data_size", "stable64_grow", "stable64_size", "stable64_write", "debug_print"]
WASM = module(NAMES, INTERPRETER, pages=PAGES)
WRITE, GROW, STABLE_GROW, STABLE_WRITE, GLOBAL, FILL, TRAP = range(7)

steps = st.tuples(st.integers(WRITE, FILL), st.integers(0, 2**32 - 1), st.integers(0, 255))
programs = st.tuples(st.lists(steps, max_size=12), st.booleans()).map(lambda pair: [*pair[0], *([(TRAP, 0, 0)] if pair[1] else [])])
actions = st.sampled_from(["commit", "rollback", "commit", "upgrade", "failed upgrade", "restart", "fork", "capture", "revive"])


@dataclass
class Model:
    """The state as Python objects."""

    memory: bytearray = field(default_factory=lambda: bytearray(PAGES * WASM_PAGE_BYTES))
    stable: bytearray = field(default_factory=bytearray)
    value: int = 1

    def copy(self) -> "Model":
        """Return a copy."""
        return Model(bytearray(self.memory), bytearray(self.stable), self.value)

    def run(self, program: Sequence[tuple[int, int, int]]) -> None:
        """Do what the interpreter does."""
        for operation, first, second in program:
            if operation == WRITE:
                self.memory[0x10000 + first % (len(self.memory) - 0x10000)] = second
            elif operation == GROW:
                self.memory.extend(bytes(first % (3 if second else 90) * WASM_PAGE_BYTES))
            elif operation == STABLE_GROW:
                self.stable.extend(bytes(first % 3 * WASM_PAGE_BYTES))
            elif operation == STABLE_WRITE and self.stable:
                self.stable[first % len(self.stable)] = second
            elif operation == FILL:
                start, length = 0x10000 + first % (len(self.memory) - 0x12000), first % 0x2000
                self.memory[start : start + length] = bytes([second]) * length
            elif operation == GLOBAL:
                self.value = (self.value * 31 + first) % 2**64


def fresh() -> Model:
    """Return the state after an installation."""
    model = Model()
    model.memory[70_000:70_007] = b"segment"
    return model


def encode(program: Sequence[tuple[int, int, int]]) -> bytes:
    """Return a program as the interpreter reads it."""
    return b"".join(number.to_bytes(4, "little") for step in program for number in step)


def assert_equal(instance: WasmInstance, model: Model) -> None:
    """Compare the live state with the model, without the scratch area of the interpreter."""
    memory = instance.live.memory
    assert memory is not None
    assert memory.read(0x10000, memory.size() - 0x10000) == bytes(model.memory[0x10000:])
    assert instance.stable_bytes == len(model.stable)
    assert instance._stable.read(0, len(model.stable)) == bytes(model.stable)
    before = memory.read(0, 8)
    (value,) = send(instance, "global").logs
    memory.write(0, before)
    assert int.from_bytes(value, "little") == model.value


def upgrade(
    machine: WasmMachine, instance: WasmInstance, committed: Model, program: Sequence[tuple[int, int, int]], *, keep: bool
) -> tuple[WasmInstance, Model]:
    """Run a program as `pre_upgrade` and return the successor, uncommitted, and what it must be like."""
    expected = committed.copy()
    expected.run(program)
    send(instance, "canister_update run", encode(program))
    successor = machine.instantiate(instance.module, previous=instance, keep_memory=keep)
    start = fresh()
    return successor, Model(expected.memory if keep else start.memory, expected.stable, start.value)


@dataclass
class Life:
    """A canister and its model on one machine."""

    machine: WasmMachine
    instance: WasmInstance
    model: Model
    captured: tuple[SavedState, Model] | None = None

    def step(self, program: list[tuple[int, int, int]], action: str, *, keep: bool) -> None:
        """Run a program and do something with its effects; the model follows."""
        works = (TRAP, 0, 0) not in program
        if action.endswith("upgrade"):
            self.upgrade([step for step in program if step[0] != TRAP], fails=action != "upgrade", keep=keep)
            return
        expected = self.model.copy()
        expected.run(program)
        assert (send(self.instance, "canister_update run", encode(program)).trap is None) == works
        assert_equal(self.instance, expected)
        if action == "fork":
            fork = self.instance.fork()
            assert_equal(fork, self.model)
            fork.close()
        if action == "mark" and works:
            self.go_on_and_return(expected)
        if action == "commit" and works:
            self.instance.commit()
            self.model = expected
        else:
            self.instance.rollback()
        if action == "restart":
            self.restart()
        if action == "capture":
            self.captured = self.instance.capture(), self.model.copy()
        if action == "revive" and self.captured is not None:
            state, self.model = self.captured[0], self.captured[1].copy()
            self.instance.close()
            self.instance = self.machine.revive(self.instance.module, state)

    def go_on_and_return(self, expected: Model) -> None:
        """Mark uncommitted writes, write more over them, and undo only those."""
        mark = self.instance.mark()
        more = [(WRITE, 70_000, 1), (GROW, 1, 0), (STABLE_GROW, 1, 0), (STABLE_WRITE, 7, 9), (GLOBAL, 5, 0), (TRAP, 0, 0)]
        send(self.instance, "canister_update run", encode(more))
        self.instance.return_to(mark)
        assert_equal(self.instance, expected)

    def upgrade(self, program: list[tuple[int, int, int]], *, fails: bool, keep: bool) -> None:
        """Upgrade, or begin to and give up."""
        successor, expected = upgrade(self.machine, self.instance, self.model, program, keep=keep)
        assert_equal(successor, expected)
        if fails:
            successor.rollback()
            successor.close()
            return
        successor.commit()
        self.instance.close()
        self.instance, self.model = successor, expected

    def restart(self) -> None:
        """Save, forget and restore."""
        with tempfile.TemporaryDirectory() as folder:
            self.instance.save(Path(folder))
            self.instance.close()
            self.instance = self.machine.restore(self.instance.module, Path(folder))


def machines() -> list[WasmMachine]:
    """Return a machine for each way to roll back that works here, with and without address space to spare."""
    backends: list[Rollback] = ["copying", "copy_on_write"] if copy_on_write_works() else ["copying"]
    return [*(WasmMachine(rollback=backend, is_confined=False) for backend in backends), WasmMachine(is_confined=True)]


MACHINES = machines()
MODULES = [machine.load(WASM) for machine in MACHINES]
"""Kept, so that each machine compiles the interpreter once."""


@settings(max_examples=50)
@given(st.lists(st.tuples(programs, actions, st.booleans()), min_size=1, max_size=10))
def test_every_life_ends_as_the_model_says(life: list[tuple[list[tuple[int, int, int]], str, bool]]) -> None:
    """After every step the live state, and at the end the committed memory of all machines, equal the model's byte for byte."""
    images = []
    for machine in MACHINES:
        one = Life(machine, machine.instantiate(machine.load(WASM)), fresh())
        for program, action, keep in life:
            one.step(program, action, keep=keep)
            assert_equal(one.instance, one.model)
            one.instance.rollback()
        images.append(dict(one.instance._image.pages()))
        one.instance.close()
    assert all(image == images[0] for image in images)
