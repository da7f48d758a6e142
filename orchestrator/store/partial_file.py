"""A file that is being downloaded: it can be gone on with later, and is hashed on its way."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from orchestrator.errors import StoreError
from orchestrator.store.atomic import PRIVATE_MODE, make_directory, sync_directory, write_atomic
from orchestrator.store.regular_file import read_regular

__all__ = ["PartialFile"]

_CHUNK_BYTES = 1 << 20
_MAX_FACTS_BYTES = 1 << 16


class PartialFile:
    """A `Target` of a download at `path`, with what it must know about it beside; use it as a context manager.

    One process at a time may have it open: the caller holds a lock. `source` names where the bytes come from; those of
    another source are not gone on with.
    """

    def __init__(self, path: Path, source: str) -> None:
        """Take the path and the source; nothing is opened yet."""
        self.path = path
        self.validator: str | None = None
        self.resumed = False
        self._facts = path.with_name(f"{path.name}.json")
        self._source = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        """Open the file, as `open` does."""
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file; what is in it stays."""
        self.close()

    def open(self) -> None:
        """Open the file and hash what is there of an earlier time; blocks. Raises `StoreError` when the disk refuses."""
        make_directory(self.path.parent)
        validator = self._load_facts()
        with self._refusals():
            self._remove_what_is_no_file()
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            self._file = os.fdopen(os.open(self.path, flags, PRIVATE_MODE), "r+b")
            if validator is None:
                self._file.truncate(0)
            while chunk := self._file.read(_CHUNK_BYTES):
                self._digest.update(chunk)
                self._size += len(chunk)
        self.validator = validator

    def close(self) -> None:
        """Close the file; what is in it stays."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk was told when it was written to
                self._file.close()
            self._file = None

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        return self._size

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of what is there, in lower-case hex."""
        return self._digest.hexdigest()

    def restart(self, validator: str | None) -> None:
        """Forget what is there; what comes now is of the version that `validator` names."""
        self.resumed = False
        self._digest, self._size, self.validator = hashlib.sha256(), 0, validator
        with self._refusals():
            self._open_file().seek(0)
            self._open_file().truncate(0)
            self._open_file().flush()
        # After the bytes are gone: facts without bytes are harmless, bytes with another version's facts are not.
        write_atomic(self._facts, json.dumps({"source": self._source, "validator": validator}).encode(), PRIVATE_MODE)

    def resume(self) -> None:
        """Keep what is there; what comes now is the rest, as the server says: `resumed` remembers that."""
        self.resumed = True

    def write(self, chunk: bytes) -> None:
        """Take more bytes; raises `StoreError` when the disk refuses."""
        with self._refusals():
            self._open_file().write(chunk)
        self._digest.update(chunk)
        self._size += len(chunk)

    def finish(self, final: Path) -> bytes:
        """Flush what is there to the disk, give it its final name, and return it as the disk has it; blocks."""
        with self._refusals():
            file = self._open_file()
            file.flush()
            os.fsync(file.fileno())
            self.path.replace(final)
            sync_directory(final.parent)
            self._facts.unlink(missing_ok=True)
            file.seek(0)
            return file.read()

    def discard(self) -> None:
        """Delete it."""
        for path in (self.path, self._facts):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _remove_what_is_no_file(self) -> None:
        """Make room where a link, a pipe or a folder has a file's name: this is a cache."""
        for path in (self.path, self._facts):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
                path.unlink()

    def _open_file(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the file is not open")
        return self._file

    def _load_facts(self) -> str | None:
        """Return the version that the bytes of an earlier time are of; `None` if they cannot be gone on with."""
        try:
            facts = json.loads(read_regular(self._facts, _MAX_FACTS_BYTES))
        except (OSError, ValueError):
            return None
        if not isinstance(facts, dict) or facts.get("source") != self._source:
            return None
        validator = facts.get("validator")
        return validator if isinstance(validator, str) else None

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot write `{self.path}`",
                slug="store/write",
                detail=error.strerror or str(error),
                hint=f"check that `{self.path.parent}` may be written and that its disk has room",
            ) from error
