"""WebAssembly that a step names: a file of the project or a download, and its hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from orchestrator.core.project import PluginStep, PrebuiltStep
from orchestrator.engine.session import Session
from orchestrator.errors import BuildError, OrchestratorError, PluginRefusedError

__all__ = ["Wanted", "load_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What messages call it (`noun` in general, `name` this one), what they raise, and their slugs."""

    noun: str
    name: str
    error: type[BuildError | PluginRefusedError]
    missing_slug: str
    download_slug: str
    checksum_slug: str


async def load_source(session: Session, step: PrebuiltStep | PluginStep, wanted: Wanted) -> bytes:
    """Read or download a step's file once: the bytes that are hashed are the bytes that are used.

    Raises `wanted.error` at the step's place when the bytes cannot be had or are not those of the step's `sha256`.
    """
    if step.path is not None:
        data = await anyio.to_thread.run_sync(_read, step, step.path, wanted)
    else:
        data = await _fetch(session, step, wanted)
    actual = hashlib.sha256(data).hexdigest()
    if step.sha256 is not None and step.sha256.lower() != actual:
        raise wanted.error(
            f"{wanted.name} is not the one that the manifest names",
            slug=wanted.checksum_slug,
            detail=f"expected SHA-256 {step.sha256}, found {actual}",
            span=step.span,
            hint=f"if the new {wanted.noun} is meant, write `sha256: {actual}`",
        )
    return data


def _read(step: PrebuiltStep | PluginStep, path: Path, wanted: Wanted) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise wanted.error(
            f"{wanted.name} cannot be read",
            slug=wanted.missing_slug,
            detail=f"`{path}`: {error.strerror}",
            span=step.span,
            hint=f"paths are relative to the canister's folder; build the {wanted.noun} first if another tool makes it",
        ) from error


async def _fetch(session: Session, step: PrebuiltStep | PluginStep, wanted: Wanted) -> bytes:
    summary = f"{wanted.name} cannot be downloaded"
    hint = "check the URL, or use `path:` for a file of the project"
    if step.url is None or session.fetch is None:
        raise wanted.error(summary, slug=wanted.download_slug, span=step.span, hint=hint)
    try:
        return await session.fetch(step.url)
    except OrchestratorError as error:
        detail = f"{step.url}: {error.summary}"
        raise wanted.error(summary, slug=wanted.download_slug, detail=detail, span=step.span, hint=hint) from error
