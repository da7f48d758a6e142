"""Slots: a plugin that waits for calls leaves its slot to others, and has one again before it goes on."""

import math

import anyio
import pytest

from orchestrator.engine.slots import MAX_PLUGINS_PER_SLOT, ComputeSlot, PluginSlots, available_cores
from orchestrator.sandbox.wall_clock import WallClock

pytestmark = pytest.mark.anyio


async def test_a_plugin_that_waits_holds_no_slot() -> None:
    """With one slot a second plugin computes while the first waits for a call, and the first goes on after it."""
    slots = PluginSlots(1)
    said: list[str] = []
    called, answered = anyio.Event(), anyio.Event()

    async def caller() -> None:
        slot = ComputeSlot(slots)
        async with slot.held():
            async with slot.released():
                called.set()
                await answered.wait()
            said.append("first goes on")

    async def other() -> None:
        await called.wait()
        async with ComputeSlot(slots).held():
            answered.set()
            await anyio.wait_all_tasks_blocked()
            said.append("second computes")

    async with anyio.create_task_group() as group:
        group.start_soon(caller)
        group.start_soon(other)

    assert said == ["second computes", "first goes on"]
    assert slots.compute.borrowed_tokens == 0


async def test_a_plugin_that_rests_lends_its_slot() -> None:
    """Another plugin computes meanwhile; the first takes no second slot, and one again as soon as there is one."""
    slots = PluginSlots(1)
    first = ComputeSlot(slots)

    async with first.held():
        first.lend()
        async with ComputeSlot(slots).held():
            first.resume()
            assert slots.compute.borrowed_tokens == 1
        assert slots.compute.borrowed_tokens == 0
        first.resume()
        first.resume()
        assert slots.compute.borrowed_tokens == 1
        async with first.released():
            first.resume()
            assert slots.compute.borrowed_tokens == 0

    assert slots.compute.borrowed_tokens == 0


async def test_calls_at_the_same_time_share_the_slot() -> None:
    """The slot is given away by the first of several calls and taken again by the last that ends."""
    slots = PluginSlots(1)
    slot = ComputeSlot(slots)
    ends = [anyio.Event() for _ in range(3)]
    ended: list[int] = []

    async def call(index: int) -> None:
        async with slot.released():
            await ends[index].wait()
        ended.append(index)

    async with slot.held(), anyio.create_task_group() as group:
        for index in range(3):
            group.start_soon(call, index)
        await anyio.wait_all_tasks_blocked()
        assert slots.compute.borrowed_tokens == 0
        ends[1].set()
        ends[0].set()
        await anyio.wait_all_tasks_blocked()
        assert (slots.compute.borrowed_tokens, sorted(ended)) == (0, [0, 1])
        ends[2].set()
        await anyio.wait_all_tasks_blocked()
        assert slots.compute.borrowed_tokens == 1

    assert slots.compute.borrowed_tokens == 0


async def test_a_call_that_begins_while_another_comes_back_keeps_the_slot_free() -> None:
    """A slot that is free again only when the next call has begun is not held through that call."""
    slots = PluginSlots(1)
    slot, blocker = ComputeSlot(slots), ComputeSlot(slots)
    first, second = anyio.Event(), anyio.Event()

    async def call(end: anyio.Event) -> None:
        async with slot.released():
            await end.wait()

    async with slot.held(), anyio.create_task_group() as group:
        group.start_soon(call, first)
        await anyio.wait_all_tasks_blocked()
        async with blocker.held():
            first.set()
            await anyio.wait_all_tasks_blocked()
            group.start_soon(call, second)
            await anyio.wait_all_tasks_blocked()
        await anyio.wait_all_tasks_blocked()
        assert slots.compute.borrowed_tokens == 0
        second.set()

    assert slots.compute.borrowed_tokens == 0


async def test_a_call_that_begins_while_another_comes_back_waits_for_no_slot() -> None:
    """While a slot is taken by others the calls of a batch go on: the next is made, and answered, with none."""
    slots = PluginSlots(1)
    slot, blocker = ComputeSlot(slots), ComputeSlot(slots)
    ended: list[str] = []

    async def call(name: str, end: anyio.Event) -> None:
        async with slot.released():
            await end.wait()
        ended.append(name)

    async with slot.held(), anyio.create_task_group() as group:
        first, second, third = anyio.Event(), anyio.Event(), anyio.Event()
        group.start_soon(call, "first", first)
        await anyio.wait_all_tasks_blocked()
        async with blocker.held():
            first.set()
            await anyio.wait_all_tasks_blocked()
            assert ended == []
            group.start_soon(call, "second", second)
            group.start_soon(call, "third", third)
            await anyio.wait_all_tasks_blocked()
            second.set()
            await anyio.wait_all_tasks_blocked()
            assert ended == ["first", "second"]
            third.set()
            await anyio.wait_all_tasks_blocked()
            assert ended == ["first", "second"]
        await anyio.wait_all_tasks_blocked()
        assert ended == ["first", "second", "third"]
        assert slots.compute.borrowed_tokens == 1

    assert slots.compute.borrowed_tokens == 0


async def test_waiting_for_a_slot_takes_no_time() -> None:
    """While others compute the clock of a plugin that has its answer stands still; while it waits for the answer it does not."""
    slots, clock = PluginSlots(1), WallClock()
    slot, blocker = ComputeSlot(slots, clock), ComputeSlot(slots)
    answered, over = anyio.Event(), anyio.Event()
    scope = clock.running(3600)

    async def plugin() -> None:
        async with slot.held():
            with scope:
                async with slot.released():
                    await answered.wait()
                await over.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(plugin)
        await anyio.wait_all_tasks_blocked()
        assert scope.deadline < math.inf
        async with blocker.held():
            answered.set()
            await anyio.wait_all_tasks_blocked()
            assert scope.deadline == math.inf
        await anyio.wait_all_tasks_blocked()
        assert scope.deadline < math.inf
        over.set()

    assert not scope.cancelled_caught


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    """Whoever is cancelled, while calling or while waiting for a slot, has no slot afterwards."""
    slots = PluginSlots(1)
    slot = ComputeSlot(slots)

    with anyio.move_on_after(0) as scope:
        async with slot.held(), slot.released():
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert slots.compute.borrowed_tokens == 0


def test_there_are_more_processes_than_slots() -> None:
    """How many plugins are started is bounded, above what computes; there is a core at least."""
    assert PluginSlots(3).processes.total_tokens == 3 * MAX_PLUGINS_PER_SLOT
    assert available_cores() >= 1
