"""A child process of the sandbox, seen from the tool: frames to it, frames from it, and its end.

A child runs in a session of its own, so that a terminal's Ctrl-C reaches the tool alone, and the tool ends
the child's whole group; with an environment of its own, so that no secret of the user's is in it; in an empty
directory that has no name any more; and with nothing on its module path but the standard library, this
package and wasmtime.
"""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from orchestrator.errors import SandboxError
from orchestrator.sandbox.frames import HEADER_BYTES, MAX_ANSWER_BYTES, Frame, FrameError, decode, encode, parse_header

__all__ = ["OUT_OF_MEMORY", "Child", "ChildDiedError", "spawn_child", "start_child"]

STDERR_BYTES: Final = 16 << 10
"""Bytes kept of what a child writes to stderr, the last ones."""
OUT_OF_MEMORY: Final = ("memory allocation of", "MemoryError", "Cannot allocate memory", "can't spawn worker thread")
"""What is in the last words of a process whose memory the system refused, for itself or for the stack of a thread of wasmtime's."""
EXIT_SECONDS: Final = 5.0
"""How long a child may take to end after its last frame, before it is killed."""
_MANY_FILES: Final = "the tool has too many files open: raise `ulimit -n`, or run fewer plugins at once (`--jobs`)"
_MANY_PROCESSES: Final = "the system is out of processes or memory: run fewer plugins at once (`--jobs`), or end something else"
_NO_ROOM: Final = "make room where temporary files are kept, or let TMPDIR name another directory"
_START_HINTS: Final = {
    errno.EMFILE: _MANY_FILES,
    errno.ENFILE: _MANY_FILES,
    errno.EAGAIN: _MANY_PROCESSES,
    errno.ENOMEM: _MANY_PROCESSES,
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
}
_INHERITED: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SET: Final = {"LC_ALL": "C.UTF-8", "RUST_MIN_STACK": str(512 << 10)}
"""wasmtime's own threads get a small stack, which counts as the plugin's memory."""
_PACKAGE_ROOT: Final = Path(__file__).resolve().parent.parent.parent


class ChildDiedError(SandboxError):
    """Raised when a child ended before its last frame; `status` is as in `subprocess`, `stderr` its last words."""

    default_slug = "plugin/worker-died"

    def __init__(self, *, status: int | None, stderr: str) -> None:
        """Say how it ended."""
        super().__init__(
            f"the plugin's worker process ended early: {_describe_status(status)}",
            detail=stderr or "it wrote nothing to stderr",
            hint="run it again; if it happens again, report it with the plugin",
        )
        self.status = status
        self.stderr = stderr


def _describe_status(status: int | None) -> str:
    if status is None:
        return "it closed its pipe"
    if status >= 0:
        return f"exit status {status}"
    with suppress(ValueError):
        name = signal.Signals(-status).name
        return f"{name}, as the system does when it is out of memory" if -status == signal.SIGKILL else name
    return f"signal {-status}"


def _environment() -> dict[str, str]:
    return {**{name: os.environ[name] for name in _INHERITED if name in os.environ}, **_SET}


@cache
def _module_path() -> tuple[str, ...]:
    """Tell where this package and wasmtime are: all that a child loads beside the standard library."""
    found = find_spec("wasmtime")
    wasmtime = [] if found is None or found.origin is None else [str(Path(found.origin).parent.parent)]
    return (str(_PACKAGE_ROOT), *wasmtime)


def _command(module: str) -> list[str]:
    # Isolated and without `site`: what else is installed, and what it does at the start of every Python, is left out.
    # Nothing is collected while modules are loaded: what is made then stays.
    load = f"import sys; sys.path += {list(_module_path())!r}; from {module} import main"
    text = f"import gc; gc.disable(); {load}; gc.freeze(); gc.enable(); main()"
    return [sys.executable, "-I", "-S", "-c", text]


class Child:
    """One child process; made by `start_child`."""

    def __init__(self, process: Process, *, orders: ByteSendStream, answers: ByteReceiveStream, stderr: IO[bytes]) -> None:
        """Take a started process, its pipes, and the file that its stderr goes to."""
        self._process = process
        self._orders = orders
        self._answers = answers
        self._stderr = stderr
        self._unread = bytearray()

    async def send(self, frame: Frame) -> None:
        """Give the child a frame; `ChildDiedError` if it is not there any more."""
        try:
            await self._orders.send(encode(frame))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, BrokenPipeError, ConnectionResetError):
            raise await self._died() from None

    async def receive(self) -> Frame:
        """Wait for a frame.

        Raises `ChildDiedError` when the child ends instead, and `SandboxError` (`plugin/worker-garbage`)
        when what it sends is no frame.
        """
        try:
            kind, length = parse_header(await self._take(HEADER_BYTES), MAX_ANSWER_BYTES)
            return decode(kind, await self._take(length))
        except FrameError as error:
            raise SandboxError(
                "the plugin's worker process sent something that is not part of the conversation",
                slug="plugin/worker-garbage",
                detail=str(error),
                hint="the run was stopped; report it with the plugin",
            ) from error

    async def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            try:
                self._unread += await self._answers.receive(1 << 20)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                raise await self._died() from None
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    async def _died(self) -> ChildDiedError:
        await self.wait_ended()
        return ChildDiedError(status=self._process.returncode, stderr=self._last_words())

    def _last_words(self) -> str:
        end = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, end - STDERR_BYTES))
        return self._stderr.read(STDERR_BYTES).decode("utf-8", "replace").strip()

    async def wait_ended(self) -> None:
        """Wait a little for the child to end by itself after its last frame."""
        with anyio.move_on_after(EXIT_SECONDS):
            await self._process.wait()

    @property
    def pid(self) -> int:
        """The child's process id, which is also its group's."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Tell whether the child has not ended yet; asks the system, which knows it before the event loop does."""
        if self._process.returncode is not None or not hasattr(os, "waitid"):
            return self._process.returncode is None
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def kill(self) -> None:
        """End the child and everything it may have started, at once."""
        # Also when the child itself has ended: its group's number is not given to others while anything is left in it.
        if self._process.returncode is None or not _is_process(self._process.pid):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Kill the child if it is still there, and let go of everything that belongs to it; cannot be cancelled."""
        self.kill()
        with anyio.CancelScope(shield=True):
            await self._process.wait()
            await self._process.aclose()
        self._stderr.close()


def _is_process(pid: int) -> bool:
    """Tell whether a process has this number: after our child's end, one that has nothing to do with it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start_failure(error: OSError | RuntimeError) -> SandboxError:
    """Say why no process could be started, and what to do about it."""
    number = error.errno if isinstance(error, OSError) else errno.EAGAIN
    return SandboxError(
        "no process for the plugin can be started",
        slug="plugin/worker-start",
        detail=str(error),
        hint=_START_HINTS.get(number or 0, "it takes a new process, and a temporary directory that can be written to: see TMPDIR"),
    )


@contextmanager
def _nowhere() -> Iterator[str]:
    """Make an empty directory and take its name away: who stands in it by then can put nothing into it, and nobody has to clean up."""
    nowhere = tempfile.mkdtemp(prefix="orchestrator-")
    try:
        yield nowhere
    finally:
        with suppress(OSError):  # whoever removed it already did the same
            os.rmdir(nowhere)  # noqa: PTH106 - at once and without a thread


async def _open(module: str, stderr: IO[bytes]) -> Process:
    with _nowhere() as nowhere:
        return await anyio.open_process(
            _command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=nowhere,
            env=_environment(),
            start_new_session=True,
        )


async def spawn_child(module: str) -> Child:
    """Start `main` of a module in a process of its own; whoever gets the child closes it.

    Raises `SandboxError` (`plugin/worker-start`) when the system lets none be started.
    """
    try:
        # A file and not a pipe: nobody has to read it while the child runs.
        stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
    except OSError as error:
        raise _start_failure(error) from error
    try:
        with anyio.CancelScope(shield=True):  # a start that is cancelled half-way leaves open pipes behind
            process = await _open(module, stderr)
    except (OSError, RuntimeError) as error:  # the latter is Python's own for a thread that cannot be started
        stderr.close()
        raise _start_failure(error) from error
    except BaseException:  # whatever it is, it goes on up
        stderr.close()
        raise
    if process.stdin is None or process.stdout is None:
        raise SandboxError("a child process has no pipes", slug="plugin/worker-died")
    return Child(process, orders=process.stdin, answers=process.stdout, stderr=stderr)


@asynccontextmanager
async def start_child(module: str) -> AsyncIterator[Child]:
    """Start `main` of a module in a process of its own, and end it when the block ends, however it ends."""
    child = await spawn_child(module)
    try:
        yield child
    finally:
        await child.close()
