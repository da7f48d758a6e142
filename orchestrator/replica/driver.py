"""Between the event loop and the thread that executes canisters: nothing on the loop ever waits for a canister.

Jobs run one at a time, in order, on a worker thread that only they use. All that wait together go to the thread
together: then a slice of the queued messages is executed, and the requests that have ended are certified with
one signature. So there is one change of threads, and one signature, however many clients there are.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import anyio
import anyio.to_thread

from orchestrator.errors import OrchestratorError, ReplicaError
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.replica import Replica, UserCall

__all__ = ["CallEnd", "Driver", "Persistence"]

_LOG = logging.getLogger(__name__)
SLICE_MESSAGES = 50
"""How many messages run before other jobs get their turn."""
SLICE_SECONDS = 0.1
"""How long messages run one after another before other jobs get their turn; one message may take longer."""
BATCH_SECONDS = 0.01
"""How long jobs run one after another before those that have run are answered."""
BATCH_JOBS = 32
"""How many jobs go to the thread together."""
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


class _Job(Generic[_T]):
    """Something to run on the thread; after a `is_call` job messages are executed.

    An `is_own` job is the network's: it tells nobody anything, so it runs even while new ids cannot be saved.
    """

    __slots__ = ("_action", "_error", "_result", "has_run", "is_call", "is_own")

    def __init__(self, action: Callable[[], _T], *, is_call: bool, is_own: bool = False) -> None:
        self._action = action
        self.is_own = is_own
        self._error: Exception | None = None
        self._result: _T
        self.has_run = False
        self.is_call = is_call

    def run(self) -> None:
        """Run on the thread; what is raised is kept for the one who waits."""
        try:
            self._result = self._action()
        except Exception as error:  # noqa: BLE001 # it belongs to the one who waits, not to those in the same batch
            self._error = error
        self.has_run = True

    def fail(self, error: Exception) -> None:
        """Give up without running."""
        self._error, self.has_run = error, True

    def result(self) -> _T:
        """Return what the action returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


class _Waiting:
    """Somebody who waits for a request's certificate; `failure` is why there is none."""

    __slots__ = ("certificate", "event", "failure")

    def __init__(self) -> None:
        self.certificate: bytes | None = None
        self.failure: ReplicaError | None = None
        self.event = anyio.Event()


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
        self._jobs: deque[_Job[object]] = deque()
        self._turn = anyio.Lock(fast_acquire=True)
        self._waiting: dict[bytes, list[_Waiting]] = {}
        self._known_ends: list[bytes] = []
        self._work = anyio.Event()
        self._delayed: deque[tuple[float, UserCall]] = deque()
        self._delays = anyio.Event()

    async def run(self, job: Callable[[], _T]) -> _T:
        """Run a job on the replica's thread. Raises `ReplicaError` while the ids of new canisters cannot be saved."""
        return await self._run(_Job(job, is_call=False))

    async def run_own(self, job: Callable[[], _T]) -> _T:
        """Run a job that tells nobody about canisters, whatever the state of the disk."""
        return await self._run(_Job(job, is_call=False, is_own=True))

    async def submit(self, call: UserCall) -> Rejection | None:
        """Take in an update call and start executing it, even if who sent it leaves; returns why it is refused, or None."""
        with anyio.CancelScope(shield=True):
            refusal = await self._run(_Job(lambda: self._submit(call), is_call=not self._delay))
        if refusal is None and self._delay:
            self._delayed.append((anyio.current_time() + self._delay, call))
            self._delays.set()
        return refusal

    async def call(self, call: UserCall, *, timeout_seconds: float) -> CallEnd:
        """Execute an update call and return its certificate, unless it takes too long. Raises what `run` raises."""
        waiting = _Waiting()
        others = self._waiting.setdefault(call.request_id, [])
        others.append(waiting)
        try:
            refusal = await self.submit(call)
            if refusal is not None:
                return CallEnd(refusal=refusal)
            if waiting.certificate is None:
                with anyio.move_on_after(timeout_seconds):
                    await waiting.event.wait()
            if waiting.failure is not None:
                raise waiting.failure
            return CallEnd(certificate=waiting.certificate)
        finally:
            others.remove(waiting)
            if not others:
                self._waiting.pop(call.request_id, None)

    async def _run(self, job: _Job[_T]) -> _T:
        """Queue a job, and run a batch when it is its turn: unless a batch before has run it as well."""
        self._jobs.append(job)  # type: ignore[arg-type]  # only this task looks at the result
        try:
            async with self._turn:
                while not job.has_run:
                    await self._run_batch()
        finally:
            if not job.has_run and job in self._jobs:
                self._jobs.remove(job)  # type: ignore[arg-type]  # as above
        return job.result()

    async def _run_batch(self) -> None:
        """Run the oldest jobs on the thread, and tell those whose requests have ended; whoever leaves does not end that."""
        batch = self._next_batch()
        with anyio.CancelScope(shield=True):
            more, certificates, failure = await anyio.to_thread.run_sync(self._work_through, batch, limiter=self._limiter)
        if more:
            self._work.set()
        for waiting in (waiting for others in self._waiting.values() for waiting in others if failure is not None):
            waiting.failure = failure
            waiting.event.set()
        for request_id, certificate in certificates.items():
            for waiting in self._waiting.get(request_id, ()):
                waiting.certificate = certificate
                waiting.event.set()

    def _next_batch(self) -> list[_Job[object]]:
        """Take the oldest jobs of one kind: whoever only asks does not wait for the calls of others to be executed."""
        batch = [self._jobs.popleft()]
        while self._jobs and len(batch) < BATCH_JOBS and self._jobs[0].is_call is batch[0].is_call:
            batch.append(self._jobs.popleft())
        return batch

    async def keep_running(self) -> None:
        """Execute what is queued, for ever."""
        while True:
            await self._work.wait()
            self._work = anyio.Event()
            await self._run(_Job(_nothing, is_call=True, is_own=True))

    async def keep_delaying(self) -> None:
        """Start delayed calls when their time has come, for ever."""
        while True:
            await self._delays.wait()
            self._delays = anyio.Event()
            while self._delayed:
                due, call = self._delayed.popleft()
                await anyio.sleep_until(due)
                await self._run(_Job(lambda call=call: self.replica.enqueue(call), is_call=True, is_own=True))  # type: ignore[misc]  # the default binds the loop's value

    async def keep_ticking(self) -> None:
        """Start timers and heartbeats when they are due, for ever."""
        while True:
            await anyio.sleep(TICK_SECONDS)
            if await self.run_own(self._tick):
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
                seconds = await self.run_own(self._persistence.checkpoint)
            except (OrchestratorError, OSError) as error:
                _LOG.error("the state could not be saved; trying again: %s", error)  # a full disk needs no traceback
                seconds = 0.0
            pause = max(min_pause_seconds, CHECKPOINT_PAUSE_FACTOR * seconds)

    def _work_through(self, batch: list[_Job[object]]) -> tuple[bool, Mapping[bytes, bytes], ReplicaError | None]:
        """Run jobs, on the thread. Returns whether messages are left to execute, and certificates of ended requests.

        What could not run in time goes back to the front of the queue. After calls a slice of messages is executed.
        While the ids of new canisters cannot be saved nothing is certified, and the reason is returned.
        """
        failure = self._save_created()
        end = self._monotonic() + BATCH_SECONDS
        for number, job in enumerate(batch):
            if failure is None or job.is_own:
                job.run()
            else:
                job.fail(failure)
            if self._monotonic() >= end:
                self._jobs.extendleft(reversed(batch[number + 1 :]))
                break
        if not batch[0].is_call:
            return False, {}, failure
        more = self._advance()
        failure = self._save_created()
        return more, {} if failure is not None else self._certify(), failure

    def _save_created(self) -> ReplicaError | None:
        """Make the ids of new canisters durable, before anybody learns of them; returns why that could not be done."""
        if not self.replica.state.created:
            return None
        try:
            self._persistence.save_created()
        except (OrchestratorError, OSError) as error:
            detail = f"{error.summary}: {error.detail}" if isinstance(error, OrchestratorError) else str(error)
            _LOG.error("a new canister's id could not be saved; nothing is answered until it is: %s", detail)
            return ReplicaError("the network's state cannot be saved", slug="replica/not-saved", detail=detail)
        return None

    def _submit(self, call: UserCall) -> Rejection | None:
        refusal = self.replica.accept(call)
        if refusal is not None:
            return refusal
        if not self._delay:
            self.replica.enqueue(call)
        record = self.replica.request(call.request_id)
        if record is not None and record.is_done:
            self._known_ends.append(call.request_id)
        return None

    def _advance(self) -> bool:
        end, more = self._monotonic() + SLICE_SECONDS, True
        for _ in range(SLICE_MESSAGES):
            more = self.replica.run(1)
            if not more or self._is_stopping or self._monotonic() >= end:
                break
        return more

    def _certify(self) -> Mapping[bytes, bytes]:
        """Certify the requests that have ended and that somebody waits for."""
        ended = [*self.replica.state.requests.take_ended(), *self._known_ends]
        self._known_ends.clear()
        return self.replica.request_certificates([request_id for request_id in ended if request_id in self._waiting])

    def _tick(self) -> bool:
        self.replica.tick()
        state = self.replica.state
        return bool(state.queue) or state.requests.has_ended


def _nothing() -> None:
    """Do nothing: a job that only has messages executed."""
