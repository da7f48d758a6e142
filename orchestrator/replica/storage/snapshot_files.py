"""Snapshots on disk: a file of pages for each of their parts, written when it has changed and never again.

The files are named by the checkpoint that they belong to; a part that was saved is read from its file from then on.
"""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from orchestrator.core.principal import Principal
from orchestrator.replica.canister import Canister
from orchestrator.replica.canister_snapshot import CanisterSnapshot, SnapshotSource
from orchestrator.replica.vm.pages import Pages
from orchestrator.store.atomic import PRIVATE_MODE, sync_directory

__all__ = ["SnapshotFiles", "load_snapshots", "snapshot_blobs"]

_LOG = logging.getLogger(__name__)
_PARTS = ("module", "memory", "stable")
_PLAIN = ("id", "taken_at", "canister_version", "globals", "certified_data", "global_timer", "low_memory_hook")


class SnapshotFiles:
    """The folder of the parts of all canisters' snapshots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next = 1 + max((int(path.name) for path in _files(folder)), default=0)
        self._may_be_gone = False

    def forget(self) -> None:
        """Take in that files may have been deleted: a snapshot that was in them is lost, and no canister's any more."""
        self._may_be_gone = True

    def save(self, canister: Canister, save_blob: Callable[[bytes, bytes], str]) -> list[dict[str, object]]:
        """Write what is new of a canister's snapshots and return what `load_snapshots` needs; chunks become blobs."""
        if self._may_be_gone:
            for snapshot in [snapshot for snapshot in canister.snapshots.values() if self._is_gone(snapshot)]:
                _LOG.warning("[%s] the snapshot %s is lost: its files were deleted", Principal(canister.id), snapshot.id.hex())
                del canister.snapshots[snapshot.id]
        return [self._record(snapshot, save_blob) for snapshot in canister.snapshots.values()]

    def collect_garbage(self, records: Iterable[dict[str, object]]) -> None:
        """Remove the files that none of the canisters' records names."""
        used = {part["name"] for record in _snapshot_records(records) for part in record["parts"].values()}
        for path in _files(self._folder):
            if path.name not in used:
                path.unlink()

    def _is_gone(self, snapshot: CanisterSnapshot) -> bool:
        names = (cast("Pages", getattr(snapshot, part)).saved_as for part in _PARTS)
        return any(name is not None and not (self._folder / name).exists() for name in names)

    def _record(self, snapshot: CanisterSnapshot, save_blob: Callable[[bytes, bytes], str]) -> dict[str, object]:
        record: dict[str, object] = {name: getattr(snapshot, name) for name in _PLAIN}
        record["source"] = str(snapshot.source)
        record["global_types"] = list(snapshot.global_types)
        record["chunks"] = [save_blob(digest, chunk) for digest, chunk in snapshot.chunks.items()]
        record["parts"] = {name: self._save(getattr(snapshot, name)) for name in _PARTS}
        return record

    def _save(self, pages: Pages) -> dict[str, object]:
        if pages.saved_as is None:
            path = self._folder / str(self._next)
            self._next += 1
            self._folder.mkdir(parents=True, exist_ok=True)
            pages.save(path)
            path.chmod(PRIVATE_MODE)
            with path.open("rb") as file:
                os.fsync(file.fileno())
            sync_directory(self._folder)
            pages.settle(path)
        return {"name": pages.saved_as, "length": pages.length}


def load_snapshots(folder: Path, blobs: Path, records: list[dict[str, Any]]) -> dict[bytes, CanisterSnapshot]:
    """Return the snapshots of one canister; raises OSError or `SnapshotError` when their files are damaged."""
    snapshots = {}
    for record in records:
        parts: dict[str, Any] = {name: Pages.load(folder / part["name"], part["length"]) for name, part in record["parts"].items()}
        snapshots[record["id"]] = CanisterSnapshot(
            **{name: record[name] for name in _PLAIN},
            source=SnapshotSource(record["source"]),
            global_types=tuple(record["global_types"]),
            chunks={bytes.fromhex(name): (blobs / name).read_bytes() for name in record["chunks"]},
            **parts,
        )
    return snapshots


def snapshot_blobs(records: Iterable[dict[str, object]]) -> set[object]:
    """Return the names of the blobs that the snapshots in canisters' records need."""
    return {name for record in _snapshot_records(records) for name in record["chunks"]}


def _snapshot_records(records: Iterable[dict[str, object]]) -> Iterable[dict[str, Any]]:
    for record in records:
        yield from cast("list[dict[str, Any]]", record["snapshots"])


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.isdecimal()] if folder.is_dir() else []
