"""Deleting what a network leaves on disk, with an error that says what is in the way."""

import shutil
from pathlib import Path

from orchestrator.errors import StoreError

__all__ = ["delete_folder"]


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
