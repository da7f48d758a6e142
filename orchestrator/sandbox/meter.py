"""Measures what a plugin uses, inside its worker process, and interrupts it at its limits.

Computing is the CPU time of the thread that runs the plugin, minus the time it spends in canister calls;
where a system tells no thread's CPU time, it is the time that passes. Imports nothing beyond the standard
library: the worker loads this module.
"""

import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

__all__ = ["Meter", "Usage", "idle_limit", "thread_clock"]

SHORTEST_CHECK_SECONDS: Final = 0.002
LONGEST_CHECK_SECONDS: Final = 0.05
"""Bounds of the pause between two looks at the clock; the pause shrinks as the limit comes near."""
MEMORY_SLACK_BYTES: Final = 64 << 20
"""What a worker may take for itself, beside the plugin's memories: bytes on their way in and out, thread stacks."""
FILE_BYTES: Final = 1 << 20
"""The most that a worker may write to a file: its last words to stderr."""
IDLE_FACTOR: Final = 10
"""A plugin that neither computes nor calls for this many times its compute limit is given up …"""
IDLE_SECONDS_AT_LEAST: Final = 10.0
"""… but not before this: a machine that is busy with something else lets a plugin be idle too."""
COPIES_OF_INPUT: Final = 6
"""How often a declared file's text may exist at once while it is handed to the plugin."""
_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


def idle_limit(compute_seconds: float) -> float:
    """Tell how many seconds a plugin may be idle in all."""
    return max(compute_seconds * IDLE_FACTOR, IDLE_SECONDS_AT_LEAST)


def thread_clock() -> Callable[[], int]:
    """Make a clock in ns of the calling thread's CPU time, readable from any thread."""
    if hasattr(time, "pthread_getcpuclockid"):
        clock = time.pthread_getcpuclockid(threading.get_ident())
        return lambda: time.clock_gettime_ns(clock)
    return time.monotonic_ns


def _status_bytes(field: str) -> int | None:
    """Read a kB field of this process's status, in bytes; `None` where there is no such file."""
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024
    return None


class Usage:
    """Memory of this process since the object was made: bytes above what it had then."""

    def __init__(self) -> None:
        """Note the baseline; Linux then forgets the peak so far, which may be the parent's."""
        with suppress(OSError):
            _CLEAR.write_text("5", encoding="ascii")
        self._resident = _status_bytes("VmRSS") or self._peak()
        self._data = _status_bytes("VmData")

    @staticmethod
    def _peak() -> int:
        return _status_bytes("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT

    def peak_bytes(self) -> int:
        """Most memory that was resident at once, above the baseline."""
        return max(0, self._peak() - self._resident)

    def linear_bytes(self) -> int:
        """Writable memory taken since the baseline, touched or not: the plugin's memories; 0 where unknown."""
        now = _status_bytes("VmData")
        return 0 if now is None or self._data is None else max(0, now - self._data)

    def is_over(self, memory_bytes: int) -> bool:
        """Tell whether the process has outgrown the limit where the system does not watch it (`limit`)."""
        return self._data is None and self.peak_bytes() > memory_bytes + MEMORY_SLACK_BYTES

    def limit(self, memory_bytes: int, input_bytes: int) -> None:
        """Let the system refuse memory beyond the plugin's limit and the worker's own needs, core dumps and large files.

        wasmtime's own limit is per memory; this one counts all of them together. It holds on Linux.
        """
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        if self._data is not None:
            most = self._data + memory_bytes + MEMORY_SLACK_BYTES + COPIES_OF_INPUT * input_bytes
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            if hard != resource.RLIM_INFINITY:
                most = min(most, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


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
        give_up: Callable[[], None],
        is_too_big: Callable[[], bool],
    ) -> None:
        """Take the limit and what the meter looks at and does.

        `parent_pid` is whom never to outlive; `clock` and `wall` tell the running thread's time and all time,
        in ns; `interrupt` stops a plugin that computes, `give_up` one that does nothing.
        """
        self.expired: Literal["compute", "memory", "idle"] | None = None
        self._wall = wall
        self._give_up = give_up
        self._is_too_big = is_too_big
        self._limit = limit_ns
        self._parent = parent_pid
        self._clock = clock
        self._interrupt = interrupt
        self._started = clock()
        self._wall_started = wall()
        self._elsewhere = 0
        self._wall_elsewhere = 0
        self._left_at: int | None = None
        self._stop = threading.Event()

    def used_ns(self) -> int:
        """Count the computing so far."""
        left_at = self._left_at
        return max(0, (self._clock() if left_at is None else left_at) - self._started - self._elsewhere)

    def idle_ns(self) -> int:
        """Count the time so far in which the plugin neither computed nor waited for the tool."""
        return self._wall() - self._wall_started - self._wall_elsewhere - self.used_ns()

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Stop counting while the plugin waits for the tool."""
        left_at = self._left_at = self._clock()
        wall_left_at = self._wall()
        try:
            yield
        finally:
            self._wall_elsewhere += self._wall() - wall_left_at
            self._elsewhere += self._clock() - left_at
            self._left_at = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Interrupt the plugin once it has used its limit; end this process if the tool is gone."""
        self._started = self._clock()
        self._wall_started = self._wall()
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            yield
        finally:
            self._stop.set()

    def _look(self, remaining: int) -> Literal["compute", "memory", "idle"] | None:
        if remaining <= 0:
            return "compute"
        if self._is_too_big():
            return "memory"
        return "idle" if self.idle_ns() >= idle_limit(self._limit / 1e9) * 1e9 else None

    def _watch(self) -> None:
        pause = SHORTEST_CHECK_SECONDS
        while not self._stop.wait(pause):
            if os.getppid() != self._parent:
                os._exit(1)
            remaining = self._limit - self.used_ns()
            if self._left_at is None:
                self.expired = self._look(remaining)
            if self.expired is not None:
                self._interrupt()
                if self.expired == "idle":
                    self._give_up()
                return
            pause = min(LONGEST_CHECK_SECONDS, max(SHORTEST_CHECK_SECONDS, remaining / 2e9))
