"""Slots of plugins: how many compute at once, and how many processes there are.

A plugin that waits for its canister does not compute: it gives its slot back while it waits, so that calls of
many plugins are under way at once, whatever the number of cores. One that sleeps lends its slot too.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio

from orchestrator.sandbox.wall_clock import WallClock

__all__ = ["MAX_PLUGINS_PER_SLOT", "ComputeSlot", "PluginSlots", "available_cores"]

MAX_PLUGINS_PER_SLOT = 8
"""How many plugins are started, each a process with its memory, for each that may compute."""


def available_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


class PluginSlots:
    """What the plugins of one run share: `jobs` of them compute at once."""

    def __init__(self, jobs: int) -> None:
        """Take how many may compute at once; `processes` bounds those that were started and have not ended."""
        self.compute = anyio.CapacityLimiter(jobs)
        self.processes = anyio.CapacityLimiter(jobs * MAX_PLUGINS_PER_SLOT)


class ComputeSlot:
    """The slot of one plugin, held while it computes; safe for calls that are made at the same time."""

    def __init__(self, slots: PluginSlots, clock: WallClock | None = None) -> None:
        """Take where slots come from, and the plugin's clock, which stands still while it waits for one; none is held yet."""
        self._limiter = slots.compute
        self._clock = clock or WallClock()
        self._lock = anyio.Lock()
        self._coming: anyio.CancelScope | None = None
        self._waiting = 0
        self._held = False

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold a slot inside the block, but for the time of `released`."""
        await self._take()
        try:
            yield
        finally:
            self._give()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Give the slot to others inside the block, and wait for one before the block is left.

        Of several such blocks at once the first gives it, and the last to end waits. One that ends with an error, or
        is cancelled, waits like any other.
        """
        self._waiting += 1
        self._give()
        if self._coming is not None:
            self._coming.cancel()  # whoever waits for a slot needs none before this call has ended
        try:
            yield
        finally:
            self._waiting -= 1
            await self._take()

    def lend(self) -> None:
        """Give the slot to others although the plugin is in no call: it rests."""
        self._give()

    def resume(self) -> None:
        """Take a slot again if one is free: a plugin that computes again after a rest cannot be made to wait."""
        if self._needs_slot() and not self._lock.locked():
            with suppress(anyio.WouldBlock):
                self._limiter.acquire_on_behalf_of_nowait(self)
                self._held = True

    async def _take(self) -> None:
        if not self._needs_slot():
            return  # the last of several calls takes it for all of them
        async with self._lock:
            if not self._needs_slot():
                return
            try:
                with anyio.CancelScope() as self._coming, self._clock.stopped():
                    await self._limiter.acquire_on_behalf_of(self)
                    self._held = True
            finally:
                self._coming = None
            self._give_if_waiting()  # another call may have begun just now

    def _needs_slot(self) -> bool:
        return not self._waiting and not self._held

    def _give_if_waiting(self) -> None:
        if self._waiting:
            self._give()

    def _give(self) -> None:
        if self._held:
            self._held = False
            self._limiter.release_on_behalf_of(self)
