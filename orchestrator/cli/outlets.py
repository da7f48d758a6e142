"""Streams whose reader may leave: what changes a network is not ended half-way because nobody reads on."""

import contextlib
import os
from collections.abc import Callable
from typing import Any, TextIO

__all__ = ["PatientStream"]


class PatientStream:
    """Writes to a stream until its reader has gone (`| head`), and from then on nowhere.

    `on_closed` is called once, when that is noticed. Everything else is the stream's own.
    """

    def __init__(self, stream: TextIO, on_closed: Callable[[], None]) -> None:
        """Take the stream and who is told."""
        self._stream = stream
        self._on_closed = on_closed
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        """Return what the stream has."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, if somebody reads it."""
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written, if somebody reads it."""
        self._attempt(self._stream.flush)

    def _attempt(self, act: Callable[[], object]) -> None:
        if self._closed:
            return
        try:
            act()
        except BrokenPipeError:
            self._closed = True
            _drain(self._stream)
            self._on_closed()


def _drain(stream: TextIO) -> None:
    """Let what the stream still holds, and whatever else is written to it, go nowhere; streams in memory have no file."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
