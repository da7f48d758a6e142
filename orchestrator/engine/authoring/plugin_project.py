"""A new plugin's project on disk: all of it, or nothing."""

import contextlib
import os
import re
from pathlib import Path
from typing import Final

from orchestrator.core.plugin_project import Language, PluginProject
from orchestrator.engine.authoring.plugin_templates import ProjectFile, make_files, toolchain_of
from orchestrator.errors import StoreError, UsageError

__all__ = ["MAX_NAME_CHARACTERS", "write_plugin_project"]

MAX_NAME_CHARACTERS: Final = 64
"""The longest name of a plugin; package registries take it."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MODE: Final = 0o666
_PROGRAM_MODE: Final = 0o777
_SHOWN_CONFLICTS: Final = 10


def write_plugin_project(directory: Path, *, language: Language, name: str | None = None, extended: bool = False) -> PluginProject:
    """Write a new plugin's project; its name is by default that of the folder, which need not be there.

    Raises `UsageError` for a name that packages cannot have and where one of the files is there already, and
    `StoreError` when the disk refuses; then nothing has changed.
    """
    name = _check_name(directory, name)
    files = make_files(language, name=name, extended=extended)
    _check_conflicts(directory, files)
    undo = contextlib.ExitStack()
    with undo:
        for file in files:
            _write(directory, file, undo)
        undo.pop_all()
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


def _check_conflicts(directory: Path, files: tuple[ProjectFile, ...]) -> None:
    taken = [file.path for file in files if (directory / file.path).exists() or (directory / file.path).is_symlink()]
    if not taken:
        return
    more = len(taken) - _SHOWN_CONFLICTS
    shown = ", ".join(f"`{path}`" for path in taken[:_SHOWN_CONFLICTS]) + (f" and {more} more" if more > 0 else "")
    raise UsageError(
        f"files are in the way in `{directory}`",
        slug="usage/files-in-the-way",
        detail=f"it has {shown}; nothing was written",
        hint="name a folder that is not there yet, or move these files",
    )


def _write(directory: Path, file: ProjectFile, undo: contextlib.ExitStack) -> None:
    """Write a file that is not there yet, and have `undo` take back what was made for it."""
    path = directory / file.path
    try:
        _make_folder(path.parent, undo)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PROGRAM_MODE if file.executable else _MODE)
        with os.fdopen(descriptor, "wb") as opened:
            undo.callback(path.unlink, missing_ok=True)
            opened.write(file.data)
    except OSError as error:
        raise StoreError(
            f"cannot write `{path}`",
            slug="store/write",
            detail=f"{error.strerror or error}; nothing was written",
            hint=f"check that `{directory}` may be written and that its disk has room",
        ) from error


def _make_folder(folder: Path, undo: contextlib.ExitStack) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent, undo)
    folder.mkdir()
    undo.callback(_remove_folder, folder)


def _remove_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else has put a file in it meanwhile
        folder.rmdir()
