"""Recipes expanded for an environment: from a canister's `recipe` to build and sync steps.

Templates of the project are read, others are downloaded once: they are kept by their hash, which the manifest or the
lock file names.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from orchestrator.core.project import Canister, RecipeReference
from orchestrator.core.redaction import redact_span, redact_url
from orchestrator.engine.recipe_pins import RecipePins
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
            return load_template(reference, address, project_directory=session.project.directory, working_directory=Path.cwd())

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
    """Return a template from the package cache when it is pinned and there, else download it; pin it on first use."""
    pins = RecipePins(session.layout)
    wanted = reference.sha256 or await anyio.to_thread.run_sync(pins.find, reference.address)
    packages = UserDirectories.from_environment(session.environ).packages / "recipes"
    if wanted is not None:
        kept = packages / wanted.lower() / "recipe.hbs"
        found = await anyio.to_thread.run_sync(_load_kept, kept)
        if found is not None and hashlib.sha256(found).hexdigest() == wanted.lower():
            return kept, found
    elif session.environment.protected:
        raise _refused(session, reference)
    template = await _download(session, reference, url)
    sha256 = hashlib.sha256(template).hexdigest()
    if wanted is None:
        await anyio.to_thread.run_sync(pins.add, reference.address, sha256)
        _warn(session, canister, [_unpinned(reference, sha256)])
    elif wanted.lower() != sha256:
        raise _changed(reference, wanted, sha256)
    path = packages / sha256 / "recipe.hbs"
    await anyio.to_thread.run_sync(write_atomic, path, template)
    return path, template


def _load_kept(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


async def _download(session: Session, reference: RecipeReference, url: str) -> bytes:
    if session.offline:
        raise RecipeError(
            f"the recipe `{redact_url(reference.address)}` is not in the package cache, and nothing is downloaded offline",
            slug="recipe/offline",
            detail=f"its template is at {redact_url(url)}",
            span=redact_span(reference.span),
            hint="run `orchestrator plugin cache fetch` once with a connection, or leave out `--offline`",
        )
    if session.fetch is None:
        raise RecipeError(
            f"the recipe `{redact_url(reference.address)}` cannot be downloaded here",
            slug="recipe/not-fetched",
            span=redact_span(reference.span),
        )
    try:
        return await session.fetch(url)
    except OrchestratorError as error:
        raise RecipeError(
            f"the recipe `{redact_url(reference.address)}` cannot be downloaded",
            slug="recipe/download",
            detail=f"{redact_url(url)}: {error.detail or error.summary}",
            span=redact_span(reference.span),
            hint="check its name and version, or save the template in the project and write its path",
        ) from error


def _refused(session: Session, reference: RecipeReference) -> RecipeError:
    return RecipeError(
        f"the recipe `{redact_url(reference.address)}` is not pinned, and environment `{session.environment.name}` is protected",
        slug="recipe/unpinned",
        span=redact_span(reference.span),
        hint="build for another environment first, which pins it in `orchestrator.lock`, or write its `sha256`",
    )


def _changed(reference: RecipeReference, wanted: str, found: str) -> RecipeError:
    by_lock = reference.sha256 is None
    return RecipeError(
        "the recipe's template is not the one that was pinned",
        slug="recipe/checksum",
        detail=f"expected sha256 {wanted}, found {found}",
        span=redact_span(reference.span),
        hint="review the template, then " + ("remove its line from `orchestrator.lock`" if by_lock else "write its new hash as `sha256`"),
    )


def _unpinned(reference: RecipeReference, sha256: str) -> Diagnostic:
    return Diagnostic(
        slug="recipe/unpinned",
        summary=f"the recipe `{redact_url(reference.address)}` was not pinned",
        severity="warning",
        span=redact_span(reference.span),
        hint=f"it is now, in `orchestrator.lock`: commit that file, or write `sha256: {sha256}` below its `type`",
    )


def _warn(session: Session, canister: Canister, found: Iterable[Diagnostic]) -> None:
    for each in found:
        session.emit(Warned(slug=each.slug, summary=each.summary, canister=canister.name, hint=each.hint, place=each.span))
