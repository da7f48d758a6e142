"""Putting journal lines on the disk while other work goes on: one flush for all that wait for one."""

from collections.abc import Mapping

import anyio
import anyio.to_thread

from orchestrator.store import Journal

__all__ = ["Commits"]


class Commits:
    """Appends to one journal on behalf of many tasks.

    A flush takes milliseconds. Made in the event loop, once for each call of each plugin, it would be what most of a
    run's time goes into: here it is a thread's, and covers every line that was written before it began.
    """

    def __init__(self, journal: Journal) -> None:
        """Take the journal, which others may append to as well."""
        self.journal = journal
        self._lock = anyio.Lock()
        self._written = 0
        self._flushed = 0

    async def append(self, record: Mapping[str, object]) -> None:
        """Write a record and return once it is on the disk; raises `StoreError`."""
        self.journal.append(record, durable=False)
        self._written += 1
        mine = self._written
        async with self._lock:
            if self._flushed >= mine:
                return
            covered = self._written
            await anyio.to_thread.run_sync(self.journal.sync)
            self._flushed = covered
