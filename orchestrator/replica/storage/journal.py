"""What happened since the state's base was written: a file that only grows, one frame per checkpoint.

A frame is its length, its checksum, and its content. One that is cut off at the end of the file is what a killed process
left behind, and counts for nothing; one that is damaged elsewhere is an error. Nothing here knows what a frame says.
"""

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import StoreError
from orchestrator.store.atomic import PRIVATE_MODE, sync_directory

__all__ = ["Journal", "JournalError", "read_frames"]

_HEADER = struct.Struct("<4sIQ")
_MAGIC = b"ICJ1"


class JournalError(Exception):
    """Raised for a journal that is damaged before its end."""


def read_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield where each complete frame ends, and its content; raises `JournalError`, and OSError when there is no file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = 0
        while size - end >= _HEADER.size:
            header = file.read(_HEADER.size)
            if not any(header):
                return  # the power went while the file grew
            magic, checksum, length = _HEADER.unpack(header)
            if magic != _MAGIC:
                raise JournalError(f"{path.name} has no frame at byte {end}")
            following = end + _HEADER.size + length
            if following > size:
                return
            content = file.read(length)
            if zlib.crc32(content) != checksum:
                if following == size:
                    return  # after a power cut the length of the last frame may be on the disk before its content
                raise JournalError(f"{path.name} is damaged at byte {end}")
            end = following
            yield end, content


class Journal:
    """A journal that is written to; `size` is where its last good frame ends. Raises `StoreError` when the disk refuses."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """Take the file; what lies behind `size` is cut off before the first frame is added."""
        self.path = path
        self.size = size
        self._file: int | None = None

    def append(self, content: bytes) -> None:
        """Add a frame and wait until it is on the disk; after a failure the journal is as it was."""
        header = _HEADER.pack(_MAGIC, zlib.crc32(content), len(content))
        try:
            file = self._open()
            _write_all(file, header)
            _write_all(file, content)
            _sync(file)
        except OSError as error:
            self.close()  # what was written of the frame is cut off when the file is opened again
            raise _cannot_write(self.path, error) from error
        self.size += len(header) + len(content)

    def create(self) -> None:
        """Make the file, empty, in place of whatever has its name."""
        try:
            self._open()
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def is_there(self) -> bool:
        """Tell whether the file still is where it was made; somebody may have deleted it."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        return self._file is None or os.path.samestat(found, os.fstat(self._file))

    def remove(self) -> None:
        """Close and delete the file."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def close(self) -> None:
        """Close the file; the next frame opens it again."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is None:
            is_new = not self.path.exists()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE)
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            if is_new:
                sync_directory(self.path.parent)
        return self._file


def _cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write `{path}`",
        slug="store/write",
        detail=error.strerror or str(error),
        hint=f"check that `{path.parent}` may be written and that its disk has room",
    )


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync(file: int) -> None:
    """Wait until the file's content is on the disk; not every system can do that without its times."""
    getattr(os, "fdatasync", os.fsync)(file)
