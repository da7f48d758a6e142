"""Frees threads of this process that wait to open a named pipe.

A plugin that opens a named pipe in a declared directory makes a thread of the host wait for somebody who
writes to it, perhaps for ever, where neither an interruption of the plugin nor a limit of computing time
reaches it. On Linux the system tells what each thread waits in: a thread that waits in `open`, for a path that is
a named pipe, gets a signal, and the plugin an error (`interrupted`). Opening any other file, however slow,
is left alone. Imports nothing beyond the standard library: the worker loads this module.
"""

import ctypes
import os
import platform
import signal
import stat
from contextlib import suppress
from typing import Final

__all__ = ["PipeWatch"]

MAX_PATH_BYTES: Final = 4096
_TASKS: Final = "/proc/self/task"
_MEMORY: Final = "/proc/self/mem"
_AT: Final = {"x86_64": (257, 437), "aarch64": (56, 437)}
"""Numbers of `openat` and `openat2`: their first argument is a directory, their second the path."""
_TGKILL: Final = {"x86_64": 234, "aarch64": 131}
_FREEING_SIGNAL: Final = signal.SIGUSR1


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing: that the signal came has ended the waiting."""


class PipeWatch:
    """Looks at what the threads of this process wait in; does nothing where the system does not tell."""

    def __init__(self, *, calls: tuple[int, ...], send_number: int, memory: int) -> None:
        """Take the numbers of the calls that open files, the one that signals a thread, and this process's memory as a file."""
        self.freed = 0
        self._calls = calls
        self._send_number = send_number
        self._memory = memory
        self._spare: int | None = os.dup(memory)
        self._system = ctypes.CDLL(None)

    @classmethod
    def prepared(cls) -> "PipeWatch | None":
        """Make one, if this system tells what threads wait in; call it from the main thread."""
        machine = platform.machine()
        if machine not in _AT or not os.path.isdir(_TASKS):  # noqa: PTH112 - no need for paths here
            return None
        try:
            memory = os.open(_MEMORY, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        signal.signal(_FREEING_SIGNAL, _ignore)  # Python's handlers let a system call end; it is not begun again
        return cls(calls=_AT[machine], send_number=_TGKILL[machine], memory=memory)

    def free(self) -> str | None:
        """Free each thread that waits to open a named pipe; answer the path of one of them, as the plugin's host sees it."""
        # The plugin may have as many files open as the process can have, but for this one.
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        try:
            return self._free()
        except OSError:
            return None
        finally:
            with suppress(OSError):  # the plugin was faster: then it is looked for without one
                self._spare = os.dup(self._memory)

    def _free(self) -> str | None:
        found: str | None = None
        for thread in os.listdir(_TASKS):  # noqa: PTH208
            path = self._waits_for(thread)
            if path is not None:
                found = path
                self.freed += 1
                self._system.syscall(self._send_number, os.getpid(), int(thread), int(_FREEING_SIGNAL))
        return found

    def _waits_for(self, thread: str) -> str | None:
        with suppress(OSError, ValueError):
            with open(f"{_TASKS}/{thread}/syscall", encoding="utf-8") as file:  # noqa: PTH123
                fields = file.read(256).split()
            if len(fields) < 3 or not fields[0].isdecimal() or int(fields[0]) not in self._calls:
                return None
            directory = ctypes.c_int(int(fields[1], 16)).value
            path = self._text_at(int(fields[2], 16))
            if stat.S_ISFIFO(os.stat(path, dir_fd=directory).st_mode):
                return os.fsdecode(path)
        return None

    def _text_at(self, address: int) -> bytes:
        # Through the file: the thread may have gone on, and then this reads anything or fails, but does no harm.
        data = os.pread(self._memory, min(MAX_PATH_BYTES, 4096 - address % 4096), address)
        if b"\0" not in data:
            data += os.pread(self._memory, MAX_PATH_BYTES, address + len(data))
        return data.partition(b"\0")[0]
