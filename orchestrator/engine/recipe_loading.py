"""Where the templates of recipes come from: the installation, files of the project, other machines."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from orchestrator.core.addresses import address_path
from orchestrator.core.project import Canister, RecipeReference
from orchestrator.engine.pins import Pinning
from orchestrator.engine.recipe_errors import (
    checksum_error,
    describe_pinned,
    download_error,
    explain_missing,
    not_fetched,
    refuse_page,
    warn_insecure,
)
from orchestrator.engine.registries import Registries
from orchestrator.errors import Diagnostic, RecipeError, StoreError
from orchestrator.store import PackageCache
from orchestrator.store.package_errors import ChecksumError

if TYPE_CHECKING:
    from orchestrator.manifest import Steps
    from orchestrator.recipes import Address, LocalRecipe, RecipeDescription

__all__ = ["RECIPE_SECONDS", "LoadedRecipe", "RecipeLoader"]

RECIPE_SECONDS: Final = 120.0
"""How long a template may take to come, all attempts included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe:
    """A template that was found: its bytes with their SHA-256 in lower-case hex, and where they are.

    `description` is what stands beside templates that are files. `remote` is what came from another machine, from `url`;
    `pinned` tells whether its hash was known before (of what is not remote it need not be). `warnings` are about finding it.
    """

    path: Path
    data: bytes
    sha256: str
    description: "RecipeDescription | None" = None
    bundled: bool = False
    remote: bool = False
    url: str | None = None
    pinned: bool = True
    warnings: tuple[Diagnostic, ...] = ()

    def place(self, reference: RecipeReference) -> Path:
        """Return what places in the template name: its file, or, where that is a copy, the address."""
        return address_path(reference.address) if self.remote else self.path


class RecipeLoader:
    """Finds templates, each once; an object is for one run.

    `directory` is the project's, where relative paths start; `pins` may be missing outside of a project: then only a
    reference's own `sha256` counts. `offline` downloads nothing; what is downloaded must be here after `seconds`.
    """

    def __init__(
        self,
        *,
        directory: Path,
        packages: PackageCache,
        registries: Registries | None = None,
        pins: Pinning | None = None,
        offline: bool = False,
        working_directory: Path | None = None,
        bundled_directory: Path | None = None,
        seconds: float = RECIPE_SECONDS,
    ) -> None:
        """Take where to look; nothing is read yet."""
        self.directory = directory
        self.pins = pins
        self._packages = packages
        self._registries = registries or Registries()
        self._offline = offline
        self._working_directory = working_directory
        self._bundled_directory = bundled_directory
        self._seconds = seconds
        self._loaded: dict[tuple[str, str | None, Path], LoadedRecipe] = {}
        self._turns: dict[tuple[str, str | None, Path], anyio.Lock] = {}
        self._late: set[str] = set()
        self._rendered: dict[tuple[object, ...], Steps] = {}

    async def load(self, reference: RecipeReference, *, directory: Path | None = None, locked: str | None = None) -> LoadedRecipe:
        """Return the template that a reference means; `directory` is the project's whose canister refers to it.

        With `locked` (the reason, as a clause) what is not pinned is refused. Raises `RecipeError`, and `StoreError` for the
        lock file and the cache.
        """
        start = directory or self.directory
        key = (reference.address, reference.sha256, start)
        async with self._turns.setdefault(key, anyio.Lock()):
            found = self._loaded.get(key)
            if found is None or (locked is not None and not found.pinned):
                found = self._loaded[key] = await self._load(reference, start, locked)
        return found

    def render(
        self,
        found: LoadedRecipe,
        reference: RecipeReference,
        canister: Canister,
        *,
        facts: Mapping[str, object] | None,
        names: Collection[str],
    ) -> "Steps":
        """Return the steps that a template makes for a canister, and what is odd about them; `names` are those of canisters.

        Raises `RecipeError` and `ManifestError`. Environments whose facts are the same share the work. Blocks.
        """
        key = (found.sha256, found.path, canister.name, canister.directory, repr(reference.configuration), repr(facts))
        steps = self._rendered.get(key)
        if steps is None:
            steps = self._rendered[key] = render_steps(found, reference, canister, facts=facts, names=names)
        return steps

    async def _load(self, reference: RecipeReference, start: Path, locked: str | None) -> LoadedRecipe:
        from orchestrator.recipes import BundledRecipe, LocalRecipe, RegistryRecipe, parse_address

        address: Address = parse_address(reference)
        match address:
            case BundledRecipe(name=name):
                found = await anyio.to_thread.run_sync(load_bundled, reference, name, self._bundled_directory)
            case LocalRecipe():
                found = await anyio.to_thread.run_sync(self._load_local, reference, address, start)
            case RegistryRecipe():
                await anyio.to_thread.run_sync(self._registries.load)
                return await self._load_remote(reference, self._registries.url_of(address, reference.span), locked)
            case _:
                return await self._load_remote(reference, address.url, locked)
        _check_hash(reference, reference.sha256, found.sha256)
        return found

    def _load_local(self, reference: RecipeReference, address: "LocalRecipe", start: Path) -> LoadedRecipe:
        from orchestrator.recipes import load_description
        from orchestrator.recipes.local import load_local

        here = self._working_directory or Path.cwd()
        found = load_local(reference, address, project_directory=start, working_directory=here)
        return LoadedRecipe(
            path=found.path,
            data=found.data,
            sha256=_hash(found.data),
            description=load_description(found.path),
            warnings=found.warnings,
        )

    async def _load_remote(self, reference: RecipeReference, url: str, locked: str | None) -> LoadedRecipe:
        what = describe_pinned(reference)
        wanted = reference.sha256 if self.pins is None else await self.pins.wanted(what, locked=locked)
        data = await self._fetch(reference, url, wanted)
        sha256 = _hash(data)
        if wanted is None:
            refuse_page(reference, url, data)
        elif self.pins is not None:
            await self.pins.follow(what)
        return LoadedRecipe(
            path=self._packages.path_of(sha256),
            data=data,
            sha256=sha256,
            remote=True,
            url=url,
            pinned=wanted is not None,
            warnings=warn_insecure(reference, url) if wanted is None else (),
        )

    def _too_slow(self, reference: RecipeReference, url: str) -> RecipeError:
        return not_fetched(reference, url, f"it takes longer than {self._seconds:g} seconds")

    async def _fetch(self, reference: RecipeReference, url: str, wanted: str | None) -> bytes:
        from orchestrator.recipes.local import MAX_TEMPLATE_BYTES

        if url in self._late:  # one canister waits for it, not each of them
            raise self._too_slow(reference, url)
        try:
            with anyio.fail_after(self._seconds):
                if wanted is None:
                    return await self._packages.fetch_unpinned(url, offline=self._offline, most_bytes=MAX_TEMPLATE_BYTES)
                return await self._packages.fetch(url, wanted, offline=self._offline, most_bytes=MAX_TEMPLATE_BYTES)
        except TimeoutError as error:
            self._late.add(url)
            raise self._too_slow(reference, url) from error
        except ChecksumError as error:
            raise checksum_error(reference, wanted or "", error.found) from error
        except StoreError as error:
            raise download_error(reference, url, error, pinned=wanted is not None) from error


def render_steps(
    found: LoadedRecipe, reference: RecipeReference, canister: Canister, *, facts: Mapping[str, object] | None, names: Collection[str]
) -> "Steps":
    """Return the steps that a template makes for a canister, with what is odd; raises `RecipeError` and `ManifestError`. Blocks."""
    from orchestrator.manifest import load_steps
    from orchestrator.recipes import expand

    name = canister.local_name
    try:
        expansion = expand(reference, found.data, found.place(reference), canister=name, facts=facts, description=found.description)
    except RecipeError as error:
        if not found.remote:
            raise
        raise explain_missing(error) from error
    steps = load_steps(
        expansion.text, expansion.path, directory=canister.directory, canisters=names, related=expansion.related, shown=expansion.shown
    )
    return replace(steps, warnings=(*expansion.warnings, *steps.warnings))


def load_bundled(reference: RecipeReference, name: str, directory: Path | None = None) -> LoadedRecipe:
    """Return a recipe that ships with the tool; raises `RecipeError` where there is none of that name. Blocks."""
    from difflib import get_close_matches

    from orchestrator.recipes import bundled_names, find_bundled, load_description

    path = find_bundled(name, directory)
    if path is None:
        names = bundled_names(directory)
        close = get_close_matches(name, names, n=1)
        known = f"the bundled recipes are {', '.join(f'`{each}`' for each in names)}" if names else "no recipes are bundled"
        raise RecipeError(
            f"there is no bundled recipe `{name}`",
            slug="recipe/unknown-bundled",
            detail=known,
            span=reference.span,
            hint=f"did you mean `{close[0]}`?" if close else f'write "./{name}" for a folder of the project, or "@dfinity/{name}@VERSION"',
        )
    from orchestrator.recipes.local import read_template

    data = read_template(path, reference)
    return LoadedRecipe(path=path, data=data, sha256=_hash(data), description=load_description(path), bundled=True)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _check_hash(reference: RecipeReference, wanted: str | None, found: str) -> None:
    if wanted is not None and wanted.lower() != found:
        raise checksum_error(reference, wanted.lower(), found)
