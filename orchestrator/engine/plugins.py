"""What a plugin step is given: the component's bytes, the folders it may read, the files it gets inline."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from orchestrator.core.project import Canister, PluginStep
from orchestrator.core.workspace import project_of
from orchestrator.engine.declared_forms import check_forms, read_interface
from orchestrator.engine.session import Session
from orchestrator.engine.sources import Wanted, load_source
from orchestrator.errors import OrchestratorError, PluginRefusedError, Span
from orchestrator.sandbox.request import InlineFile, Preopen
from orchestrator.store import UserDirectories

if TYPE_CHECKING:
    from orchestrator.sandbox.limits import Limits

__all__ = [
    "PluginInputs",
    "at_place",
    "collecting",
    "combined",
    "component_cache",
    "load_component",
    "load_declared",
    "load_inputs",
    "step_limits",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInputs:
    """A step's component, with its SHA-256 in lower-case hex, and what it declared, resolved and read.

    `interface` is the component's version of icp:sync-plugin as far as it can be read without compiling.
    """

    component: bytes
    sha256: str
    directories: tuple[Preopen, ...]
    files: tuple[InlineFile, ...]
    interface: str | None = None


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
    """Read everything that a step declares; raises `PluginRefusedError`, with all that is refused and its places."""
    refused: list[OrchestratorError] = []
    component = await load_component(session, canister, step, refused)
    directories, files = await anyio.to_thread.run_sync(load_declared, canister, step, refused, session.project.directory)
    interface = None
    if component is not None:
        with collecting(refused, step.span):
            interface = await anyio.to_thread.run_sync(read_interface, component)
            check_forms(step, interface)
    if component is None or refused:
        raise combined(canister, refused)
    return PluginInputs(
        component=component,
        sha256=await anyio.to_thread.run_sync(lambda: hashlib.sha256(component).hexdigest()),
        directories=directories,
        files=files,
        interface=interface,
    )


async def load_component(session: Session, canister: Canister, step: PluginStep, refused: list[OrchestratorError]) -> bytes | None:
    """Return a step's component; if it cannot be had, add why to `refused`."""
    try:
        return await load_source(session, step, _wanted(canister))
    except OrchestratorError as error:
        refused.append(error)
        return None


def combined(canister: Canister, refused: Sequence[OrchestratorError]) -> OrchestratorError:
    """Return one error for all that is refused: a single one as it is."""
    if len(refused) == 1:
        return refused[0]
    diagnostics = list(dict.fromkeys(each for error in refused for each in error.diagnostics))
    summary = f"plugins of canister `{canister.name}` are refused for {len(diagnostics)} reasons"
    return PluginRefusedError(summary, span=refused[0].span, diagnostics=diagnostics)


def _wanted(canister: Canister) -> Wanted:
    return Wanted(
        noun="plugin",
        name=f"a plugin of canister `{canister.name}`",
        error=PluginRefusedError,
        missing_slug="plugin/missing",
        large_slug="plugin/too-large",
        download_slug="plugin/download",
        checksum_slug="plugin/checksum",
    )


def load_declared(
    canister: Canister, step: PluginStep, refused: list[OrchestratorError], project_directory: Path
) -> tuple[tuple[Preopen, ...], tuple[InlineFile, ...]]:
    """Resolve what a step declares, and add to `refused` what must not or cannot be read.

    Entries with names, which only plugins of 0.2 are given, may be anywhere in the project; those of a dependency that is
    not in its directory, anywhere in the dependency.
    """
    from orchestrator.sandbox.declared import read_file, resolve_directory

    project_directory = _reach(canister, project_directory)
    directories: list[Preopen] = []
    files: list[InlineFile] = []
    for index, entry in enumerate(step.dirs):
        with collecting(refused):
            directories.append(resolve_directory(canister.directory, entry, step.place_of("dirs", index)))
    for index, entry in enumerate(step.files if step.file_keys is None else ()):
        with collecting(refused):
            files.append(read_file(canister.directory, entry, step.place_of("files", index)))
    for index, (key, entry) in enumerate(zip(step.file_keys or (), step.files, strict=False)):
        span = step.place_of("files", index)
        with collecting(refused):
            if Path(os.path.normpath(Path(os.path.realpath(canister.directory)) / entry)).is_dir():
                directory = resolve_directory(canister.directory, entry, span, project_directory=project_directory)
                directories.append(replace(directory, key=key))
            else:
                files.append(replace(read_file(canister.directory, entry, span, project_directory=project_directory), key=key))
    return tuple(directories), tuple(files)


def _reach(canister: Canister, project_directory: Path) -> Path:
    """Return the directory that a canister's steps may reach: the root's if it is in there, else its own project's."""
    member = project_of(canister.name)
    inside = Path(os.path.realpath(canister.directory)).is_relative_to(os.path.realpath(project_directory))
    return project_directory if inside or not member else project_directory / member


@contextmanager
def collecting(refused: list[OrchestratorError], span: Span | None = None) -> Iterator[None]:
    """Add what is raised in the block to `refused`, and go on after it; what has no place is at `span`."""
    try:
        yield
    except PluginRefusedError as error:
        refused.append(error if error.span is not None else at_place(error, span))
    except OrchestratorError as error:
        refused.append(error)


def at_place(error: PluginRefusedError, span: Span | None) -> PluginRefusedError:
    """Return the same error at a place in the manifest."""
    return PluginRefusedError(error.summary, slug=error.slug, detail=error.detail, span=span, hint=error.hint)
