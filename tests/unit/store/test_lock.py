"""The environment lock."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.errors import ExitCode, LockHeldError
from orchestrator.store.lock import EnvironmentLock, load_holder

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOLD = """
import sys
from pathlib import Path
from orchestrator.store.lock import EnvironmentLock
with EnvironmentLock(Path(sys.argv[1]), environment="local", command="orchestrator deploy"):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    sys.stdin.read()
"""


def lock(path: Path, wait_seconds: float = 0) -> EnvironmentLock:
    """Return a lock on `path`, with a fixed clock."""
    return EnvironmentLock(path, environment="local", command="orchestrator sync", run="r1", wait_seconds=wait_seconds, clock=lambda: NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the lock's place, in a folder that is not there yet."""
    return tmp_path / "locks" / "local.lock"


def test_holder_is_told_while_held_and_gone_after(path: Path) -> None:
    """While the lock is held its holder can be read; after that nobody holds it."""
    with lock(path):
        holder = load_holder(path)

    assert holder is not None
    assert (holder.pid, holder.command, holder.since, holder.run) == (os.getpid(), "orchestrator sync", "2026-11-22T12:00:00+00:00", "r1")
    assert load_holder(path) is None


def test_second_run_is_refused_and_told_who_holds_it(path: Path) -> None:
    """A second taker gets exit code 5, and the message names process, command and time of the first."""
    with lock(path), pytest.raises(LockHeldError) as caught:
        lock(path).__enter__()

    assert caught.value.exit_code is ExitCode.LOCKED
    assert caught.value.detail == f"held by `orchestrator sync` (process {os.getpid()}, since 2026-11-22T12:00:00+00:00)"
    assert caught.value.hint is not None
    assert "lock status --env local" in caught.value.hint


def test_lock_is_free_after_an_error_inside(path: Path) -> None:
    """An exception inside releases the lock."""
    with pytest.raises(RuntimeError, match="inside"), lock(path):
        raise RuntimeError("inside")

    with lock(path):
        assert load_holder(path) is not None


def test_lock_of_a_killed_process_is_free(path: Path) -> None:
    """A process killed while it holds the lock leaves a description behind, and the lock is free all the same."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(LockHeldError, match="locked by another run"):
            lock(path).__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait()

    stale = load_holder(path)
    with lock(path):
        present = load_holder(path)

    assert stale is not None
    assert stale.pid == process.pid
    assert present is not None
    assert present.pid == os.getpid()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_damaged_description_tells_nothing(path: Path, content: bytes) -> None:
    """A damaged description is no holder, and no error."""
    path.parent.mkdir()
    path.with_name("local.lock.json").write_bytes(content)

    assert load_holder(path) is None
