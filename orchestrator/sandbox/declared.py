"""Resolves the directories and files that a plugin step declares, by the rules of its interface.

For icp:sync-plugin@0.1 an entry is a path relative to the canister's directory, without `..`; no component of it may be
a symbolic link (links above the canister's directory do not matter, and links inside a declared directory are the
sandbox's business). With a `project_directory`, which is for @0.2, it may lead out of the canister's directory by `..`,
as long as it stays in the project; then no component below the project may be a link. Each component is opened from the one before it without following links, so that what
was checked is what is read; a directory is opened again when the plugin starts, and must be the same one.
Nothing here blocks on a pipe or a device.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import Final, Literal
from unicodedata import normalize

from orchestrator.errors import PluginRefusedError, Span
from orchestrator.sandbox.request import InlineFile, Preopen

__all__ = ["MAX_FILE_BYTES", "is_safe_relative", "read_file", "resolve_directory"]

MAX_FILE_BYTES: Final = 16 << 20
"""Bytes of one file that is handed to a plugin as text."""
_SIMILAR_ENTRIES: Final = 10_000
"""How many names of a directory are compared with one that is not there."""

_Kind = Literal["dir", "file"]
_KINDS_OF_FILE: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISREG, "a file"),
)
_KIND_HINTS: Final = {("file", stat.S_IFDIR): "declare it under `dirs`", ("dir", stat.S_IFREG): "declare it under `files`"}
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PASS: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Opens a directory on the way: on Linux that needs no permission to list it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A declared entry on its way through the checks; `project` is set where it may lead out of `base`."""

    kind: _Kind
    text: str
    base: Path
    span: Span | None
    project: Path | None = None

    def refusal(self, slug: str, why: str, *, detail: str | None = None, hint: str | None = None) -> PluginRefusedError:
        return PluginRefusedError(f"plugin {self.kind} '{self.text}' {why}", slug=slug, detail=detail, hint=hint, span=self.span)

    def failure(self, error: OSError, place: "_Place", reached: str, similar: str | None) -> PluginRefusedError:
        """Say why a component could not be opened."""
        where = f"looked for {place.path}" if reached == "/".join(place.parts) else f"'{reached}' on the way to it is the reason"
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            return self.refusal(f"plugin/{self.kind}-missing", "does not exist", detail=where, hint=self._missing_hint(similar))
        hint = "check who owns it, and its permissions: `ls -ld` shows both" if error.errno in {errno.EACCES, errno.EPERM} else None
        return self.refusal(f"plugin/{self.kind}-unreadable", f"cannot be read: {error.strerror}", detail=where, hint=hint)

    def _missing_hint(self, similar: str | None) -> str:
        if similar is not None:
            return f"there is '{similar}', which is written with other characters: write the name exactly as it is on the disk"
        if "\\" in self.text or PureWindowsPath(self.text).drive:
            return "write the path with forward slashes, relative to the canister's directory"
        return f"create it (a build step may have to run first), or remove it from the step's `{self.kind}s`"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an entry is: the directory to begin at, and the components from there."""

    start: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.start.joinpath(*self.parts)


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


def _locate(entry: _Entry) -> _Place:
    """Decide by its text where an entry is; raises `PluginRefusedError` for one that leads out of what it may see."""
    parts = tuple(part for part in entry.text.split("/") if part not in {"", "."})
    if entry.project is None:
        if not is_safe_relative(entry.text):
            raise entry.refusal(
                "plugin/unsafe-path",
                "is not a safe relative path (no absolute paths or '..' allowed)",
                detail=f"a plugin reads what is below {entry.base} only",
                hint="move or copy what it needs into that directory",
            )
        place = _Place(start=entry.base, parts=parts)
    else:
        place = _locate_in_project(entry, parts, entry.project)
    try:
        str(place.path).encode("utf-8")
    except UnicodeEncodeError:
        raise entry.refusal("plugin/unsafe-path", "has a path that is not UTF-8") from None
    return place


def _locate_in_project(entry: _Entry, parts: tuple[str, ...], project: Path) -> _Place:
    """Resolve `..` in the text, from where the canister's directory really is."""
    real_project = Path(os.path.realpath(project))
    real_base = Path(os.path.realpath(entry.base))
    without_dots = "/".join(part for part in entry.text.split("/") if part != "..")
    if is_safe_relative(without_dots) and not entry.text.startswith("/") and real_base.is_relative_to(real_project):
        resolved = list(real_base.relative_to(real_project).parts)
        for part in parts:
            if part != "..":
                resolved.append(part)
            elif resolved:
                resolved.pop()
            else:
                break
        else:
            return _Place(start=real_project, parts=tuple(resolved))
    raise entry.refusal(
        "plugin/unsafe-path",
        "is not a path within the project",
        detail=f"a plugin reads what is below {project} only",
        hint="write a path relative to the canister's directory that stays in the project",
    )


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
def _opened(entry: _Entry) -> Iterator[tuple[int, Path]]:
    """Open an entry component by component; gives a descriptor of whatever it is, and its path."""
    place = _locate(entry)
    try:
        current = os.open(place.start, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # may itself be a link
    except OSError as error:
        raise entry.failure(error, place, str(place.start), None) from error
    reached = ""
    try:
        for number, part in enumerate(place.parts, start=1):
            reached = f"{reached}/{part}" if reached else part
            _check_link(entry, part, reached, current)
            last = number == len(place.parts)
            if last:
                _check_kind(entry, os.stat(part, dir_fd=current, follow_symlinks=False), place)
            following = os.open(part, _OPEN if last else _PASS, dir_fd=current)
            os.close(current)
            current = following
        _check_kind(entry, os.fstat(current), place)
    except OSError as error:
        failure = _explain(entry, error, place, reached, current)
        os.close(current)
        raise failure from error
    except PluginRefusedError:
        os.close(current)
        raise
    try:
        yield current, place.path
    except OSError as error:
        raise entry.failure(error, place, reached, None) from error
    finally:
        os.close(current)


def _explain(entry: _Entry, error: OSError, place: _Place, reached: str, parent: int) -> PluginRefusedError:
    """Say why a component could not be opened from the directory that it is in."""
    above, _, part = reached.rpartition("/")
    if error.errno == errno.EACCES and not _is_searchable(parent):
        reached = above or str(place.start)
    return entry.failure(error, place, reached, _similar_name(parent, part) if error.errno == errno.ENOENT else None)


def _is_searchable(directory: int) -> bool:
    """Tell whether what is in a directory can be reached by this user."""
    try:
        os.stat(".", dir_fd=directory)
    except OSError:
        return False
    return True


def _similar_name(parent: int, wanted: str) -> str | None:
    """Return a name of a directory that looks like one that is not there: other letter case, or another form of Unicode."""
    plain = normalize("NFKC", wanted).casefold()
    try:
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return None
    try:
        with os.scandir(listed) as found:
            names = sorted(item.name for item in islice(found, _SIMILAR_ENTRIES))
    finally:
        os.close(listed)
    return next((name for name in names if normalize("NFKC", name).casefold() == plain), None)


def _check_kind(entry: _Entry, status: os.stat_result, place: _Place) -> None:
    """Refuse an entry that is something else than declared, before it is opened: opening a device may have effects."""
    wanted = stat.S_ISDIR if entry.kind == "dir" else stat.S_ISREG
    if not wanted(status.st_mode):
        found = next((name for test, name in _KINDS_OF_FILE if test(status.st_mode)), "something else")
        raise entry.refusal(
            f"plugin/not-a-{entry.kind}",
            f"is {found}",
            detail=f"at {place.path}",
            hint=_KIND_HINTS.get((entry.kind, stat.S_IFMT(status.st_mode))),
        )


def resolve_directory(canister_directory: Path, entry: str, span: Span | None = None, *, project_directory: Path | None = None) -> Preopen:
    """Resolve one entry of `dirs`; the plugin sees it under the entry's own text.

    Raises `PluginRefusedError` at `span`: `plugin/unsafe-path`, `plugin/symlink`, `plugin/dir-missing`,
    `plugin/not-a-dir`, `plugin/dir-unreadable`.
    """
    declared = _Entry(kind="dir", text=entry, base=canister_directory, span=span, project=project_directory)
    with _opened(declared) as (descriptor, path):
        status = os.fstat(descriptor)
        return Preopen(guest=entry, host=path, inode=(status.st_dev, status.st_ino))


def read_file(canister_directory: Path, entry: str, span: Span | None = None, *, project_directory: Path | None = None) -> InlineFile:
    """Read one entry of `files`, which the plugin gets as text.

    Raises `PluginRefusedError` at `span`: `plugin/unsafe-path`, `plugin/symlink`, `plugin/file-missing`,
    `plugin/not-a-file`, `plugin/file-unreadable`, `plugin/file-too-large`, `plugin/file-not-utf8`.
    """
    declared = _Entry(kind="file", text=entry, base=canister_directory, span=span, project=project_directory)
    with _opened(declared) as (descriptor, _), os.fdopen(descriptor, "rb", closefd=False) as file:
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
