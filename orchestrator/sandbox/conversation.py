"""One run of one plugin as the tool sees it: the conversation with its worker process, and what comes of it."""

import os
from typing import Final

import anyio.lowlevel

from orchestrator.errors import PluginRefusedError, SandboxError
from orchestrator.sandbox.answers import Answers, TooManyCallsError
from orchestrator.sandbox.cache import Artifact
from orchestrator.sandbox.frames import Batch, Call, Done, Frame, Output, Pulse, ReadSection, Refused, Start
from orchestrator.sandbox.limits import MAX_BATCH_BYTES, MAX_BATCH_CALLS, QUIET_SECONDS, RESTING_SECONDS
from orchestrator.sandbox.outcomes import Ending, calls_ending, memory_ending, read_ending, timeout_ending
from orchestrator.sandbox.output import LineCapture
from orchestrator.sandbox.process import OUT_OF_MEMORY, Child, ChildDiedError
from orchestrator.sandbox.request import (
    CanisterCall,
    OnLine,
    OnPhase,
    OnUsage,
    OutputLine,
    Phase,
    PluginRequest,
    PluginResult,
    Preopen,
    SectionReader,
)
from orchestrator.sandbox.wall_clock import WallClock

__all__ = ["Conversation", "StaleArtifactError", "refusal_of"]

MAX_NANOSECONDS: Final = 2**62
MAX_MEMORY_BYTES: Final = 1 << 48
"""Higher limits are these: they are none either, and the system can count to them."""
OUTPUT_TURN_BYTES: Final = 4 << 10
"""Bytes of a plugin's output whose lines are told at once, before everything else in the tool has its turn."""


class StaleArtifactError(Exception):
    """Raised when wasmtime refuses an artifact from the cache, as after a change of the processor."""


def refusal_of(frame: Refused) -> PluginRefusedError:
    """Make the error of a component that a process refused."""
    return PluginRefusedError(frame.summary, slug=frame.slug, detail=frame.detail or None, hint=frame.hint or None)


def _inode_text(directory: Preopen) -> str:
    return "" if directory.inode is None else f"{directory.inode[0]}:{directory.inode[1]}"


def _order(request: PluginRequest, artifact: Artifact) -> Start:
    return Start(
        artifact=str(artifact.path),
        wrapped=artifact.wrapped,
        parent_pid=os.getpid(),
        canister_id=request.canister_id,
        environment=request.environment,
        identity_principal=request.identity_principal,
        proxy_canister_id=request.proxy_canister_id,
        directories=tuple((each.guest, str(each.host.absolute()), _inode_text(each)) for each in request.directories),
        files=tuple((file.name, file.content) for file in request.files),
        options=request.options,
        compute_ns=int(min(request.limits.compute_seconds * 1e9, MAX_NANOSECONDS)),
        memory_bytes=min(request.limits.memory_bytes, MAX_MEMORY_BYTES),
        api_url=request.api_url,
        gateway_url=request.gateway_url,
        directory_keys=tuple(each.key for each in request.directories),
        file_keys=tuple(file.key for file in request.files),
        fields=request.fields,
        canister_ids=request.canister_ids,
    )


def _garbage(frame: Frame) -> SandboxError:
    return SandboxError(
        "the plugin's worker process sent something that is not part of the conversation",
        slug="plugin/worker-garbage",
        detail=f"a frame of the kind {frame.kind}",
    )


class Conversation:
    """One run: what the plugin wrote and asked for so far."""

    def __init__(
        self,
        request: PluginRequest,
        call: CanisterCall,
        on_line: OnLine,
        on_phase: OnPhase | None = None,
        *,
        read_section: SectionReader | None = None,
        on_usage: OnUsage | None = None,
        clock: WallClock | None = None,
    ) -> None:
        """Take what to run, who answers its calls, who is told its lines, its phases and what it takes, who reads sections, and its clock."""
        self._request = request
        self._on_phase = on_phase or (lambda _phase, _detail: None)
        self._phase: Phase = "starting"
        self._detail = ""
        self._quiet_seconds = 0
        self._compute_seconds = 0.0
        self._peak_bytes = 0
        self._dropped = 0, 0
        self._last: Done | Refused | None = None
        self._on_usage = on_usage or (lambda _seconds, _bytes: None)
        self._answers = Answers(request.limits, call, callable_names=request.canisters, read_section=read_section)
        self._on_line = on_line
        self._clock = clock or WallClock()
        self._stdout = LineCapture("stdout")
        self._stderr = LineCapture("stderr")

    async def run(self, worker: Child, artifact: Artifact) -> PluginResult:
        """Run the artifact to its end or to its timeout; raises `StaleArtifactError`."""
        limits = self._request.limits
        try:
            with self._clock.running(limits.timeout_seconds):
                await self._converse(worker, artifact)
            ending = timeout_ending(limits, self._doing()) if self._last is None else await self._end(worker, self._last)
        except TooManyCallsError as excess:
            ending = calls_ending(limits, excess.count)
        except ChildDiedError as death:
            if not any(mark in death.stderr for mark in OUT_OF_MEMORY):
                self._end_streams()
                raise
            ending = memory_ending(limits, death.stderr)
        return self.result(ending)

    def _doing(self) -> str:
        match self._phase:
            case "calling":
                return f"it was waiting for an answer: {self._detail}"
            case "quiet":
                return f"it had given no sign of life for {self._detail}: it neither computed nor called nor wrote anything"
            case _:
                return f"it had computed for {self._compute_seconds:.1f} s and made {self._answers.calls} calls"

    async def _converse(self, worker: Child, artifact: Artifact) -> None:
        self._last = None
        await worker.send(_order(self._request, artifact))
        self._enter("running")
        self._last = await self._serve(worker)

    async def _end(self, worker: Child, last: Done | Refused) -> Ending:
        """Read the last frame; the plugin has ended, whatever its worker still does."""
        await worker.wait_ended()
        if isinstance(last, Refused):
            raise refusal_of(last)
        if last.ending == "artifact":
            raise StaleArtifactError(last.text)
        self._dropped = last.dropped_stdout, last.dropped_stderr
        self._take_usage(last.compute_ns, last.peak_bytes)
        return read_ending(last, self._request.limits, self._stderr.so_far())

    async def _serve(self, worker: Child) -> Done | Refused:
        while True:
            match await self._receive(worker):
                case Call() as asked:
                    self._enter("calling", asked.method)
                    await worker.send(await self._answers.answer(asked))
                    self._enter("running")
                case ReadSection() as wanted:
                    self._enter("calling", f"section {wanted.name}")
                    await worker.send(await self._answers.answer_section(wanted))
                    self._enter("running")
                case Batch() as batch:
                    self._enter("calling", f"{batch.count} calls")
                    await self._answer_batch(worker, batch.count)
                    self._enter("running")
                case Done() | Refused() as last:
                    return last
                case other:
                    raise _garbage(other)

    async def _receive(self, worker: Child) -> Frame:
        """Wait for a frame that asks for something or ends the run; what else comes before it is taken in."""
        while True:
            match await worker.receive():
                case Output() as output:
                    await self._take_output(output)
                case Pulse() as pulse:
                    self._take_pulse(pulse)
                case frame:
                    return frame

    def _take_pulse(self, pulse: Pulse) -> None:
        self._dropped = pulse.dropped_stdout, pulse.dropped_stderr
        self._take_usage(pulse.compute_ns, pulse.peak_bytes)
        seconds = pulse.quiet_ns // 1_000_000_000
        if seconds < QUIET_SECONDS:
            self._enter("running" if seconds < RESTING_SECONDS else "resting")
        elif self._phase != "quiet" or seconds >= self._quiet_seconds + QUIET_SECONDS:
            self._quiet_seconds = seconds
            self._enter("quiet", f"{seconds} s", again=True)

    def _take_usage(self, compute_ns: int, peak_bytes: int) -> None:
        self._compute_seconds, self._peak_bytes = compute_ns / 1e9, peak_bytes
        self._on_usage(self._compute_seconds, peak_bytes)

    def _enter(self, phase: Phase, detail: str = "", *, again: bool = False) -> None:
        if again or phase != self._phase:
            self._phase, self._detail = phase, detail
            self._on_phase(phase, detail)

    async def _answer_batch(self, worker: Child, count: int) -> None:
        """Take all calls of a batch, make them, and send all replies: the worker reads nothing before it has said everything."""
        calls: list[Call] = []
        size = 0
        while len(calls) < count:
            asked = await self._receive(worker)
            if not isinstance(asked, Call):
                raise _garbage(asked)
            calls.append(asked)
            size += len(asked.argument)
            if count > MAX_BATCH_CALLS or size > MAX_BATCH_BYTES:
                raise _garbage(asked)
        for reply in await self._answers.answer_batch(calls):
            await worker.send(reply)

    async def _take_output(self, output: Output) -> None:
        capture = self._stderr if output.stderr else self._stdout
        for start in range(0, len(output.data), OUTPUT_TURN_BYTES):
            self._announce(capture, capture.feed(output.data[start : start + OUTPUT_TURN_BYTES]))
            await anyio.lowlevel.checkpoint()  # telling a line takes long enough for others to wait: thousands may be empty

    def _announce(self, capture: LineCapture, lines: list[str]) -> None:
        for line in lines:
            self._on_line(OutputLine(stream=capture.name, text=line))

    def _end_streams(self) -> None:
        for capture, count in zip((self._stdout, self._stderr), self._dropped, strict=True):
            self._announce(capture, capture.finish(count))

    def result(self, ending: Ending) -> PluginResult:
        """End both streams and put the result together."""
        self._end_streams()
        return PluginResult(
            outcome=ending.outcome,
            error=ending.error,
            slug=ending.slug,
            detail=ending.detail,
            hint=ending.hint,
            limit=ending.limit,
            stdout=tuple(self._stdout.lines),
            stderr=tuple(self._stderr.lines),
            compute_seconds=self._compute_seconds,
            peak_memory_bytes=self._peak_bytes,
            calls=self._answers.calls,
        )
