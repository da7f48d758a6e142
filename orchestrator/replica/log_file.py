"""The network's log: standard error, whose file is kept from growing for ever.

Canisters print into it, so it could fill the disk. What comes from elsewhere than the log, such as the last words of a
library, goes to the same file, because it is the file of standard error that is exchanged.
"""

import logging
import os
import sys
from pathlib import Path
from typing import TextIO

__all__ = ["MAX_LOG_BYTES", "LogHandler"]

MAX_LOG_BYTES = 8 * 1024 * 1024
"""Size from which on the log's file becomes the old one, in place of the one before, and a new one begins."""
_MODE = 0o600


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes to standard error. With a path, that is where it goes to by now, and its file changes when it is large."""

    def __init__(self, path: Path | None = None, *, stream: TextIO | None = None, max_bytes: int = MAX_LOG_BYTES) -> None:
        super().__init__(stream or sys.stderr)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._path = path
        self._max_bytes = max_bytes

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and change the file if need be."""
        super().emit(record)
        if self._path is not None and os.fstat(self.stream.fileno()).st_size > self._max_bytes:
            self._change(self._path)

    def _change(self, path: Path) -> None:
        """Begin a new file under the same name; when the folder does not allow that, the present one is emptied."""
        descriptor = self.stream.fileno()
        try:
            path.replace(path.with_name(f"{path.name}.1"))
            fresh = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _MODE)
        except OSError:
            os.ftruncate(descriptor, 0)
            return
        os.dup2(fresh, descriptor)
        os.close(fresh)
