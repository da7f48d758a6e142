"""The edge of the process: the only place where an error becomes an exit status."""

import contextlib
import traceback
from collections.abc import Callable
from pathlib import Path

import click

from orchestrator.cli.endings import describe_ending, leaves_of
from orchestrator.cli.state import State
from orchestrator.errors import BugError, ExitCode, InterruptedRunError, OrchestratorError, UsageError

__all__ = ["PIPE_CLOSED", "run_to_exit_code"]

PIPE_CLOSED = 141
"""What shells report for a program that SIGPIPE ended: 128 + 13."""


def run_to_exit_code(state: State, command: Callable[[], object]) -> int:
    """Run a command, say what went wrong if something did, and return the exit status."""
    error: OrchestratorError
    try:
        with state.stack:
            return _int(command())
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as problem:
        error = _usage(problem)
    except OrchestratorError as problem:
        error = problem
    except (KeyboardInterrupt, click.Abort):
        error = _interrupted(state)
    except BrokenPipeError:
        return PIPE_CLOSED
    except BaseExceptionGroup as group:
        return _report_group(state, group)
    except Exception as bug:  # noqa: BLE001  # the edge of the process: whatever else comes is a bug, and is reported as one
        return _report_bug(state, bug)
    return _report(state, error)


def _int(value: object) -> int:
    return int(value) if isinstance(value, int) else ExitCode.DONE


def _report(state: State, error: OrchestratorError) -> int:
    from orchestrator.ui.errors import render_error

    style = state.style()
    text = render_error(error, base=state.terminal.directory, style=style)
    if state.log is not None:
        text += f"\n\n{style.paint('dim', f'log: {state.log}')}"
    _say(state, text)
    return int(error.exit_code)


def _report_group(state: State, group: BaseExceptionGroup[BaseException]) -> int:
    """Report what tasks side by side ended with."""
    if any(isinstance(leaf, BrokenPipeError) for leaf in leaves_of(group)):
        return PIPE_CLOSED
    error = describe_ending(group)
    if isinstance(error, BugError):
        return _report_bug(state, group)
    return _report(state, _interrupted(state) if isinstance(error, InterruptedRunError) else error)


def _report_bug(state: State, bug: BaseException) -> int:
    """Write the traceback where it can be sent from, and tell the user no more than that.

    A file that the system does not let us use is the user's to mend, and is told like any other error.
    """
    ending = describe_ending(bug)
    if not isinstance(ending, BugError):
        return _report(state, ending)
    text = "".join(traceback.format_exception(bug))
    log = state.log or _bug_log(state)
    with log.open("a", encoding="utf-8") as file:
        file.write(text)
    error = BugError(ending.summary, hint=f"please report it with `{log}`, which has the traceback")
    state.log = None
    if state.verbose:
        _say(state, text.rstrip())
    return _report(state, error)


def _bug_log(state: State) -> Path:
    """Return a file in the user's cache, for commands that keep no log."""
    from orchestrator.cli.logs import name_log
    from orchestrator.store.user import UserDirectories

    path = name_log(UserDirectories.from_environment(state.terminal.environ).cache / "logs", "bug")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _interrupted(state: State) -> InterruptedRunError:
    flying = "; ".join(state.board.in_flight) if state.board is not None else ""
    if not flying:
        return InterruptedRunError("interrupted; nothing was in flight")
    return InterruptedRunError(f"interrupted (in flight: {flying}); run the same command again to resume")


def _usage(problem: click.ClickException) -> UsageError:
    context = getattr(problem, "ctx", None)
    path = context.command_path if isinstance(context, click.Context) else "orchestrator"
    message = problem.format_message().rstrip(".").replace("\n\t", " ")  # click lists choices below one another
    return UsageError(message[:1].lower() + message[1:], hint=f"run `{path} --help`")


def _say(state: State, text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever read it has left: the exit status still says how it ended
        state.terminal.stderr.write(f"{text}\n")
        state.terminal.stderr.flush()
