"""Moving snapshots in and out of the network: their metadata, and their contents piece by piece.

Source: the IC interface specification, sections "IC method read_canister_snapshot_metadata" to "IC method
upload_canister_snapshot_data".
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import cast

from orchestrator.candid import Variant
from orchestrator.replica import limits
from orchestrator.replica.canister_snapshot import CanisterSnapshot, SnapshotSource
from orchestrator.replica.management.context import Answer, Argument, Context, check_room, controlled_canister, refuse
from orchestrator.replica.management.snapshots import add_snapshot, find_snapshot, new_snapshot_id, room_for_snapshot, visible_canister
from orchestrator.replica.messages import Call
from orchestrator.replica.rejects import Reason, RejectedError, reject
from orchestrator.replica.vm.limits import (
    MAX_CERTIFIED_DATA_BYTES,
    MAX_GLOBALS,
    MAX_STABLE_MEMORY_PAGES,
    MAX_WASM64_MEMORY_BYTES,
    MAX_WASM_BYTES,
    WASM_PAGE_BYTES,
)
from orchestrator.replica.vm.pages import Pages

__all__ = [
    "read_canister_snapshot_data",
    "read_canister_snapshot_metadata",
    "upload_canister_snapshot_data",
    "upload_canister_snapshot_metadata",
]

_LAYOUTS = {"i32": "<i", "i64": "<q", "f32": "<f", "f64": "<d"}
_GLOBAL_BYTES = 16
_PARTS = {"wasm_module": "module", "wasm_memory": "memory", "stable_memory": "stable"}


def read_canister_snapshot_metadata(context: Context, call: Call, argument: Argument) -> Answer:
    """Tell what a snapshot consists of."""
    snapshot = _readable_snapshot(context, call, argument)
    timer, hook = snapshot.global_timer, snapshot.low_memory_hook
    return Answer(
        (
            {
                "source": Variant(str(snapshot.source)),
                "taken_at_timestamp": snapshot.taken_at,
                "wasm_module_size": snapshot.module.length,
                "globals": _render_globals(snapshot),
                "wasm_memory_size": snapshot.memory.length,
                "stable_memory_size": snapshot.stable.length,
                "wasm_chunk_store": [{"hash": digest} for digest in snapshot.chunks],
                "canister_version": snapshot.canister_version,
                "certified_data": snapshot.certified_data,
                "global_timer": None if timer is None else Variant("active", timer) if timer else Variant("inactive"),
                "on_low_wasm_memory_hook_status": None if hook is None else Variant(hook),
            },
        )
    )


def read_canister_snapshot_data(context: Context, call: Call, argument: Argument) -> Answer:
    """Return a piece of a snapshot's module or memories, or one of its chunks."""
    snapshot = _readable_snapshot(context, call, argument)
    kind = cast("Variant", argument["kind"])
    value = cast("Mapping[str, object]", kind.value)
    if kind.label == "wasm_chunk":
        chunk = snapshot.chunks.get(bytes(cast("bytes", value["hash"])))
        if chunk is None:
            raise RejectedError(reject(Reason.CHUNK_STORE, detail=f"the snapshot has no chunk {cast('bytes', value['hash']).hex()}"))
        return Answer(({"chunk": chunk},))
    offset, size = cast("int", value["offset"]), cast("int", value["size"])
    if size > limits.MAX_SNAPSHOT_SLICE_BYTES:
        raise RejectedError(reject(Reason.SLICE_TOO_LARGE, requested=size, allowed=limits.MAX_SNAPSHOT_SLICE_BYTES))
    part = _part(snapshot, str(kind.label), offset, size)
    return Answer(({"chunk": part.read(offset, size)},))


def upload_canister_snapshot_metadata(context: Context, call: Call, argument: Argument) -> Answer:
    """Make a snapshot whose contents are zero until they are uploaded."""
    canister = controlled_canister(context, call, argument)
    sizes = _checked_sizes(argument)
    values = cast("Sequence[Variant]", argument["globals"])
    if len(values) > MAX_GLOBALS:
        raise refuse(f"A module has at most {MAX_GLOBALS} globals, and the snapshot has {len(values)}.")
    certified_data = bytes(cast("bytes", argument["certified_data"]))
    if len(certified_data) > MAX_CERTIFIED_DATA_BYTES:
        raise refuse(f"Certified data has at most {MAX_CERTIFIED_DATA_BYTES} bytes, and the snapshot's has {len(certified_data)}.")
    timer, hook = cast("Variant | None", argument["global_timer"]), cast("Variant | None", argument["on_low_wasm_memory_hook_status"])
    replaced = room_for_snapshot(context, canister, argument)
    snapshot = CanisterSnapshot(
        id=new_snapshot_id(canister),
        source=SnapshotSource.UPLOADED,
        taken_at=context.execution.now(),
        canister_version=canister.version,
        module=Pages(sizes[0]),
        memory=Pages(sizes[1]),
        stable=Pages(sizes[2]),
        global_types=tuple(str(value.label) for value in values),
        globals=b"".join(_pack_global(value) for value in values),
        certified_data=certified_data,
        global_timer=None if timer is None else cast("int", timer.value or 0),
        low_memory_hook=None if hook is None else str(hook.label),
    )
    add_snapshot(context, canister, snapshot, replaced)
    return Answer(({"snapshot_id": snapshot.id},))


def upload_canister_snapshot_data(context: Context, call: Call, argument: Argument) -> Answer:
    """Write a piece of an uploaded snapshot, or add a chunk to it."""
    canister = controlled_canister(context, call, argument)
    snapshot = find_snapshot(context, canister, bytes(cast("bytes", argument["snapshot_id"])))
    if snapshot.source is not SnapshotSource.UPLOADED:
        raise RejectedError(reject(Reason.SNAPSHOT_IMMUTABLE))
    kind, data = cast("Variant", argument["kind"]), bytes(cast("bytes", argument["chunk"]))
    if kind.label == "wasm_chunk":
        check_room(context, canister, limits.MAX_CHUNK_BYTES)
        _add_chunk(snapshot, data)
        return Answer()
    offset = cast("int", cast("Mapping[str, object]", kind.value)["offset"])
    _part(snapshot, str(kind.label), offset, len(data)).write(offset, data)
    return Answer()


def _readable_snapshot(context: Context, call: Call, argument: Argument) -> CanisterSnapshot:
    canister = visible_canister(context, call, argument)
    return find_snapshot(context, canister, bytes(cast("bytes", argument["snapshot_id"])))


def _part(snapshot: CanisterSnapshot, label: str, offset: int, size: int) -> Pages:
    """Return a part of a snapshot; raises `RejectedError` when the range does not lie within."""
    part = cast("Pages", getattr(snapshot, _PARTS[label]))
    if offset + size > part.length:
        raise RejectedError(reject(Reason.INVALID_SLICE, offset=offset, size=size))
    return part


def _add_chunk(snapshot: CanisterSnapshot, data: bytes) -> None:
    if len(data) > limits.MAX_CHUNK_BYTES:
        detail = f"Wasm chunk size {len(data)} exceeds the maximum chunk size of {limits.MAX_CHUNK_BYTES}"
        raise RejectedError(reject(Reason.CHUNK_STORE, detail=detail))
    digest = hashlib.sha256(data).digest()
    if digest not in snapshot.chunks and len(snapshot.chunks) >= limits.MAX_CHUNKS:
        detail = f"Wasm chunk store has reached maximum capacity of {limits.MAX_CHUNKS} chunks"
        raise RejectedError(reject(Reason.CHUNK_STORE, detail=detail))
    snapshot.chunks[digest] = data


def _checked_sizes(argument: Argument) -> tuple[int, int, int]:
    """Return the sizes of module, main and stable memory; raises `RejectedError` when no canister can have them."""
    module, memory, stable = (cast("int", argument[name]) for name in ("wasm_module_size", "wasm_memory_size", "stable_memory_size"))
    if module > MAX_WASM_BYTES:
        raise refuse(f"A module has at most {MAX_WASM_BYTES} bytes, and the snapshot's has {module}.")
    for what, size, limit in (
        ("The Wasm memory", memory, MAX_WASM64_MEMORY_BYTES),
        ("Stable memory", stable, MAX_STABLE_MEMORY_PAGES * WASM_PAGE_BYTES),
    ):
        if size % WASM_PAGE_BYTES or size > limit:
            raise refuse(f"{what} is a number of pages of {WASM_PAGE_BYTES} bytes, at most {limit} bytes, and the snapshot's has {size}.")
    return module, memory, stable


def _pack_global(value: Variant) -> bytes:
    number = cast("int", value.value)
    if value.label == "v128":
        if number >= 1 << 128:
            raise refuse(f"A global of type v128 has 128 bits, and {number} has more.")
        return number.to_bytes(_GLOBAL_BYTES, "little")
    return struct.pack(_LAYOUTS[str(value.label)], number).ljust(_GLOBAL_BYTES, b"\0")


def _render_globals(snapshot: CanisterSnapshot) -> list[Variant]:
    values = []
    for index, kind in enumerate(snapshot.global_types):
        raw = snapshot.globals[index * _GLOBAL_BYTES : (index + 1) * _GLOBAL_BYTES]
        number = int.from_bytes(raw, "little") if kind == "v128" else struct.unpack_from(_LAYOUTS[kind], raw)[0]
        values.append(Variant(kind, number))
    return values
