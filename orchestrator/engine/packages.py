"""Filling the cache of downloads ahead of time, and telling what in the caches belongs to a project."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.core.project import Canister, PluginStep, PrebuiltStep, Project
from orchestrator.core.redaction import redact_url
from orchestrator.engine.building import wanted_module
from orchestrator.engine.pins import open_lock_file
from orchestrator.engine.plugins import combined, load_component
from orchestrator.engine.recipes import expand_recipes
from orchestrator.engine.session import Session, select_canisters
from orchestrator.engine.sources import load_source
from orchestrator.engine.tasks import run_all
from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.recipes import is_remote
from orchestrator.store import Layout
from orchestrator.store.download import MAX_DOWNLOAD_BYTES
from orchestrator.store.lock_file import Pins
from orchestrator.store.regular_file import read_regular

__all__ = ["fetch_packages", "name_components"]


async def fetch_packages(session: Session, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Download every recipe, plugin and module of the named canisters (of all of them without names) into the cache.

    Returns their SHA-256 in lower-case hex, in manifest order. Raises what cannot be had, all of it at once.
    """
    canisters = await expand_recipes(session, select_canisters(session, names))
    kept: dict[str, list[str]] = {}

    async def one(canister: Canister) -> None:
        refused: list[OrchestratorError] = []
        found = kept.setdefault(canister.name, [])
        if canister.expanded is not None and canister.expanded.remote:
            found.append(canister.expanded.sha256)
        for step in (*canister.build, *canister.sync):
            if isinstance(step, (PrebuiltStep, PluginStep)) and step.path is None and step.url is not None:
                async with session.limiter:
                    data = await _fetch(session, canister, step, refused)
                if data is not None:
                    found.append(hashlib.sha256(data).hexdigest())
        if refused:
            raise combined(canister, refused)

    await run_all(canisters, one)
    return tuple(dict.fromkeys(sha256 for canister in canisters for sha256 in kept[canister.name]))


async def _fetch(session: Session, canister: Canister, step: PrebuiltStep | PluginStep, refused: list[OrchestratorError]) -> bytes | None:
    if isinstance(step, PluginStep):
        return await load_component(session, canister, step, refused)
    try:
        return await load_source(session, step, wanted_module(canister))
    except OrchestratorError as error:
        refused.append(error)
        return None


def name_components(project: Project) -> Mapping[str, str]:
    """Return what to call the components of a project's own files, and its recipes, by their SHA-256 in lower-case hex."""
    names = _name_recipes(project)
    for canister in project.canisters:
        for step in canister.sync:
            if isinstance(step, PluginStep) and step.path is not None and (sha256 := _hash(step.path)) is not None:
                names.setdefault(sha256, f"{step.name or step.path.name} of canister {canister.name}")
    return names


def _name_recipes(project: Project) -> dict[str, str]:
    """Return the addresses of remote recipes, as they may be shown, by the hashes that they are pinned to."""
    names: dict[str, str] = {}
    pins = Pins()
    with suppress(StoreError):  # a list of names is no place to complain about the lock file
        pins = open_lock_file(Layout(project.directory)).load()
    for canister in project.canisters:
        if canister.recipe is not None and is_remote(canister.recipe.address):
            sha256 = canister.recipe.sha256 or pins.find("recipes", canister.recipe.address)
            if sha256 is not None:
                names.setdefault(sha256.lower(), f"recipe {redact_url(canister.recipe.address)}")
    return names


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(read_regular(path, MAX_DOWNLOAD_BYTES, follow_link=True)).hexdigest()
    except OSError:
        return None
