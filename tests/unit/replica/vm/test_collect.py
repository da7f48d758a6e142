"""What an instance says it has committed: put over what was there before, it is what is there now."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.replica.vm.copy_on_write import copy_on_write_works
from orchestrator.replica.vm.instance import WasmInstance
from orchestrator.replica.vm.interface import Changes
from orchestrator.replica.vm.machine import Rollback, WasmMachine
from orchestrator.replica.vm.pages import Pages
from tests.support.vm import module, send

POKE = """
(global $pokes (mut i32) (i32.const 0))
(func $number (param i32) (result i32) (call $msg_arg_data_copy (i32.const 0) (local.get 0) (i32.const 4)) (i32.load (i32.const 0)))
(func (export "canister_update poke")
  (global.set $pokes (i32.add (global.get $pokes) (i32.const 1)))
  (i32.store (call $number (i32.const 0)) (call $number (i32.const 8)))
  (i32.store (i32.const 0) (call $number (i32.const 8)))
  (call $stable_write (call $number (i32.const 4)) (i32.const 0) (i32.const 4)))
(func (export "canister_update grow")
  (drop (memory.grow (i32.const 1)))
  (drop (call $stable_grow (i32.const 1))))
"""
PAGE = 65_536


def written_over(pages: Pages, blocks: Mapping[int, bytes], size: int) -> Pages:
    """Return pages with blocks written over them."""
    fresh = Pages(size * PAGE, dict(pages.stored()))
    for offset, content in blocks.items():
        fresh.write(offset, content)
    return fresh


def same(instance: WasmInstance, memory: Pages, stable: Pages, changes: Changes) -> bool:
    """Say if these pages are an instance's committed state."""
    state = instance.capture()
    return (
        dict(state.memory.stored()) == dict(memory.stored())
        and dict(state.stable.stored()) == dict(stable.stored())
        and (state.memory.size, state.stable.size, state.globals) == (changes.memory_size, changes.stable_size, changes.globals)
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rollback", ["copying", "copy_on_write"])
def test_changes_on_top_of_the_state_before_are_the_state(tmp_path: Path, rollback: Rollback, seed: int) -> None:
    """Over pokes, growth, traps, rollbacks and upgrades that keep the memory, nothing is left out of what is collected."""
    if rollback == "copy_on_write" and not copy_on_write_works():
        pytest.skip("this system does not show its page tables")
    chance = random.Random(seed)  # noqa: S311 # a test's dice
    machine = WasmMachine(cache_directory=tmp_path, rollback=rollback)
    code = machine.load(module(("msg_arg_data_copy", "stable_write", "stable_grow"), POKE, pages=4))
    instance = machine.instantiate(code)
    assert instance.collect(whole=False, max_bytes=10**9) is None
    first = instance.collect(whole=True, max_bytes=10**9)
    assert first is not None
    memory, stable = written_over(Pages(0), first.memory, first.memory_size), written_over(Pages(0), first.stable, first.stable_size)
    for _ in range(25):
        for _ in range(chance.randrange(4)):
            instance = step(machine, instance, chance)
        changes = instance.collect(whole=False, max_bytes=10**9)
        assert changes is not None
        memory, stable = (
            written_over(memory, changes.memory, changes.memory_size),
            written_over(stable, changes.stable, changes.stable_size),
        )
        assert same(instance, memory, stable, changes)
    last = instance.collect(whole=False, max_bytes=10**9)
    assert last is not None
    assert (last.memory, last.stable) == ({}, {})


def step(machine: WasmMachine, instance: WasmInstance, chance: random.Random) -> WasmInstance:
    """Do something to an instance; returns the one that there is afterwards."""
    match chance.randrange(8):
        case 0:
            outcome = send(instance, "canister_update grow")
        case 1:
            upgraded = machine.instantiate(instance.module, previous=instance, keep_memory=True)
            upgraded.commit()
            instance.close()
            return upgraded
        case _:
            numbers = (chance.randrange(0, 7 * PAGE), chance.randrange(0, 3 * PAGE), chance.randrange(3))
            outcome = send(instance, "canister_update poke", b"".join(number.to_bytes(4, "little") for number in numbers))
    if outcome.trap is not None or chance.random() < 0.2:
        instance.rollback()
    else:
        instance.commit()
    return instance


def test_what_is_too_large_is_not_collected(tmp_path: Path) -> None:
    """Above the limit there is no answer, and nothing counts as saved."""
    machine = WasmMachine(cache_directory=tmp_path)
    instance = machine.instantiate(machine.load(module(("msg_arg_data_copy", "stable_write", "stable_grow"), POKE, pages=4)))
    instance.settle()
    send(instance, "canister_update grow")
    send(instance, "canister_update poke", (70_000).to_bytes(4, "little") + bytes(4) + b"\x01\x00\x00\x00")
    instance.commit()
    assert instance.collect(whole=False, max_bytes=4096) is None
    found = instance.collect(whole=False, max_bytes=10**6)
    assert found is not None
    assert 17 * 4096 in found.memory
