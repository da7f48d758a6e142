"""A process that is being started: written down at once, because whoever starts it may be killed before it is ready."""

import contextlib
from dataclasses import dataclass

from orchestrator.errors import StoreError
from orchestrator.network.deletion import delete_leftover
from orchestrator.network.processes.family import end_family, write_family
from orchestrator.network.processes.process import end_process, is_alive
from orchestrator.store.json_file import load_object, write_json
from orchestrator.store.layout import NetworkFiles

__all__ = ["Attempt", "end_attempt", "find_attempt", "forget_attempt", "write_attempt"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A process that somebody has begun to start."""

    pid: int
    birth: str


def write_attempt(files: NetworkFiles, attempt: Attempt) -> None:
    """Write down that the process is being started."""
    write_json(files.attempt, {"v": _FORMAT, "pid": attempt.pid, "birth": attempt.birth})


def forget_attempt(files: NetworkFiles) -> None:
    """Remove what was written down: by now the network's descriptor tells of the process, or there is none."""
    delete_leftover(files.attempt)


def find_attempt(files: NetworkFiles) -> Attempt | None:
    """Return the process that was being started, if it still runs."""
    try:
        document = load_object(files.attempt, hint="delete the file") or {}
    except StoreError:
        return None
    pid, birth = document.get("pid"), document.get("birth")
    if not isinstance(pid, int) or not isinstance(birth, str) or not is_alive(pid, birth):
        return None
    return Attempt(pid=pid, birth=birth)


async def end_attempt(files: NetworkFiles, attempt: Attempt, *, seconds: float) -> None:
    """End a process that was being started, with what it has started itself, and forget it."""
    with contextlib.suppress(StoreError):  # it is ended all the same, although nobody can write down what else is
        write_family(files, attempt.pid)
    await end_process(attempt.pid, attempt.birth, seconds=seconds)
    await end_family(files, seconds=seconds)
    forget_attempt(files)
