"""The clock as a seam: what time it is, and waiting."""

import time
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now_ns(self) -> int:
        """Return the wall clock, in nanoseconds since 1970."""
        ...

    async def wait_seconds(self, seconds: float) -> None:
        """Return after some time."""
        ...


class SystemClock:
    """The machine's own clock, or that of a local network which was moved ahead of it by some nanoseconds."""

    def __init__(self, offset_ns: int = 0) -> None:
        self._offset_ns = offset_ns

    def now_ns(self) -> int:
        """Return the time, in nanoseconds since 1970."""
        return time.time_ns() + self._offset_ns

    async def wait_seconds(self, seconds: float) -> None:
        """Return after some time."""
        await anyio.sleep(seconds)
