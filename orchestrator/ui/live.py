"""The live table: what every canister is doing, while it does it, on a terminal.

Lines that must stay (networks, warnings, failures, the plan) are written above the table; results for
standard output wait until the table is gone.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, TextIO

from orchestrator import events
from orchestrator.errors import OrchestratorError
from orchestrator.events import Event
from orchestrator.ui.board import Board, Row
from orchestrator.ui.display import PlainLines, mutates
from orchestrator.ui.harmless import guard, harmless
from orchestrator.ui.sentences import render_event, render_seconds, stays
from orchestrator.ui.style import Style

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.table import Table

__all__ = ["LiveTable"]

_REFRESHES_PER_SECOND = 10
_PRINT_SECONDS = 0.1
"""How long lines are gathered before they are written above the table together: each writing draws the table anew."""
_GATHERED_LINES = 10
"""How many of the gathered lines, the last ones, are drawn with the table until then."""
_ECHO_COLUMNS = 3
"""What is kept free at the right: the terminal writes `^C` behind the last row, and a row that wraps would stay twice."""
_MARKS = {"busy": ("⠿", "cyan"), "idle": ("·", "dim"), "done": ("✔", "green"), "failed": ("✘", "red")}
_ASCII_MARKS = {"busy": "*", "idle": ".", "done": "+", "failed": "x"}
_HIDDEN = (
    events.BuildFinished,
    events.BuildOutput,
    events.BuildStarted,
    events.StepFinished,
    events.StepOutput,
    events.StepPhase,
    events.StepSkipped,
    events.StepStarted,
    events.Waiting,
)
_FAILED = (events.BuildFailed, events.StepFailed)
_OUTPUT = (events.BuildOutput, events.StepOutput)
_STARTED = (events.BuildStarted, events.StepStarted)
OUTPUT_LINES_KEPT = 100
"""How many lines of a step are shown again when it fails; all of them are in the log file."""
_RESULTS = (events.CanisterCreated, events.CanisterUrl)


class LiveTable:
    """Shows a run on the terminal `talk`; results go to `output` when the run has ended."""

    def __init__(
        self, output: TextIO, talk: TextIO, *, style: Style, show_plan: bool = True, clock: Callable[[], float] = monotonic
    ) -> None:
        """Take the streams and the style of `talk`; nothing is drawn before the first event."""
        self._lines = PlainLines(output, talk, style=style, show_plan=show_plan)
        self._talk = talk
        self._style = style
        self._show_plan = show_plan
        self._clock = clock
        self._board = Board()
        self._live: Live | None = None
        self._over = False
        self._results: list[Event] = []
        self._output: dict[str, deque[events.BuildOutput | events.StepOutput]] = {}
        self._dropped: dict[str, int] = {}
        self._gathered: list[str] = []
        self._printed = -_PRINT_SECONDS

    def emit(self, event: Event) -> None:
        """Draw an event."""
        self._board.apply(event, self._clock())
        self._remember(event)
        if isinstance(event, _RESULTS):
            self._results.append(event)
        elif isinstance(event, events.RunFinished):
            self._over = True
            self._stop()
            self._lines.emit(event)
        elif not isinstance(event, _HIDDEN) or stays(event):
            self._above(event)
        elif self._live is None:
            self._live = self._start()

    def pause(self) -> None:
        """Leave the table as it is, so that it does not draw over a question; the next step starts another."""
        self._stop()

    def close(self, error: OrchestratorError | None = None) -> None:
        """Leave the table as it is and write the results below it."""
        self._over = True
        self._stop()
        for event in self._results:
            self._lines.emit(event)
        self._lines.close(error)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Draw the table as it is now; rich calls this a few times a second."""
        from rich.constrain import Constrain
        from rich.text import Text

        for line in self._gathered[-_GATHERED_LINES:]:
            yield Text.from_ansi(line)
        yield Constrain(self._table(ascii_only=options.ascii_only), max(1, options.max_width - _ECHO_COLUMNS))

    def _remember(self, event: Event) -> None:
        """Keep what a step writes while it runs; write it above the table when the step fails."""
        if isinstance(event, _STARTED):
            self._output[event.canister] = deque(maxlen=OUTPUT_LINES_KEPT)
            self._dropped[event.canister] = 0
        elif isinstance(event, _OUTPUT) and not stays(event):
            kept = self._output.setdefault(event.canister, deque(maxlen=OUTPUT_LINES_KEPT))
            self._dropped[event.canister] = self._dropped.get(event.canister, 0) + (len(kept) == OUTPUT_LINES_KEPT)
            kept.append(event)
        elif isinstance(event, _FAILED):
            lines, dropped = self._output.pop(event.canister, ()), self._dropped.pop(event.canister, 0)
            if dropped and lines:
                self._above(replace(lines[0], line=f"… {dropped} earlier lines are in the log"))
            for line in lines:
                self._above(line)

    def _above(self, event: Event) -> None:
        if isinstance(event, events.PlanReady) and not (self._show_plan and mutates(event)):
            return
        if self._live is None:
            self._lines.emit(event)
            return
        self._gathered.append(guard(render_event(event, style=self._style), colours=True))
        if self._clock() - self._printed >= _PRINT_SECONDS:
            self._print_gathered(self._live)

    def _print_gathered(self, live: "Live") -> None:
        from rich.text import Text

        if not self._gathered:
            return
        text, self._gathered = "\n".join(self._gathered), []
        live.console.print(Text.from_ansi(text), soft_wrap=True)
        self._printed = self._clock()

    def _start(self) -> "Live":
        from rich.console import Console
        from rich.live import Live

        # rich moves the cursor; what it is given is harmless.
        stream = getattr(self._talk, "unguarded", self._talk)
        console = Console(file=stream, no_color=not self._style.enabled, highlight=False, markup=False, emoji=False)
        live = Live(self, console=console, refresh_per_second=_REFRESHES_PER_SECOND, redirect_stdout=False, redirect_stderr=False)
        live.start()
        return live

    def _stop(self) -> None:
        if self._live is not None:
            self._print_gathered(self._live)
            self._live.stop()
            self._live = None

    def _table(self, *, ascii_only: bool) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        # On a narrow terminal columns that may wrap give way first; their cells are cut instead, see below.
        for steadfast in (True, True, False, False):
            table.add_column(no_wrap=steadfast)
        now = self._clock()
        for row in self._board.rows:
            state = "failed" if self._over and row.state == "busy" else row.state
            mark, colour = _MARKS[state]
            cells = (_ASCII_MARKS[state] if ascii_only else mark, harmless(row.canister), *_cells(row, now))
            styles = (colour, "bold", "", "dim") if self._style.enabled else ("", "", "", "")
            table.add_row(*(Text(cell, style=style, no_wrap=True, overflow="ellipsis") for cell, style in zip(cells, styles, strict=True)))
        return table


def _cells(row: Row, now: float) -> Iterator[str]:
    """Yield what a canister does with the time it has taken, and the last line that it wrote."""
    elapsed = f" ({render_seconds(now - row.since)})" if row.state == "busy" else ""
    yield f"{harmless(row.text)}{elapsed}"
    yield harmless(row.output) if row.state == "busy" else ""
