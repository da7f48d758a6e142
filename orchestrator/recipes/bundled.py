"""The recipes that ship with the tool: one folder each, with `recipe.hbs` in it."""

from pathlib import Path
from typing import Final

__all__ = ["TEMPLATE_NAME", "bundled_names", "find_bundled", "recipe_directory"]

TEMPLATE_NAME: Final = "recipe.hbs"
"""The name of the template in a recipe's folder."""
_PACKAGE: Final = Path(__file__).resolve().parent.parent


def recipe_directory(package: Path = _PACKAGE) -> Path:
    """Find the recipes of the package in `package`: packaged with a wheel, the source tree's `recipes/` otherwise."""
    for candidate in (package / "data" / "recipes", package.parent / "recipes"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the recipes are missing from the installation at {package}")


def bundled_names(directory: Path | None = None) -> tuple[str, ...]:
    """Return the names of the bundled recipes, sorted."""
    directory = directory or recipe_directory()
    return tuple(sorted(path.parent.name for path in directory.glob(f"*/{TEMPLATE_NAME}")))


def find_bundled(name: str, directory: Path | None = None) -> Path | None:
    """Return the template of a bundled recipe, or None where there is none of that name."""
    directory = directory or recipe_directory()
    return directory / name / TEMPLATE_NAME if name in bundled_names(directory) else None
