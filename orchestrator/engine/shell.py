"""Shell commands of build and sync steps: run one after another, every line reported as it is written."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, Process

from orchestrator.events import Stream

__all__ = ["DRAIN_SECONDS", "MAX_LINE_BYTES", "CommandFailure", "run_commands"]

MAX_LINE_BYTES = 65_536
# What a command leaves running in the background may hold its output open; it is not waited for longer than this.
DRAIN_SECONDS = 1.0

OnLine = Callable[[Stream, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFailure:
    """A command that failed; `status` is its exit status, negative for a signal, `None` when it could not be started."""

    command: str
    status: int | None
    reason: str


async def run_commands(commands: Sequence[str], *, directory: Path, environ: Mapping[str, str], on_line: OnLine) -> CommandFailure | None:
    """Run each command with `sh -c`; return the first failure, after which nothing more is run.

    A cancelled run kills the command and everything that it started.
    """
    for command in commands:
        failure = await _run(command, directory=directory, environ=environ, on_line=on_line)
        if failure is not None:
            return failure
    return None


async def _run(command: str, *, directory: Path, environ: Mapping[str, str], on_line: OnLine) -> CommandFailure | None:
    try:
        process = await anyio.open_process(
            ["sh", "-c", command], cwd=directory, env=environ, stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        return CommandFailure(command=command, status=None, reason=f"command `{_shown(command)}` cannot be started: {error.strerror}")
    try:
        await _follow(process, on_line)
    finally:
        await _end(process)
    status = process.returncode
    if status == 0:
        return None
    how = f"was ended by signal {-status}" if status is not None and status < 0 else f"failed with status {status}"
    return CommandFailure(command=command, status=status, reason=f"command `{_shown(command)}` {how}")


def _shown(command: str) -> str:
    """Return a command for a message: a script of many lines is known by its first."""
    first, *more = command.strip().splitlines() or [""]
    return f"{first} …" if more else first


async def _follow(process: Process, on_line: OnLine) -> None:
    """Report both streams until the process has ended and its output is read."""
    async with anyio.create_task_group() as group:
        readers = anyio.CancelScope()

        async def read_all() -> None:
            with readers:
                async with anyio.create_task_group() as reading:
                    reading.start_soon(_read_lines, process.stdout, "stdout", on_line)
                    reading.start_soon(_read_lines, process.stderr, "stderr", on_line)

        group.start_soon(read_all)
        await process.wait()
        readers.deadline = anyio.current_time() + DRAIN_SECONDS


async def _read_lines(stream: ByteReceiveStream | None, name: Stream, on_line: OnLine) -> None:
    """Split a stream into lines: invalid UTF-8 is replaced, overlong lines are broken."""
    if stream is None:
        return
    pending = b""
    try:
        async for data in stream:
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                on_line(name, _text(line))
            while len(pending) > MAX_LINE_BYTES:
                on_line(name, _text(pending[:MAX_LINE_BYTES]))
                pending = pending[MAX_LINE_BYTES:]
    finally:
        if pending:
            on_line(name, _text(pending))


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode("utf-8", "replace")


def _kill_group(process: Process) -> None:
    """End the command and its children; they share a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    """End a command that still runs (the run was cancelled), and close its pipes."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            _kill_group(process)
        await process.aclose()
