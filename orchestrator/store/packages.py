"""Downloads that are pinned by their SHA-256, kept under it, so that each is made once per machine.

sha256/<hash>           the bytes; hashed again at every use, because anybody's mistake may have changed them
sha256/<hash>.json      where they came from, for people
partial/<hash>          what has come so far of a download, gone on with the next time
locks/<hash>.lock       held by the process that downloads
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import anyio
import anyio.to_thread

from orchestrator.core.file_times import calendar_time
from orchestrator.core.redaction import redact_url
from orchestrator.errors import StoreError, UsageError
from orchestrator.store.atomic import PRIVATE_MODE, make_directory, write_atomic
from orchestrator.store.download import MAX_DOWNLOAD_BYTES, Target, transfer
from orchestrator.store.file_lock import acquire_lock, open_lock
from orchestrator.store.partial_file import PartialFile
from orchestrator.store.regular_file import read_regular

__all__ = [
    "LOCK_SECONDS",
    "MAX_PACKAGES_BYTES",
    "OFFLINE_VARIABLE",
    "ChecksumError",
    "Package",
    "PackageCache",
    "is_offline",
]

LOCK_SECONDS: Final = 1800.0
"""How long a download by another process is waited for."""
MAX_PACKAGES_BYTES: Final = 4 << 30
"""Packages are deleted, the longest unused first, until the rest is smaller than this."""
ABANDONED_SECONDS: Final = 7 * 24 * 3600.0
"""Nobody goes on with a download that was broken off this long ago."""
OFFLINE_VARIABLE: Final = "ORCHESTRATOR_OFFLINE"
_POLL_SECONDS: Final = 0.1
_POLLS_BEFORE_NOTE: Final = 10
_POLLS_BETWEEN_NOTES: Final = 50
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PRIVATE: Final = 0o700
_MAX_FACTS_BYTES: Final = 1 << 16

Sleep = Callable[[float], Awaitable[None]]


class Transfer(Protocol):
    """Downloads a URL into a target; `orchestrator.store.download.transfer` with its options given."""

    async def __call__(self, url: str, target: Target) -> None:
        """Raise `StoreError` when the body cannot be had."""
        ...


class ChecksumError(StoreError):
    """Raised when a download is not what was pinned; `found` is the SHA-256 of what came, in lower-case hex."""

    default_slug = "download/checksum"
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A file in the cache: its SHA-256 in lower-case hex, bytes, last use, and where it came from (no secrets), if known."""

    sha256: str
    size: int
    used: datetime
    url: str | None


def is_offline(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment forbids downloads; raises `UsageError` for a value that is neither yes nor no."""
    value = environ.get(OFFLINE_VARIABLE, "").strip().lower()
    if value in {"", "0", "false", "no", "off"}:
        return False
    if value in {"1", "true", "yes", "on"}:
        return True
    raise UsageError(f"`{OFFLINE_VARIABLE}` must be 1 or 0", slug="usage/offline", detail=f"it is `{value}`")


class PackageCache:
    """The packages in one directory; any number of processes may use it at once. An object is for one run.

    What cannot be downloaded is not tried again by the same object: it fails at once, with the same error.
    """

    def __init__(
        self,
        directory: Path,
        *,
        transfer: Transfer = transfer,
        sleep: Sleep = anyio.sleep,
        on_wait: Callable[[str, float], None] | None = None,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        """Take the directory, what downloads, what waits, and who is told what is waited for, and for how long so far."""
        self.directory = directory
        self._transfer = transfer
        self._sleep = sleep
        self._on_wait = on_wait
        self._lock_seconds = lock_seconds
        self._tasks: dict[str, anyio.Lock] = {}
        self._failures: dict[tuple[str, str], StoreError] = {}

    async def fetch(self, url: str, sha256: str, *, offline: bool = False) -> bytes:
        """Return the bytes with this SHA-256: from the cache, else from `url`.

        Raises `StoreError`: `download/failed`, `download/offline`, `download/busy`, `store/write`; `ChecksumError` when the
        server sends something else, of which nothing is kept.
        """
        wanted = _checked_hash(sha256)
        found = await anyio.to_thread.run_sync(self.load, wanted)
        if found is not None:
            return found
        if offline:
            raise _offline(url, wanted, self.directory)
        async with self._tasks.setdefault(wanted, anyio.Lock()):
            if (failure := self._failures.get((url, wanted))) is not None:
                raise failure
            try:
                return await self._fetch_locked(url, wanted)
            except StoreError as error:
                self._failures[url, wanted] = error
                raise

    async def _fetch_locked(self, url: str, wanted: str) -> bytes:
        await anyio.to_thread.run_sync(self._prepare)
        async with self._locked(url, wanted):
            found = await anyio.to_thread.run_sync(self.load, wanted)
            if found is not None:
                return found
            self._forget(self._path(wanted))  # only here: without the lock it may be what another process has just finished
            return await self._download(url, wanted)

    @asynccontextmanager
    async def _locked(self, url: str, wanted: str) -> AsyncIterator[None]:
        """Keep other processes from downloading the same; wait for one that does, and tell so now and then."""
        lock = open_lock(self.directory / "locks" / f"{wanted}.lock")
        polls = 0
        while not acquire_lock(lock):
            waited = polls * _POLL_SECONDS
            if waited >= self._lock_seconds:
                raise _busy(url, waited)
            if self._on_wait is not None and polls % _POLLS_BETWEEN_NOTES == _POLLS_BEFORE_NOTE:
                self._on_wait(redact_url(url), waited)
            await self._sleep(_POLL_SECONDS)
            polls += 1
        try:
            yield
        finally:
            lock.release()

    def load(self, sha256: str) -> bytes | None:
        """Return the bytes with this SHA-256, if they are here and unchanged; nothing is deleted. Blocks."""
        path = self._path(_checked_hash(sha256))
        try:
            data = read_regular(path, MAX_DOWNLOAD_BYTES)
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != path.name:
            return None
        with suppress(OSError):  # when it was last used is for people, and for what is deleted first
            os.utime(path)
        return data

    def packages(self) -> tuple[Package, ...]:
        """Return what is in the cache, the last used first."""
        found = []
        for path in self._entries():
            with suppress(OSError):
                status = path.stat()
                used = calendar_time(status.st_mtime)
                found.append(Package(sha256=path.name, size=status.st_size, used=used, url=_load_url(path)))
        return tuple(sorted(found, key=lambda package: (package.used, package.sha256), reverse=True))

    def clear(self) -> tuple[int, int]:
        """Delete all packages, and downloads that nobody is working on; returns the numbers of files and of bytes."""
        count = freed = 0
        for path in (*self._entries(), *self._partials()):
            if path.parent.name == "partial" and not self._is_idle(path.name):
                continue
            size = path.lstat().st_size if os.path.lexists(path) else 0
            if self._forget(path):
                count, freed = count + 1, freed + size
        return count, freed

    def prune(self, most_bytes: int = MAX_PACKAGES_BYTES) -> None:
        """Delete packages, the longest unused first, until at most `most_bytes` are left; and abandoned downloads."""
        for path in self._partials():
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - ABANDONED_SECONDS and self._is_idle(path.name):
                    self._forget(path)
        total = 0
        for package in self.packages():
            total += package.size
            if total > most_bytes:
                self._forget(self._path(package.sha256))

    async def _download(self, url: str, wanted: str) -> bytes:
        """Download under the lock; a download that was gone on with and went wrong is made once more, from its beginning."""
        for _ in range(2):
            target = PartialFile(self.directory / "partial" / wanted, source=url)
            try:
                await anyio.to_thread.run_sync(target.open)
                if target.sha256 != wanted:  # else only the last step of an earlier process is missing
                    await self._transfer(url, target)
                if target.sha256 == wanted:
                    return await anyio.to_thread.run_sync(self._keep, url, target, wanted)
                target.discard()
            finally:
                target.close()
            if not target.resumed:
                break
        raise _unexpected(url, wanted, target.sha256)

    def _keep(self, url: str, target: PartialFile, wanted: str) -> bytes:
        final = self._path(wanted)
        write_atomic(final.with_name(f"{wanted}.json"), json.dumps({"url": redact_url(url)}).encode(), PRIVATE_MODE)
        data = target.finish(final)
        if hashlib.sha256(data).hexdigest() != wanted:
            raise StoreError(f"`{final}` has changed while it was written", slug="store/changed", hint="check the disk, then try again")
        with suppress(StoreError):  # somebody else's locks, for example: the next run may be luckier
            self.prune()
        return data

    def _prepare(self) -> None:
        """Make the folders, for this user alone."""
        for path in (self.directory / "sha256", self.directory / "partial", self.directory / "locks"):
            make_directory(path)
            with suppress(OSError):  # somebody else's, and writable: what is in it is verified at every use
                path.chmod(_PRIVATE)

    def _path(self, sha256: str) -> Path:
        return self.directory / "sha256" / sha256

    def _entries(self) -> list[Path]:
        return sorted(path for path in (self.directory / "sha256").glob("*") if _SHA256.fullmatch(path.name))

    def _partials(self) -> list[Path]:
        return sorted(path for path in (self.directory / "partial").glob("*") if _SHA256.fullmatch(path.name))

    def _is_idle(self, sha256: str) -> bool:
        """Tell whether no process downloads this right now."""
        lock = open_lock(self.directory / "locks" / f"{sha256}.lock")
        if not acquire_lock(lock):
            return False
        lock.release()
        return True

    @staticmethod
    def _forget(path: Path) -> bool:
        """Delete an entry, whatever it is, and return whether it is gone."""
        for each in (path, path.with_name(f"{path.name}.json")):
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            with suppress(OSError):
                each.unlink(missing_ok=True)
        return not os.path.lexists(path)


def _checked_hash(sha256: str) -> str:
    """Return a hash in lower case; it becomes a file's name, so nothing else may pass."""
    lower = sha256.lower()
    if not _SHA256.fullmatch(lower):
        raise StoreError("a SHA-256 has 64 hexadecimal digits", slug="download/not-a-hash", detail=f"it is `{sha256}`")
    return lower


def _load_url(path: Path) -> str | None:
    try:
        facts = json.loads(read_regular(path.with_name(f"{path.name}.json"), _MAX_FACTS_BYTES))
    except (OSError, ValueError):
        return None
    url = facts.get("url") if isinstance(facts, dict) else None
    return url if isinstance(url, str) else None


def _offline(url: str, sha256: str, directory: Path) -> StoreError:
    changed = "what is there has changed on the disk: " if (directory / "sha256" / sha256).exists() else ""
    return StoreError(
        f"`{redact_url(url)}` is not in the package cache, and nothing is downloaded offline",
        slug="download/offline",
        detail=f"{changed}looked for SHA-256 {sha256} in {directory}",
        hint=f"run `orchestrator plugin cache fetch` once with a connection, or leave out `--offline` and ${OFFLINE_VARIABLE}",
    )


def _busy(url: str, seconds: float) -> StoreError:
    return StoreError(
        f"`{redact_url(url)}` is being downloaded by another process",
        slug="download/busy",
        detail=f"waited {seconds:.0f} seconds for it",
        hint="end that process, or wait until it is done, then run the command again",
    )


def _unexpected(url: str, wanted: str, found: str) -> ChecksumError:
    error = ChecksumError(
        f"`{redact_url(url)}` is not the file that was pinned",
        detail=f"expected SHA-256 {wanted}, as pinned\nfound    SHA-256 {found}, which the server sent; nothing of it was kept",
        hint="if a new file is meant, review it, and write the output of `sha256sum` on the file you reviewed",
    )
    error.found = found
    return error
