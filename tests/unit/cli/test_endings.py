"""Whatever ends a run is one error with an exit status, in the stream of events too."""

import errno
import io
import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.cli.endings import describe_ending
from orchestrator.cli.state import State
from orchestrator.cli.terminal import Terminal
from orchestrator.cli.verbs import run_verb
from orchestrator.engine.session import Session
from orchestrator.errors import BuildError, LockHeldError

_BUG = ValueError("odd")


@pytest.mark.parametrize(
    ("ending", "slug", "code"),
    [
        (BuildError("a"), "build/failed", 1),
        (ExceptionGroup("g", [BuildError("a")]), "build/failed", 1),
        (ExceptionGroup("g", [BuildError("a"), LockHeldError("b")]), "store/locked", 5),
        (KeyboardInterrupt(), "run/interrupted", 130),
        (BaseExceptionGroup("g", [BuildError("a"), KeyboardInterrupt()]), "run/interrupted", 130),
        (PermissionError(errno.EACCES, "Permission denied", "/p/x"), "store/refused", 1),
        (ExceptionGroup("g", [OSError(errno.EROFS, "Read-only file system", "/p/x")]), "store/refused", 1),
        (OSError(errno.ENOSPC, "No space left on device"), "store/write", 1),
        (PermissionError(errno.EACCES, "a socket"), "orchestrator/bug", 70),
        (_BUG, "orchestrator/bug", 70),
        (ExceptionGroup("g", [BuildError("a"), _BUG]), "orchestrator/bug", 70),
    ],
    ids=[
        "error",
        "group of one",
        "worst of a group",
        "interrupted",
        "interrupted group",
        "forbidden file",
        "read-only disk",
        "full disk",
        "no file",
        "bug",
        "bug in a group",
    ],
)
def test_the_stream_of_events_ends_with_what_happened(tmp_path: Path, ending: BaseException, slug: str, code: int) -> None:
    """The last two lines are the error and `run-finished` with the exit status, even for a bug."""
    (tmp_path / "icp.yaml").write_text("canisters: []\n")
    stdout = io.StringIO()
    terminal = Terminal(stdin=io.StringIO(), stdout=stdout, stderr=io.StringIO(), environ={"HOME": str(tmp_path)}, directory=tmp_path)
    stack = ExitStack()
    state = State(terminal=terminal, stack=stack, options={"as_json": True})

    async def action(_session: Session) -> None:
        raise ending

    with stack, pytest.raises(type(ending)):
        run_verb(state, "deploy", action)

    error, finished = (json.loads(line) for line in stdout.getvalue().splitlines())
    assert (error["event"], error["slug"]) == ("error", slug)
    assert (finished["event"], finished["exit_code"]) == ("run-finished", code)
    assert describe_ending(ending).exit_code == code


def test_a_log_that_cannot_be_kept_stops_no_command(tmp_path: Path) -> None:
    """Where a file stands in the logs' folder's place that is warned about, and the command runs."""
    (tmp_path / "icp.yaml").write_text("canisters: []\n")
    (tmp_path / ".orchestrator").write_text("")
    stderr = io.StringIO()
    terminal = Terminal(stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr, environ={"HOME": str(tmp_path)}, directory=tmp_path)

    async def action(_session: Session) -> int:
        return 7

    with ExitStack() as stack:
        state = State(terminal=terminal, stack=stack)
        assert run_verb(state, "deploy", action) == 7
    assert state.log is None
    assert "warning[store/write]: no log is kept: cannot make the folder" in stderr.getvalue()
