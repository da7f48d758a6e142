"""Saving a running network and bringing it back.

A checkpoint writes the memories that changed under new names, then replaces `state.cbor`, which names what
belongs together: whatever happens in between, the directory holds one consistent state.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from orchestrator.errors import ReplicaError
from orchestrator.replica.canister import Canister
from orchestrator.replica.messages import Call, IngressOrigin
from orchestrator.replica.replica import Replica
from orchestrator.replica.requests import RequestRecord
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.storage import codec
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.storage.snapshot_files import SnapshotFiles, load_snapshots, snapshot_blobs
from orchestrator.replica.system.installing import SYSTEM_CANISTER_IDS, restore_native
from orchestrator.replica.vm.interface import InvalidModuleError, Machine
from orchestrator.replica.vm.snapshot import SnapshotError
from orchestrator.store.atomic import PRIVATE_MODE, sync_directory, write_atomic

__all__ = ["Checkpoints", "LoadedState", "load_state"]

_STATE_FIELDS = ("next_canister_number", "next_call_id", "contexts", "callbacks", "queue")
_NOT_IN_RECORD = frozenset({"instance", "wasm", "chunks", "snapshots", "fixed_bytes"})


@dataclass(frozen=True, slots=True)
class LoadedState:
    """A state from disk, the time it knew last and how far ahead of the machine's that was, and which memory of which version each canister has there."""

    state: ReplicaState
    last_time: int
    time_offset: int
    memories: Mapping[bytes, tuple[int, str]]


class Checkpoints:
    """Keeps a replica's state on disk; implements the driver's `Persistence`. Runs on the canisters' thread."""

    def __init__(
        self,
        replica: Replica,
        directory: StateDirectory,
        *,
        loaded: LoadedState | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the replica and, if its state was loaded, what of it is on disk already."""
        self._replica = replica
        self._directory = directory
        self._monotonic = monotonic
        self._saved_activity = -1 if loaded is None else replica.activity
        self._records: dict[bytes, dict[str, object]] = {}
        self._rest: dict[str, object] = {}
        self._memories: dict[bytes, tuple[int, str]] = {} if loaded is None else dict(loaded.memories)
        self._requests: dict[bytes, tuple[RequestRecord, bytes]] = {}
        self._blobs: set[str] = set()
        self._snapshots = SnapshotFiles(directory.snapshots)
        self._next_memory = 1 + max((_number(path.name) for path in _entries(directory.memories)), default=0)

    def checkpoint(self) -> float:
        """Save everything if something may have changed; returns the seconds it took."""
        activity = self._replica.activity
        if activity == self._saved_activity:
            return 0.0
        started = self._monotonic()
        state = self._replica.state
        self._records = {canister.id: self._record(canister) for canister in state.canisters.values()}
        self._rest = {name: codec.pack(getattr(state, name)) for name in _STATE_FIELDS}
        self._rest["requests"] = self._pack_requests()
        self._rest["time"], self._rest["time_offset"] = self._replica.clock.last, self._replica.clock.offset
        self._write()
        self._collect_garbage()
        self._saved_activity = activity
        state.created.clear()
        return self._monotonic() - started

    def save_created(self) -> None:
        """Add new canisters, as they are, to the last checkpoint: their ids must outlive this process.

        All is saved when a ledger has changed as well: a canister and what was paid for it belong together.
        """
        state = self._replica.state
        if not self._rest or self._ledgers_changed():
            self.checkpoint()
            return
        for canister_id in state.created:
            self._records[canister_id] = self._record(state.canisters[canister_id])
        self._rest["next_canister_number"] = state.next_canister_number
        self._write()
        state.created.clear()

    def _ledgers_changed(self) -> bool:
        found = (self._replica.state.canisters.get(canister_id) for canister_id in SYSTEM_CANISTER_IDS)
        return any(canister.memory_version != self._memories.get(canister.id, (-1, ""))[0] for canister in found if canister is not None)

    def _write(self) -> None:
        content = {**self._rest, "canisters": list(self._records.values())}
        write_atomic(self._directory.state, codec.dump(content), PRIVATE_MODE)

    def _record(self, canister: Canister) -> dict[str, object]:
        """Save a canister's blobs and memory, and return the rest of it."""
        record: dict[str, object] = {
            field.name: codec.pack(getattr(canister, field.name)) for field in fields(canister) if field.name not in _NOT_IN_RECORD
        }
        record["chunks"] = [self._save_blob(digest, chunk) for digest, chunk in canister.chunks.items()]
        record["wasm"] = None if canister.wasm is None else self._save_blob(canister.module_hash or b"", canister.wasm)
        record["memory"] = None if canister.instance is None else self._save_memory(canister)
        record["snapshots"] = self._snapshots.save(canister, self._save_blob)
        return record

    def _pack_requests(self) -> list[bytes]:
        """Encode the requests; those that did not change since the last time are not encoded again."""
        before, self._requests = self._requests, {}
        for record in self._replica.state.requests.all():
            known = before.get(record.request_id)
            packed = known[1] if known is not None and known[0] is record else codec.dump_part(record)
            self._requests[record.request_id] = (record, packed)
        return [packed for _, packed in self._requests.values()]

    def _save_blob(self, digest: bytes, data: bytes) -> str:
        """Write bytes whose SHA-256 is known under their name, unless they are there."""
        name = digest.hex()
        if name not in self._blobs:
            path = self._directory.blobs / name
            if not path.exists():
                write_atomic(path, data, PRIVATE_MODE)
            self._blobs.add(name)
        return name

    def _save_memory(self, canister: Canister) -> str:
        saved = self._memories.get(canister.id)
        if saved is not None and saved[0] == canister.memory_version:
            return saved[1]
        name = f"{canister.id.hex()}-{self._next_memory}"
        self._next_memory += 1
        path = self._directory.memories / name
        path.mkdir(parents=True)
        assert canister.instance is not None  # noqa: S101 # the caller looked
        canister.instance.save(path)
        for file in path.iterdir():
            _sync_file(file)
        sync_directory(path)
        self._memories[canister.id] = (canister.memory_version, name)
        return name

    def _collect_garbage(self) -> None:
        """Remove the memories and blobs that the checkpoint just written does not name."""
        memories = {record["memory"] for record in self._records.values()}
        blobs: set[object] = {record["wasm"] for record in self._records.values()}
        for record in self._records.values():
            blobs.update(cast("list[object]", record["chunks"]))
        blobs |= snapshot_blobs(self._records.values())
        self._snapshots.collect_garbage(self._records.values())
        for path in _entries(self._directory.memories):
            if path.name not in memories:
                shutil.rmtree(path)
        for path in _entries(self._directory.blobs):
            if path.name not in blobs:
                path.unlink()
                self._blobs.discard(path.name)


def load_state(directory: StateDirectory, machine: Machine) -> LoadedState | None:
    """Bring the last checkpoint back; None when there is none. Raises `ReplicaError` when it cannot be read."""
    if not directory.state.exists():
        return None
    try:
        return _load_state(directory, machine)
    except (OSError, KeyError, TypeError, ValueError, InvalidModuleError, SnapshotError) as error:
        raise ReplicaError("the network's state on disk cannot be read", slug="replica/state-unreadable", detail=str(error)) from error


def _load_state(directory: StateDirectory, machine: Machine) -> LoadedState:
    content = cast("dict[str, Any]", codec.load(directory.state.read_bytes()))
    state = ReplicaState(**{name: content[name] for name in _STATE_FIELDS})
    memories: dict[bytes, tuple[int, str]] = {}
    for record in content["canisters"]:
        memory = record["memory"]
        canister = _load_canister(directory, machine, record)
        state.canisters[canister.id] = canister
        if memory is not None:
            memories[canister.id] = (canister.memory_version, memory)
    alive = _requests_under_way(state)
    for packed in content["requests"]:
        request = cast("RequestRecord", codec.load_part(packed))
        if request.is_done or request.request_id in alive:
            state.requests.put(request)
    return LoadedState(state, content["time"], content.get("time_offset", 0), memories)


def _load_canister(directory: StateDirectory, machine: Machine, record: dict[str, Any]) -> Canister:
    memory, wasm, chunks = record.pop("memory"), record.pop("wasm"), record.pop("chunks")
    snapshots = load_snapshots(directory.snapshots, directory.blobs, record.pop("snapshots", []))
    canister = Canister(**record, snapshots=snapshots)
    for name in chunks:
        canister.chunks[bytes.fromhex(name)] = (directory.blobs / name).read_bytes()
    if wasm is not None and memory is not None:
        canister.wasm = (directory.blobs / wasm).read_bytes()
        path = directory.memories / memory
        canister.instance = restore_native(canister.wasm, path) or machine.restore(machine.load(canister.wasm), path)
    return canister


def _requests_under_way(state: ReplicaState) -> set[bytes]:
    """Return the requests that something in the state will still answer."""
    calls = [item for item in state.queue if isinstance(item, Call)]
    calls += [context.call for context in state.contexts.values() if context.call is not None]
    origins = [call.origin for call in calls]
    origins += [waiter.origin for canister in state.canisters.values() for waiter in canister.stop_waiters]
    return {origin.request_id for origin in origins if isinstance(origin, IngressOrigin)}


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() else []


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
