"""Walks through folders that strangers fill: of any depth and size, changing meanwhile, with links and pipes in them.

Each folder is opened from the one before it without following links, one at a time, so that neither the length of a
path nor the number of open files sets a limit; nothing is opened but folders and regular files.
"""

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

__all__ = ["TreeChangedError", "TreeEntry", "TreeWalk"]

EntryKind = Literal["folder", "file", "link", "pipe", "other", "unreadable"]
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TreeChangedError(OSError):
    """Raised when a folder was moved elsewhere while it was walked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """Something in a folder: `depth` is 1 for what is in the first one.

    A folder that cannot be listed comes
    twice: as `folder`, and then as `unreadable`.
    """

    name: str
    kind: EntryKind
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """A folder on the way down: its device and inode numbers, its name, and which of its folders are still to come."""

    identity: tuple[int, int]
    name: str
    waiting: list[str]


class TreeWalk:
    """One walk through everything below a folder; all entries of a folder come, by name, before those further down."""

    def __init__(self, root: int, *, closed: Collection[str] = (), max_entries: int | None = None) -> None:
        """Take the first folder's descriptor, lower-case names of folders that are not entered, and how many entries are enough."""
        self._root = root
        self._closed = frozenset(closed)
        self._left = max_entries
        self._levels: list[_Level] = []
        self.is_complete = True

    def path_of(self, entry: TreeEntry) -> str:
        """Return where the entry that came last is, below the first folder, with `/` between names."""
        return "/".join([level.name for level in self._levels[1:]] + [entry.name])

    def __iter__(self) -> Iterator[TreeEntry]:
        """Yield everything; raises `TreeChangedError`. Is `is_complete` false afterwards, then there was more."""
        current = os.dup(self._root)  # opening it anew takes a right to search it, which listing it does not
        try:
            yield from self._list(current, "")
            while self._levels:
                if not self._levels[-1].waiting:
                    current = self._leave(current)
                    continue
                name = self._levels[-1].waiting.pop()
                try:
                    following = _enter(name, current)
                except OSError:
                    yield TreeEntry(name=name, kind="unreadable", depth=len(self._levels))
                    continue
                os.close(current)
                current = following
                yield from self._list(current, name)
        finally:
            os.close(current)

    def _list(self, folder: int, name: str) -> Iterator[TreeEntry]:
        """Yield the entries of a folder that was just opened, and remember which folders are in it."""
        status = os.fstat(folder)
        level = _Level(identity=(status.st_dev, status.st_ino), name=name, waiting=[])
        self._levels.append(level)
        with os.scandir(folder) as found:
            entries = list(found if self._left is None else islice(found, self._left + 1))
        if self._left is not None:
            self.is_complete = self.is_complete and len(entries) <= self._left
            del entries[self._left :]
            self._left -= len(entries)
        entries.sort(key=lambda each: each.name)
        depth = len(self._levels)
        for each in entries:
            kind = _kind_of(each)
            if kind == "folder" and each.name.lower() not in self._closed:
                level.waiting.append(each.name)
            yield TreeEntry(name=each.name, kind=kind, depth=depth)
        level.waiting.reverse()

    def _leave(self, current: int) -> int:
        """Go back to the folder above, if it still is the one that was come from."""
        self._levels.pop()
        if not self._levels:
            return current
        above = os.open("..", _FOLDER, dir_fd=current)
        status = os.fstat(above)
        if (status.st_dev, status.st_ino) != self._levels[-1].identity:
            os.close(above)
            raise TreeChangedError("a folder was moved while it was looked through")
        os.close(current)
        return above


def _enter(name: str, folder: int) -> int:
    """Open a folder that may be listed and searched: without the latter, nothing in it can be opened, nor is there a way back."""
    entered = os.open(name, _FOLDER, dir_fd=folder)
    try:
        os.stat(".", dir_fd=entered)
    except OSError:
        os.close(entered)
        raise
    return entered


def _kind_of(entry: "os.DirEntry[str]") -> EntryKind:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    if entry.is_file(follow_symlinks=False):
        return "file"
    try:
        return "pipe" if stat.S_ISFIFO(entry.stat(follow_symlinks=False).st_mode) else "other"
    except OSError:  # gone meanwhile
        return "other"
