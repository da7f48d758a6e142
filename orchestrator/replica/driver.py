"""Between the event loop and the thread that executes canisters: nothing on the loop ever waits for a canister.

Jobs run one at a time, in order, on a worker thread that only they use. What a job leaves in the queue is
executed in slices by `keep_running`, so that queries are answered while calls go on.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread

from orchestrator.errors import OrchestratorError
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.replica import Replica, UserCall

__all__ = ["CallEnd", "Driver", "Persistence"]

_LOG = logging.getLogger(__name__)
SLICE_MESSAGES = 50
"""How many messages run before other jobs get their turn."""
SLICE_SECONDS = 0.1
"""How long messages run one after another before other jobs get their turn; one message may take longer."""
TICK_SECONDS = 0.1
WATCH_SECONDS = 1.0
"""How often the running message is looked at."""
INTERRUPT_SECONDS = 0.2
"""How often whatever runs is ended while the network stops."""
MIN_CHECKPOINT_SECONDS = 1.0
CHECKPOINT_PAUSE_FACTOR = 10
"""A checkpoint that took t seconds is followed by at least this many times t without one."""

_T = TypeVar("_T")


class Persistence(Protocol):
    """What keeps the state on disk."""

    def save_created(self) -> None:
        """Make the ids of new canisters durable; called before anybody learns of them."""
        ...

    def checkpoint(self) -> float:
        """Save what changed, and return how many seconds that took."""
        ...


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How an update call ended: refused beforehand, certified, or (both None) still under way."""

    refusal: Rejection | None = None
    certificate: bytes | None = None


_UNDER_WAY = CallEnd()


class Driver:
    """Runs jobs on the replica; every public method is called from the event loop."""

    def __init__(
        self,
        replica: Replica,
        persistence: Persistence,
        *,
        limiter: anyio.CapacityLimiter,
        artificial_delay_seconds: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the replica and the limiter of its thread; update calls start `artificial_delay_seconds` after they came in."""
        self.replica = replica
        self._persistence = persistence
        self._delay = artificial_delay_seconds
        self._limiter = limiter
        self._monotonic = monotonic
        self._is_stopping = False
        self._progress = anyio.Event()
        self._work = anyio.Event()
        self._delayed: deque[tuple[float, UserCall]] = deque()
        self._delays = anyio.Event()

    async def run(self, job: Callable[[], _T]) -> _T:
        """Run a job on the replica's thread."""
        return await anyio.to_thread.run_sync(job, limiter=self._limiter)

    async def submit(self, call: UserCall) -> Rejection | None:
        """Take in an update call and start executing it; returns why it is refused, or None."""
        return (await self._start(call, certify=False)).refusal

    async def call(self, call: UserCall, *, timeout_seconds: float) -> CallEnd:
        """Execute an update call and return its certificate, unless it takes too long."""
        progress = self._progress
        end = await self._start(call, certify=True)
        with anyio.move_on_after(timeout_seconds):
            while end == _UNDER_WAY:
                await progress.wait()
                progress = self._progress
                end = await self.run(lambda: self._end(call))
        return end

    async def _start(self, call: UserCall, *, certify: bool) -> CallEnd:
        """Take in a call, and execute a slice of what is queued unless the call has to wait."""
        if self._delay:
            refusal = await self.run(lambda: self.replica.accept(call))
            if refusal is None:
                self._delayed.append((anyio.current_time() + self._delay, call))
                self._delays.set()
            return CallEnd(refusal=refusal)
        end, more = await self.run(lambda: self._submit(call, certify=certify))
        self._note(more=more)
        return end

    async def keep_running(self) -> None:
        """Execute what is queued, for ever."""
        while True:
            await self._work.wait()
            self._work = anyio.Event()
            self._note(more=await self.run(self._advance))

    async def keep_delaying(self) -> None:
        """Start delayed calls when their time has come, for ever."""
        while True:
            await self._delays.wait()
            self._delays = anyio.Event()
            while self._delayed:
                due, call = self._delayed.popleft()
                await anyio.sleep_until(due)
                await self.run(lambda call=call: self.replica.enqueue(call))  # type: ignore[misc]  # the default binds the loop's value
                self._work.set()

    async def keep_ticking(self) -> None:
        """Start timers and heartbeats when they are due, for ever."""
        while True:
            await anyio.sleep(TICK_SECONDS)
            if await self.run(self._tick):
                self._work.set()

    async def keep_watching(self) -> None:
        """End messages that take too long, for ever."""
        while True:
            await anyio.sleep(WATCH_SECONDS)
            self.replica.interrupt(only_overdue=True)

    async def keep_interrupting(self) -> None:
        """End every message that runs, and start no more of those that are queued, for ever: the network stops."""
        self._is_stopping = True
        while True:
            self.replica.interrupt()
            await anyio.sleep(INTERRUPT_SECONDS)

    async def keep_checkpoints(self, *, min_pause_seconds: float = MIN_CHECKPOINT_SECONDS) -> None:
        """Save the state about every second, for ever; a failure is logged and tried again."""
        pause = min_pause_seconds
        while True:
            await anyio.sleep(pause)
            try:
                seconds = await self.run(self._persistence.checkpoint)
            except (OrchestratorError, OSError) as error:
                _LOG.error("the state could not be saved; trying again: %s", error)  # a full disk needs no traceback
                seconds = 0.0
            pause = max(min_pause_seconds, CHECKPOINT_PAUSE_FACTOR * seconds)

    def _note(self, *, more: bool) -> None:
        """Wake those who wait for an end, and the loop that executes the rest."""
        if more:
            self._work.set()
        self._progress.set()
        self._progress = anyio.Event()

    def _submit(self, call: UserCall, *, certify: bool) -> tuple[CallEnd, bool]:
        refusal = self.replica.accept(call)
        if refusal is not None:
            return CallEnd(refusal=refusal), bool(self.replica.state.queue)
        self.replica.enqueue(call)
        more = self._advance()
        return self._end(call) if certify else _UNDER_WAY, more

    def _advance(self) -> bool:
        end, more = self._monotonic() + SLICE_SECONDS, True
        for _ in range(SLICE_MESSAGES):
            more = self.replica.run(1)
            if not more or self._is_stopping or self._monotonic() >= end:
                break
        if self.replica.state.created:
            self._persistence.save_created()
        return more

    def _end(self, call: UserCall) -> CallEnd:
        record = self.replica.request(call.request_id)
        if record is None or not record.is_done:
            return _UNDER_WAY
        return CallEnd(certificate=self.replica.certificate([(b"request_status", call.request_id)]))

    def _tick(self) -> bool:
        self.replica.tick()
        return bool(self.replica.state.queue)
