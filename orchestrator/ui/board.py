"""What every canister is doing right now, kept up to date from events; pure, so that any display can show it."""

from dataclasses import dataclass, replace
from typing import Literal

from orchestrator import events
from orchestrator.events import Event
from orchestrator.ui.sentences import STEP_WORDS, TOLD_PHASES, render_phase, shorten_name

__all__ = ["Board", "Row"]

RowState = Literal["busy", "idle", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One canister: `text` says what it does, or did last; `since` is when that began, in seconds."""

    canister: str
    state: RowState
    text: str
    since: float
    output: str = ""


class Board:
    """Rows in the order in which canisters were first heard of."""

    def __init__(self) -> None:
        """Start without rows."""
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return all rows."""
        return tuple(self._rows.values())

    @property
    def in_flight(self) -> tuple[str, ...]:
        """Return what is going on, as `backend: installing`; what an interrupted run has to tell."""
        return tuple(f"{row.canister}: {row.text}" for row in self._rows.values() if row.state == "busy")

    def apply(self, event: Event, now: float) -> None:
        """Take an event into account; `now` is in seconds of any clock, always the same one."""
        match event:
            case events.BuildStarted():
                self._set(event.canister, "busy", "building", now)
            case events.BuildFinished():
                self._set(event.canister, "idle", "built", now)
            case events.BuildFailed():
                self._set(event.canister, "failed", "build failed", now)
            case events.BuildOutput() | events.StepOutput():
                self._output(event.canister, event.line)
            case events.StepPhase():
                self._phase(event)
            case events.StepStarted() | events.StepFinished() | events.StepSkipped() | events.StepFailed():
                self._step(event, now)
            case _:
                return

    def _step(self, event: events.StepStarted | events.StepFinished | events.StepSkipped | events.StepFailed, now: float) -> None:
        done = STEP_WORDS[event.step][1]
        named = f"{_named(event.name)}{_counted(event.index, event.total)}"
        busy = _busy(event)
        match event:
            case events.StepStarted():
                self._set(event.canister, "busy", busy, now)
            case events.StepFailed():
                self._set(event.canister, "failed", f"failed {busy}", now)
            case events.StepSkipped():
                self._set(event.canister, "done", f"skipped {busy}", now)
            case events.StepFinished():
                self._set(event.canister, "done", f"{done}{named}", now)

    def _phase(self, event: events.StepPhase) -> None:
        """Say in the canister's row what takes long, and no more once that is over."""
        row = self._rows.get(event.canister)
        if row is None or row.state != "busy":
            return
        busy = _busy(event)
        text = f"{busy}: {render_phase(event)}" if event.phase in TOLD_PHASES else busy
        self._rows[event.canister] = replace(row, text=text)

    def _set(self, canister: str, state: RowState, text: str, now: float) -> None:
        self._rows[canister] = Row(canister=canister, state=state, text=text, since=now)

    def _output(self, canister: str, line: str) -> None:
        row = self._rows.get(canister)
        if row is not None:
            self._rows[canister] = Row(canister=canister, state=row.state, text=row.text, since=row.since, output=line)


def _named(name: str | None) -> str:
    return f" `{shorten_name(name)}`" if name else ""


def _counted(index: int, total: int) -> str:
    return f" ({index} of {total})" if total > 1 else ""


def _busy(event: events.StepStarted | events.StepFinished | events.StepSkipped | events.StepFailed | events.StepPhase) -> str:
    return f"{STEP_WORDS[event.step][0]}{_named(event.name)}{_counted(event.index, event.total)}"
