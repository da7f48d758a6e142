"""Catches what a plugin writes to stdout and stderr, inside its worker process.

wasmtime writes to a file at once and in order, but hands bytes for a callback to a task that is dropped
with the plugin, whatever it still holds. So each stream is a pipe that wasmtime opens as a file, and its
end is the proof that everything has come. Imports nothing beyond the standard library and the frames.
"""

import os
import select
import threading
from pathlib import Path
from typing import Final

from orchestrator.sandbox.channel import Channel
from orchestrator.sandbox.frames import Output
from orchestrator.sandbox.limits import MAX_OUTPUT_BYTES
from orchestrator.sandbox.threads import start_vital_thread

__all__ = ["CapturedStream"]

CHUNK_BYTES: Final = 64 << 10
_DESCRIPTORS: Final = Path("/proc/self/fd") if Path("/proc/self/fd").is_dir() else Path("/dev/fd")


class CapturedStream:
    """One stream: passes on what is under the cap, counts the rest, never makes the plugin wait for the tool's sake."""

    def __init__(self, channel: Channel, *, stderr: bool, after: "CapturedStream | None" = None) -> None:
        """Open the pipe; `start` begins to read it. What was written to the stream `after` before it is passed on before it."""
        self.written = 0
        self.dropped = 0
        self._channel = channel
        self._stderr = stderr
        self._after = after
        self._room = MAX_OUTPUT_BYTES
        self._read, self._write = os.pipe()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        os.set_blocking(self._read, False)

    @property
    def path(self) -> str:
        """The file that the plugin's stream is to be opened as, once."""
        return str(_DESCRIPTORS / str(self._write))

    def start(self) -> None:
        """Read from now on; whoever opened `path` alone keeps the stream open."""
        os.close(self._write)
        start_vital_thread(self._follow)

    def drain(self) -> bool:
        """Pass on all that has been written so far; false at the stream's end."""
        with self._lock:
            while True:
                try:
                    data = os.read(self._read, CHUNK_BYTES)
                except BlockingIOError:
                    return True
                if self._after is not None:
                    self._after.drain()  # what precedes this is in its pipe by now
                if not data:
                    return False
                self._take(data)

    def wait_ended(self, seconds: float) -> None:
        """Wait until the stream's end has been passed on."""
        self._ended.wait(seconds)

    def _follow(self) -> None:
        while self.drain():
            select.select([self._read], [], [])
        self._ended.set()

    def _take(self, data: bytes) -> None:
        self.written += len(data)
        kept = data[: self._room]
        self._room -= len(kept)
        self.dropped += len(data) - len(kept)
        if kept:
            self._channel.send(Output(stderr=self._stderr, data=kept))
