"""Stable memory through the system API."""

from collections.abc import Iterator

import pytest

from orchestrator.replica.vm.instance import WasmInstance
from orchestrator.replica.vm.interface import MessageKind
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import module, send

NARROW = {"grow": "stable_grow", "size": "stable_size", "write": "stable_write", "read": "stable_read", "t": "i32"}
WIDE = {"grow": "stable64_grow", "size": "stable64_size", "write": "stable64_write", "read": "stable64_read", "t": "i64"}
BODY = """
(data (i32.const 0) "stable")
(func $show (param {t}) ({t}.store (i32.const 100) (local.get 0)) (call $debug_print (i32.const 100) (i32.const 4)))
(func (export "grow") (call $show (call ${grow} ({t}.const 2))))
(func (export "grow too much") (call $show (call ${grow} ({t}.const -1))))
(func (export "size") (call $show (call ${size})))
(func (export "write") (call ${write} ({t}.const 65533) ({t}.const 0) ({t}.const 6)))
(func (export "write at the end") (call ${write} ({t}.const 131066) ({t}.const 0) ({t}.const 6)))
(func (export "write past the end") (call ${write} ({t}.const 131067) ({t}.const 0) ({t}.const 6)))
(func (export "write from nowhere") (call ${write} ({t}.const 0) ({t}.const 65531) ({t}.const 6)))
(func (export "read") (call ${read} ({t}.const 200) ({t}.const 65533) ({t}.const 6)) (call $debug_print (i32.const 200) (i32.const 6)))
(func (export "read past the end") (call ${read} ({t}.const 0) ({t}.const 131067) ({t}.const 6)))
(func (export "read to nowhere") (call ${read} ({t}.const 65531) ({t}.const 0) ({t}.const 6)))
"""


@pytest.fixture(params=[NARROW, WIDE], ids=["narrow", "wide"])
def canister(machine: WasmMachine, request: pytest.FixtureRequest) -> Iterator[WasmInstance]:
    """Return a canister that uses one of the two interfaces."""
    names = [name for name in request.param.values() if name.startswith("stable")]
    instance = machine.instantiate(machine.load(module([*names, "debug_print"], BODY.format(**request.param))))
    yield instance
    instance.close()


def number(instance: WasmInstance, entry: str) -> int:
    """Return the number that an export logs."""
    return int.from_bytes(send(instance, entry).logs[0], "little", signed=True)


def test_memory_grows_and_keeps_what_is_written(canister: WasmInstance) -> None:
    """Growing returns the size before; bytes across a page border come back; the last byte is usable."""
    assert (number(canister, "size"), number(canister, "grow"), number(canister, "size")) == (0, 0, 2)
    assert number(canister, "grow too much") == -1
    assert [send(canister, entry).trap for entry in ("write", "write at the end")] == [None, None]
    assert send(canister, "read").logs == [b"stable"]
    assert canister.stable_bytes == 131_072


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("write past the end", "stable memory out of bounds"),
        ("write from nowhere", "heap out of bounds"),
        ("read past the end", "stable memory out of bounds"),
        ("read to nowhere", "heap out of bounds"),
    ],
)
def test_ranges_outside_trap(canister: WasmInstance, entry: str, reason: str) -> None:
    """A range outside of either memory traps and says which."""
    send(canister, "grow")
    trap = send(canister, entry).trap
    assert trap is not None
    assert trap.message == f"Canister trapped: {reason}"


def test_rollback_undoes_writes_and_growth(canister: WasmInstance) -> None:
    """A message that is rolled back leaves stable memory as it was."""
    send(canister, "grow")
    canister.commit()
    send(canister, "write")
    send(canister, "grow")
    canister.rollback()
    assert number(canister, "size") == 2
    assert send(canister, "read").logs == [bytes(6)]


def test_narrow_functions_trap_above_4_gib(machine: WasmMachine) -> None:
    """The 32-bit interface fails to grow above 4 GiB, and traps once the memory is larger."""
    body = """(func (export "grow") (drop (call $stable64_grow (i64.const 65536))))
      (func (export "one more") (i32.store (i32.const 0) (call $stable_grow (i32.const 1))) (call $debug_print (i32.const 0) (i32.const 4)))
      (func (export "wide one more") (drop (call $stable64_grow (i64.const 1))))
      (func (export "size") (drop (call $stable_size)))"""
    instance = machine.instantiate(machine.load(module(["stable64_grow", "stable_grow", "stable_size", "debug_print"], body)))
    send(instance, "grow")
    assert send(instance, "one more").logs == [b"\xff" * 4]
    assert send(instance, "size").trap is None
    send(instance, "wide one more")
    trap = send(instance, "size").trap
    assert trap is not None
    assert "32 bit stable memory api used on a memory larger than 4GB" in trap.message


def test_writes_of_one_message_are_limited(machine: WasmMachine) -> None:
    """A query that would write to more than 1 GiB of stable memory traps before the memory is taken."""
    body = """(func (export "f") (drop (call $stable64_grow (i64.const 32768))) (drop (memory.grow (i32.const 16385)))
      (call $stable64_write (i64.const 0) (i64.const 0) (i64.const 1073807360)))"""
    instance = machine.instantiate(machine.load(module(["stable64_grow", "stable64_write"], body)))
    trap = send(instance, "f", kind=MessageKind.QUERY).trap
    assert trap is not None
    assert trap.error_code == "IC0524"
