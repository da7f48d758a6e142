"""Canisters on disk: the record of each one, and the files with its code, its memory and its snapshots.

A record is made anew only when something in it has changed, and a memory is written whole only when it is not known
what changed in it; otherwise the changed pages go into the journal.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import cast

from orchestrator.replica.canister import Canister
from orchestrator.replica.storage import codec
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.storage.snapshot_files import SnapshotFiles, snapshot_blobs
from orchestrator.replica.storage.sums import write_sums
from orchestrator.replica.vm.interface import Changes, Instance
from orchestrator.store.atomic import PRIVATE_MODE, make_directory, sync_directory, write_atomic

__all__ = ["INLINE", "CanisterFiles", "SavedMemory", "SavedRecord", "StorageLimits"]

INLINE = ""
"""What stands for a folder when all of a memory is in the journal, or in the base."""
_NOT_IN_RECORD = frozenset({"instance", "wasm", "chunks", "snapshots", "known"})
_RECORDED = tuple(field.name for field in fields(Canister) if field.name not in _NOT_IN_RECORD)
_PLAIN = (int, float, str, bytes, type(None), Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageLimits:
    """What goes where; all are bytes.

    A journal of more than `journal` makes the next checkpoint write a new base, for the last one `stopped_journal` are
    enough, so that the next start has little to read. Changes of more than `changes` give a memory a folder of its own,
    as does content of more than `inline`; a memory larger than `inline_memory` is not even looked at for that.
    """

    journal: int = 64 * 1024 * 1024
    stopped_journal: int = 4 * 1024 * 1024
    changes: int = 32 * 1024 * 1024
    inline: int = 2 * 1024 * 1024
    inline_memory: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SavedMemory:
    """The folder that has an instance's memory, with all commits up to `version` there or in the journal."""

    instance: Instance
    version: int
    name: str


@dataclass(frozen=True, slots=True)
class SavedRecord:
    """A canister's record, what it was made of by name, and its encoding."""

    frozen: Mapping[str, object]
    record: dict[str, object]
    encoded: bytes


class CanisterFiles:
    """The files of all canisters.

    `pending` has the changed pages that no frame of the journal has yet, and what folder they belong to; `in_journal`
    the canisters of whose memory the journal has a part.
    """

    def __init__(
        self, directory: StateDirectory, memories: Mapping[bytes, SavedMemory], in_journal: Iterable[bytes], limits: StorageLimits
    ) -> None:
        """Take the directory, and which memories are there already."""
        self._directory = directory
        self._limits = limits
        self._memories = dict(memories)
        self._blobs: set[str] = set()
        self._snapshots = SnapshotFiles(directory.snapshots)
        self._next_memory = 1 + max((_number(path.name) for path in _entries(directory.memories)), default=0)
        self.pending: dict[bytes, tuple[str, Changes]] = {}
        self.in_journal = set(in_journal)

    def forget(self) -> None:
        """Write everything again: the files are gone."""
        self._memories.clear()
        self._blobs.clear()
        self._snapshots.forget()
        self.pending.clear()

    def take_pending(self, canisters: Iterable[bytes]) -> dict[bytes, dict[str, object]]:
        """Return the pending pages as plain values for a frame, of those of the canisters that still are there."""
        there = set(canisters)
        self.pending = {canister_id: pair for canister_id, pair in self.pending.items() if canister_id in there}
        return {canister_id: {"folder": name, **_plain(changes)} for canister_id, (name, changes) in self.pending.items()}

    def note_journaled(self) -> None:
        """Take in that a frame with everything pending is on the disk."""
        self.in_journal.update(self.pending)
        self.pending.clear()

    def save(self, canister: Canister, before: SavedRecord | None, *, whole: bool) -> SavedRecord | None:
        """Write what changed of a canister, but for pages that become `pending`; returns its record if that is another one.

        With `whole` nothing of it is left to the journal so far.
        """
        memory = None if canister.instance is None else self._save_memory(canister, canister.instance, whole=whole)
        snapshots = self._snapshots.save(canister, self._save_blob) if canister.snapshots else []
        frozen = {name: _freeze(getattr(canister, name)) for name in _RECORDED}
        frozen |= {"memory": memory, "chunks": tuple(canister.chunks), "snapshots": _freeze(snapshots)}
        if before is not None and frozen == before.frozen:
            return None
        record = _pack(canister, frozen, before)
        record["chunks"] = [self._save_blob(digest, chunk) for digest, chunk in canister.chunks.items()]
        record["wasm"] = None if canister.wasm is None else self._save_blob(canister.module_hash or b"", canister.wasm)
        record["memory"], record["snapshots"] = memory, snapshots
        return SavedRecord(frozen, record, codec.dump_packed(record))

    def collect_garbage(self, records: Iterable[dict[str, object]]) -> None:
        """Remove the files that none of the records names. They must be durable, and all that there are."""
        known = list(records)
        memories = {record["memory"] for record in known}
        blobs: set[object] = {record["wasm"] for record in known} | snapshot_blobs(known)
        for record in known:
            blobs.update(cast("list[object]", record["chunks"]))
        self._snapshots.collect_garbage(known)
        for path in _entries(self._directory.memories):
            if path.name not in memories:
                shutil.rmtree(path, ignore_errors=True)
        for path in _entries(self._directory.blobs):
            if path.name not in blobs:
                path.unlink(missing_ok=True)
                self._blobs.discard(path.name)

    def _save_blob(self, digest: bytes, data: bytes) -> str:
        """Write bytes whose SHA-256 is known under their name, unless they are there."""
        name = digest.hex()
        if name not in self._blobs:
            path = self._directory.blobs / name
            if not path.exists():
                write_atomic(path, data, PRIVATE_MODE)
            self._blobs.add(name)
        return name

    def _save_memory(self, canister: Canister, instance: Instance, *, whole: bool) -> str:
        """Return the folder of a canister's memory: a new one, or the old one when the changes are pending or none."""
        saved = self._memories.get(canister.id)
        is_settled = not whole or (canister.id not in self.pending and canister.id not in self.in_journal)
        if saved is not None and saved.instance is instance and saved.version == canister.memory_version and is_settled:
            return saved.name
        changes = self._collect(instance, whole=whole or saved is None)
        before = self.pending.get(canister.id)
        if changes is not None and before is not None and not changes.is_whole:
            changes = _merge(before[1], changes)
        if changes is not None and _size(changes) <= self._limits.changes:
            name = INLINE if changes.is_whole or saved is None else saved.name
            self.pending[canister.id] = (name, changes)
            self._memories[canister.id] = SavedMemory(instance, canister.memory_version, name)
            return name
        name = self._write_memory(canister, instance)
        self.pending.pop(canister.id, None)
        self.in_journal.discard(canister.id)
        instance.settle()
        self._memories[canister.id] = SavedMemory(instance, canister.memory_version, name)
        return name

    def _collect(self, instance: Instance, *, whole: bool) -> Changes | None:
        """Return what is to go into the journal; None when the memory shall have a folder."""
        changes = None if whole else instance.collect(whole=False, max_bytes=self._limits.changes)
        if changes is None:
            changes = instance.collect(whole=True, max_bytes=self._limits.inline_memory)
            if changes is not None and _size(changes) > self._limits.inline:
                return None
        return changes

    def _write_memory(self, canister: Canister, instance: Instance) -> str:
        """Write a memory whole into a folder of its own, and wait until it is on the disk."""
        name = f"{canister.id.hex()}-{self._next_memory}"
        self._next_memory += 1
        path = self._directory.memories / name
        is_written = False
        try:
            make_directory(path)
            instance.save(path)
            write_sums(path)
            for file in path.iterdir():
                _sync_file(file)
            sync_directory(path)
            sync_directory(path.parent)
            is_written = True
        finally:
            if not is_written:
                shutil.rmtree(path, ignore_errors=True)  # half of it would only take room
                self._memories.pop(canister.id, None)  # what is pending has been collected already
        return name


def _pack(canister: Canister, frozen: Mapping[str, object], before: SavedRecord | None) -> dict[str, object]:
    """Return a canister's fields as plain values; what has not changed is taken over."""
    if before is None:
        return {name: codec.pack(getattr(canister, name)) for name in _RECORDED}
    same = {name for name in _RECORDED if frozen[name] == before.frozen[name]}
    return {name: before.record[name] if name in same else codec.pack(getattr(canister, name)) for name in _RECORDED}


def _size(changes: Changes) -> int:
    return sum(map(len, changes.memory.values())) + sum(map(len, changes.stable.values()))


def _merge(first: Changes, second: Changes) -> Changes:
    """Return what two collections say together, the later one over the earlier one."""
    return Changes(
        is_whole=first.is_whole,
        memory_size=second.memory_size,
        memory={**first.memory, **second.memory},
        stable_size=second.stable_size,
        stable={**first.stable, **second.stable},
        globals=second.globals,
    )


def _plain(changes: Changes) -> dict[str, object]:
    return {field.name: getattr(changes, field.name) for field in fields(changes)}


def _freeze(value: object) -> object:
    """Return something that is equal later on only if the value has not changed; frozen dataclasses never change."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return tuple((key, _freeze(item)) for key, item in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        if value.__dataclass_params__.frozen:  # type: ignore[attr-defined]  # there in every dataclass
            return value
        return tuple(_freeze(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Iterable):
        return tuple(map(_freeze, value))
    return object()


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() else []


def _number(name: str) -> int:
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _sync_file(path: Path) -> None:
    path.chmod(PRIVATE_MODE)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
