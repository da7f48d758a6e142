"""Files that are either the old one or the new one, never something between.

The technique is the usual one: a temporary file in the same folder, flushed to the disk, renamed over
the target, and the folder flushed too, so that the new name survives a power cut.
"""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import StoreError
from orchestrator.store.ignored import ignore_cache

__all__ = ["PRIVATE_MODE", "PUBLIC_MODE", "make_directory", "remove_file", "sync_directory", "write_atomic", "write_atomic_parts"]

PUBLIC_MODE = 0o644
PRIVATE_MODE = 0o600
_TEMPORARY_NAME_BYTES = 6


def write_atomic(path: Path, data: bytes, mode: int = PUBLIC_MODE) -> None:
    """Replace `path` by `data` with the permission bits `mode`; parent folders are made.

    Raises `StoreError` when the disk refuses; the old file is then untouched.
    """
    write_atomic_parts(path, (data,), mode)


def write_atomic_parts(path: Path, parts: Iterable[bytes], mode: int = PUBLIC_MODE) -> None:
    """Do what `write_atomic` does with what is too large to be held in one piece."""
    make_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_TEMPORARY_NAME_BYTES)}.tmp")
    try:
        _write_synced(temporary, parts, mode)
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StoreError(
            f"cannot write `{path}`",
            slug="store/write",
            detail=error.strerror or str(error),
            hint=f"check that `{path.parent}` may be written and that its disk has room",
        ) from error


def _write_synced(path: Path, parts: Iterable[bytes], mode: int) -> None:
    """Make the file `path` of these parts with exactly the bits `mode` (whatever the umask) and flush it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def make_directory(path: Path) -> None:
    """Make a folder and its parents; `StoreError` when that cannot be. A project's cache is kept out of version control."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder `{path}`",
            slug="store/write",
            detail=error.strerror or str(error),
            hint="check who owns its parent folder, and that no file stands where a folder should be",
        ) from error
    ignore_cache(path)


def remove_file(path: Path) -> None:
    """Delete a file, if there is one; `StoreError` when that cannot be."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot delete `{path}`",
            slug="store/write",
            detail=error.strerror or str(error),
            hint=f"check who owns `{path.parent}`, and that it may be written",
        ) from error


def sync_directory(path: Path) -> None:
    """Flush a folder, so that names made or replaced in it survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
