"""Folders within folders, deeper than any path may be long, made and removed without recursion."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["LONG_NAME", "LONG_PATH_LEVELS", "deep_tree"]

LONG_NAME = 240
"""Characters of a name: with such ones a path is longer than the system takes after a few levels."""
LONG_PATH_LEVELS = 18

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def deep_tree(directory: Path, levels: int, *, last: str | None = None, name_length: int = 1) -> Iterator[None]:
    """Have `levels` folders, each in the one before it, below `directory`; the last one holds an empty file `last`.

    Names have at least `name_length` characters.
    """
    current = os.open(directory, _FOLDER)
    names = [f"level{number}".ljust(name_length, "-") for number in range(levels)]
    for name in names:
        os.mkdir(name, dir_fd=current)
        current = _replace(current, name)
    if last is not None:
        os.close(os.open(last, os.O_CREAT | os.O_WRONLY, dir_fd=current))
    try:
        yield
    finally:
        if last is not None:
            os.unlink(last, dir_fd=current)
        for name in reversed(names):
            current = _replace(current, "..")
            os.rmdir(name, dir_fd=current)
        os.close(current)


def _replace(current: int, name: str) -> int:
    following = os.open(name, _FOLDER, dir_fd=current)
    os.close(current)
    return following
