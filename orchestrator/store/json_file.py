"""Small JSON documents of ours: read with clear errors, written atomically, changed under a lock."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import LockHeldError, StoreError
from orchestrator.store.atomic import PUBLIC_MODE, write_atomic
from orchestrator.store.file_lock import acquire_lock, open_lock

__all__ = ["FILE_LOCK_SECONDS", "change_json", "hold_file", "load_object", "render_json", "write_json"]

FILE_LOCK_SECONDS = 10.0


def load_object(path: Path, *, hint: str) -> dict[str, object] | None:
    """Read a JSON object, or `None` when there is no file.

    A file that is not a JSON object is a `StoreError` that names the path and carries `hint`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read `{path}`", slug="store/read", detail=error.strerror or str(error), hint=hint) from error
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"`{path}` is damaged", slug="store/damaged", detail=f"not JSON: {error}", hint=hint) from error
    if not isinstance(value, dict):
        detail = f"expected a JSON object, found {type(value).__name__}"
        raise StoreError(f"`{path}` is damaged", slug="store/damaged", detail=detail, hint=hint)
    return value


def render_json(value: Mapping[str, object]) -> bytes:
    """Return sorted, indented JSON with a final newline."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write_json(path: Path, value: Mapping[str, object], mode: int = PUBLIC_MODE) -> None:
    """Replace `path` by the JSON form of `value`, atomically."""
    write_atomic(path, render_json(value), mode)


def change_json(path: Path, change: Callable[[dict[str, object]], Mapping[str, object] | None], *, hint: str) -> None:
    """Read, change and write a document with every other process kept out.

    `change` gets the present object (empty when there is no file) and returns the new one, or `None` for no change.
    """
    with hold_file(path):
        changed = change(load_object(path, hint=hint) or {})
        if changed is not None:
            write_json(path, changed)


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Hold the short lock beside `path`; `LockHeldError` when it is not free within `FILE_LOCK_SECONDS`."""
    lock = open_lock(path.with_name(f".{path.name}.lock"))
    if not acquire_lock(lock, seconds=FILE_LOCK_SECONDS):
        raise LockHeldError(
            f"`{path}` is being changed by another process",
            slug="store/busy",
            detail=f"its lock was not free within {FILE_LOCK_SECONDS:g} s",
            hint="wait for the other command to end, then run this one again",
        )
    try:
        yield
    finally:
        lock.release()
