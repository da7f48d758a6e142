"""Locks of files: the operating system holds them, so they end with their process."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StoreError
from orchestrator.store.atomic import make_directory

if TYPE_CHECKING:
    import filelock

__all__ = ["acquire_lock", "is_held", "is_held_by_reading", "open_lock"]

_MAY_NOT_WRITE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def open_lock(path: Path) -> "filelock.FileLock":
    """Return the lock at `path`, which is not held yet; its folder is made. Any task of this process may release it."""
    import filelock

    make_directory(path.parent)
    return filelock.FileLock(path, thread_local=False)


def acquire_lock(lock: "filelock.BaseFileLock", *, seconds: float = 0) -> bool:
    """Take a lock, and return whether it was free within `seconds`.

    Raises `StoreError` (`store/lock`) when its file cannot be opened for writing.
    """
    import filelock

    try:
        lock.acquire(timeout=seconds)
    except filelock.Timeout:
        return False
    except OSError as error:
        path = Path(lock.lock_file)
        raise StoreError(
            f"cannot lock `{path}`",
            slug="store/lock",
            detail=error.strerror or str(error),
            hint=f"check who owns `{path}`, and that it and `{path.parent}` may be written: `chmod -R u+w` makes them so",
        ) from error
    return True


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock at `path` right now; one that may only be read can be asked about as well."""
    if not path.exists():
        return False
    import filelock

    lock = filelock.FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    except OSError as error:
        return error.errno in _MAY_NOT_WRITE and is_held_by_reading(path)
    lock.release()
    return False


def is_held_by_reading(path: Path) -> bool:
    """Tell whether some process holds the lock at `path`, without the right to take it; one that is not there is free."""
    import fcntl

    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
