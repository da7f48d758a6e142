"""WebAssembly that a step names: a file of the project or a download, and its hash.

Downloads come from the package cache, by their hash: each is made once per machine. A module whose hash the manifest does not
say is pinned in the lock file when it is used for the first time.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from orchestrator.core.project import PluginStep, PrebuiltStep
from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.core.registries import is_loopback_url
from orchestrator.engine.modules import describe_defect
from orchestrator.engine.pins import Pinned, Pinning, open_lock_file, tell_warnings, upgrade_command
from orchestrator.engine.session import Session, Sleep
from orchestrator.errors import BuildError, OrchestratorError, PluginRefusedError
from orchestrator.events import Emit, Retrying, Waiting, Warned
from orchestrator.store import PackageCache
from orchestrator.store.download import MAX_DOWNLOAD_BYTES
from orchestrator.store.lock_file import PinKind
from orchestrator.store.package_errors import ChecksumError
from orchestrator.store.regular_file import read_regular

__all__ = ["Wanted", "load_remote", "load_source", "open_packages"]

_HINT = "check the URL, or use `path:` for a file of the project"
_OWN_HINTS = frozenset({"download/offline", "download/busy", "download/settings", "store/changed", "store/lock", "store/write"})
"""What has another cause than the URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What messages call it (`noun` in general, `name` this one), what they raise, and their slugs."""

    noun: str
    name: str
    error: type[BuildError | PluginRefusedError]
    missing_slug: str
    large_slug: str
    download_slug: str
    checksum_slug: str


def open_packages(directory: Path, emit: Emit, sleep: Sleep = anyio.sleep) -> PackageCache:
    """Return the cache of downloads in a directory; `emit` is told what is tried again, and what is waited for."""
    from orchestrator.store.download import transfer

    def on_retry(url: str, attempt: int, reason: str) -> None:
        emit(Retrying(what=f"the download of {url}", attempt=attempt, reason=reason))

    def on_wait(url: str, seconds: float) -> None:
        emit(Waiting(what=f"another process to download {url}", seconds=seconds))

    return PackageCache(directory, transfer=partial(transfer, sleep=sleep, on_retry=on_retry), sleep=sleep, on_wait=on_wait)


async def load_source(session: Session, step: PrebuiltStep | PluginStep, wanted: Wanted) -> bytes:
    """Read or download a step's file once: the bytes that are hashed are the bytes that are used.

    Raises `wanted.error` at the step's place when the bytes cannot be had or are not those of the step's `sha256`.
    """
    if step.path is None:
        return await load_remote(session, step, wanted, Pinning(open_lock_file(session.layout), tell=tell_warnings(session.emit)))
    data = await anyio.to_thread.run_sync(_read, step, step.path, wanted)
    if step.sha256 is not None and step.sha256.lower() != (actual := await _hash(data)):
        raise _unexpected(step, wanted, step.sha256, actual, f"`{step.path}` has")
    return data


async def load_remote(session: Session, step: PrebuiltStep | PluginStep, wanted: Wanted, pins: Pinning) -> bytes:
    """Download what must be behind a step's URL; pin what nobody has pinned so far, if it can be what it should be."""
    if step.sha256 is None and isinstance(step, PluginStep):
        raise PluginRefusedError(
            "a plugin from a `url` needs its `sha256`",
            slug="plugin/unpinned",
            detail="what was reviewed is what must run",
            span=redact_span(step.span),
            hint="add `sha256:` with the output of `sha256sum` on the file you reviewed",
        )
    kind: PinKind = "plugins" if isinstance(step, PluginStep) else "modules"
    what = Pinned(kind=kind, address=step.url or "", stated=step.sha256, span=step.span)
    pin = await pins.wanted(what, locked=session.why_locked)
    data = await _fetch(session, step, wanted, pin)
    await pins.follow(what)
    if pin is None and (step.url or "").startswith("http://") and not is_loopback_url(step.url or ""):
        session.emit(
            Warned(
                slug="build/insecure",
                summary=f"{wanted.name} was downloaded over http, where anybody between can change it",
                hint="write `https://`, or the module's `sha256` below its `url`",
                place=redact_span(step.span),
            )
        )
    if pin is None and describe_defect(data) is None and await pins.pin(what, sha256 := await _hash(data)):
        session.emit(
            Warned(
                slug="build/unpinned",
                summary=f"{wanted.name} was not pinned: {redact_url(step.url or '')}",
                hint=f"it is now, in `orchestrator.lock`: commit that file, or write `sha256: {sha256}` below its `url`",
                place=redact_span(step.span),
            )
        )
    return data


async def _hash(data: bytes) -> str:
    return await anyio.to_thread.run_sync(lambda: hashlib.sha256(data).hexdigest())


def _unexpected(step: PrebuiltStep | PluginStep, wanted: Wanted, pin: str, actual: str, origin: str) -> OrchestratorError:
    if step.sha256 is None:
        return wanted.error(
            f"{wanted.name} is not the one that was pinned",
            slug=wanted.checksum_slug,
            detail=f"expected SHA-256 {pin}, which is in `orchestrator.lock`\nfound    SHA-256 {actual}, which {origin}",
            span=redact_span(step.span),
            hint=f"if a new {wanted.noun} is meant, review it, and run `{upgrade_command(step.url or '')}`",
        )
    return wanted.error(
        f"{wanted.name} is not the one that the manifest names",
        slug=wanted.checksum_slug,
        detail=f"expected SHA-256 {step.sha256}, which is the step's `sha256`\nfound    SHA-256 {actual}, which {origin}",
        span=redact_span(step.span),
        hint=f"if a new {wanted.noun} is meant, review it, and write the output of `sha256sum` on the file you reviewed",
    )


def _read(step: PrebuiltStep | PluginStep, path: Path, wanted: Wanted) -> bytes:
    """Read a file of the project; one that is too large is refused before it is read, and so before its hash is compared."""
    try:
        if path.stat().st_size > MAX_DOWNLOAD_BYTES:
            raise wanted.error(
                f"{wanted.name} is larger than {MAX_DOWNLOAD_BYTES >> 20} MiB",
                slug=wanted.large_slug,
                detail=f"`{path}`",
                span=step.span,
                hint=f"check that it is the {wanted.noun}",
            )
        return read_regular(path, MAX_DOWNLOAD_BYTES, follow_link=True)
    except OSError as error:
        raise wanted.error(
            f"{wanted.name} cannot be read",
            slug=wanted.missing_slug,
            detail=f"`{path}`: {error.strerror}",
            span=step.span,
            hint=f"paths are relative to the canister's folder; build the {wanted.noun} first if another tool makes it",
        ) from error


async def _fetch(session: Session, step: PrebuiltStep | PluginStep, wanted: Wanted, pin: str | None) -> bytes:
    summary = f"{wanted.name} cannot be downloaded"
    span = redact_span(step.span)
    if step.url is None:
        raise wanted.error(summary, slug=wanted.download_slug, span=span, hint=_HINT)
    try:
        if pin is None:
            return await session.packages.fetch_unpinned(step.url, offline=session.offline)
        return await session.packages.fetch(step.url, pin, offline=session.offline)
    except ChecksumError as error:
        raise _unexpected(step, wanted, pin or "", error.found, f"{redact_url(step.url)} sent; nothing of it was kept") from error
    except OrchestratorError as error:
        own = error.slug in _OWN_HINTS
        detail = error.summary if error.detail is None else f"{error.summary}; {error.detail}" if own else error.detail
        reason = detail if own else f"{redact_url(step.url)}: {detail}"
        hint = error.hint if own else _HINT
        raise wanted.error(summary, slug=wanted.download_slug, detail=reason, span=span, hint=hint) from error
