"""Package caches for tests: they never wait, and their contents are known."""

import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio.lowlevel

from orchestrator.store.download import Allowance, Target, transfer
from orchestrator.store.packages import PackageCache

__all__ = ["BODY", "OTHER", "SHA256", "Pauses", "leftovers", "make_cache", "served_cache"]

BODY = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
OTHER = b"another file"


class Pauses:
    """A clock that does not wait and remembers for how long it was asked to."""

    def __init__(self) -> None:
        """Begin with no pauses."""
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Let other tasks run."""
        self.seconds.append(seconds)
        await anyio.lowlevel.checkpoint()


def make_cache(directory: Path, sleep: Callable[[float], Awaitable[None]] | None = None, **allowance: float) -> PackageCache:
    """Return a cache that never waits; `allowance` are the limits of a download."""
    pause = sleep or Pauses()
    return PackageCache(directory, transfer=partial(transfer, sleep=pause, allowance=Allowance(**allowance)), sleep=pause)  # type: ignore[arg-type]


def served_cache(directory: Path, fetch: Callable[[str], Awaitable[bytes]]) -> PackageCache:
    """Return a cache whose downloads are what a function returns."""

    async def serve(url: str, target: Target) -> None:
        body = await fetch(url)
        target.restart(None)
        target.write(body)

    return PackageCache(directory, transfer=serve, sleep=Pauses())


def leftovers(directory: Path) -> list[str]:
    """Return what is in the cache but for locks."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file() and path.suffix != ".lock")
