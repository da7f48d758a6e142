"""Answers a plugin's canister calls on the tool's side: one by one or in batches, within the bounds of one run."""

from collections.abc import Iterable, Sequence

import anyio

from orchestrator.errors import OrchestratorError
from orchestrator.sandbox.frames import Call, ReadSection, Reply
from orchestrator.sandbox.limits import CALLS_AT_ONCE, MAX_BATCH_REPLY_BYTES, MAX_ERROR_CHARACTERS, Limits, excess_text
from orchestrator.sandbox.request import CallType, CanisterCall, CanisterCallError, CanisterCallRequest, SectionReader, SectionRequest

__all__ = ["Answers", "TooManyCallsError"]


class TooManyCallsError(Exception):
    """Raised when a plugin makes more calls than one run may; `count` is how many it would be."""

    def __init__(self, count: int) -> None:
        """Take the number of calls."""
        super().__init__(f"{count} calls")
        self.count = count


def _refuse(text: str) -> Reply:
    return Reply(accepted=False, payload=text.encode("utf-8", "replace"))


class _Batch:
    """What has come of a batch so far."""

    def __init__(self, count: int) -> None:
        self.replies: list[Reply | None] = [None] * count
        self.reply_bytes = 0
        self.failure: OrchestratorError | None = None

    def put(self, index: int, reply: Reply) -> None:
        self.replies[index] = reply
        self.reply_bytes += len(reply.payload)

    def fail(self, error: OrchestratorError) -> None:
        """Keep the first failure."""
        if self.failure is None:
            self.failure = error


class Answers:
    """The answers of one run: `calls` counts the calls that were made, `seconds` is the time that the plugin waited for them."""

    def __init__(
        self, limits: Limits, call: CanisterCall, *, callable_names: Iterable[str] = (), read_section: SectionReader | None = None
    ) -> None:
        """Take the run's limits, who makes the calls, which other canisters may be called, and who reads sections."""
        self.calls = 0
        self.seconds = 0.0
        self._batches = 0
        self._limits = limits
        self._call = call
        self._callable = frozenset(callable_names)
        self._read_section = read_section

    async def answer(self, asked: Call) -> Reply:
        """Make one call."""
        self._count(1)
        started = anyio.current_time()
        try:
            return await self._make(asked)
        finally:
            self.seconds += anyio.current_time() - started

    async def answer_section(self, asked: ReadSection) -> Reply:
        """Read a section of a module; it counts as a call."""
        self._count(1)
        started = anyio.current_time()
        try:
            return await self._read(asked)
        finally:
            self.seconds += anyio.current_time() - started

    async def answer_batch(self, batch: Sequence[Call]) -> list[Reply]:
        """Make the calls of a batch, some at a time and in any order; the replies are in the order of the calls.

        What a call raises (not a `CanisterCallError`, which is a reply) comes out here: calls that are under
        way are ended first, the others are not made.
        """
        self._count(len(batch))
        self._batches += 1
        started = anyio.current_time()
        slots = anyio.CapacityLimiter(CALLS_AT_ONCE)
        made = _Batch(len(batch))
        try:
            async with anyio.create_task_group() as tasks:
                for index, asked in enumerate(batch):
                    tasks.start_soon(self._make_in, made, index, asked, slots)
        finally:
            self.seconds += anyio.current_time() - started
        if made.failure is not None:
            raise made.failure
        return [reply for reply in made.replies if reply is not None]

    async def _make_in(self, made: _Batch, index: int, asked: Call, slots: anyio.CapacityLimiter) -> None:
        async with slots:
            if made.failure is not None:
                return
            if made.reply_bytes >= MAX_BATCH_REPLY_BYTES:
                held = excess_text("the replies of the batch", made.reply_bytes, MAX_BATCH_REPLY_BYTES)
                made.put(index, _refuse(f"{held}; this call was not made, make it in another batch"))
                return
            try:
                made.put(index, await self._make(asked, self._batches))
            except OrchestratorError as error:
                made.fail(error)

    def _count(self, more: int) -> None:
        if self.calls + more > self._limits.max_calls:
            raise TooManyCallsError(self.calls + more)
        self.calls += more

    def _refuse_target(self, target: str | None) -> Reply | None:
        if target is None or target in self._callable:
            return None
        advice = "declare it in the sync step's `canisters` list to allow it"
        return _refuse(f"plugin is not permitted to call canister '{target}': {advice}")

    async def _read(self, asked: ReadSection) -> Reply:
        refused = self._refuse_target(asked.target)
        if refused is not None:
            return refused
        if self._read_section is None:
            return _refuse("metadata read failed: there is no network here")
        try:
            section = await self._read_section(SectionRequest(target=asked.target, name=asked.name, direct=asked.direct))
        except CanisterCallError as error:
            return _refuse(_shorten(error.text))
        if section is not None and len(section) > self._limits.max_reply_bytes:
            return _refuse(excess_text("the section", len(section), self._limits.max_reply_bytes))
        return Reply(accepted=True, payload=b"\0" if section is None else b"\1" + section)

    async def _make(self, asked: Call, batch: int | None = None) -> Reply:
        refused = self._refuse_target(asked.target)
        if refused is not None:
            return refused
        size, most = len(asked.argument), self._limits.max_argument_bytes
        if size > most:
            return _refuse(excess_text("the argument", size, most))
        call_type: CallType = "query" if asked.query else "update"
        request = CanisterCallRequest(
            method=asked.method,
            arg=asked.argument,
            call_type=call_type,
            direct=asked.direct,
            cycles=asked.cycles,
            batch=batch,
            target=asked.target,
        )
        try:
            reply = await self._call(request)
        except CanisterCallError as error:
            return _refuse(_shorten(error.text))
        size, most = len(reply), self._limits.max_reply_bytes
        if size > most:
            made = "" if asked.query else "; the call was made"
            return _refuse(excess_text("the reply", size, most) + made)
        return Reply(accepted=True, payload=reply)


def _shorten(text: str) -> str:
    """Cut a reason that is too long for a plugin, and say that it was cut."""
    more = len(text) - MAX_ERROR_CHARACTERS
    return text if more <= 0 else f"{text[:MAX_ERROR_CHARACTERS]}… {more} characters truncated"
