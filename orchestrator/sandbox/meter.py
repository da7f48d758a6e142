"""Measures what a plugin computes, inside its worker process, and interrupts it at its limits.

Computing is the CPU time of the thread that runs the plugin, minus the time it spends in canister calls;
where a system tells no thread's CPU time, it is the time that passes. A plugin may do nothing for as long as
its timeout lets it; how long that has been is told to the tool. Imports nothing beyond the standard library:
the worker loads this module.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from orchestrator.sandbox.threads import start_vital_thread

__all__ = ["Freeing", "Meter", "thread_clock"]

SHORTEST_CHECK_SECONDS: Final = 0.002
LONGEST_CHECK_SECONDS: Final = 0.05
"""Bounds of the pause between two looks at the clock; the pause shrinks as the limit comes near."""
PULSE_NS: Final = 10**8
"""How often the tool is told how the plugin is doing."""
CALL_PULSE_NS: Final = 10**7
"""The same before a call, at which the tool may end the run: what it took until then is known."""
LIFE_NS: Final = 10**6
"""Computing less than this between two looks is none: waking up costs a little."""
FREE_AFTER_NS: Final = 30 * 10**6
"""How long nothing happens before the meter looks whether a thread waits for a named pipe."""
MAX_FREEINGS: Final = 5
"""How often a plugin may open one and the same named pipe before it is taken to do so for ever."""


class Freeing(Protocol):
    """Frees a thread of this process that waits to open a named pipe, and tells the pipe's path (`pipes.PipeWatch`)."""

    def free(self) -> str | None:
        """Look once."""


def thread_clock() -> Callable[[], int]:
    """Make a clock in ns of the calling thread's CPU time, readable from any thread."""
    if hasattr(time, "pthread_getcpuclockid"):
        clock = time.pthread_getcpuclockid(threading.get_ident())
        return lambda: time.clock_gettime_ns(clock)
    return time.monotonic_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """The last sign of life: when, and what had been computed and written by then."""

    at: int
    used: int
    written: int


class Meter:
    """Watches one run from a thread of its own."""

    def __init__(
        self,
        *,
        limit_ns: int,
        parent_pid: int,
        clock: Callable[[], int],
        wall: Callable[[], int],
        interrupt: Callable[[], None],
        is_too_big: Callable[[], bool],
        written: Callable[[], int],
        tell: Callable[[int, int], None],
        pipes: Freeing | None = None,
        give_up: Callable[[str], None],
    ) -> None:
        """Take the limit and what the meter looks at and does.

        `parent_pid` is whom never to outlive; `clock` and `wall` tell the running thread's time and all time,
        in ns; `written` counts the plugin's output; `interrupt` stops a plugin that computes; `tell` is told
        computing and quiet time in ns now and then; `pipes` frees a plugin that opens a named pipe, and
        `give_up` ends one that opens it again and again.
        """
        self.expired: Literal["compute", "memory"] | None = None
        self._wall = wall
        self._is_too_big = is_too_big
        self._limit = limit_ns
        self._parent = parent_pid
        self._clock = clock
        self._interrupt = interrupt
        self._written = written
        self._tell = tell
        self._pipes = pipes
        self._give_up = give_up
        self._started = clock()
        self._elsewhere = 0
        self._left_at: int | None = None
        self._stop = threading.Event()
        self._life = _Life(at=wall(), used=0, written=0)
        self._told_at = wall() - CALL_PULSE_NS
        self._freed: dict[str, int] = {}

    def used_ns(self) -> int:
        """Count the computing so far."""
        left_at = self._left_at
        return max(0, (self._clock() if left_at is None else left_at) - self._started - self._elsewhere)

    def quiet_ns(self) -> int:
        """Tell how long the plugin has neither computed nor called nor written anything."""
        now, used, written = self._wall(), self.used_ns(), self._written()
        life = self._life
        if self._left_at is not None or used - life.used >= LIFE_NS or written != life.written:
            self._life = _Life(at=now, used=used, written=written)
            return 0
        return now - life.at

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Stop counting while the plugin waits for the tool."""
        left_at = self._left_at = self._clock()
        self._tell_after(CALL_PULSE_NS, 0)
        try:
            yield
        finally:
            self._elsewhere += self._clock() - left_at
            self._left_at = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Interrupt the plugin once it has used its limit; end this process if the tool is gone."""
        self._started = self._clock()
        self._life = _Life(at=self._wall(), used=0, written=self._written())
        start_vital_thread(self._watch)
        try:
            yield
        finally:
            self._stop.set()

    def _watch(self) -> None:
        pause = SHORTEST_CHECK_SECONDS
        while not self._stop.wait(pause):
            if os.getppid() != self._parent:
                os._exit(1)
            remaining = self._limit - self.used_ns()
            if self._left_at is None and self.expired is None:
                self.expired = "compute" if remaining <= 0 else "memory" if self._is_too_big() else None
            if self.expired is not None:
                self._interrupt()
            self._attend()
            pause = min(LONGEST_CHECK_SECONDS, max(SHORTEST_CHECK_SECONDS, remaining / 2e9))

    def _attend(self) -> None:
        """Tell the tool how the plugin is doing, and help it out of a named pipe."""
        quiet = self.quiet_ns()
        if self._pipes is not None and quiet >= FREE_AFTER_NS:
            path = self._pipes.free()
            if path is not None:
                self._freed[path] = self._freed.get(path, 0) + 1
                if self._freed[path] > MAX_FREEINGS:
                    self._give_up(path)
        if self._left_at is None:
            self._tell_after(PULSE_NS, quiet)

    def _tell_after(self, pause_ns: int, quiet_ns: int) -> None:
        """Tell the tool how the plugin is doing, unless it was told within the pause."""
        now = self._wall()
        if now - self._told_at >= pause_ns:
            self._told_at = now
            self._tell(self.used_ns(), quiet_ns)
