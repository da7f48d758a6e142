"""Follows a run: keeps what the plugin wrote and asked for, and ends the run when there is no point in going on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NoReturn

import anyio

from orchestrator.engine.authoring.methods import Methods
from orchestrator.engine.authoring.mock import Answerer
from orchestrator.errors import Diagnostic
from orchestrator.sandbox.reports import TrialCall, TrialSection
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, OnPhase, Outcome, OutputLine, SectionRequest

__all__ = ["MAX_KEPT_BYTES", "Ended", "EndedError", "Trace", "Watcher"]

MAX_KEPT_BYTES: Final = 256 << 20
"""Bytes of arguments and replies that are kept for the report; a plugin that makes more of them is ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Why a run was ended from this side, in the words of a `TrialReport`."""

    outcome: Outcome
    slug: str
    error: str
    detail: str | None = None
    hint: str | None = None


class EndedError(Exception):
    """Raised by an answerer to end the run; the plugin hears nothing of it."""

    def __init__(self, ended: Ended) -> None:
        """Take the reason."""
        super().__init__(ended.error)
        self.ended = ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Is told what a run does: each line, each call when it was answered, with its number from 1, each section, phase and warning."""

    on_line: Callable[[OutputLine], None] = lambda _line: None
    on_call: Callable[[int, TrialCall], None] = lambda _number, _call: None
    on_section: Callable[[TrialSection], None] = lambda _section: None
    on_phase: OnPhase = lambda _phase, _detail: None
    on_warning: Callable[[Diagnostic], None] = lambda _warning: None


class Trace:
    """Everything that a run did. `scope` is the scope of the run: cancelling it kills the worker."""

    def __init__(self, answerer: Answerer, proxy: str | None, methods: Methods, watcher: Watcher) -> None:
        """Take who answers, the proxy that the plugin was told of, the methods that are known, and who is told."""
        self.calls: list[TrialCall] = []
        self.sections: list[TrialSection] = []
        self.lines: list[OutputLine] = []
        self.ended: Ended | None = None
        self.compute_seconds = 0.0
        self.peak_memory_bytes = 0
        self.scope = anyio.CancelScope()
        self.on_phase = watcher.on_phase
        self._answerer = answerer
        self._proxy = proxy
        self._methods = methods
        self._watcher = watcher
        self._kept_bytes = 0

    def take_line(self, line: OutputLine) -> None:
        """Keep a line of output."""
        self.lines.append(line)
        self._watcher.on_line(line)

    def take_usage(self, compute_seconds: float, peak_memory_bytes: int) -> None:
        """Keep what the plugin has taken so far."""
        self.compute_seconds, self.peak_memory_bytes = compute_seconds, peak_memory_bytes

    async def answer(self, request: CanisterCallRequest) -> bytes:
        """Answer a call and keep it, whatever comes of it."""
        index = len(self.calls)
        self.calls.append(self._asked(request))
        try:
            self._keep(len(request.arg))
            reply = await self._answerer.answer(request)
            self._keep(len(reply))
        except CanisterCallError as error:
            self._finish(index, replace(self.calls[index], error=error.text))
            raise
        except EndedError as error:
            self.ended = self.ended or error.ended
            await self._end()
        self._finish(index, replace(self.calls[index], result=reply))
        return reply

    async def read_section(self, asked: SectionRequest) -> bytes | None:
        """Answer a read of a section and keep it, whatever comes of it."""
        section = TrialSection(name=asked.name, direct=asked.direct, target=asked.target)
        try:
            data = await self._answerer.read_section(asked)
            self._keep(len(data or b""))
        except CanisterCallError as error:
            self._finish_section(replace(section, error=error.text))
            raise
        except EndedError as error:
            self.sections.append(section)
            self.ended = self.ended or error.ended
            await self._end()
        self._finish_section(replace(section, result=data))
        return data

    def _finish_section(self, section: TrialSection) -> None:
        self.sections.append(section)
        self._watcher.on_section(section)

    def _asked(self, request: CanisterCallRequest) -> TrialCall:
        return TrialCall(
            method=request.method,
            type=request.call_type,
            direct=request.direct,
            cycles=request.cycles,
            via_proxy=self._proxy is not None and request.call_type == "update" and not request.direct,
            arg=request.arg,
            batch=request.batch,
            target=request.target,
            function=self._methods.get(request.method) if request.target is None else None,
        )

    def _finish(self, index: int, call: TrialCall) -> None:
        self.calls[index] = call
        self._watcher.on_call(index + 1, call)

    def _keep(self, count: int) -> None:
        self._kept_bytes += count
        if self._kept_bytes > MAX_KEPT_BYTES:
            raise EndedError(
                Ended(
                    outcome="limit",
                    slug="plugin/limit-kept",
                    error=f"plugin made calls with more than {MAX_KEPT_BYTES >> 20} MiB of arguments and replies",
                    detail="all of them are kept for the report",
                    hint="try it with less data; a deployment keeps nothing and has no such limit",
                )
            )

    async def _end(self) -> NoReturn:
        self.scope.cancel()
        await anyio.sleep_forever()
        raise AssertionError  # not reached: nothing wakes up but to be cancelled
