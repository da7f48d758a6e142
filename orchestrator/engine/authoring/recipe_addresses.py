"""Recipes wherever they are: on this machine, or behind an address; and those that a project uses."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestrator.core.project import Project, RecipeReference
from orchestrator.core.redaction import redact_url
from orchestrator.engine.authoring.recipe_files import BUNDLED_FACTS, find_template, open_recipe
from orchestrator.errors import Diagnostic, RecipeError, UsageError
from orchestrator.recipes.authored import AuthoredRecipe, UsedRecipe

if TYPE_CHECKING:
    from orchestrator.engine.recipe_loading import RecipeLoader

__all__ = ["list_bundled", "list_used", "load_recipe"]


async def load_recipe(text: str, directory: Path, *, project: Project | None, environ: Mapping[str, str], offline: bool) -> AuthoredRecipe:
    """Find the recipe that a text names: a template, a folder, a bundled recipe, or else an address as manifests have them.

    A remote one comes from the package cache where it is pinned by the `project` and there, else it is downloaded; nothing is pinned, which is
    a warning in a project.
    Raises `UsageError`, `RecipeError` and `StoreError`.
    """
    from orchestrator.recipes import BundledRecipe, LocalRecipe, parse_address

    if find_template(text, directory) is not None:
        return open_recipe(text, directory)
    reference = RecipeReference(address=text)
    try:
        address = parse_address(reference)
    except RecipeError as error:
        raise UsageError(error.summary, slug="usage/no-recipe", detail=error.detail, hint=error.hint) from error
    if isinstance(address, BundledRecipe | LocalRecipe):
        return open_recipe(text, directory)  # which says what is missing
    found = await _open_loader(directory, project, environ, offline=offline).load(reference)
    return AuthoredRecipe(
        name=found.description.name if found.description is not None else redact_url(text),
        address=text,
        path=found.path,
        data=found.data,
        description=found.description,
        bundled=found.bundled,
        remote=found.remote,
        default_facts=BUNDLED_FACTS if found.bundled else {},
        warnings=(*found.warnings, *(_unpinned(text, found.sha256) if project is not None and not found.pinned else ())),
    )


def _open_loader(directory: Path, project: Project | None, environ: Mapping[str, str], *, offline: bool) -> "RecipeLoader":
    from orchestrator.engine.pins import Pinning, open_lock_file
    from orchestrator.engine.recipe_loading import RecipeLoader
    from orchestrator.engine.registries import Registries
    from orchestrator.store import Layout, PackageCache, UserDirectories, is_offline

    user = UserDirectories.from_environment(environ)
    return RecipeLoader(
        directory=project.directory if project is not None else directory,
        packages=PackageCache(user.packages),
        registries=Registries(project.registries if project is not None else {}, user.settings),
        pins=Pinning(open_lock_file(Layout(project.directory)), tell=_ignore, writes=False) if project is not None else None,
        offline=offline or is_offline(environ),
        working_directory=directory,
    )


def _unpinned(address: str, sha256: str) -> tuple[Diagnostic, ...]:
    return (
        Diagnostic(
            slug="recipe/unpinned",
            summary=f"the recipe `{redact_url(address)}` is not pinned: what is there may be another one the next time",
            severity="warning",
            hint=f"write `sha256: {sha256}` below its `type`, or run `orchestrator recipe lock` once the project uses it",
        ),
    )


def _ignore(_found: object) -> None:
    """Tell nobody: what is odd about pins is said where they count."""


def list_bundled(directory: Path | None = None) -> tuple[AuthoredRecipe, ...]:
    """Return the recipes that ship with the tool, with their descriptions."""
    from orchestrator.recipes import bundled_names, recipe_directory

    return tuple(open_recipe(name, directory or recipe_directory()) for name in bundled_names(directory))


def list_used(project: Project) -> tuple[UsedRecipe, ...]:
    """Return the recipes of a project's canisters, by address. Raises `StoreError` for a lock file that cannot be read."""
    from orchestrator.engine.pins import open_lock_file
    from orchestrator.store import Layout

    found: dict[tuple[str, str | None], UsedRecipe] = {}
    pins = open_lock_file(Layout(project.directory)).load()
    for name, reference in _references(project):
        key = (reference.address, reference.sha256)
        locked = pins.find("recipes", reference.address)
        pinned_by: Literal["manifest", "lock"] | None = "manifest" if reference.sha256 else "lock" if locked else None
        new = UsedRecipe(address=reference.address, canisters=(), sha256=reference.sha256 or locked, pinned_by=pinned_by)
        before = found.get(key, new)
        found[key] = replace(before, canisters=(*before.canisters, name))
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0], key[1] or "")))


def _references(project: Project) -> Iterable[tuple[str, RecipeReference]]:
    return ((canister.name, canister.recipe) for canister in project.canisters if canister.recipe is not None)
