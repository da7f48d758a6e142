"""A new plugin's project on disk: all of it, or nothing."""

import re
from pathlib import Path
from typing import Final

from orchestrator.core.plugin_project import Language, PluginProject
from orchestrator.engine.authoring.new_files import write_new_files
from orchestrator.engine.authoring.plugin_templates import make_files, toolchain_of
from orchestrator.errors import UsageError

__all__ = ["MAX_NAME_CHARACTERS", "write_plugin_project"]

MAX_NAME_CHARACTERS: Final = 64
"""The longest name of a plugin; package registries take it."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_plugin_project(directory: Path, *, language: Language, name: str | None = None, extended: bool = False) -> PluginProject:
    """Write a new plugin's project; its name is by default that of the folder, which need not be there.

    Raises `UsageError` for a name that packages cannot have and where one of the files is there already, and
    `StoreError` when the disk refuses; then nothing has changed.
    """
    name = _check_name(directory, name)
    files = make_files(language, name=name, extended=extended)
    write_new_files(directory, files)
    return PluginProject(
        directory=directory,
        name=name,
        language=language,
        extended=extended,
        toolchain=toolchain_of(language),
        files=tuple(file.path for file in files),
    )


def _check_name(directory: Path, name: str | None) -> str:
    found = name if name is not None else directory.resolve().name
    if _NAME.fullmatch(found) and len(found) <= MAX_NAME_CHARACTERS:
        return found
    raise UsageError(
        f"`{found}` cannot be the name of a plugin",
        slug="usage/plugin-name",
        detail=f"a name has lower-case letters, digits and single hyphens, starts with a letter, and has {MAX_NAME_CHARACTERS} characters at most",
        hint="choose another name" if name is not None else "add `--name NAME`; the folder may keep its own",
    )
