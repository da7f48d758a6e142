"""The lock of an environment: one run changes it at a time, and whoever waits learns who that is.

The operating system holds the lock, so it ends with its process, however that ends; the file beside
it only tells who has it.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.errors import LockHeldError, StoreError
from orchestrator.store.file_lock import acquire_lock, is_held, open_lock
from orchestrator.store.json_file import load_object, write_json

if TYPE_CHECKING:
    import filelock

__all__ = ["EnvironmentLock", "LockHolder", "is_held", "load_holder"]

_HINT = "delete the file: it only tells who holds the lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHolder:
    """Who holds a lock; `since` is ISO 8601 in UTC, `run` the run's name if there is one."""

    pid: int
    command: str
    since: str
    run: str | None = None

    def __str__(self) -> str:
        """Return it as one phrase."""
        return f"`{self.command}` (process {self.pid}, since {self.since})"


def _present() -> datetime:
    return datetime.now(UTC)


class EnvironmentLock:
    """A context manager that holds an environment's lock, or raises `LockHeldError` at once.

    With `wait_seconds` it waits so long for the holder to end. `clock` gives the time that is written.
    """

    def __init__(
        self,
        path: Path,
        *,
        environment: str,
        command: str,
        run: str | None = None,
        wait_seconds: float = 0,
        clock: Callable[[], datetime] = _present,
    ) -> None:
        """Take the lock's place and what is to be told about its holder."""
        self._path = path
        self._environment = environment
        self._command = command
        self._run = run
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._lock: filelock.BaseFileLock | None = None

    def __enter__(self) -> Self:
        """Acquire it and write who holds it."""
        lock = open_lock(self._path)
        if not acquire_lock(lock, seconds=self._wait_seconds):
            raise self._held()
        since = self._clock().isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "command": self._command, "since": since, "run": self._run}
        with contextlib.ExitStack() as stack:
            stack.callback(lock.release)
            write_json(_holder_path(self._path), holder)
            stack.pop_all()
        self._lock = lock
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Release it; the description goes first, so that it never outlives the lock of a process that ended well."""
        with contextlib.suppress(OSError):
            _holder_path(self._path).unlink()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _held(self) -> LockHeldError:
        holder = load_holder(self._path)
        return LockHeldError(
            f"environment `{self._environment}` is locked by another run",
            detail=f"held by {holder}" if holder else "its holder has not said who it is",
            hint=f"wait for it to end, or see `orchestrator lock status --env {self._environment}`",
        )


def load_holder(path: Path) -> LockHolder | None:
    """Read who holds the lock at `path`, or `None` when nobody has said so (damaged files say nothing)."""
    try:
        value = load_object(_holder_path(path), hint=_HINT)
    except StoreError:
        return None
    if value is None:
        return None
    pid, command, since, run = (value.get(key) for key in ("pid", "command", "since", "run"))
    if not (isinstance(pid, int) and isinstance(command, str) and isinstance(since, str)):
        return None
    return LockHolder(pid=pid, command=command, since=since, run=run if isinstance(run, str) else None)


def _holder_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
