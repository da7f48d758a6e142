"""Deleting what a network leaves on disk, with an error that says what is in the way."""

import contextlib
import shutil
from pathlib import Path

from orchestrator.errors import StoreError
from orchestrator.store.atomic import remove_file

__all__ = ["delete_folder", "delete_leftover"]


def delete_leftover(path: Path) -> None:
    """Delete a file about a process that has ended, if that can be: it says nothing wrong, so it may as well stay."""
    with contextlib.suppress(StoreError):
        remove_file(path)


def delete_folder(directory: Path) -> None:
    """Delete a folder with all that is in it; none is fine. Raises `StoreError`."""
    try:
        if directory.exists():
            shutil.rmtree(directory)
    except OSError as error:
        raise StoreError(
            f"cannot delete `{directory}`",
            slug="store/write",
            detail=error.strerror or str(error),
            hint="check who owns it, then try again",
        ) from error
