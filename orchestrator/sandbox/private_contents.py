"""Finds what a declared directory should not hold: a plugin may read all of it, and say what it read to its canister."""

import os
from collections.abc import Iterator
from typing import Final

from orchestrator.errors import Diagnostic, Span
from orchestrator.sandbox.request import Preopen
from orchestrator.sandbox.trees import TreeEntry, TreeWalk

__all__ = ["MAX_FINDINGS", "PRIVATE_NAMES", "SCAN_ENTRIES", "find_private_contents"]

PRIVATE_NAMES: Final = frozenset({".env", ".git", ".icp", ".orchestrator"})
"""What a declared directory should not hold: secrets, history, and the tools' own state."""
SCAN_ENTRIES: Final = 1_000_000
"""How many directory entries are looked at for private contents."""
MAX_FINDINGS: Final = 10
"""How many findings of one directory are told one by one."""
_HINT: Final = "declare a directory with nothing but what the plugin needs"
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC


def find_private_contents(directory: Preopen, span: Span | None = None, *, entries: int = SCAN_ENTRIES) -> tuple[Diagnostic, ...]:
    """Warn of what a declared directory should not hold; so many of its first entries are looked at.

    Secrets and tool state (`plugin/private-contents`), pipes that a plugin would wait for (`plugin/named-pipe`), and more
    entries than were looked at (`plugin/large-directory`). A directory that is gone has nothing.
    """
    try:
        root = os.open(directory.host, _OPEN)
    except OSError:
        return ()
    try:
        status = os.fstat(root)
        if directory.inode not in {None, (status.st_dev, status.st_ino)}:
            return ()  # what is there now is not what the plugin will be given
        found = [_warning(directory, slug, f"holds {inside}, {what}", span) for inside, slug, what in _findings(root, entries)]
    finally:
        os.close(root)
    if _is_private(directory):
        found.insert(0, _warning(directory, "plugin/private-contents", "is itself private, and the plugin can read it", span))
    return tuple(found)


def _is_private(directory: Preopen) -> bool:
    return any(part.lower() in PRIVATE_NAMES for part in directory.guest.split("/"))


def _findings(root: int, entries: int) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong below a directory: where, a slug, and the end of a sentence."""
    walk = TreeWalk(root, closed=PRIVATE_NAMES, max_entries=entries)
    count = 0
    try:
        for entry in walk:
            problem = _problem_with(entry)
            if problem is None:
                continue
            count += 1
            if count <= MAX_FINDINGS:
                yield _shown(walk.path_of(entry)), *problem
    except OSError:
        walk.is_complete = False  # it changes while it is looked at
    if count > MAX_FINDINGS:
        yield f"{count - MAX_FINDINGS} more of the kind", "plugin/private-contents", "in other places"
    if not walk.is_complete:
        yield "more than was looked at", "plugin/large-directory", f"which is {entries:,} entries at most"


def _problem_with(entry: TreeEntry) -> tuple[str, str] | None:
    """Name what is wrong with an entry, as a slug and the end of a sentence."""
    if entry.kind == "unreadable":
        return None
    if entry.name.lower() in PRIVATE_NAMES:
        return "plugin/private-contents", "which the plugin can read"
    if entry.kind == "pipe":
        return "plugin/named-pipe", "a named pipe: a plugin that opens it waits until something writes to it"
    return None


def _shown(path: str) -> str:
    """Return a path that can be printed: names need not be text, and a deep one is shortened."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN // 2]}…{text[-_MAX_SHOWN // 2 :]}"


_MAX_SHOWN: Final = 200
"""Characters of a path that a warning shows."""


def _warning(directory: Preopen, slug: str, what: str, span: Span | None) -> Diagnostic:
    return Diagnostic(slug=slug, severity="warning", summary=f"plugin dir '{directory.guest}' {what}", span=span, hint=_HINT)
