"""Patterns of directories, as icp-cli's (the Rust crate glob) understands them.

`*`, `?` and `[...]` match within one name, `**` any number of directories; names that start with a dot match like others
(`.` and `..` only what starts with a dot itself), links are followed, `{` has no meaning. What matches comes in the order of the names, a directory before what is in it.
"""

import os
import re
from collections.abc import Iterator
from fnmatch import translate
from pathlib import Path

__all__ = ["MAX_LOOKED_AT", "PatternError", "check_pattern", "find_directories", "is_pattern"]

MAX_LOOKED_AT = 100_000
"""Directory entries that one pattern may look at: a `**` above a whole disk is a mistake."""

_SIGNS = frozenset("*?[{")
_WILD = frozenset("*?[")


class PatternError(ValueError):
    """A text that is no pattern, or one that matches too much; its message says why."""


def is_pattern(text: str) -> bool:
    """Say whether a path is taken for a pattern."""
    return not _SIGNS.isdisjoint(text)


def check_pattern(pattern: str) -> None:
    """Look at a pattern without looking for what it matches; raises `PatternError`."""
    if "\0" in pattern:
        raise PatternError("no file has a name with a null character")
    for part in pattern.split("/"):
        _checked(part)


def find_directories(base: Path, pattern: str) -> list[Path]:
    """Return the directories that a pattern matches, in order; it starts at `base`. Raises `PatternError`."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if part and not (part == "**" and parts[-1:] == ["**"]):
            parts.append(_checked(part))
    start = Path("/") if pattern.startswith("/") else base
    return sorted(dict.fromkeys(_Search(parts).find(start, 0)))


def _checked(part: str) -> str:
    if "***" in part:
        raise PatternError("there is `*`, and `**` for any number of directories, but nothing longer")
    if "**" in part and part != "**":
        raise PatternError("`**` must stand alone between two `/`")
    rest = part
    while "[" in rest:
        rest = rest.partition("[")[2]
        end = rest.find("]", 2 if rest.startswith("!") else 1)
        if end < 0:
            raise PatternError("a `[` has no `]`")
        rest = rest[end + 1 :]
    return part


class _Search:
    """One walk through directories, which ends when it has looked at too much."""

    def __init__(self, parts: list[str]) -> None:
        self._parts = parts
        self._matchers = [None if _WILD.isdisjoint(part) else re.compile(translate(part), re.DOTALL) for part in parts]
        self._looked_at = 0

    def find(self, directory: Path, index: int) -> Iterator[Path]:
        """Yield what the parts from `index` on match below a directory."""
        if index == len(self._parts):
            yield directory
        elif self._parts[index] == "**":
            yield from self._find_below(directory, index)
        elif (matcher := self._matchers[index]) is None:
            if (directory / self._parts[index]).is_dir():
                yield from self.find(directory / self._parts[index], index + 1)
        else:
            special = (".", "..") if self._parts[index].startswith(".") else ()
            for name in (*self._directories(directory), *special):
                if matcher.match(name):
                    yield from self.find(directory / name, index + 1)

    def _find_below(self, directory: Path, index: int) -> Iterator[Path]:
        """Yield every directory below one where `**` is the last part, else what the parts after it match at any depth.

        A link that leads back to where the walk comes from is not followed.
        """
        last = index == len(self._parts) - 1
        pending: list[tuple[Path, frozenset[str]]] = [(directory, frozenset())]
        while pending:
            place, above = pending.pop()
            real = os.path.realpath(place)
            if real in above:
                continue
            if not last:
                yield from self.find(place, index + 1)
            below = [place / name for name in self._directories(place)]
            if last:
                yield from below
            pending += [(each, above | {real}) for each in below]

    def _directories(self, directory: Path) -> list[str]:
        """Return the names of the directories in one; none where it cannot be read."""
        names = []
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    self._looked_at += 1
                    if self._looked_at > MAX_LOOKED_AT:
                        raise PatternError(f"it looks at more than {MAX_LOOKED_AT:,} files and directories")
                    if _is_directory(entry):
                        names.append(entry.name)
        except OSError:
            return []
        return names


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
