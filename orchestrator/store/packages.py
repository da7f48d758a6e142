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
from orchestrator.store.download import MAX_DOWNLOAD_BYTES, MemoryTarget, Target, transfer
from orchestrator.store.file_lock import acquire_lock, open_lock
from orchestrator.store.package_errors import OFFLINE_VARIABLE, ChecksumError, busy_error, checksum_error, offline_error, unpinned_error
from orchestrator.store.partial_file import PartialFile
from orchestrator.store.regular_file import read_regular
from orchestrator.store.targets import CappedTarget, too_large

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
        self._found: dict[str, str] = {}

    async def fetch(self, url: str, sha256: str, *, offline: bool = False, most_bytes: int = MAX_DOWNLOAD_BYTES) -> bytes:
        """Return the bytes with this SHA-256: from the cache, else from `url`.

        Raises `StoreError`: `download/failed`, `download/too-large`, `download/offline`, `download/busy`, `store/write`;
        `ChecksumError` when the server sends something else, of which nothing is kept.
        """
        wanted = _checked_hash(sha256)
        found = await anyio.to_thread.run_sync(self.load, wanted)
        if found is not None:
            if len(found) > most_bytes:
                raise too_large(redact_url(url), most_bytes)
            return found
        if offline:
            raise offline_error(url, wanted, self.directory)
        async with self._attempting(url, wanted):
            return await self._fetch_locked(url, wanted, most_bytes)

    async def fetch_unpinned(self, url: str, *, offline: bool = False, most_bytes: int = MAX_DOWNLOAD_BYTES) -> bytes:
        """Download what nobody has pinned yet, and keep it under the hash that it turns out to have.

        The same object does that once for a URL. Raises `StoreError` as `fetch` does.
        """
        if offline:
            raise unpinned_error(url)
        async with self._attempting(url, ""):
            if (known := self._found.get(url)) is not None and (kept := await anyio.to_thread.run_sync(self.load, known)) is not None:
                return kept
            memory = MemoryTarget()
            await self._transfer(url, CappedTarget(target=memory, most_bytes=most_bytes, url=redact_url(url)))
            data = bytes(memory.body)
            self._found[url] = await anyio.to_thread.run_sync(self._add, url, data)
            return data

    @asynccontextmanager
    async def _attempting(self, url: str, wanted: str) -> AsyncIterator[None]:
        """Keep this process's other tasks from downloading the same, and fail as the last attempt did."""
        async with self._tasks.setdefault(wanted or url, anyio.Lock()):
            if (failure := self._failures.get((url, wanted))) is not None:
                raise failure
            try:
                yield
            except StoreError as error:
                self._failures[url, wanted] = error
                raise

    def _add(self, url: str, data: bytes) -> str:
        """Keep bytes that are here already; returns their hash."""
        self._prepare()
        final = self.path_of(hashlib.sha256(data).hexdigest())
        write_atomic(final.with_name(f"{final.name}.json"), json.dumps({"url": redact_url(url)}).encode(), PRIVATE_MODE)
        write_atomic(final, data, PRIVATE_MODE)
        with suppress(StoreError):
            self.prune()
        return final.name

    async def _fetch_locked(self, url: str, wanted: str, most_bytes: int) -> bytes:
        await anyio.to_thread.run_sync(self._prepare)
        async with self._locked(url, wanted):
            found = await anyio.to_thread.run_sync(self.load, wanted)
            if found is not None:
                return found
            self._forget(self.path_of(wanted))  # only here: without the lock it may be what another process has just finished
            return await self._download(url, wanted, most_bytes)

    @asynccontextmanager
    async def _locked(self, url: str, wanted: str) -> AsyncIterator[None]:
        """Keep other processes from downloading the same; wait for one that does, and tell so now and then."""
        lock = open_lock(self.directory / "locks" / f"{wanted}.lock")
        polls = 0
        while not acquire_lock(lock):
            waited = polls * _POLL_SECONDS
            if waited >= self._lock_seconds:
                raise busy_error(url, waited)
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
        path = self.path_of(_checked_hash(sha256))
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
                self._forget(self.path_of(package.sha256))

    async def _download(self, url: str, wanted: str, most_bytes: int) -> bytes:
        """Download under the lock; a download that was gone on with and went wrong is made once more, from its beginning."""
        for _ in range(2):
            target = PartialFile(self.directory / "partial" / wanted, source=url)
            try:
                await anyio.to_thread.run_sync(target.open)
                if target.sha256 != wanted:  # else only the last step of an earlier process is missing
                    await self._transfer(url, CappedTarget(target=target, most_bytes=most_bytes, url=redact_url(url)))
                if target.sha256 == wanted:
                    return await anyio.to_thread.run_sync(self._keep, url, target, wanted)
                target.discard()
            finally:
                target.close()
            if not target.resumed:
                break
        raise checksum_error(url, wanted, target.sha256)

    def _keep(self, url: str, target: PartialFile, wanted: str) -> bytes:
        final = self.path_of(wanted)
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

    def path_of(self, sha256: str) -> Path:
        """Return where the bytes with this SHA-256 (lower-case hex) are, if they are here."""
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
