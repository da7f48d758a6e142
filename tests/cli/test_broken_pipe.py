"""Whoever read a command's output has left (`| head`): one exit status for all commands, and not a word."""

import contextlib
import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli.main import run
from orchestrator.cli.terminal import Terminal
from tests.support.components import component_that_fails


class Unread(io.StringIO):
    """A stream that nobody reads any more; with `late` that is noticed when it is flushed."""

    def __init__(self, *, late: bool) -> None:
        """Choose when it is noticed."""
        super().__init__()
        self._late = late

    def write(self, text: str) -> int:
        """Fail at once, or keep the text."""
        if not self._late:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        return super().write(text)

    def flush(self) -> None:
        """Fail."""
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "--version",
        "plugin run --help",
        "plugin inspect x.wasm",
        "plugin inspect x.wasm --json",
        "plugin cache path",
        pytest.param("plugin run x.wasm", marks=pytest.mark.slow),
        "plugin run x.wasm --json",
        "canister list",
        "completions bash",
    ],
)
def test_a_reader_that_leaves_is_told_by_the_status(project: Path, component_cache: Path, line: str, *, late: bool) -> None:
    """The status is what shells report for SIGPIPE, whatever the command and whoever wrote; stderr stays empty."""
    (project / "x.wasm").write_bytes(component_that_fails())
    (project.parent / "cache").mkdir()
    (project.parent / "cache" / "components").symlink_to(component_cache)
    stdout, stderr = Unread(late=late), io.StringIO()
    environ = {"ORCHESTRATOR_HOME": str(project.parent), "HOME": str(project.parent)}
    terminal = Terminal(stdin=io.StringIO(), stdout=stdout, stderr=stderr, environ=environ, directory=project)

    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = run(line.split(), terminal)

    assert (code, stderr.getvalue()) == (141, "")


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_process_without_a_stream_works(closed: str) -> None:
    """A process that was started without one of its streams does what it was asked for."""
    done = subprocess.run(["/bin/sh", "-c", f'"{sys.executable}" -m orchestrator.cli --version {closed}'], check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
