"""Recipes expanded for an environment: from a canister's `recipe` to build and sync steps.

Templates of the project are read, others are downloaded; a pinned one is kept by its hash, so that it is fetched once.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from orchestrator.core.project import Canister, RecipeReference
from orchestrator.engine.session import Session
from orchestrator.engine.tasks import run_all
from orchestrator.errors import Diagnostic, OrchestratorError, RecipeError
from orchestrator.events import Warned
from orchestrator.store import UserDirectories, write_atomic

__all__ = ["REGISTRIES", "expand_recipes"]

REGISTRIES = {"dfinity": "https://github.com/dfinity/icp-cli-recipes/releases/download/{recipe}-{version}/recipe.hbs"}
"""Where the templates of a registry are, by its name."""


async def expand_recipes(session: Session, canisters: Sequence[Canister]) -> tuple[Canister, ...]:
    """Return the canisters with their recipes' steps in place; only the given canisters are touched.

    Raises `RecipeError` and `ManifestError`; what is odd is reported as a warning.
    """
    expanded: dict[str, Canister] = {}

    async def one(canister: Canister) -> None:
        expanded[canister.name] = canister if canister.recipe is None else await _expand(session, canister, canister.recipe)

    await run_all(canisters, one)
    return tuple(expanded[canister.name] for canister in canisters)


async def _expand(session: Session, canister: Canister, reference: RecipeReference) -> Canister:
    from orchestrator.manifest import Steps, load_steps
    from orchestrator.recipes import expand

    path, template = await _load_template(session, canister, reference)
    names = [each.name for each in session.project.canisters]

    def render() -> Steps:
        expansion = expand(reference, template, path, canister=canister.name)
        return load_steps(expansion.text, expansion.path, directory=canister.directory, canisters=names, related=expansion.related)

    steps = await anyio.to_thread.run_sync(render)
    _warn(session, canister, steps.warnings)
    return replace(canister, build=steps.build, sync=(*steps.sync, *canister.sync), recipe=None)


async def _load_template(session: Session, canister: Canister, reference: RecipeReference) -> tuple[Path, bytes]:
    from orchestrator.recipes import LocalRecipe, RegistryRecipe, TemplateFile, load_template, parse_address

    address = parse_address(reference)
    if isinstance(address, LocalRecipe):

        def load() -> TemplateFile:
            return load_template(reference, project_directory=session.project.directory, working_directory=Path.cwd())

        found = await anyio.to_thread.run_sync(load)
        _warn(session, canister, found.warnings)
        return found.path, found.data
    if not isinstance(address, RegistryRecipe):
        return await _fetch_template(session, canister, reference, address.url)
    pattern = REGISTRIES.get(address.registry)
    if pattern is None:
        raise RecipeError(
            f"there is no recipe registry `{address.registry}`",
            slug="recipe/unknown-registry",
            span=reference.span,
            hint=f"use one of: {', '.join(sorted(REGISTRIES))}",
        )
    return await _fetch_template(session, canister, reference, pattern.format(recipe=address.name, version=address.version))


async def _fetch_template(session: Session, canister: Canister, reference: RecipeReference, url: str) -> tuple[Path, bytes]:
    """Return a template from the package cache when it is pinned and there, else download it."""
    packages = UserDirectories.from_environment(session.environ).packages / "recipes"
    if reference.sha256 is not None:
        kept = packages / reference.sha256.lower() / "recipe.hbs"
        if await anyio.Path(kept).is_file():
            return kept, await anyio.Path(kept).read_bytes()
    if session.fetch is None:
        raise RecipeError(f"the recipe `{reference.address}` cannot be downloaded here", slug="recipe/not-fetched", span=reference.span)
    try:
        template = await session.fetch(url)
    except OrchestratorError as error:
        raise RecipeError(
            f"the recipe `{reference.address}` cannot be downloaded",
            slug="recipe/download",
            detail=f"{url}: {error.detail or error.summary}",
            span=reference.span,
            hint="check its name and version, or save the template in the project and write its path",
        ) from error
    sha256 = hashlib.sha256(template).hexdigest()
    path = packages / sha256 / "recipe.hbs"
    await anyio.to_thread.run_sync(write_atomic, path, template)
    if reference.sha256 is None:
        _warn(session, canister, [_unpinned(reference, sha256)])
    return path, template


def _unpinned(reference: RecipeReference, sha256: str) -> Diagnostic:
    return Diagnostic(
        slug="recipe/unpinned",
        summary=f"the recipe `{reference.address}` is not pinned",
        severity="warning",
        span=reference.span,
        hint=f"write `sha256: {sha256}` below its `type`, so that nobody can change what is deployed",
    )


def _warn(session: Session, canister: Canister, found: Iterable[Diagnostic]) -> None:
    for each in found:
        session.emit(Warned(slug=each.slug, summary=each.summary, canister=canister.name, hint=each.hint))
