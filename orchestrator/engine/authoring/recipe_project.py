"""A new recipe's folder: a template, what it takes, cases that pass."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.core.recipe_project import RecipeProject
from orchestrator.engine.authoring.new_files import ProjectFile, write_new_files
from orchestrator.engine.authoring.plugin_templates import template_directory
from orchestrator.engine.authoring.recipe_files import find_address
from orchestrator.errors import UsageError

__all__ = ["write_recipe_project"]

MAX_NAME_CHARACTERS: Final = 64
"""The longest name of a new recipe."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME_PLACEHOLDER: Final = b"RECIPE_NAME"
_ADDRESS_PLACEHOLDER: Final = b"RECIPE_ADDRESS"
_PLAIN: Final = re.compile(r"[\w./-]+")
"""Addresses that YAML takes as they are."""


def write_recipe_project(directory: Path, *, name: str | None = None) -> RecipeProject:
    """Write a new recipe into a folder, which need not be there; its name is by default the folder's.

    Raises `UsageError` for a name that a recipe should not have and where one of the files is there already, and
    `StoreError` when the disk refuses; then nothing has changed.
    """
    name = _check_name(directory, name)
    root = template_directory() / "recipe"
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    address = find_address(directory, directory)
    shown = address or f"./{name}"
    values = {_NAME_PLACEHOLDER: name, _ADDRESS_PLACEHOLDER: shown if _PLAIN.fullmatch(shown) else json.dumps(shown, ensure_ascii=False)}
    files = [ProjectFile(path=path.relative_to(root).as_posix(), data=_filled(path.read_bytes(), values)) for path in paths]
    write_new_files(directory, files)
    return RecipeProject(directory=directory, name=name, files=tuple(file.path for file in files), address=address)


def _filled(data: bytes, values: Mapping[bytes, str]) -> bytes:
    for placeholder, value in values.items():
        data = data.replace(placeholder, value.encode())
    return data


def _check_name(directory: Path, name: str | None) -> str:
    from orchestrator.recipes import bundled_names

    found = name if name is not None else directory.resolve().name
    other = "choose another name" if name is not None else "add `--name NAME`; the folder may keep its own"
    if not _NAME.fullmatch(found) or len(found) > MAX_NAME_CHARACTERS:
        raise UsageError(
            f"`{found}` cannot be the name of a recipe",
            slug="usage/recipe-name",
            detail=f"a name has lower-case letters, digits and single hyphens, starts with a letter, and has {MAX_NAME_CHARACTERS} characters at most",
            hint=other,
        )
    if found in bundled_names():
        raise UsageError(f"a recipe `{found}` ships with the tool", slug="usage/recipe-name", hint=other)
    return found
