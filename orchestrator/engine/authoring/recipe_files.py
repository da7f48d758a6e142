"""Recipes as their authors have them: a template, a folder, or the name of one that ships with the tool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from os.path import normpath
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orchestrator.errors import ManifestError, UsageError
from orchestrator.recipes.authored import AuthoredRecipe

__all__ = ["BUNDLED_FACTS", "describe_recipe", "find_address", "find_recipes", "find_template", "open_recipe", "read_recipe"]

BUNDLED_FACTS: Final[Mapping[str, object]] = MappingProxyType({"network": {"managed": True}, "host": {"batch": True}})
"""What a bundled recipe finds under `_` beside the canister's name, unless somebody says otherwise."""
_SUFFIX: Final = ".hbs"
_DESCRIPTION_SUFFIX: Final = ".yaml"
_RECIPES_FOLDER: Final = "recipes"


def find_template(text: str, directory: Path) -> Path | None:
    """Return the template that a text names: a file, a folder with a `recipe.hbs`, else a bundled recipe; None for an address."""
    from orchestrator.recipes.bundled import TEMPLATE_NAME, find_bundled

    path = directory / text.removeprefix("file://")
    if path.is_dir() and (path / TEMPLATE_NAME).is_file():
        return path / TEMPLATE_NAME
    if path.is_file():
        template = path.with_suffix(_SUFFIX)  # its description was named
        return template if path.suffix == _DESCRIPTION_SUFFIX and template.is_file() else path
    return find_bundled(text)


def open_recipe(text: str, directory: Path, *, described: bool = True) -> AuthoredRecipe:
    """Read a recipe of this machine: a template, a folder, or a bundled recipe's name; `directory` is where paths start.

    Raises `UsageError` where there is none, and `RecipeError` where its `recipe.yaml` is wrong, which is read when it is
    `described`.
    """
    path = find_template(text, directory)
    if path is None:
        raise _missing(text, directory)
    return read_recipe(path, text, directory, described=described)


def read_recipe(path: Path, text: str, directory: Path, *, described: bool) -> AuthoredRecipe:
    """Read the template that was found for a text."""
    from orchestrator.recipes import find_bundled, load_description
    from orchestrator.recipes.bundled import TEMPLATE_NAME
    from orchestrator.recipes.local import MAX_TEMPLATE_BYTES
    from orchestrator.store.regular_file import read_regular

    try:
        data = read_regular(path, MAX_TEMPLATE_BYTES + 1, follow_link=True)
    except (OSError, ValueError) as error:
        detail = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"`{text}` cannot be read", slug="usage/recipe", detail=detail) from error
    name = path.resolve().parent.name if path.name == TEMPLATE_NAME else path.stem
    bundled = path == find_bundled(name)
    return AuthoredRecipe(
        name=name,
        address=name if bundled else _address(path, directory),
        path=path,
        data=data,
        description=load_description(path) if described else None,
        bundled=bundled,
        default_facts=BUNDLED_FACTS if bundled else {},
    )


def describe_recipe(recipe: AuthoredRecipe) -> AuthoredRecipe:
    """Return a recipe with its `recipe.yaml` read; raises `RecipeError` where that is wrong."""
    from orchestrator.recipes import load_description

    return replace(recipe, description=load_description(recipe.path))


def find_recipes(texts: Sequence[str], directory: Path) -> tuple[AuthoredRecipe, ...]:
    """Return the recipes that are named, each once, their `recipe.yaml` unread; a folder stands for the recipes in it.

    Without names: the working directory's own, else those in it and in its `recipes`. Raises `UsageError`.
    """
    found: dict[Path, AuthoredRecipe] = {}
    for text in texts or (".",):
        template = find_template(text, directory)
        paths = [template] if template is not None else list(_recipes_in(directory / text))
        if not paths:
            raise _missing(text, directory)
        for path in paths:
            shown = str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)
            found.setdefault(path, read_recipe(path, shown, directory, described=False))
    return tuple(found.values())


def _recipes_in(folder: Path) -> Iterable[Path]:
    from orchestrator.recipes.bundled import TEMPLATE_NAME

    for place in (folder, folder / _RECIPES_FOLDER):
        yield from sorted({*place.glob(f"*/{TEMPLATE_NAME}"), *place.glob(f"*{_SUFFIX}")})


def find_address(path: Path, directory: Path) -> str | None:
    """Return how the manifest of the project that `directory` is in names a template or folder below it; None where there is none."""
    from orchestrator.manifest import find_project

    try:
        project = find_project(directory).parent
    except ManifestError:
        return None
    return _relative(path, project)


def _relative(path: Path, directory: Path) -> str | None:
    whole, directory = Path(normpath(path)), Path(normpath(directory))  # which takes `..` out, and leaves links as they are
    return f"./{whole.relative_to(directory).as_posix()}" if whole.is_relative_to(directory) else None


def _address(path: Path, directory: Path) -> str:
    from orchestrator.recipes.bundled import TEMPLATE_NAME

    if path.name == TEMPLATE_NAME and (folder := find_address(path.parent, directory) or _relative(path.parent, directory)) not in {
        None,
        "./.",
    }:
        return str(folder)
    return find_address(path, directory) or _relative(path, directory) or normpath(path)


def _missing(text: str, directory: Path) -> UsageError:
    from orchestrator.manifest.problems import did_you_mean
    from orchestrator.recipes import bundled_names

    names = bundled_names()
    bundled = f"; the bundled recipes are {', '.join(names)}" if names else ""
    return UsageError(
        f"there is no recipe at `{text}`",
        slug="usage/no-recipe",
        detail=f"it is no template, and no folder with recipes, in {directory}{bundled}",
        hint=did_you_mean(text, names) or "name a template such as `recipes/backend.hbs`, or make one with `orchestrator recipe new NAME`",
    )
