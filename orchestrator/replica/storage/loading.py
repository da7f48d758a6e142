"""Bringing a network back from its state directory: the base, the journal that goes on from it, and the canisters' files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from orchestrator.errors import ProtocolError, ReplicaError
from orchestrator.replica.canister import Canister
from orchestrator.replica.messages import Call, IngressOrigin
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.storage import codec
from orchestrator.replica.storage.canister_files import INLINE, SavedMemory
from orchestrator.replica.storage.content import Content, Overlay, decode_request
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.storage.journal import JournalError, read_frames
from orchestrator.replica.storage.snapshot_files import load_snapshots
from orchestrator.replica.storage.sums import check_sums
from orchestrator.replica.system.installing import restore_native
from orchestrator.replica.vm import snapshot
from orchestrator.replica.vm.interface import Instance, InvalidModuleError, Machine, SavedState
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.pages import Pages

__all__ = ["STATE_FIELDS", "LoadedState", "load_state"]

STATE_FIELDS = ("next_canister_number", "next_call_id", "contexts", "callbacks", "queue")
_HINT = "`orchestrator network reset` deletes it, with all canisters"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedState:
    """A state from disk, and what of it is where.

    `last_time` is the latest time that it knew, `time_offset` how far ahead of the machine's clock that was. The journal
    is good up to `journal_bytes`; `in_journal` are the canisters of whose memory it has a part.
    """

    state: ReplicaState
    last_time: int
    time_offset: int
    memories: Mapping[bytes, SavedMemory]
    journal: str
    journal_bytes: int
    in_journal: frozenset[bytes]


def load_state(directory: StateDirectory, machine: Machine) -> LoadedState | None:
    """Bring the last checkpoint back; None when there is none.

    Raises `ReplicaError` when it cannot be read, or when files are there and the base that names them is not.
    """
    if not directory.state.exists():
        if any(path.is_dir() and any(path.iterdir()) for path in (directory.memories, directory.blobs)):
            raise _unreadable(f"`{directory.state}` is missing")
        return None
    try:
        return _load_state(directory, machine)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    except (ProtocolError, JournalError, InvalidModuleError, snapshot.SnapshotError) as error:
        raise _unreadable(str(error)) from error


def _unreadable(detail: str) -> ReplicaError:
    return ReplicaError("the network's state on disk cannot be read", slug="replica/state-unreadable", detail=detail, hint=_HINT)


def _load_state(directory: StateDirectory, machine: Machine) -> LoadedState | None:
    base = cast("dict[str, Any]", codec.load(directory.state.read_bytes()))
    content, end = Content(), 0
    content.add(base)
    for end, frame in read_frames(directory.root / base["journal"]):  # noqa: B007 # the last one counts after the loop
        content.add_encoded(frame)
    rest = {name: codec.load_part(part) for name, part in content.rest.items()}
    state = ReplicaState(**{name: cast("Any", rest[name]) for name in STATE_FIELDS if name in rest})
    memories: dict[bytes, SavedMemory] = {}
    in_journal: set[bytes] = set()
    for canister_id, encoded in content.canisters.items():
        record = cast("dict[str, Any]", codec.load_part(encoded))
        folder, overlay = record["memory"], content.overlays.get(canister_id)
        canister = _load_canister(directory, machine, record, overlay)
        state.canisters[canister.id] = canister
        if folder is not None and canister.instance is not None:
            canister.instance.settle()
            memories[canister.id] = SavedMemory(canister.instance, canister.memory_version, folder)
            if overlay is not None and overlay.folder == folder:
                in_journal.add(canister.id)
    _load_requests(state, content)
    return LoadedState(
        state=state,
        last_time=cast("int", rest.get("time", 0)),
        time_offset=cast("int", rest.get("time_offset", 0)),
        memories=memories,
        journal=base["journal"],
        journal_bytes=end,
        in_journal=frozenset(in_journal),
    )


def _load_requests(state: ReplicaState, content: Content) -> None:
    """Take in the requests that have ended, and those that something in the state will still answer."""
    alive = _requests_under_way(state)
    for encoded in content.requests.values():
        request = decode_request(encoded)
        if request.is_done or request.request_id in alive:
            state.requests.put(request)
    state.requests.unsaved.clear()


def _load_canister(directory: StateDirectory, machine: Machine, record: dict[str, Any], overlay: Overlay | None) -> Canister:
    folder, wasm, chunks = record.pop("memory"), record.pop("wasm"), record.pop("chunks")
    snapshots = load_snapshots(directory.snapshots, directory.blobs, record.pop("snapshots", []))
    canister = Canister(**record, snapshots=snapshots)
    for name in chunks:
        canister.chunks[bytes.fromhex(name)] = _read_blob(directory, name)
    if wasm is not None and folder is not None:
        canister.wasm = _read_blob(directory, wasm)
        canister.instance = _load_instance(directory, machine, canister.wasm, folder, overlay)
    return canister


def _read_blob(directory: StateDirectory, name: str) -> bytes:
    """Read a module or a chunk, whose name is its SHA-256."""
    data = (directory.blobs / name).read_bytes()
    if sha256(data).hexdigest() != name:
        raise _unreadable(f"`{directory.blobs / name}` is damaged")
    return data


def _load_instance(directory: StateDirectory, machine: Machine, wasm: bytes, folder: str, overlay: Overlay | None) -> Instance:
    path: Path | None = directory.memories / folder if folder != INLINE else None
    if path is not None:
        check_sums(path)
    if overlay is None or overlay.folder != folder:
        if path is None:
            raise KeyError("a canister's memory is nowhere")
        return restore_native(wasm, path) or machine.restore(machine.load(wasm), path)
    native = restore_native(wasm, path, overlay.memory, older=overlay.globals)
    if native is not None:
        return native
    memory = _overlaid(overlay.memory_size, overlay.memory, path / snapshot.MEMORY_FILE if path else None)
    stable = _overlaid(overlay.stable_size, overlay.stable, path / snapshot.STABLE_FILE if path else None)
    return machine.revive(machine.load(wasm), SavedState(memory=memory, stable=stable, globals=overlay.globals))


def _overlaid(size: int, blocks: Mapping[int, bytes], file: Path | None) -> Pages:
    """Return a memory of so many pages: those of a file, with some blocks written over them."""
    pages = Pages(size * WASM_PAGE_BYTES, file=snapshot.PageFile(file) if file else None)
    for offset, content in _runs(blocks):
        if offset + len(content) > pages.length:
            raise ValueError("a memory is smaller than what is in it")
        pages.write(offset, content)
    return pages


def _runs(blocks: Mapping[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield blocks, those that follow each other as one."""
    start, parts, end = 0, list[bytes](), -1
    for offset in sorted(blocks):
        if offset != end and parts:
            yield start, b"".join(parts)
            parts = []
        start = start if parts else offset
        parts.append(blocks[offset])
        end = offset + len(blocks[offset])
    if parts:
        yield start, b"".join(parts)


def _requests_under_way(state: ReplicaState) -> set[bytes]:
    """Return the requests that something in the state will still answer."""
    calls = [item for item in state.queue if isinstance(item, Call)]
    calls += [context.call for context in state.contexts.values() if context.call is not None]
    origins = [call.origin for call in calls]
    origins += [waiter.origin for canister in state.canisters.values() for waiter in canister.stop_waiters]
    return {origin.request_id for origin in origins if isinstance(origin, IngressOrigin)}
