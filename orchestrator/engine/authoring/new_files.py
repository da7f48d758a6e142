"""New files on disk: all of them, or none, and nothing that is there already is touched."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.errors import StoreError, UsageError

__all__ = ["ProjectFile", "write_new_files"]

_MODE: Final = 0o666
_PROGRAM_MODE: Final = 0o777
_SHOWN_CONFLICTS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """One file: its path in the project with `/`, its bytes, and whether it is a program."""

    path: str
    data: bytes
    executable: bool = False


def write_new_files(directory: Path, files: Sequence[ProjectFile]) -> None:
    """Write files into a folder, which need not be there.

    Raises `UsageError` where one of them is there already, and `StoreError` when the disk refuses; then nothing has changed.
    """
    _check_conflicts(directory, files)
    undo = contextlib.ExitStack()
    with undo:
        for file in files:
            _write(directory, file, undo)
        undo.pop_all()


def _check_conflicts(directory: Path, files: Sequence[ProjectFile]) -> None:
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
