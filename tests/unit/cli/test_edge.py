"""The edge of the process: every ending has its exit status and its words."""

import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from orchestrator import events
from orchestrator.cli.edge import run_to_exit_code
from orchestrator.cli.state import State
from orchestrator.cli.terminal import Terminal
from orchestrator.errors import BuildError, LockHeldError, NetworkError, OrchestratorError, OutcomeUnknownError, RejectError, UsageError
from orchestrator.ui.board import Board


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Return a fresh state whose streams are kept."""
    terminal = Terminal(
        stdin=io.StringIO(),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
        environ={"ORCHESTRATOR_HOME": str(tmp_path / "home")},
        directory=tmp_path,
    )
    return State(terminal=terminal, stack=ExitStack())


def said(state: State) -> str:
    """Return what went to stderr."""
    stream = state.terminal.stderr
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def raising(error: BaseException) -> Callable[[], object]:
    """Return a command that ends with `error`."""

    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(("value", "expected"), [(None, 0), (0, 0), (3, 3), ("text", 0)])
def test_result_of_a_command_is_its_exit_status(state: State, value: object, expected: int) -> None:
    """A command that returns a number ends with it, any other with 0, and nothing is said."""
    assert run_to_exit_code(state, lambda: value) == expected
    assert said(state) == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NetworkError("no"), 1),
        (UsageError("no"), 2),
        (LockHeldError("no"), 5),
        (OutcomeUnknownError("no"), 6),
        (RejectError("no", reject_code=5), 1),
        (click.UsageError("No such option: --x."), 2),
        (click.exceptions.Exit(7), 7),
        (BrokenPipeError(), 141),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (ValueError("odd"), 70),
        (ExceptionGroup("g", [NetworkError("no")]), 1),
        (ExceptionGroup("g", [NetworkError("no"), ExceptionGroup("h", [LockHeldError("no")])]), 5),
        (ExceptionGroup("g", [NetworkError("no"), ValueError("odd")]), 70),
        (ExceptionGroup("g", [BrokenPipeError()]), 141),
        (BaseExceptionGroup("g", [NetworkError("no"), KeyboardInterrupt()]), 130),
    ],
)
def test_error_decides_the_exit_status(state: State, error: BaseException, code: int) -> None:
    """Each kind of ending has the documented exit status."""
    assert run_to_exit_code(state, raising(error)) == code


def test_known_error_is_rendered_without_traceback(state: State) -> None:
    """What a user can cause reads as an error with slug and hint, and the log is named when there is one."""
    state.log = Path("/logs/1.log")

    run_to_exit_code(state, raising(NetworkError("port 8000 is in use", slug="network/port-taken", hint="stop it")))

    assert said(state) == "error[network/port-taken]: port 8000 is in use\n\nhint: stop it\n\nlog: /logs/1.log\n"


def test_errors_of_tasks_are_all_told(state: State) -> None:
    """Errors of tasks that failed side by side are rendered one after another."""
    run_to_exit_code(state, raising(ExceptionGroup("g", [BuildError("a failed"), BuildError("b failed")])))

    assert said(state).startswith("error[build/failed]: a failed\n\nerror[build/failed]: b failed\n")


def test_bug_keeps_its_traceback_in_the_log(state: State, tmp_path: Path) -> None:
    """An unexpected error is one line for the user; the traceback is in the named file only."""

    def command() -> object:
        raise KeyError("secret detail")

    code = run_to_exit_code(state, command)

    (log,) = (tmp_path / "home" / "cache" / "logs").glob("*.log")
    assert code == 70
    assert said(state) == (
        "error[orchestrator/bug]: this is a bug in orchestrator: KeyError: 'secret detail'\n\n"
        f"hint: please report it with `{log}`, which has the traceback\n"
    )
    assert "Traceback (most recent call last)" in log.read_text()


def test_verbose_bug_shows_its_traceback(state: State) -> None:
    """With -v the traceback is on stderr too."""
    state.options["verbose"] = True

    run_to_exit_code(state, raising(ValueError("odd")))

    assert "Traceback (most recent call last)" in said(state)


def test_interruption_says_what_was_in_flight_and_how_to_go_on(state: State) -> None:
    """Ctrl-C is one line: what was going on, and that the same command resumes."""
    state.board = Board()
    state.board.apply(events.StepStarted(canister="backend", step="install", index=1, total=1), 0)

    run_to_exit_code(state, raising(KeyboardInterrupt()))

    assert said(state) == ("error[run/interrupted]: interrupted (in flight: backend: installing); run the same command again to resume\n")


def test_interruption_before_anything_says_so(state: State) -> None:
    """Ctrl-C while nothing is going on says that."""
    run_to_exit_code(state, raising(KeyboardInterrupt()))

    assert said(state) == "error[run/interrupted]: interrupted; nothing was in flight\n"


def test_usage_error_names_the_help(state: State) -> None:
    """A wrong command line is answered in the same form as every error, with the help's command."""
    context = click.Context(click.Command("deploy"), info_name="deploy", parent=click.Context(click.Group("o"), info_name="orchestrator"))

    run_to_exit_code(state, raising(click.UsageError("No such option: --x.", ctx=context)))

    assert said(state) == "error[usage/invalid]: no such option: --x\n\nhint: run `orchestrator deploy --help`\n"


def test_stack_is_closed_whatever_happens(state: State) -> None:
    """What a command opened is closed before its error is told."""
    closed: list[bool] = []
    state.stack.callback(closed.append, True)

    run_to_exit_code(state, raising(OrchestratorError("no")))

    assert closed == [True]
