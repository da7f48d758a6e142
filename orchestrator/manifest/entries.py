"""The entries of the manifest's lists: written in place, or named by a path; and the overlay's, merged by name."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode, describe
from orchestrator.errors import Span
from orchestrator.manifest.fields import read_text
from orchestrator.manifest.files import CANISTER_FILE, MANIFEST_FILE, OVERLAY_FILE, is_file, load_map
from orchestrator.manifest.habits import hint_for_list, hint_for_place
from orchestrator.manifest.overlays import lay_over
from orchestrator.manifest.patterns import PatternError, find_directories, is_pattern
from orchestrator.manifest.problems import Problems, did_you_mean

__all__ = ["Document", "NamedEntry", "collect_entries"]

_KINDS = {"canisters": "canister", "networks": "network", "environments": "environment", "dependencies": "dependency"}
_ADDED = {"environment": "network", "network": "mode"}
"""What an overlay may add, with the key that a new one needs."""
_IMPLICIT = ("local", "ic")
"""Environments and networks that every project has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file's map and the directory its relative paths start from."""

    mapping: MappingNode
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEntry:
    """A canister, network, environment or dependency as written: its name, where that stands, its map, its directory.

    `only_overlay` are those that `icp.yaml` does not have.
    """

    name: str
    span: Span
    mapping: MappingNode
    directory: Path
    only_overlay: bool = False


def collect_entries(manifest: Document, overlay: Document | None, section: str, problems: Problems) -> tuple[NamedEntry, ...]:
    """Return the entries of a section (`canisters`, `networks`, `environments`, `dependencies`), the overlay's merged in."""
    kind = _KINDS[section]
    found = _by_name(_expand(manifest, section, kind, problems), section, problems)
    if overlay is None:
        return tuple(found.values())
    for name, above in _by_name(_expand(overlay, section, kind, problems), section, problems).items():
        below = found.get(name)
        if below is None and not _is_misspelt(above, found, kind, problems):
            found[name] = replace(above, only_overlay=True)
        elif below is not None:
            found[name] = replace(below, mapping=lay_over(below.mapping, above.mapping, problems, what=f"{kind} `{name}`"))
    return tuple(found.values())


def _is_misspelt(entry: NamedEntry, known: Collection[str], kind: str, problems: Problems) -> bool:
    """Tell whether an entry that only the overlay has can only be meant for another one; note that, or that it may be."""
    buildable = entry.mapping.get("build") is not None or entry.mapping.get("recipe") is not None
    if kind == "canister" and not buildable and ":" not in entry.name and entry.span.path.name == OVERLAY_FILE:
        problems.error(
            "unknown-canister",
            f"{MANIFEST_FILE} has no canister `{entry.name}` to which this could add",
            entry.span,
            hint=did_you_mean(entry.name, known) or "write the name of one that is there, or add a `build:` or a `recipe:` for a new one",
        )
        return True
    if kind in _ADDED:
        _tell_of_addition(entry, known, kind, problems)
    return False


def _tell_of_addition(entry: NamedEntry, known: Collection[str], kind: str, problems: Problems) -> None:
    """Note that the overlay adds an environment or a network that lacks what a new one needs."""
    key = _ADDED[kind]
    if entry.name in _IMPLICIT or entry.mapping.entry(key) is not None:
        return
    guess = did_you_mean(entry.name, (*known, *_IMPLICIT))
    summary = f"{MANIFEST_FILE} has no {kind} `{entry.name}`: this adds one"
    hint = f"{guess} Add `{key}:` if it is a new one" if guess else f"add `{key}:`; without it, it is on `local`"
    if kind == "environment":
        problems.warn("added-environment", summary, entry.span, hint=hint)
    elif guess:
        problems.warn("added-network", summary, entry.span, hint=hint)


def _by_name(documents: list[Document], section: str, problems: Problems) -> dict[str, NamedEntry]:
    found: dict[str, NamedEntry] = {}
    kind = _KINDS[section]
    article = "an" if kind == "environment" else "a"
    for document in documents:
        node = document.mapping.get("name")
        if node is None:
            inside = document.mapping.entry(section) is not None
            hint = f"a file of its own holds one {kind}: start it with `name:`" if inside else f"add `name:`, the name of the {kind}"
            problems.error("missing-name", f"{article} {kind} has no `name`", document.mapping.span, hint=hint)
            continue
        name = _read_name(node, kind, problems)
        if name is None:
            continue
        if (first := found.get(name)) is not None:
            problems.error(
                "duplicate-name",
                f"two {section} are named `{name}`",
                node.span,
                related=((first.span, "the first one"),),
                hint="give one of them another name",
            )
            continue
        found[name] = NamedEntry(name=name, span=node.span, mapping=document.mapping, directory=document.directory)
    return found


def _read_name(node: Node, kind: str, problems: Problems) -> str | None:
    if kind != "canister" and isinstance(node, ScalarNode):
        return node.text  # a network may be called 5: icp-cli is strict about canisters only
    return read_text(node, "`name`", problems)


def _expand(document: Document, section: str, kind: str, problems: Problems) -> list[Document]:
    entry = document.mapping.entry(section)
    if entry is None or (isinstance(entry.value, ScalarNode) and entry.value.is_empty):
        return []
    if not isinstance(entry.value, SequenceNode):
        hint = (
            f"write `{section}: []` for none"
            if describe(entry.value) == "nothing"
            else hint_for_list(entry.value, key="path" if kind == "dependency" else "name")
        )
        problems.error("wrong-type", f"`{section}` must be a list, not {describe(entry.value)}", entry.value.span, hint=hint)
        return []
    documents: list[Document] = []
    for item in entry.value.items:
        if isinstance(item, MappingNode):
            documents.append(Document(mapping=item, directory=document.directory))
        elif isinstance(item, ScalarNode) and isinstance(item.value, str) and kind != "dependency":
            documents.extend(_load(item, item.value, document.directory, kind, problems))
        else:
            problems.error(
                "wrong-type",
                f"an item of `{section}` must be a map{'' if kind == 'dependency' else ' or a path'}, not {describe(item)}",
                item.span,
                hint="start it with `name:`",
            )
    return documents


def _load(node: Node, text: str, directory: Path, kind: str, problems: Problems) -> list[Document]:
    if kind != "canister":
        path = directory / text
        if not is_file(path):
            _missing(node, text, kind, directory, problems, hint=f"write the path of the {kind}'s file, or the {kind} itself, with `name:`")
            return []
        return _documents([(path, directory)], problems)
    if not is_pattern(text):
        found = [directory / text]
        if not is_file(found[0] / CANISTER_FILE):
            hint = (
                f"name the directory, without `/{CANISTER_FILE}`"
                if text.endswith(CANISTER_FILE)
                else f"add {CANISTER_FILE} to that directory"
            )
            _missing(node, text, kind, directory, problems, hint=hint)
            return []
    else:
        found = _glob(node, text, directory, problems)
    return _documents([(place / CANISTER_FILE, place) for place in found], problems)


def _documents(files: list[tuple[Path, Path]], problems: Problems) -> list[Document]:
    read = ((load_map(path, problems), directory) for path, directory in files)
    return [Document(mapping=mapping, directory=directory) for mapping, directory in read if mapping is not None]


def _glob(node: Node, pattern: str, directory: Path, problems: Problems) -> list[Path]:
    try:
        found = [place for place in find_directories(directory, pattern) if is_file(place / CANISTER_FILE)]
    except (PatternError, ValueError, OSError) as error:
        problems.error(
            "invalid-glob", f"`{pattern}` is not a pattern of directories", node.span, detail=str(error), hint="write it like `canisters/*`"
        )
        return []
    if not found:
        braces, hint = ("`{` and `}` have no meaning in a pattern", "write an entry for each directory") if "{" in pattern else (None, None)
        if pattern.endswith(f"/{CANISTER_FILE}"):
            hint = f"name the directories, without the file: `{pattern.removesuffix(f'/{CANISTER_FILE}')}`"
        problems.warn("empty-glob", f"no directory with {CANISTER_FILE} matches `{pattern}`", node.span, detail=braces, hint=hint)
    return found


def _missing(node: Node, text: str, kind: str, directory: Path, problems: Problems, *, hint: str) -> None:
    problems.error("missing-file", f"there is no {kind} at `{text}`", node.span, hint=hint_for_place(text, kind, directory) or hint)
