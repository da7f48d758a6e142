"""Processes that outlive us: start one on its own, tell it from a later one with the same pid, end it."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

__all__ = ["end_process", "is_alive", "load_birth", "poll_exit", "spawn_detached", "wait_gone"]

POLL_SECONDS = 0.01
_PROC = Path("/proc")
_BOOT_ID = _PROC / "sys" / "kernel" / "random" / "boot_id"
_STATE_FIELD = 0
_START_FIELD = 19
_LOG_MODE = 0o600


def spawn_detached(command: Sequence[str], *, environ: Mapping[str, str], log: Path) -> int:
    """Start a process in a session of its own, with both outputs into `log` (emptied first); return its pid."""
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return os.posix_spawn(
        command[0],
        list(command),
        dict(environ),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), log_flags, _LOG_MODE),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE),
    )


def load_birth(pid: int) -> str | None:
    """Return a text that is the same for one process all its life, and no other; `None` when there is none.

    Linux: the boot's id and the start in clock ticks since then. Elsewhere: what `ps` says, to the second.
    """
    if not _PROC.joinpath("self", "stat").exists():
        return _birth_by_ps(pid)
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8", errors="replace")
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[_STATE_FIELD] in {"Z", "X"}:
        return None
    return f"{boot}:{fields[_START_FIELD]}"


def _birth_by_ps(pid: int) -> str | None:
    """Ask `ps`, in words that are the same in every country; each column has an option of its own, as POSIX wants it."""
    environ = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env=environ)
    state, _, start = done.stdout.strip().partition(" ")
    return None if done.returncode != 0 or not start or state.startswith("Z") else start.strip()


def is_alive(pid: int, birth: str) -> bool:
    """Tell whether the process that was born then still runs; a later process with its pid does not count."""
    return load_birth(pid) == birth


def poll_exit(pid: int) -> int | None:
    """Return the exit status of a child that has ended (negative: the signal), or `None` while it runs."""
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if done else None


async def end_process(pid: int, birth: str, *, seconds: float) -> bool:
    """Ask the process to end, and end it after `seconds`; return whether it went by itself.

    One that is suspended goes on, so that it hears that it is asked.
    """
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if is_alive(pid, birth):
            _signal(pid, kind)
            _signal(pid, signal.SIGCONT)
        with anyio.move_on_after(seconds):
            await wait_gone(pid, birth)
            return kind == signal.SIGTERM
    return False


async def wait_gone(pid: int, birth: str) -> None:
    """Return once the process that was born then has ended; a child of ours is reaped."""
    while is_alive(pid, birth):
        poll_exit(pid)
        await anyio.sleep(POLL_SECONDS)
    poll_exit(pid)


def _signal(pid: int, kind: signal.Signals) -> None:
    try:
        os.kill(pid, kind)
    except ProcessLookupError:
        return
