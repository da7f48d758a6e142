"""The files of a project: finding `icp.yaml`, reading documents, and laying `orchestrator.yaml` over it."""

from pathlib import Path

from orchestrator.documents import MappingNode, ScalarNode, load_yaml
from orchestrator.errors import DocumentError, ManifestError, Span
from orchestrator.manifest.problems import Problems

__all__ = ["CANISTER_FILE", "MANIFEST_FILE", "OVERLAY_FILE", "find_project", "is_file", "load_map"]

MANIFEST_FILE = "icp.yaml"
OVERLAY_FILE = "orchestrator.yaml"
CANISTER_FILE = "canister.yaml"


def find_project(start: Path) -> Path:
    """Return the `icp.yaml` of `start` or of its nearest ancestor that has one; raise `ManifestError`."""
    start = start.resolve() if ".." in start.parts else start.absolute()
    for directory in (start, *start.parents):
        manifest = directory / MANIFEST_FILE
        if manifest.is_file():
            return manifest
    raise ManifestError(
        "there is no project here",
        slug="manifest/not-found",
        detail=f"neither {start} nor a directory above it holds {MANIFEST_FILE}",
        hint=_hint_for_folder(start),
    )


def _hint_for_folder(folder: Path) -> str:
    """Return what to do in a folder without a manifest: what lies there tells what somebody thought it was."""
    if is_file(folder / "icp.yml"):
        return f"rename `icp.yml` to `{MANIFEST_FILE}`"
    if is_file(folder / CANISTER_FILE):
        return f"`{CANISTER_FILE}` is a canister of a project: add `{MANIFEST_FILE}` above it, with `canisters: [FOLDER]`"
    if is_file(folder / OVERLAY_FILE):
        return f"`{OVERLAY_FILE}` adds to an `{MANIFEST_FILE}` beside it: add that, it may be empty"
    if is_file(folder / "dfx.json"):
        return f"this is a project of dfx: write its canisters into an `{MANIFEST_FILE}`; a recipe such as `rust` or `motoko` says how each is built"
    return f"run this in a directory with {MANIFEST_FILE}, or name one with `--project DIR`"


def is_file(path: Path) -> bool:
    """Say whether a path leads to a file; one that no file system accepts leads nowhere."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def load_map(path: Path, problems: Problems) -> MappingNode | None:
    """Return the map that a file holds, an empty one if the file is empty; None where it is wrong (which is noted)."""
    try:
        node = load_yaml(path)
    except DocumentError as error:
        problems.add(error.diagnostics)
        return None
    if node is None or (isinstance(node, ScalarNode) and node.is_empty):
        return MappingNode(entries=(), origin=Span(path=path, line=1, column=1))
    if isinstance(node, MappingNode):
        return node
    key = "canisters" if path.name in {MANIFEST_FILE, OVERLAY_FILE} else "name"
    problems.error("wrong-type", f"`{path.name}` must hold a map", node.span, hint=f"start the file with a key, such as `{key}:`")
    return None
