"""The live table on a terminal."""

import io

import pytest
from rich.console import Console

from orchestrator import events
from orchestrator.errors import NetworkError
from orchestrator.events import Event
from orchestrator.ui.live import LiveTable
from orchestrator.ui.style import Style


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give rich a terminal of a known kind, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def table(output: io.StringIO, talk: io.StringIO, *, colour: bool = False) -> LiveTable:
    """Return a table whose clock stands still."""
    return LiveTable(output, talk, style=Style(enabled=colour), clock=lambda: 5.0)


def test_last_picture_has_every_canister_and_results_follow(every_event: tuple[Event, ...]) -> None:
    """At the end the table shows each canister's state; results are on standard output only."""
    output, talk = Terminal(), Terminal()
    display = table(output, talk)

    for event in every_event:
        display.emit(event)
    display.close()

    assert "✔ backend" in talk.getvalue()
    assert "synced by plugin `seed`" in talk.getvalue()
    assert "✘ worker" in talk.getvalue()
    assert talk.getvalue().rstrip().endswith("Finished in 2.00 s")
    assert output.getvalue().startswith("Created canister backend")
    assert "Deployed canisters:" in output.getvalue()


def test_narrow_terminal_keeps_mark_and_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step says is cut; which canister it is about, and how it goes, is always shown, in one line each; `^C` has room."""
    monkeypatch.setenv("COLUMNS", "40")
    talk = Terminal()
    display = table(io.StringIO(), talk)
    command = "for file in assets/*; do upload --verbose --canister frontend $file; done"

    for canister in ("frontend", "backend"):
        display.emit(events.StepStarted(canister=canister, step="sync-script", index=1, total=1, name=command))
        display.emit(events.StepOutput(canister=canister, step="sync-script", index=1, total=1, stream="stdout", line="sent " * 30))
    display.close()

    last = [line[line.index("✘") :] for line in talk.getvalue().splitlines() if "✘" in line][-2:]
    assert [line[:11] for line in last] == ["✘ frontend ", "✘ backend  "]
    assert all("syncing by" in line and len(line) <= 37 for line in last)


def test_interrupted_run_leaves_nothing_busy() -> None:
    """The last picture of a run that ended in the middle of a step has no step going on."""
    talk = Terminal()
    display = table(io.StringIO(), talk)

    display.emit(events.BuildStarted(canister="api", total=1))
    display.emit(events.RunFinished(run="r", result="interrupted", exit_code=130, seconds=1.0))
    display.close()

    assert "✘ api building" in talk.getvalue().splitlines()[-2]
    assert talk.getvalue().endswith("Interrupted in 1.00 s\n")


def test_lasting_lines_are_above_the_table(every_event: tuple[Event, ...]) -> None:
    """Networks, failures, warnings and the plan stay readable as lines."""
    output, talk = Terminal(), Terminal()
    display = table(output, talk)
    for event in every_event:
        display.emit(event)
    display.close()

    text = talk.getvalue()
    for line in ("Network `local` started", "build failed", "Plan for environment", "warning[manifest/ignored-key]"):
        assert line in text


def test_without_colour_there_is_none(every_event: tuple[Event, ...]) -> None:
    """With colours off the terminal gets cursor movements, and no colours."""
    output, talk = Terminal(), Terminal()
    display = table(output, talk)
    for event in every_event:
        display.emit(event)
    display.close()

    assert "\x1b[31m" not in talk.getvalue()
    assert "\x1b[32m" not in talk.getvalue()


def test_cursor_is_given_back_after_a_failure() -> None:
    """A run that ends with an error in the middle leaves the cursor visible."""
    output, talk = Terminal(), Terminal()
    display = table(output, talk, colour=True)
    display.emit(events.StepStarted(canister="a", step="install", index=1, total=1))

    display.close(NetworkError("no"))

    assert talk.getvalue().rindex("\x1b[?25h") > talk.getvalue().rindex("\x1b[?25l")
    assert output.getvalue() == ""


def test_pause_leaves_the_table_and_the_next_step_draws_again() -> None:
    """A paused table does not draw; the next step does, with every row."""
    output, talk = Terminal(), Terminal()
    display = table(output, talk)
    display.emit(events.BuildStarted(canister="a", total=1))

    display.pause()
    before = len(talk.getvalue())
    paused = talk.getvalue()
    display.emit(events.StepStarted(canister="b", step="install", index=1, total=1))
    display.close()

    assert paused.rindex("\x1b[?25h") > paused.rindex("\x1b[?25l")
    assert "building" in talk.getvalue()[before:]
    assert "installing" in talk.getvalue()[before:]


def _output(line: str, stream: events.Stream) -> events.StepOutput:
    return events.StepOutput(canister="backend", step="sync-plugin", index=1, total=1, stream=stream, line=line, name="seed")


def _sync(*, fails: bool) -> str:
    """Return what the terminal shows of a plugin step that writes to both streams."""
    talk = Terminal()
    display = table(Terminal(), talk)
    display.emit(events.StepStarted(canister="backend", step="sync-plugin", index=1, total=1, name="seed"))
    display.emit(_output("progress", "stdout"))
    display.emit(_output("four sent", "stderr"))
    if fails:
        display.emit(
            events.StepFailed(canister="backend", step="sync-plugin", index=1, total=1, slug="plugin/err", summary="no", name="seed")
        )
    else:
        display.emit(events.StepFinished(canister="backend", step="sync-plugin", index=1, total=1, seconds=1.0, name="seed"))
    display.close()
    return talk.getvalue()


def test_what_a_plugin_writes_to_stderr_stays() -> None:
    """A plugin's standard error is kept as a line; its progress is not."""
    shown = _sync(fails=False)

    assert "[backend] four sent" in shown
    assert "[backend] seed | progress" not in shown


def test_a_failed_step_says_how_much_more_it_wrote() -> None:
    """Of many lines the last hundred are shown, and that the others are in the log."""
    talk = Terminal()
    display = table(Terminal(), talk)
    display.emit(events.StepStarted(canister="backend", step="sync-plugin", index=1, total=1, name="seed"))
    for index in range(10_000):
        display.emit(_output(f"line {index}", "stdout"))
    display.emit(events.StepFailed(canister="backend", step="sync-plugin", index=1, total=1, slug="plugin/err", summary="no", name="seed"))
    display.close()

    shown = talk.getvalue()
    assert "[backend] seed | … 9900 earlier lines are in the log" in shown
    assert ("seed | line 9899\n" in shown, "seed | line 9900\n" in shown, "seed | line 9999\n" in shown) == (False, True, True)


def test_a_failed_step_shows_what_it_wrote() -> None:
    """When a step fails, its output is written above the failure."""
    shown = _sync(fails=True)

    assert "[backend] seed | progress" in shown
    assert shown.index("seed | progress") < shown.index("failed syncing")


def test_a_burst_of_lines_draws_the_table_once() -> None:
    """Lines that stay are written at once when they are few; of many none is lost, nor does each draw the table anew."""
    talk = Terminal()
    display = table(Terminal(), talk, colour=True)
    display.emit(events.StepStarted(canister="api", step="sync-plugin", index=1, total=1, name="seed"))
    lines = [f"line-{number:04}" for number in range(2000)]

    def say(line: str) -> None:
        display.emit(events.StepOutput(canister="api", step="sync-plugin", index=1, total=1, stream="stderr", line=line, name="seed"))

    say(lines[0])
    assert lines[0] in talk.getvalue()
    for line in lines[1:]:
        say(line)
    drawn = io.StringIO()
    Console(file=drawn, width=80).print(display)
    assert [line for line in lines if line in drawn.getvalue()] == lines[-10:]
    display.close()

    written = talk.getvalue()
    places = [written.rindex(line) for line in lines]
    assert places == sorted(places)
    assert written.count("syncing by plugin `seed`") < 100
