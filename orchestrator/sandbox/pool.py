"""Worker processes that are ready before a plugin needs one.

Starting Python and loading wasmtime is most of what a small plugin's step costs. A pool does it ahead of
time: it holds workers that wait for their first order. A worker runs one plugin and ends; it is never put
back. A tool that is killed takes its pool with it: a worker that waits for an order ends when its pipe closes.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Final, Self

import anyio
from anyio.abc import TaskGroup

from orchestrator.errors import SandboxError
from orchestrator.sandbox.process import Child, spawn_child

__all__ = ["DEFAULT_POOL_SIZE", "WORKER", "WorkerPool"]

DEFAULT_POOL_SIZE: Final = 2
"""Unused workers that are kept ready; each holds about 30 MiB."""
WORKER: Final = "orchestrator.sandbox.worker"
"""The module whose process runs a plugin."""


class WorkerPool:
    """Keeps up to `size` unused workers ready while its block lasts, and closes them with it.

    `most` is how many plugins will be run at all, if that is known: no worker is started that nobody will need.
    """

    def __init__(self, size: int = DEFAULT_POOL_SIZE, *, most: int | None = None, module: str = WORKER) -> None:
        """Take how many to keep, how many there will be, and the module that they run."""
        self._size = size
        self._left = most
        self._module = module
        self._ready: deque[Child] = deque()
        self._starting = 0
        self._changed = anyio.Event()
        self._group: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        """Begin to start workers."""
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._fill()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End all that are unused; what the block raised is not touched."""
        group, self._group = self._group, None
        try:
            if group is not None:
                group.cancel_scope.cancel()
                await group.__aexit__(None, None, None)
        finally:
            while self._ready:
                await self._ready.pop().close()

    def _fill(self) -> None:
        while self._group is not None and len(self._ready) + self._starting < self._size and self._left != 0:
            if self._left is not None:
                self._left -= 1
            self._starting += 1
            self._group.start_soon(self._start)

    async def _start(self) -> None:
        try:
            # Where none can be started now, whoever needs one tries again and says why it fails.
            with suppress(OSError, SandboxError):
                self._ready.append(await spawn_child(self._module))
        finally:
            self._starting -= 1
            self._changed.set()
            self._changed = anyio.Event()

    async def _next(self) -> Child:
        while self._ready or self._starting:
            if not self._ready:
                await self._changed.wait()
                continue
            child = self._ready.popleft()
            self._fill()
            if child.is_alive:
                return child
            await child.close()
        return await spawn_child(self._module)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Child]:
        """Give a worker to one run, and end it with the block; start one if none is ready."""
        child = await self._next()
        try:
            yield child
        finally:
            await child.close()
