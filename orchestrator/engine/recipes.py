"""Recipes expanded for an environment: from a canister's `recipe` to build and sync steps.

Only the canisters that are asked for are looked at. A template is found once a run, by a `RecipeLoader`; what was not pinned is
pinned when it has made steps, not before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from orchestrator.core.project import Canister, ExpandedRecipe, ManagedNetwork, RecipeReference, ScriptStep
from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.engine.pins import LOCK_HINT, Pinned, Pinning, open_lock_file, tell_warnings
from orchestrator.engine.recipe_loading import LoadedRecipe, RecipeLoader
from orchestrator.engine.registries import Registries
from orchestrator.engine.session import Session
from orchestrator.errors import Diagnostic, OrchestratorError, RecipeError
from orchestrator.events import Warned
from orchestrator.manifest.problems import MAX_PROBLEMS
from orchestrator.store import UserDirectories

if TYPE_CHECKING:
    from orchestrator.manifest import Steps

__all__ = ["LoadedRecipe", "RecipeLoader", "expand_recipes", "open_loader", "project_of"]

_WITHOUT_EFFECT = "manifest/not-supported"
"""A key that has no effect yet: told once, wherever it stands."""


def open_loader(session: Session, *, pins: Pinning | None = None, writes: bool = True) -> RecipeLoader:
    """Return what finds a session's templates; given to several `expand_recipes`, each template is found and rendered once.

    Without `writes`, for commands that only look, nothing is pinned.
    """
    tell = tell_warnings(session.emit)
    return RecipeLoader(
        directory=session.project.directory,
        packages=session.packages,
        registries=Registries(session.project.registries, UserDirectories.from_environment(session.environ).settings, tell),
        pins=pins or Pinning(open_lock_file(session.layout), tell=tell, writes=writes),
        offline=session.offline,
    )


async def expand_recipes(session: Session, canisters: Sequence[Canister], *, loader: RecipeLoader | None = None) -> tuple[Canister, ...]:
    """Return the canisters with their recipes' steps in place; only the given canisters are touched.

    Raises `RecipeError` and `ManifestError`, with everything that is wrong; what is odd is reported as a warning.
    """
    if all(canister.recipe is None for canister in canisters):
        return tuple(canisters)
    finder = loader or open_loader(session)
    work = _Work(session=session, loader=finder)
    async with anyio.create_task_group() as group:
        for canister in canisters:
            if canister.recipe is not None:
                group.start_soon(work.load, canister, canister.recipe)
    await anyio.to_thread.run_sync(work.render, canisters, abandon_on_cancel=True)  # it changes nothing but `work`
    await work.pin()
    work.raise_all(canisters)
    return tuple(work.expanded.get(canister.name, canister) for canister in canisters)


@dataclass(slots=True, kw_only=True)
class _Work:
    """One expansion of several canisters: what was found, made and refused so far."""

    session: Session
    loader: RecipeLoader
    found: dict[str, LoadedRecipe] = field(default_factory=dict)
    expanded: dict[str, Canister] = field(default_factory=dict)
    refused: dict[str, OrchestratorError] = field(default_factory=dict)
    _warned: dict[str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    _told: set[Diagnostic] = field(default_factory=set)

    async def load(self, canister: Canister, reference: RecipeReference) -> None:
        """Find the template of one canister."""
        directory = project_of(self.session, canister)
        try:
            async with self.session.limiter:
                self.found[canister.name] = await self.loader.load(reference, directory=directory, locked=self.session.why_locked)
        except OrchestratorError as error:
            self.refused[canister.name] = error

    def render(self, canisters: Sequence[Canister]) -> None:
        """Make steps of what was found, in the order of the canisters. Blocks."""
        keys = [each.name for each in self.session.project.canisters]
        known: dict[int, frozenset[str]] = {}  # canisters of one project share their bindings
        for canister in canisters:
            if id(canister.bindings) not in known:
                known[id(canister.bindings)] = frozenset((*keys, *canister.bindings))
            names = known[id(canister.bindings)]
            if canister.recipe is None or (found := self.found.get(canister.name)) is None:
                continue
            try:
                steps = self.loader.render(found, canister.recipe, canister, facts=_facts(self.session, found), names=names)
            except OrchestratorError as error:
                self.refused[canister.name] = error
                continue
            self._warned[canister.name] = (*found.warnings, *steps.warnings)
            self.expanded[canister.name] = _with_steps(canister, canister.recipe, found, steps)

    async def pin(self) -> None:
        """Pin what has made steps for the first time, and report what is odd."""
        for name, canister in self.expanded.items():
            found, origin = self.found[name], canister.expanded
            self._tell(canister, self._warned[name])
            if found.pinned or self.loader.pins is None or origin is None:
                continue
            try:
                what = Pinned(kind="recipes", address=origin.address, span=origin.span)
                if await self.loader.pins.pin(what, found.sha256):
                    self._tell(canister, [_unpinned(origin, canister, pinned=self.loader.pins.writes)])
            except OrchestratorError as error:
                self.refused[name] = error

    def raise_all(self, canisters: Sequence[Canister]) -> None:
        """Raise what was refused: one error as it is, several as one with all of them, in the order of the canisters."""
        errors = [self.refused[canister.name] for canister in canisters if canister.name in self.refused]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            diagnostics = list(dict.fromkeys(each for error in errors for each in error.diagnostics))[:MAX_PROBLEMS]
            if len(diagnostics) == 1:
                raise errors[0]
            raise RecipeError(f"the recipes of {len(errors)} canisters cannot be used", slug="recipe/several", diagnostics=diagnostics)

    def _tell(self, canister: Canister, found: Iterable[Diagnostic]) -> None:
        """Report what is odd, once for all canisters that share it."""
        for each in found:
            shared = replace(each, span=None, related=()) if each.slug == _WITHOUT_EFFECT else each
            if shared in self._told:
                continue
            self._told.add(shared)
            self.session.emit(Warned(slug=each.slug, summary=each.summary, canister=canister.name, hint=each.hint, place=each.span))


def project_of(session: Session, canister: Canister) -> Path:
    """Return the directory of the project that a canister is declared in: the root's, or that of a dependency."""
    member, separator, _ = canister.name.rpartition(":")
    return session.project.directory / member if separator else session.project.directory


def _facts(session: Session, found: LoadedRecipe) -> Mapping[str, object] | None:
    """Return what bundled recipes are told; others would be rendered differently by icp-cli."""
    if not found.bundled:
        return None
    return {"network": {"managed": isinstance(session.environment.network, ManagedNetwork)}, "host": {"batch": True}}


def _with_steps(canister: Canister, reference: RecipeReference, found: LoadedRecipe, steps: "Steps") -> Canister:
    from orchestrator.manifest import bind_steps

    expanded = ExpandedRecipe(
        address=reference.address,
        sha256=found.sha256,
        remote=found.remote,
        build=len(steps.build),
        sync=len(steps.sync),
        span=redact_span(reference.span),
    )
    sync = (*bind_steps(steps.sync, canister.bindings), *canister.sync)
    return replace(canister, build=steps.build, sync=sync, recipe=None, expanded=expanded)


def _unpinned(origin: ExpandedRecipe, canister: Canister, *, pinned: bool) -> Diagnostic:
    """Say that a recipe was pinned just now, or is not, and what it runs on this machine, which nobody is asked about."""
    building = sum(len(step.commands) for step in canister.build if isinstance(step, ScriptStep))
    syncing = sum(len(step.commands) for step in canister.sync[: origin.sync] if isinstance(step, ScriptStep))
    runs = f"; it runs {_count(building + syncing)} of its own on this machine" if building or syncing else ""
    return Diagnostic(
        slug="recipe/unpinned",
        summary=f"the recipe `{redact_url(origin.address)}` {'was' if pinned else 'is'} not pinned{runs}",
        severity="warning",
        span=origin.span,
        hint=f"it is now, in `orchestrator.lock`: commit that file, or write `sha256: {origin.sha256}` below its `type`"
        if pinned
        else LOCK_HINT,
    )


def _count(commands: int) -> str:
    return "1 command" if commands == 1 else f"{commands} commands"
