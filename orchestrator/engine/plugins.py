"""What a plugin step is given: the component's bytes, the folders it may read, the files it gets inline."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.session import Session
from orchestrator.errors import OrchestratorError, PluginRefusedError
from orchestrator.sandbox.request import InlineFile, Preopen
from orchestrator.store import UserDirectories

if TYPE_CHECKING:
    from orchestrator.sandbox.limits import Limits

__all__ = ["PluginInputs", "component_cache", "load_inputs", "step_limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInputs:
    """A step's component, with its SHA-256 in lower-case hex, and what it declared, resolved and read."""

    component: bytes
    sha256: str
    directories: tuple[Preopen, ...]
    files: tuple[InlineFile, ...]


def step_limits(session: Session, step: PluginStep) -> "Limits":
    """Return the limits of a step; of its computing time: the flag, an environment variable, the step, the default."""
    from orchestrator.sandbox.limits import DEFAULT_MEMORY_BYTES, Limits, compute_limit

    return Limits(
        compute_seconds=compute_limit(flag=session.compute_seconds, environment=session.environ, step=step.compute),
        timeout_seconds=step.timeout,
        memory_bytes=step.memory if step.memory is not None else DEFAULT_MEMORY_BYTES,
    )


def component_cache(session: Session) -> Path:
    """Return the folder of compiled components: the session's, or the user's."""
    return session.cache_directory or UserDirectories.from_environment(session.environ).components


async def load_inputs(session: Session, canister: Canister, step: PluginStep) -> PluginInputs:
    """Read everything that a step declares; raises `PluginRefusedError` with the place in the manifest."""
    component = await _load_component(session, canister, step)
    return await anyio.to_thread.run_sync(_declared, canister, step, component)


async def _load_component(session: Session, canister: Canister, step: PluginStep) -> bytes:
    """Read or download the component once: the bytes that are hashed are the bytes that run."""
    if step.path is not None:
        component = await anyio.to_thread.run_sync(_read_component, canister, step, step.path)
    else:
        component = await _fetch_component(session, canister, step)
    actual = hashlib.sha256(component).hexdigest()
    if step.sha256 is not None and step.sha256.lower() != actual:
        raise PluginRefusedError(
            f"a plugin of canister `{canister.name}` is not the one that the manifest names",
            slug="plugin/checksum",
            detail=f"expected SHA-256 {step.sha256}, found {actual}",
            span=step.span,
            hint=f"if the new plugin is meant, write `sha256: {actual}`",
        )
    return component


def _read_component(canister: Canister, step: PluginStep, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PluginRefusedError(
            f"a plugin of canister `{canister.name}` cannot be read",
            slug="plugin/missing",
            detail=f"`{path}`: {error.strerror}",
            span=step.span,
            hint="paths are relative to the canister's folder; build the plugin first if another tool makes it",
        ) from error


async def _fetch_component(session: Session, canister: Canister, step: PluginStep) -> bytes:
    summary = f"a plugin of canister `{canister.name}` cannot be downloaded"
    if step.url is None or session.fetch is None:
        raise PluginRefusedError(summary, slug="plugin/download", span=step.span, hint="use `path:` for a file of the project")
    try:
        return await session.fetch(step.url)
    except OrchestratorError as error:
        detail = f"{step.url}: {error.summary}"
        raise PluginRefusedError(summary, slug="plugin/download", detail=detail, span=step.span, hint="check the URL") from error


def _declared(canister: Canister, step: PluginStep, component: bytes) -> PluginInputs:
    from orchestrator.sandbox.declared import read_file, resolve_directory

    return PluginInputs(
        component=component,
        sha256=hashlib.sha256(component).hexdigest(),
        directories=tuple(resolve_directory(canister.directory, entry, step.place_of(entry)) for entry in step.dirs),
        files=tuple(read_file(canister.directory, entry, step.place_of(entry)) for entry in step.files),
    )
