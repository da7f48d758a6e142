"""Answers a plugin's calls from a recording, strictly in its order, and tells where the plugin went another way."""

from collections import deque
from collections.abc import Iterator, Sequence

from orchestrator.engine.authoring.differences import describe_difference
from orchestrator.engine.authoring.methods import Methods
from orchestrator.engine.authoring.recording import RecordedCall, Recording
from orchestrator.engine.authoring.trace import Ended, EndedError
from orchestrator.sandbox.reports import ReplayReport
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, SectionRequest

__all__ = ["Replay"]

_SLUG = "plugin/replay"
_HINT = "if the plugin is meant to do this now, record it anew with `--record FILE`"


class Replay:
    """Answers from a recording. Calls of one batch may come in any order; the next one waits until it is done."""

    def __init__(self, recording: Recording, methods: Methods) -> None:
        """Take the recording, and the methods as far as they are known."""
        self._methods = methods
        self._calls = recording.calls
        self._groups = deque(_groups(recording.calls))
        self._sections = {(section.target, section.name, section.direct): section for section in recording.sections}
        self._answered = 0
        self._difference: Ended | None = None

    async def answer(self, request: CanisterCallRequest) -> bytes:
        """Give the recorded answer; raises `EndedError` when this is not what the plugin asked for then."""
        while self._groups and not self._groups[0]:
            self._groups.popleft()
        number = self._answered + 1
        if not self._groups:
            raise self._differ(
                f"the plugin's call {number} is not in the recording, which ends after {len(self._calls)}",
                describe_difference(request, None, self._methods),
            )
        group = self._groups[0]
        found = next((index for index, call in enumerate(group) if _same(request, call)), None)
        if found is None:
            raise self._differ(
                f"the plugin's call {number} is not the one of the recording", describe_difference(request, group[0], self._methods)
            )
        call = group.pop(found)
        self._answered = number
        if call.result is None:
            raise CanisterCallError(call.error or "")
        return call.result

    async def read_section(self, asked: SectionRequest) -> bytes | None:
        """Give the recorded section: in any order, and as often as the plugin likes. Raises as `answer` does."""
        section = self._sections.get((asked.target, asked.name, asked.direct))
        if section is None:
            raise self._differ(
                "the plugin reads a section that is not in the recording",
                f"+section {asked.name}{f' of {asked.target}' if asked.target is not None else ''}{', direct' if asked.direct else ''}",
            )
        if section.error is not None:
            raise CanisterCallError(section.error)
        return section.result

    def missing(self) -> Ended | None:
        """Return what is to be said of a plugin that has ended, if it did not ask for all that was recorded."""
        left = [call for group in self._groups for call in group]
        if self._difference is not None or not left:
            return None
        self._difference = Ended(
            outcome="err",
            slug=_SLUG,
            error=f"the plugin ended after {self._answered} of {len(self._calls)} recorded calls",
            detail=f"the next one was\n{describe_difference(None, left[0], self._methods)}",
            hint=_HINT,
        )
        return self._difference

    def report(self) -> ReplayReport:
        """Return how far the recording was followed."""
        difference = None if self._difference is None else f"{self._difference.error}\n{self._difference.detail}"
        return ReplayReport(recorded=len(self._calls), answered=self._answered, difference=difference)

    def _differ(self, error: str, detail: str) -> EndedError:
        self._difference = Ended(outcome="err", slug=_SLUG, error=error, detail=detail, hint=_HINT)
        return EndedError(self._difference)


def _groups(calls: Sequence[RecordedCall]) -> Iterator[list[RecordedCall]]:
    """Yield the calls of each batch together, every other call alone."""
    group: list[RecordedCall] = []
    for call in calls:
        if group and (call.batch is None or call.batch != group[0].batch):
            yield group
            group = []
        group.append(call)
    if group:
        yield group


def _same(request: CanisterCallRequest, call: RecordedCall) -> bool:
    asked = (request.target, request.method, request.call_type, request.direct, request.cycles, request.arg)
    return asked == (call.target, call.method, call.type, call.direct, call.cycles, call.arg)
