"""The pipe's end inside a process that the tool started: stdin carries orders, stdout answers.

Standard streams are moved out of the way first, so that nothing a library prints can mix with frames.
"""

import fcntl
import os
import select
import threading
from contextlib import suppress
from typing import Final

from orchestrator.sandbox.frames import Frame, read_frame, write_frame

__all__ = ["Channel"]

PIPE_BYTES: Final = 256 << 10
"""What the pipes to and from the tool hold where the system allows it, so that large frames cross in few turns."""


class Channel:
    """Frames in and out of this process; sending is safe from any thread."""

    def __init__(self, *, orders: int, answers: int) -> None:
        """Take the two file descriptors."""
        self._orders = orders
        self._answers = answers
        self._lock = threading.Lock()

    @classmethod
    def from_standard_streams(cls) -> "Channel":
        """Take over stdin and stdout: from now on stdin is empty, and stdout is stderr."""
        orders, answers = os.dup(0), os.dup(1)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            for descriptor in (orders, answers):
                with suppress(OSError):  # the system may refuse more, and then it is slower
                    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(orders=orders, answers=answers)

    def receive(self) -> Frame:
        """Block until a frame has come; `EOFError` when the tool is gone."""
        return read_frame(self._orders)

    def send(self, frame: Frame) -> None:
        """Block until the tool's end has taken the frame."""
        with self._lock:
            write_frame(self._answers, frame)

    def send_if_free(self, frame: Frame) -> None:
        """Send a small frame if that blocks nobody; otherwise it is not sent."""
        if self._lock.acquire(blocking=False):
            try:
                # A pipe that can be written to takes PIPE_BUF bytes at once, which is 512 at least.
                if select.select([], [self._answers], [], 0)[1]:
                    write_frame(self._answers, frame)
            finally:
                self._lock.release()
