"""Resolves the directories and files that a plugin step declares, by the rules of icp:sync-plugin@0.1.

An entry is a path relative to the canister's directory, without `..`; no component of it may be a symbolic
link (links above the canister's directory do not matter, and links inside a declared directory are the
sandbox's business). Each component is opened from the one before it without following links, so that what
was checked is what is read; a directory is opened again when the plugin starts, and must be the same one.
Nothing here blocks on a pipe or a device.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Final, Literal

from orchestrator.errors import Diagnostic, PluginRefusedError, Span
from orchestrator.sandbox.request import InlineFile, Preopen

__all__ = ["MAX_FILE_BYTES", "find_private_contents", "is_safe_relative", "read_file", "resolve_directory"]

MAX_FILE_BYTES: Final = 16 << 20
"""Bytes of one file that is handed to a plugin as text."""
PRIVATE_NAMES: Final = frozenset({".env", ".git", ".icp", ".orchestrator"})
"""What a declared directory should not hold: secrets, history, and the tools' own state."""
SCAN_ENTRIES: Final = 10_000
"""How many directory entries are looked at for private contents."""

_Kind = Literal["dir", "file"]
_KINDS_OF_FILE: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISREG, "a file"),
)
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PASS: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Opens a directory on the way: on Linux that needs no permission to list it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A declared entry on its way through the checks."""

    kind: _Kind
    text: str
    base: Path
    span: Span | None

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in self.text.split("/") if part not in {"", "."})

    @property
    def path(self) -> Path:
        return self.base.joinpath(*self.parts)

    def refusal(self, slug: str, why: str, *, detail: str | None = None, hint: str | None = None) -> PluginRefusedError:
        return PluginRefusedError(f"plugin {self.kind} '{self.text}' {why}", slug=slug, detail=detail, hint=hint, span=self.span)

    def failure(self, error: OSError, reached: str) -> PluginRefusedError:
        """Say why a component could not be opened."""
        where = f"looked for {self.path}" if reached == "/".join(self.parts) else f"'{reached}' on the way to it is the reason"
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            looks_foreign = "\\" in self.text or PureWindowsPath(self.text).drive
            return self.refusal(
                f"plugin/{self.kind}-missing",
                "does not exist",
                detail=where,
                hint="write the path with forward slashes, relative to the canister's directory"
                if looks_foreign
                else f"create it (a build step may have to run first), or remove it from the step's `{self.kind}s`",
            )
        return self.refusal(f"plugin/{self.kind}-unreadable", f"cannot be read: {error.strerror}", detail=where)


def is_safe_relative(text: str, *, windows: bool = os.name == "nt") -> bool:
    """Tell whether an entry stays below its base by its text alone.

    Drive and UNC prefixes count on Windows; elsewhere `C:` is a name like any other, as in icp.
    """
    if "\0" in text or text.startswith("/"):
        return False
    if windows:
        path = PureWindowsPath(text)
        return not path.drive and not path.root and ".." not in path.parts
    return ".." not in text.split("/")


def _check_text(entry: _Entry) -> None:
    if not is_safe_relative(entry.text):
        raise entry.refusal(
            "plugin/unsafe-path",
            "is not a safe relative path (no absolute paths or '..' allowed)",
            detail=f"a plugin reads what is below {entry.base} only",
            hint="move or copy what it needs into the canister's directory",
        )
    try:
        str(entry.path).encode("utf-8")
    except UnicodeEncodeError:
        raise entry.refusal("plugin/unsafe-path", "has a path that is not UTF-8") from None


def _check_link(entry: _Entry, part: str, reached: str, parent: int) -> None:
    if stat.S_ISLNK(os.stat(part, dir_fd=parent, follow_symlinks=False).st_mode):
        target = os.readlink(part, dir_fd=parent)
        raise entry.refusal(
            "plugin/symlink",
            f"resolves through a symlink ('{reached}'); symlinks are not allowed in plugin {entry.kind}s",
            detail=f"'{reached}' points to {target}",
            hint=f"declare the real path, or copy the {'directory' if entry.kind == 'dir' else 'file'} into place",
        )


@contextmanager
def _opened(entry: _Entry) -> Iterator[int]:
    """Open an entry component by component; gives a descriptor of whatever it is."""
    _check_text(entry)
    try:
        current = os.open(entry.base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # may itself be a link
    except OSError as error:
        raise entry.failure(error, str(entry.base)) from error
    reached = ""
    try:
        for number, part in enumerate(entry.parts, start=1):
            reached = f"{reached}/{part}" if reached else part
            _check_link(entry, part, reached, current)
            last = number == len(entry.parts)
            if last:
                _check_kind(entry, os.stat(part, dir_fd=current, follow_symlinks=False))
            following = os.open(part, _OPEN if last else _PASS, dir_fd=current)
            os.close(current)
            current = following
        _check_kind(entry, os.fstat(current))
        yield current
    except OSError as error:
        raise entry.failure(error, reached) from error
    finally:
        os.close(current)


def _check_kind(entry: _Entry, status: os.stat_result) -> None:
    """Refuse an entry that is something else than declared, before it is opened: opening a device may have effects."""
    wanted = stat.S_ISDIR if entry.kind == "dir" else stat.S_ISREG
    if not wanted(status.st_mode):
        found = next((name for test, name in _KINDS_OF_FILE if test(status.st_mode)), "something else")
        raise entry.refusal(
            f"plugin/not-a-{entry.kind}",
            f"is {found}",
            detail=f"at {entry.path}",
            hint="declare it under `dirs`" if entry.kind == "file" and stat.S_ISDIR(status.st_mode) else None,
        )


def resolve_directory(canister_directory: Path, entry: str, span: Span | None = None) -> Preopen:
    """Resolve one entry of `dirs`; the plugin sees it under the entry's own text.

    Raises `PluginRefusedError` at `span`: `plugin/unsafe-path`, `plugin/symlink`, `plugin/dir-missing`,
    `plugin/not-a-dir`, `plugin/dir-unreadable`.
    """
    declared = _Entry(kind="dir", text=entry, base=canister_directory, span=span)
    with _opened(declared) as descriptor:
        status = os.fstat(descriptor)
        return Preopen(guest=entry, host=declared.path, inode=(status.st_dev, status.st_ino))


def read_file(canister_directory: Path, entry: str, span: Span | None = None) -> InlineFile:
    """Read one entry of `files`, which the plugin gets as text.

    Raises `PluginRefusedError` at `span`: `plugin/unsafe-path`, `plugin/symlink`, `plugin/file-missing`,
    `plugin/not-a-file`, `plugin/file-unreadable`, `plugin/file-too-large`, `plugin/file-not-utf8`.
    """
    declared = _Entry(kind="file", text=entry, base=canister_directory, span=span)
    with _opened(declared) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise declared.refusal(
            "plugin/file-too-large",
            f"is larger than {MAX_FILE_BYTES >> 20} MiB",
            detail="files are handed to the plugin as text, all at once",
            hint="declare its directory under `dirs` and let the plugin read it",
        )
    try:
        return InlineFile(name=entry, content=data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise declared.refusal(
            "plugin/file-not-utf8",
            "is not UTF-8 text",
            detail=f"the byte at offset {error.start} does not belong to a character",
            hint="files are handed to the plugin as text; declare the directory of a binary file under `dirs`",
        ) from error


def _entries_below(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Yield entries breadth first, not following links and not entering what is private."""
    waiting = [directory]
    while waiting:
        try:
            with os.scandir(waiting.pop(0)) as found:
                for item in sorted(found, key=lambda each: each.name):
                    yield item
                    if item.name not in PRIVATE_NAMES and item.is_dir(follow_symlinks=False):
                        waiting.append(Path(item.path))
        except OSError:
            continue


def find_private_contents(directory: Preopen, span: Span | None = None) -> tuple[Diagnostic, ...]:
    """Warn of what a declared directory should not hold; the first `SCAN_ENTRIES` entries are looked at.

    Secrets and tool state (`plugin/private-contents`), and pipes that a plugin would wait for (`plugin/named-pipe`).
    """
    found = []
    for _, item in zip(range(SCAN_ENTRIES), _entries_below(directory.host), strict=False):
        problem = _problem_with(item)
        if problem is not None:
            slug, what = problem
            inside = Path(item.path).relative_to(directory.host)
            found.append(
                Diagnostic(
                    slug=slug,
                    severity="warning",
                    summary=f"plugin dir '{directory.guest}' holds {inside}, {what}",
                    span=span,
                    hint="declare a directory with nothing but what the plugin needs",
                )
            )
    return tuple(found)


def _problem_with(item: os.DirEntry[str]) -> tuple[str, str] | None:
    """Name what is wrong with an entry, as a slug and the end of a sentence."""
    if item.name in PRIVATE_NAMES:
        return "plugin/private-contents", "which the plugin can read"
    if item.is_file(follow_symlinks=False) or item.is_dir(follow_symlinks=False) or item.is_symlink():
        return None  # the usual: the directory itself told, no further look is needed
    with suppress(OSError):
        if stat.S_ISFIFO(item.stat(follow_symlinks=False).st_mode):
            return "plugin/named-pipe", "a named pipe: a plugin that opens it waits until something writes to it"
    return None
