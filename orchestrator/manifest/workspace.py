"""The files of a workspace: the root's, then those of the projects that it depends on, each read once.

Projects come in the order of icp-cli: one, then what its dependencies lead to, one after another.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.core.workspace import key_of
from orchestrator.documents import MappingNode, ScalarNode, SequenceNode
from orchestrator.errors import Span
from orchestrator.manifest.entries import Document, NamedEntry, collect_entries
from orchestrator.manifest.fields import check_keys, read_items, wrong_type
from orchestrator.manifest.files import MANIFEST_FILE, OVERLAY_FILE, is_file, load_map
from orchestrator.manifest.habits import note_other_format
from orchestrator.manifest.names import check_name
from orchestrator.manifest.overlays import lay_over
from orchestrator.manifest.problems import Problems, did_you_mean, listed
from orchestrator.manifest.registries import read_registries

__all__ = ["MAX_PROJECTS", "DependencyFiles", "ProjectFiles", "read_workspace"]

MAX_PROJECTS = 1_000
"""Projects in one workspace."""

_KEYS = ("canisters", "networks", "environments", "dependencies", "registries")
_MISNAMED_OVERLAY = "orchestrator.yml"
_DEPENDENCY_KEYS = ("name", "path", "canisters")


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFiles:
    """One entry of `dependencies`: where the other project is, and the canisters that it is to show (`None`: all).

    `place` is that directory with links resolved; `project` is its key in the workspace.
    """

    alias: str
    directory: Path
    place: Path
    project: str
    exposed: tuple[ScalarNode, ...] | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFiles:
    """One project as it is written; `directory` is where it was found first, `place` the same with links resolved."""

    key: str
    directory: Path
    place: Path
    canisters: tuple[NamedEntry, ...]
    networks: tuple[NamedEntry, ...]
    environments: tuple[NamedEntry, ...]
    dependencies: tuple[DependencyFiles, ...]
    registries: Mapping[str, str]


def read_workspace(directory: Path, problems: Problems) -> tuple[ProjectFiles, ...]:
    """Read the project in `directory`, and every one that it depends on; the root is the first."""
    place = _resolved(directory)
    root = _read_project(directory, place, place, problems)
    found = {place: root}
    pending: list[tuple[ProjectFiles, Iterator[DependencyFiles]]] = [(root, iter(root.dependencies))]
    while pending:
        dependency = next(pending[-1][1], None)
        if dependency is None:
            pending.pop()
            continue
        chain = [project for project, _ in pending]
        if any(project.place == dependency.place for project in chain):
            _note_circle(dependency, chain, problems)
        elif dependency.place not in found and len(found) >= MAX_PROJECTS:
            problems.error("too-many-projects", f"the workspace has more than {MAX_PROJECTS:,} projects", dependency.span)
            break
        elif dependency.place not in found:
            project = _read_project(_shortest(dependency, directory), dependency.place, place, problems)
            found[dependency.place] = project
            pending.append((project, iter(project.dependencies)))
    return _with_root_overlay(tuple(found.values()), problems)


def _read_project(directory: Path, place: Path, root: Path, problems: Problems) -> ProjectFiles:
    manifest = _read_top(directory / MANIFEST_FILE, problems)
    overlay = _read_overlay(directory, problems)
    canisters = collect_entries(manifest, overlay, "canisters", problems)
    is_root = place == root
    return ProjectFiles(
        key="" if is_root else _relative(place, root),
        directory=directory,
        place=place,
        canisters=canisters,
        networks=collect_entries(manifest, overlay, "networks", problems) if is_root else _written_networks(manifest, problems),
        environments=collect_entries(manifest, overlay, "environments", problems),
        dependencies=_read_dependencies(manifest, overlay, root, {entry.name for entry in canisters}, problems),
        registries={
            name: template
            for document in (manifest, overlay)
            if document is not None
            for name, template in read_registries(document.mapping.get("registries"), problems).items()
        },
    )


def _read_overlay(directory: Path, problems: Problems) -> Document | None:
    if is_file(directory / OVERLAY_FILE):
        return _read_top(directory / OVERLAY_FILE, problems)
    if is_file(misnamed := directory / _MISNAMED_OVERLAY):
        problems.warn(
            "misnamed-file",
            f"`{_MISNAMED_OVERLAY}` is not read: the file's name is `{OVERLAY_FILE}`",
            Span(path=misnamed, line=1, column=1),
            hint=f"rename it to `{OVERLAY_FILE}`",
        )
    return None


def _read_top(path: Path, problems: Problems) -> Document:
    mapping = load_map(path, problems) or MappingNode(entries=(), origin=Span(path=path, line=1, column=1))
    if note_other_format(mapping, path.name, problems):
        return Document(mapping=MappingNode(entries=(), origin=mapping.span), directory=path.parent)
    check_keys(mapping, _KEYS, f"`{path.name}`", problems, severity="error")
    return Document(mapping=mapping, directory=path.parent)


def _written_networks(manifest: Document, problems: Problems) -> tuple[NamedEntry, ...]:
    """Return the networks that a member writes in place: only the root's count, so nothing is asked of others but their form."""
    node = manifest.mapping.get("networks")
    found = []
    for item in node.items if isinstance(node, SequenceNode) else ():
        name = item.get("name") if isinstance(item, MappingNode) else None
        if isinstance(item, MappingNode) and isinstance(name, ScalarNode):
            found.append(NamedEntry(name=name.text, span=name.span, mapping=item, directory=manifest.directory))
        elif isinstance(item, MappingNode):
            problems.error("missing-name", "a network has no `name`", item.span, hint="add `name:`, the name of the network")
    return tuple(found)


def _read_dependencies(
    manifest: Document, overlay: Document | None, root: Path, canisters: set[str], problems: Problems
) -> tuple[DependencyFiles, ...]:
    found = {}
    for entry in collect_entries(manifest, overlay, "dependencies", problems):
        check_keys(entry.mapping, _DEPENDENCY_KEYS, f"dependency `{entry.name}`", problems, severity="error")
        check_name(entry.name, entry.mapping.get("name"), problems, what="dependency")
        if entry.name in canisters:
            problems.error(
                "duplicate-name",
                f"`{entry.name}` is both a dependency and a canister",
                entry.span,
                hint="give the dependency another name: it is for this project alone",
            )
        directory = _read_directory(entry, problems)
        if directory is not None:
            place = _resolved(directory)
            found[entry.name] = DependencyFiles(
                alias=entry.name,
                directory=directory,
                place=place,
                project=_relative(place, root),
                exposed=_read_exposed(entry, problems),
                span=entry.span,
            )
    return tuple(found.values())


def _read_directory(entry: NamedEntry, problems: Problems) -> Path | None:
    node = entry.mapping.get("path")
    if node is None:
        hint = f"add `path:`, the directory that holds its {MANIFEST_FILE}"
        problems.error("missing-key", f"dependency `{entry.name}` has no `path`", entry.span, hint=hint)
        return None
    if not isinstance(node, ScalarNode):
        wrong_type(node, "`path`", "text", problems)
        return None
    directory = entry.directory / node.text
    try:
        if (directory / MANIFEST_FILE).is_file():
            return directory
        detail = None
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or str(error)
    hint = (
        f"name the directory, without `/{MANIFEST_FILE}`"
        if node.text.endswith(MANIFEST_FILE)
        else f"write the path of a directory that holds {MANIFEST_FILE}, starting from this file's"
    )
    summary = f"there is no project at `{node.text}`, which dependency `{entry.name}` names"
    problems.error("missing-file", summary, node.span, detail=detail, hint=hint)
    return None


def _read_exposed(entry: NamedEntry, problems: Problems) -> tuple[ScalarNode, ...] | None:
    items = read_items(entry.mapping.get("canisters"), "`canisters`", problems)
    if items is None:
        return None
    exposed = []
    for item in items:
        if isinstance(item, ScalarNode) and item.value is not None:
            exposed.append(item)
        else:
            wrong_type(item, "an item of `canisters`", "text", problems)
    return tuple(exposed)


def _resolved(directory: Path) -> Path:
    return Path(os.path.realpath(directory))


def _shortest(dependency: DependencyFiles, root: Path) -> Path:
    """Return a project's directory from the root's, without detours by those of others; links stay as they are written."""
    directory = root / dependency.project
    detour = os.path.normpath(directory) == os.path.normpath(dependency.directory)
    return directory if detour and _resolved(directory) == dependency.place else dependency.directory


def _relative(place: Path, root: Path) -> str:
    return os.path.relpath(place, root).replace(os.sep, "/")


def _note_circle(dependency: DependencyFiles, chain: list[ProjectFiles], problems: Problems) -> None:
    start = next(index for index, project in enumerate(chain) if project.place == dependency.place)
    keys = [project.key or "." for project in chain[start:]]
    itself = len(keys) == 1
    problems.error(
        "project-cycle",
        f"dependency `{dependency.alias}` is the project itself" if itself else "projects depend on each other in a circle",
        dependency.span,
        detail=None if itself else " → ".join([*keys, keys[0]]),
        hint="remove it, or write another project's folder into `path`" if itself else "remove one of these dependencies",
    )


def _with_root_overlay(projects: tuple[ProjectFiles, ...], problems: Problems) -> tuple[ProjectFiles, ...]:
    """Lay what the root's overlay says about canisters of other projects, by their keys, over these."""
    foreign = {project.key: tuple(filter(_is_foreign, project.canisters)) for project in projects}
    if not any(foreign.values()):
        return projects
    changed = {project.key: _without(project, foreign[project.key]) for project in projects}
    _lay_foreign(foreign.pop(""), changed, problems)
    for entries in foreign.values():
        for entry in entries:
            _note_ignored(entry, problems)
    return tuple(changed.values())


def _is_foreign(entry: NamedEntry) -> bool:
    return entry.only_overlay and ":" in entry.name


def _lay_foreign(entries: tuple[NamedEntry, ...], projects: dict[str, ProjectFiles], problems: Problems) -> None:
    keys = {key_of(key, entry.name) for key, project in projects.items() if key for entry in project.canisters}
    for entry in entries:
        if entry.name in keys:
            other, _, name = entry.name.rpartition(":")
            projects[other] = _laid_over(projects[other], name, entry, problems)
        else:
            hint = did_you_mean(entry.name, keys) or (f"the canisters of other projects are {listed(sorted(keys))}" if keys else None)
            problems.error("unknown-canister", f"no other project has the canister `{entry.name}`", entry.span, hint=hint)


def _without(project: ProjectFiles, entries: tuple[NamedEntry, ...]) -> ProjectFiles:
    """Return a project without entries that are not its own."""
    return replace(project, canisters=tuple(entry for entry in project.canisters if entry not in entries)) if entries else project


def _laid_over(project: ProjectFiles, name: str, above: NamedEntry, problems: Problems) -> ProjectFiles:
    without_name = MappingNode(entries=tuple(each for each in above.mapping.entries if each.name != "name"), origin=above.mapping.span)
    canisters = tuple(
        replace(entry, mapping=lay_over(entry.mapping, without_name, problems, what=f"canister `{above.name}`"))
        if entry.name == name
        else entry
        for entry in project.canisters
    )
    return replace(project, canisters=canisters)


def _note_ignored(entry: NamedEntry, problems: Problems) -> None:
    problems.warn(
        "unused-override",
        f"what this file says about `{entry.name}` is ignored here",
        entry.span,
        detail="only the workspace's root has a say about the canisters of other projects",
    )
