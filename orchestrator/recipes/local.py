"""Recipes that are files: which one an address means, and its bytes."""

import stat
from pathlib import Path
from typing import Final

from orchestrator.core.project import RecipeReference
from orchestrator.errors import Diagnostic, RecipeError
from orchestrator.recipes.address import LocalRecipe
from orchestrator.recipes.expand import TemplateFile
from orchestrator.recipes.parser import MAX_TEMPLATE_CHARACTERS
from orchestrator.store.regular_file import read_regular

__all__ = ["MAX_TEMPLATE_BYTES", "load_local", "read_template"]

MAX_TEMPLATE_BYTES: Final = 4 * MAX_TEMPLATE_CHARACTERS
_TEMPLATE_NAME: Final = "recipe.hbs"


def load_local(reference: RecipeReference, address: LocalRecipe, *, project_directory: Path, working_directory: Path) -> TemplateFile:
    """Read the template of a local recipe, whose address was parsed from `reference`; raise `RecipeError`.

    A relative path starts from the project; as icp-cli does, the working directory is tried next, with a warning. A
    folder means the `recipe.hbs` in it.
    """
    first, second = project_directory / address.path, working_directory / address.path
    for path in dict.fromkeys((first, second)):
        found = _template_at(path, reference)
        if found is not None:
            data = read_template(found, reference)
            return TemplateFile(path=found, data=data, warnings=() if path == first else (_outside(found, reference),))
    elsewhere = f", nor at {second}" if second != first else ""
    raise RecipeError(
        f"there is no recipe at `{address.path}`",
        slug="recipe/not-found",
        detail=f"there is no template at {first}{elsewhere}",
        span=reference.span,
        hint="write the path of a template from the project's directory, such as `./recipes/backend.hbs`, or of a folder with a `recipe.hbs`",
    )


def _template_at(path: Path, reference: RecipeReference) -> Path | None:
    """Return what is at a path, or the template in the folder that is there; `None` where there is nothing."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            path /= _TEMPLATE_NAME
            path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path, reference, error) from error
    return path


def read_template(path: Path, reference: RecipeReference) -> bytes:
    """Return the bytes of a template, a few more than it may have at most; raise `RecipeError`."""
    try:
        return read_regular(path, MAX_TEMPLATE_BYTES + 1, follow_link=True)
    except (OSError, ValueError) as error:
        raise _unreadable(path, reference, error) from error


def _unreadable(path: Path, reference: RecipeReference, error: OSError | ValueError) -> RecipeError:
    return RecipeError(
        f"the recipe `{reference.address}` cannot be read",
        slug="recipe/unreadable",
        detail=f"{path}: {(error.strerror if isinstance(error, OSError) else None) or error}",
        span=reference.span,
        hint="check what is there, and that you may read it",
    )


def _outside(path: Path, reference: RecipeReference) -> Diagnostic:
    return Diagnostic(
        slug="recipe/working-directory",
        summary=f"the recipe `{reference.address}` was found from the working directory only",
        severity="warning",
        detail=f"{path}; from another directory the project would not load",
        span=reference.span,
        hint="write the path as it is from the project's directory",
    )
