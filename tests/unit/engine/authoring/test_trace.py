"""What is kept of a run, and when a run is ended from this side."""

import anyio
import pytest

from orchestrator.engine.authoring.trace import MAX_KEPT_BYTES, Trace, Watcher
from orchestrator.sandbox.reports import TrialCall
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, SectionRequest

REPLY = bytes(MAX_KEPT_BYTES // 3)


class Large:
    """Answers with a third of what is kept; the method `no` fails."""

    async def answer(self, request: CanisterCallRequest) -> bytes:
        """Return the reply."""
        await anyio.lowlevel.checkpoint()
        if request.method == "no":
            raise CanisterCallError("no")
        return REPLY

    async def read_section(self, _asked: SectionRequest) -> bytes | None:
        """Return a section as long as a reply."""
        await anyio.lowlevel.checkpoint()
        return REPLY


def request(method: str) -> CanisterCallRequest:
    """Return an update call."""
    return CanisterCallRequest(method=method, arg=b"", call_type="update", direct=False, cycles=0)


def test_a_run_that_says_too_much_is_ended() -> None:
    """More than what is kept ends the run with the limit's own words; the call that was too much has no answer."""

    async def main() -> Trace:
        trace = Trace(Large(), None, {}, Watcher())
        with trace.scope:
            for _ in range(5):
                await trace.answer(request("get"))
        return trace

    trace = anyio.run(main)

    assert trace.ended is not None
    assert (trace.ended.outcome, trace.ended.slug) == ("limit", "plugin/limit-kept")
    assert [call.result is None for call in trace.calls] == [False, False, False, True]


def test_sections_are_kept_like_replies() -> None:
    """They count, and the one that is too much has no content."""

    async def main() -> Trace:
        trace = Trace(Large(), None, {}, Watcher())
        with trace.scope:
            for _ in range(5):
                await trace.read_section(SectionRequest(target=None, name="s", direct=False))
        return trace

    trace = anyio.run(main)

    assert trace.ended is not None
    assert trace.ended.slug == "plugin/limit-kept"
    assert [section.result is None for section in trace.sections] == [False, False, False, True]


def test_who_watches_is_told_of_each_answer() -> None:
    """Calls are told with their numbers when they are answered, failures too."""
    told: list[tuple[int, TrialCall]] = []

    async def main() -> None:
        trace = Trace(Large(), "aaaaa-aa", {}, Watcher(on_call=lambda number, call: told.append((number, call))))
        await trace.answer(request("get"))
        with pytest.raises(CanisterCallError, match="no"):
            await trace.answer(request("no"))

    anyio.run(main)

    assert [(number, call.method, call.error, call.via_proxy) for number, call in told] == [(1, "get", None, True), (2, "no", "no", True)]
