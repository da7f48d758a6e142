"""Where events go: lines for people on a pipe, or JSON lines for programs. The live table is in `orchestrator.ui.live`."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol, TextIO

from orchestrator import events
from orchestrator.errors import ExitCode, OrchestratorError
from orchestrator.events import Event, RunResult, event_to_json
from orchestrator.ui.errors import error_to_json
from orchestrator.ui.sentences import TOLD_PHASES, render_event
from orchestrator.ui.style import PLAIN, Style

__all__ = ["JSON_SCHEMA", "Display", "JsonLines", "PlainLines", "mutates", "render_deployed"]

JSON_SCHEMA = 1
_RESULTS: Mapping[ExitCode, RunResult] = {
    ExitCode.DONE: "done",
    ExitCode.CHANGES: "changes",
    ExitCode.PAUSED: "paused",
    ExitCode.UNKNOWN: "unknown",
    ExitCode.INTERRUPTED: "interrupted",
}


class Display(Protocol):
    """Takes the events of a run as they come, and then its end."""

    def emit(self, event: Event) -> None:
        """Show or keep an event."""
        ...

    def pause(self) -> None:
        """Stop drawing until the next event, because somebody is asked something."""
        ...

    def close(self, error: OrchestratorError | None = None) -> None:
        """End the display; `error` is what ended the run, shown by the caller except in JSON."""
        ...


def _present() -> datetime:
    return datetime.now(UTC)


class JsonLines:
    """Writes each event as one JSON object per line; the last line is always `run-finished`.

    When the run ends with an error, an `error` object comes before it.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], datetime] = _present) -> None:
        """Take the stream and the clock that gives each line's `time`."""
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._sequence = 0
        self._run: str | None = None
        self._finished: events.RunFinished | None = None

    def emit(self, event: Event) -> None:
        """Write an event; the end of the run waits for `close`."""
        if isinstance(event, events.RunStarted):
            self._run = event.run
        if isinstance(event, events.RunFinished):
            self._finished = event
        else:
            self._write(event_to_json(event))

    def pause(self) -> None:
        """Do nothing: lines stay where they are."""

    def close(self, error: OrchestratorError | None = None) -> None:
        """Write the error, if any, and the end of the run."""
        if error is not None:
            self._write({"event": "error", **error_to_json(error)})
        self._write(event_to_json(self._finished or self._end(error)))

    def _end(self, error: OrchestratorError | None) -> events.RunFinished:
        """Return the end of a run that ended before the engine could say so."""
        code = error.exit_code if error is not None else ExitCode.DONE
        seconds = (self._clock() - self._started).total_seconds()
        return events.RunFinished(run=self._run or "", result=_RESULTS.get(code, "failed"), exit_code=int(code), seconds=seconds)

    def _write(self, record: dict[str, object]) -> None:
        time = self._clock().isoformat(timespec="milliseconds")
        head = {"schema": JSON_SCHEMA, "seq": self._sequence, "time": time, "event": record["event"], "run": self._run}
        self._sequence += 1
        self._stream.write(json.dumps({**head, **record, "run": self._run}, ensure_ascii=False) + "\n")
        self._stream.flush()


class PlainLines:
    """Writes each event as a line: results to `output`, talk to `talk`.

    `show_plan` is false when the plan itself is the command's data.
    """

    def __init__(self, output: TextIO, talk: TextIO, *, style: Style = PLAIN, show_plan: bool = True) -> None:
        """Take both streams; `style` is that of `talk`."""
        self._output = output
        self._talk = talk
        self._style = style
        self._show_plan = show_plan
        self._urls: list[events.CanisterUrl] = []

    def emit(self, event: Event) -> None:
        """Write an event; addresses wait for `close`, to be listed together."""
        match event:
            case events.CanisterUrl():
                self._urls.append(event)
            case events.CanisterCreated():
                _write(self._output, render_event(event))
            case events.StepPhase() if event.phase not in TOLD_PHASES:
                return
            case events.PlanReady() if not (self._show_plan and mutates(event)):
                return
            case _:
                _write(self._talk, render_event(event, style=self._style))

    def pause(self) -> None:
        """Do nothing: lines stay where they are."""

    def close(self, error: OrchestratorError | None = None) -> None:  # noqa: ARG002  # the caller shows it
        """List where the deployed canisters are; a run that failed may have deployed some."""
        if self._urls:
            _write(self._output, render_deployed(self._urls))


def mutates(plan: events.PlanReady) -> bool:
    """Tell whether a plan changes anything; one that does not is not worth showing."""
    return any(change.action != "unchanged" for change in plan.changes)


def render_deployed(urls: list[events.CanisterUrl]) -> str:
    """Return the list of deployed canisters, frontends first, without a final line end."""
    lines = ["Deployed canisters:"]
    for kind, title in (("frontend", "Frontends (serving http_request):"), ("backend", "Backends (Candid UI):")):
        found = [render_event(url) for url in urls if url.kind == kind]
        if found:
            lines += ["", title, *found]
    return "\n".join(lines)


def _write(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")
    stream.flush()
