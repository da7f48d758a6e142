"""Finding a project: the nearest one, or the workspace that it belongs to."""

import os
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode, load_yaml
from orchestrator.errors import Diagnostic, DocumentError
from orchestrator.manifest.files import MANIFEST_FILE, OVERLAY_FILE, find_project, is_file
from orchestrator.manifest.workspace import MAX_PROJECTS

__all__ = ["FoundRoot", "find_root"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRoot:
    """The `directory` of a workspace's root, and the one of the project that was found first: the same, or one of its members.

    `unreadable` are manifests because of which a root further up may have been missed.
    """

    directory: Path
    nearest: Path
    unreadable: tuple[Path, ...] = ()

    @property
    def scope(self) -> str:
        """Return the key of the project that was found first, empty where that is the root."""
        if self.directory == self.nearest:
            return ""
        return os.path.relpath(os.path.realpath(self.nearest), os.path.realpath(self.directory)).replace(os.sep, "/")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Return that commands act on another project than the nearest one, where that is so or may have to be."""
        found = [
            Diagnostic(
                slug="manifest/workspace",
                severity="warning",
                summary=f"`{self.directory}` may be part of a workspace: `{path}` cannot be read",
                detail="it is taken for a project of its own, with its own networks, environments and canister ids",
                hint=f"mend that file, or use `--project {quote(str(self.directory))}` if it has nothing to do with it",
            )
            for path in self.unreadable
        ]
        if self.directory != self.nearest:
            found.append(
                Diagnostic(
                    slug="manifest/workspace",
                    severity="warning",
                    summary=f"`{self.nearest}` is part of the workspace `{self.directory}`",
                    detail="networks, environments and canister ids are the workspace's",
                    hint=f"use `--project {quote(str(self.nearest))}` to work on that project alone",
                )
            )
        return tuple(found)


def find_root(start: Path) -> FoundRoot:
    """Return the project of `start` or of its nearest ancestor that has one, or the root of the workspace around it.

    A project further up takes its place if it depends on it, directly or not; the search ends at the first project that
    does not. Raises `ManifestError` where there is none.
    """
    nearest = find_project(start).parent
    place, root = os.path.realpath(nearest), nearest
    for above in nearest.parents:
        if not (above / MANIFEST_FILE).is_file():
            continue
        unreadable: list[Path] = []
        if place not in _reached_from(above, unreadable):
            return FoundRoot(directory=root, nearest=nearest, unreadable=tuple(unreadable))
        root = above
    return FoundRoot(directory=root, nearest=nearest)


def _reached_from(directory: Path, unreadable: list[Path]) -> frozenset[str]:
    """Return the directories (links resolved) of all projects that one depends on; what cannot be read leads nowhere, and is noted."""
    found: set[str] = set()
    pending = [str(directory)]
    while pending and len(found) <= MAX_PROJECTS:
        for path in _dependencies(Path(pending.pop()), unreadable):
            place = os.path.realpath(path)
            if place not in found:
                found.add(place)
                pending.append(place)
    return frozenset(found)


def _dependencies(directory: Path, unreadable: list[Path]) -> list[Path]:
    """Return where a project's dependencies are; none where one of them does not say so."""
    paths = []
    for name in (MANIFEST_FILE, OVERLAY_FILE):
        for node in _listed(directory / name, unreadable):
            path = node.get("path") if isinstance(node, MappingNode) else None
            if isinstance(path, ScalarNode) and "\0" not in path.text:
                paths.append(directory / path.text)
            elif name == MANIFEST_FILE:
                return []
    return paths


def _listed(path: Path, unreadable: list[Path]) -> tuple[Node, ...]:
    if not is_file(path):
        return ()
    try:
        document = load_yaml(path)
    except (DocumentError, OSError):
        unreadable.append(path)
        return ()
    node = document.get("dependencies") if isinstance(document, MappingNode) else None
    return node.items if isinstance(node, SequenceNode) else ()
