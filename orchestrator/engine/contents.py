"""The hash of a folder: of all names, kinds and contents below it.

Links are not followed and nothing but regular files is opened, so that a pipe or a device cannot block. One
descriptor stands in the folder that is being read, whatever the depth: the way back is `..`, checked by inode.
"""

import errno
import hashlib
import os
import stat
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import PluginRefusedError

__all__ = ["PARALLEL_BYTES", "hash_folder"]

PARALLEL_BYTES = 1 << 20
"""Files from this size on are hashed beside others, by several threads."""
_READ_BYTES = 1 << 20
_PENDING_FILES = 32
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = "unreadable"


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder on the way down: its device and inode, and the folders below it that are still to be read."""

    identity: tuple[int, int]
    folders: Iterator[str]


def hash_folder(folder: Path, *, identity: tuple[int, int] | None = None, stop: threading.Event | None = None) -> str:
    """Return the SHA-256, in lower-case hex, of everything below a folder; blocks, so call it in a thread.

    Names, kinds, contents and the texts of links count, times and modes do not. What cannot be read is hashed as
    such. Ends early, with an arbitrary answer, once `stop` is set. Raises `PluginRefusedError` when the folder cannot be
    read, is moved while it is, or is another one than that with the device and inode numbers `identity`.
    """
    try:
        with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1)) as threads, closing(_Walk(folder, threads, stop)) as walk:
            walk.require(identity)
            return walk.run()
    except OSError as error:
        raise PluginRefusedError(
            f"`{folder}` cannot be read as a whole",
            slug="plugin/unreadable-directory",
            detail=error.strerror or str(error),
            hint="check who may read it, and that nothing moves it meanwhile",
        ) from error


class _Walk:
    """One pass through a folder, depth first, each folder's entries by name."""

    def __init__(self, folder: Path, threads: ThreadPoolExecutor, stop: threading.Event | None) -> None:
        # The first folder may be a link, as a canister's folder may: whose it is, `require` checks.
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._threads = threads
        self._stop = stop or threading.Event()
        self._digest = hashlib.sha256()
        # What was found, in order; a file's hash may still be on its way.
        self._found: deque[tuple[bytes, bytes, Future[bytes] | bytes]] = deque()
        self._pending = 0

    def require(self, identity: tuple[int, int] | None) -> None:
        """Refuse a folder that has taken the place of the one that was checked."""
        if identity not in {None, _identity(self._descriptor)}:
            raise OSError(errno.ESTALE, "another folder has taken the place of the one that was checked")

    def close(self) -> None:
        """Close what is open."""
        os.close(self._descriptor)

    def run(self) -> str:
        """Read everything."""
        levels = [self._read_folder()]
        while levels and not self._stop.is_set():
            name = next(levels[-1].folders, None)
            if name is None:
                levels.pop()
                self._add(b"leave", "", b"")
                if levels:
                    self._enter("..", levels[-1].identity)
                continue
            try:
                self._enter(name)
            except OSError as error:
                self._add(b"folder", name, _reason(error) + self._names_in(name))
                continue
            self._add(b"enter", name, b"")
            levels.append(self._read_folder())
        self._take(0)
        return self._digest.hexdigest()

    def _enter(self, name: str, expected: tuple[int, int] | None = None) -> None:
        """Go into a folder; the way back must lead to where the way down began."""
        # A link in a folder's place is refused; `..` is never one.
        entered = os.open(name, _FOLDER_FLAGS, dir_fd=self._descriptor)
        try:
            _require(entered, expected)
            os.stat(".", dir_fd=entered)  # without the right to search it there would be no way back
        except OSError:
            os.close(entered)
            raise
        os.close(self._descriptor)
        self._descriptor = entered

    def _names_in(self, name: str) -> bytes:
        """Return the names in a folder that may be listed, though nothing in it can be opened; they hold neither NUL nor `/`."""
        try:
            folder = os.open(name, _FOLDER_FLAGS, dir_fd=self._descriptor)
        except OSError:
            return b""
        try:
            with os.scandir(folder) as entries:
                return b"/".join([b"", *sorted(os.fsencode(each.name) for each in entries)])
        finally:
            os.close(folder)

    def _read_folder(self) -> _Level:
        """Hash the entries of the folder that the walk stands in, and return the folders among them."""
        folders: list[str] = []
        with os.scandir(self._descriptor) as entries:
            for entry in sorted(entries, key=lambda each: os.fsencode(each.name)):
                if self._stop.is_set():
                    break
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_symlink():
                    self._add(b"link", entry.name, self._read_link(entry.name))
                elif entry.is_file(follow_symlinks=False):
                    self._add(b"file", entry.name, self._hash_file(entry.name))
                else:
                    self._add(b"special", entry.name, b"")
        return _Level(_identity(self._descriptor), iter(folders))

    def _read_link(self, name: str) -> bytes:
        with suppress(OSError):
            return os.fsencode(os.readlink(name, dir_fd=self._descriptor))
        return _GONE.encode()

    def _hash_file(self, name: str) -> Future[bytes] | bytes:
        """Hash a file at once or, where it is large, beside others."""
        try:
            descriptor = os.open(name, _FILE_FLAGS, dir_fd=self._descriptor)
        except OSError as error:
            return _reason(error)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size < PARALLEL_BYTES:
            return _hash_descriptor(descriptor, found, self._stop)
        self._pending += 1
        return self._threads.submit(_hash_descriptor, descriptor, found, self._stop)

    def _add(self, kind: bytes, name: str, value: Future[bytes] | bytes) -> None:
        self._found.append((kind, os.fsencode(name), value))
        self._take(_PENDING_FILES)

    def _take(self, pending: int) -> None:
        """Hash what was found, waiting for large files only when more than `pending` of them are under way."""
        while self._found:
            kind, name, value = self._found[0]
            if isinstance(value, Future):
                if not value.done() and self._pending <= pending:
                    return
                value = value.result()
                self._pending -= 1
            self._found.popleft()
            for part in (kind, name, value):
                self._digest.update(len(part).to_bytes(8, "big") + part)


def _hash_descriptor(descriptor: int, found: os.stat_result, stop: threading.Event) -> bytes:
    """Hash and close a file: as many bytes as it had when it was opened, so that one that grows has an end."""
    try:
        if not stat.S_ISREG(found.st_mode):
            return b"special"
        digest, left = hashlib.sha256(), found.st_size
        while left > 0 and not stop.is_set() and (data := os.read(descriptor, min(left, _READ_BYTES))):
            digest.update(data)
            left -= len(data)
        return digest.digest()
    except OSError as error:
        return _reason(error)
    finally:
        os.close(descriptor)


def _require(descriptor: int, identity: tuple[int, int] | None) -> None:
    if identity not in {None, _identity(descriptor)}:
        raise OSError(errno.ESTALE, "a folder was moved while it was read")


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _reason(error: OSError) -> bytes:
    return f"{_GONE}: {errno.errorcode.get(error.errno or 0, error.errno)}".encode()
