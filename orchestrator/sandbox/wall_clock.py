"""The time that a run may take in all, and how to stop it while the run waits for what is no matter of the plugin's."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

__all__ = ["WallClock"]


class WallClock:
    """Ends a block when its time is over; inside `stopped` no time passes.

    Whoever runs several plugins makes one for each: a plugin that has its answer, but must wait until another leaves the
    processor to it, is not to be ended for that.
    """

    def __init__(self) -> None:
        """Start without a block."""
        self._scope: anyio.CancelScope | None = None

    def running(self, seconds: float | None) -> anyio.CancelScope:
        """Return a scope that ends its block, without an error, after so many seconds; `None` never does."""
        self._scope = anyio.move_on_after(seconds)
        return self._scope

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let no time pass inside the block; such blocks do not overlap."""
        scope = self._scope
        if scope is None or scope.deadline == math.inf:
            yield
            return
        left = scope.deadline - anyio.current_time()
        scope.deadline = math.inf
        try:
            yield
        finally:
            scope.deadline = anyio.current_time() + left
