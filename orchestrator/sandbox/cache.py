"""Compiled components on disk, so that a plugin is compiled once and not at every step.

An artifact is native code, and wasmtime runs whatever it is given. The directory is therefore the user's
alone, and a file's name holds the sha256 of its bytes, which is checked before every use:

    <sha256 of what it was made from>.<sha256 of its bytes>.<wrapped|plain>.cwasm
"""

import hashlib
import os
import platform
import re
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from orchestrator.errors import SandboxError
from orchestrator.sandbox.limits import MAX_WASM_STACK_BYTES
from orchestrator.sandbox.wrapping import shim_texts

__all__ = ["Artifact", "ComponentCache", "artifact_stem"]

MAX_CACHE_BYTES: Final = 2 << 30
"""Artifacts are deleted, the longest unused first, until the rest is smaller than this."""
ABANDONED_SECONDS: Final = 24 * 3600.0
"""A file that was being written this long ago is not being written any more."""
USED_AGAIN_SECONDS: Final = 3600.0
"""How exactly an artifact's last use is kept: noting each one would make the file look changed."""
SETTLED_SECONDS: Final = 2.0
"""A file that was changed this lately may change again without its times showing it, so that it is always read."""
ENGINE_REVISION: Final = 1
"""Counts changes of the engine's settings and of the wrapping that nothing else in the key shows."""
_PRIVATE: Final = 0o700
_NAME: Final = re.compile(r"[^.]+\.(?P<digest>[0-9a-f]{64})\.(?P<way>wrapped|plain)\.cwasm")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A compiled component; `wrapped` tells whether its canister calls take the fast path."""

    path: Path
    wrapped: bool


def artifact_stem(sha256: str, *, wrap: bool) -> str:
    """Name what an artifact is made from: the component and everything that changes its machine code."""
    parts = (
        sha256,
        f"wasmtime {version('wasmtime')}",
        f"{sys.platform} {platform.machine()}",
        f"stack {MAX_WASM_STACK_BYTES} epochs revision {ENGINE_REVISION}",
        "".join(shim_texts()) if wrap else "plain",
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@lru_cache(maxsize=256)
def _known_digest(path: Path, _identity: tuple[int, ...]) -> str:
    """Remember the digest of a file for as long as the system says that it is the same, unchanged file."""
    return _digest_of(path)


def _digest_unless_known(path: Path, status: os.stat_result, now: float) -> str:
    if now - status.st_ctime < SETTLED_SECONDS:
        return _digest_of(path)
    return _known_digest(path, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


class ComponentCache:
    """The artifacts in one directory; any number of processes may use it at once."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Take the directory, which `prepare` makes, and the time in seconds, as files have it."""
        self.directory = directory
        self._clock = clock

    def prepare(self) -> None:
        """Make the directory, for this user alone; raises `SandboxError` if it is somebody else's."""
        try:
            self.directory.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            status = self.directory.stat()
            if status.st_uid != os.geteuid():
                raise SandboxError(
                    f"the component cache {self.directory} belongs to another user",
                    slug="plugin/cache-not-private",
                    detail="what is in it is run as native code",
                    hint="delete it, or set ORCHESTRATOR_HOME to a directory of your own",
                )
            if status.st_mode & 0o077:
                self.directory.chmod(_PRIVATE)
        except OSError as error:
            raise self.failure(error) from error

    def failure(self, error: OSError) -> SandboxError:
        """Say that the cache cannot be used, and why."""
        return SandboxError(
            f"the component cache {self.directory} cannot be used: {error.strerror}",
            slug="plugin/cache-unusable",
            hint="make room for it and let it be writable, or set ORCHESTRATOR_HOME to a directory of your own",
        )

    def find(self, stem: str) -> Artifact | None:
        """Find an artifact whose bytes are what they were when it was stored; others are deleted."""
        for path in sorted(self.directory.glob(f"{stem}.*.cwasm")):
            name = _NAME.fullmatch(path.name)
            with suppress(OSError):
                # Looked at before it is opened: opening a pipe would wait for ever.
                status = path.lstat()
                if name and stat.S_ISREG(status.st_mode) and _digest_unless_known(path, status, self._clock()) == name["digest"]:
                    self._note_use(path, status)
                    return Artifact(path=path, wrapped=name["way"] == "wrapped")
                path.unlink()
        return None

    def _note_use(self, path: Path, status: os.stat_result) -> None:
        if status.st_mtime < self._clock() - USED_AGAIN_SECONDS:
            with suppress(OSError):  # on a file system that is only read, an artifact is as good as on any other
                os.utime(path)

    def store(self, stem: str, data: bytes | bytearray, *, wrapped: bool) -> Artifact:
        """Put an artifact's bytes in: all of them under their final name, or nothing."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.directory / f"{stem}.{digest}.{'wrapped' if wrapped else 'plain'}.cwasm"
        descriptor, temporary = tempfile.mkstemp(dir=self.directory, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return Artifact(path=path, wrapped=wrapped)

    def forget(self, artifact: Artifact) -> None:
        """Delete an artifact."""
        artifact.path.unlink(missing_ok=True)

    @contextmanager
    def lock(self, stem: str) -> Iterator[None]:
        """Wait until no other process compiles the same thing."""
        descriptor = os.open(self.directory / f"{stem}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock(descriptor, LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def prune(self, most_bytes: int = MAX_CACHE_BYTES) -> None:
        """Delete artifacts, the longest unused first, until at most `most_bytes` are left; and what a killed compiler left."""
        for path in self.directory.glob(".new-*"):
            with suppress(OSError):
                if path.stat().st_mtime < self._clock() - ABANDONED_SECONDS:
                    path.unlink()
        entries: list[tuple[float, int, Path]] = []
        for path in self.directory.glob("*.cwasm"):
            with suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= most_bytes:
                return
            with suppress(OSError):
                path.unlink(missing_ok=True)
                total -= size
