"""What a plugin step is given: the component's bytes, the folders it may read, the files it gets inline."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.session import Session
from orchestrator.engine.sources import Wanted, load_source
from orchestrator.errors import PluginRefusedError
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
    component = await load_source(session, step, _wanted(canister))
    return await anyio.to_thread.run_sync(_declared, canister, step, component)


def _wanted(canister: Canister) -> Wanted:
    return Wanted(
        noun="plugin",
        name=f"a plugin of canister `{canister.name}`",
        error=PluginRefusedError,
        missing_slug="plugin/missing",
        download_slug="plugin/download",
        checksum_slug="plugin/checksum",
    )


def _declared(canister: Canister, step: PluginStep, component: bytes) -> PluginInputs:
    from orchestrator.sandbox.declared import read_file, resolve_directory

    return PluginInputs(
        component=component,
        sha256=hashlib.sha256(component).hexdigest(),
        directories=tuple(resolve_directory(canister.directory, entry, step.place_of(entry)) for entry in step.dirs),
        files=tuple(read_file(canister.directory, entry, step.place_of(entry)) for entry in step.files),
    )
