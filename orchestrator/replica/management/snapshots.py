"""Snapshots: taking, loading, listing and deleting them.

Source: the IC interface specification, sections "IC method take_canister_snapshot" to "IC method
delete_canister_snapshot".
"""

import hashlib
from dataclasses import replace
from typing import cast

from orchestrator.replica import limits
from orchestrator.replica.canister import Canister, ChangeKind, LoadedSnapshot, LowMemoryHook
from orchestrator.replica.canister_snapshot import CanisterSnapshot, SnapshotSource
from orchestrator.replica.fees import SNAPSHOT_INSTRUCTIONS, code_bytes
from orchestrator.replica.management.context import (
    Answer,
    Argument,
    Context,
    change_by,
    check_replaceable,
    check_room,
    controlled_canister,
    pay_instructions,
    principal_of,
    refuse,
)
from orchestrator.replica.management.removing import remove_code
from orchestrator.replica.messages import Call
from orchestrator.replica.rejects import Reason, RejectedError, reject
from orchestrator.replica.vm.interface import GLOBAL_BYTES, InvalidModuleError, SavedState
from orchestrator.replica.vm.limits import MAX_WASM64_MEMORY_BYTES, MAX_WASM_MEMORY_BYTES
from orchestrator.replica.vm.pages import Pages

__all__ = [
    "add_snapshot",
    "delete_canister_snapshot",
    "find_snapshot",
    "list_canister_snapshots",
    "load_canister_snapshot",
    "new_snapshot_id",
    "room_for_snapshot",
    "take_canister_snapshot",
    "visible_canister",
]

_NUMBER_BYTES = 8
_COUNTER_TYPE = "i64"


def take_canister_snapshot(context: Context, call: Call, argument: Argument) -> Answer:
    """Keep a copy of a canister's code and state, and uninstall it if wanted."""
    canister = controlled_canister(context, call, argument)
    check_replaceable(canister)
    if canister.instance is None or canister.wasm is None:
        raise RejectedError(reject(Reason.SNAPSHOT_OF_EMPTY, canister=canister.id))
    now, instance = context.execution.now(), canister.instance
    replaced = room_for_snapshot(context, canister, argument)
    pay_instructions(context, canister, SNAPSHOT_INSTRUCTIONS, reason=Reason.OUT_OF_CYCLES_FOR_SNAPSHOT)
    state = instance.capture()
    snapshot = CanisterSnapshot(
        id=new_snapshot_id(canister),
        source=SnapshotSource.TAKEN,
        taken_at=now,
        canister_version=canister.version,
        module=Pages.of(canister.wasm),
        memory=state.memory,
        stable=state.stable,
        global_types=instance.module.info.globals,
        globals=state.globals,
        certified_data=canister.certified_data,
        global_timer=canister.global_timer,
        low_memory_hook=str(canister.low_memory_hook),
        chunks=dict(canister.chunks),
    )
    add_snapshot(context, canister, snapshot, replaced, freed=code_bytes(instance, canister.wasm) if argument.get("uninstall_code") else 0)
    if argument.get("uninstall_code"):
        change = change_by(call, argument, now=now, version=canister.version + 1, kind=ChangeKind.CODE_UNINSTALL)
        remove_code(context.state, context.scheduler, canister, now, change)
    return Answer((_describe(snapshot),))


def load_canister_snapshot(context: Context, call: Call, argument: Argument) -> Answer:
    """Give a canister the code and state of a snapshot, its own or that of another canister with the same controller."""
    canister = controlled_canister(context, call, argument)
    check_replaceable(canister)
    owner, snapshot = _find_anywhere(context, call, canister, _id_of(argument, "snapshot_id"))
    _check_hook(canister, snapshot)
    pay_instructions(context, canister, SNAPSHOT_INSTRUCTIONS, reason=Reason.OUT_OF_CYCLES_FOR_SNAPSHOT)
    wasm = snapshot.module.read(0, snapshot.module.length)
    try:
        module = context.environment.machine.load(wasm)
        instance = context.environment.machine.revive(module, _fitting_state(snapshot, module.info.globals))
    except InvalidModuleError as error:
        raise RejectedError(reject(Reason.INVALID_MODULE, canister=canister.id, detail=str(error))) from error
    try:
        more_chunks = limits.MAX_CHUNK_BYTES * (len(snapshot.chunks) - len(canister.chunks))
        check_room(context, canister, code_bytes(instance, wasm) - code_bytes(canister.instance, canister.wasm) + more_chunks)
    except RejectedError:
        instance.close()
        raise
    if canister.instance is not None:
        canister.instance.close()
    canister.instance, canister.wasm, canister.module_hash = instance, wasm, hashlib.sha256(wasm).digest()
    instance.commit()
    _take_over(canister, snapshot)
    loaded = LoadedSnapshot(
        canister=b"" if owner is canister else owner.id,
        snapshot=snapshot.id,
        canister_version=snapshot.canister_version,
        taken_at=snapshot.taken_at,
        source=str(snapshot.source),
    )
    kind, now = ChangeKind.LOAD_SNAPSHOT, context.execution.now()
    canister.installed_at = now
    canister.record(change_by(call, argument, now=now, version=canister.version, kind=kind, loaded=loaded))
    context.state.touched.add(canister.id)
    return Answer()


def list_canister_snapshots(context: Context, call: Call, argument: Argument) -> Answer:
    """List the snapshots of a canister."""
    canister = visible_canister(context, call, argument)
    return Answer(([_describe(snapshot) for snapshot in canister.snapshots.values()],))


def delete_canister_snapshot(context: Context, call: Call, argument: Argument) -> Answer:
    """Forget a snapshot."""
    canister = controlled_canister(context, call, argument)
    del canister.snapshots[find_snapshot(context, canister, _id_of(argument, "snapshot_id")).id]
    return Answer()


def visible_canister(context: Context, call: Call, argument: Argument) -> Canister:
    """Return the canister that the argument names; raises `RejectedError` unless the caller may see its snapshots."""
    canister = context.state.canister(principal_of(argument, "canister_id"))
    if not canister.is_controlled_by(call.caller) and not canister.settings.snapshot_visibility.allows(call.caller):
        raise RejectedError(reject(Reason.NOT_VISIBLE, caller=call.caller, what="snapshots"))
    return canister


def find_snapshot(context: Context, canister: Canister, snapshot_id: bytes) -> CanisterSnapshot:
    """Return a canister's own snapshot; raises `RejectedError` when there is none or it is another canister's."""
    found = canister.snapshots.get(snapshot_id)
    if found is None:
        owner = context.state.canisters.get(snapshot_id[_NUMBER_BYTES:])
        reason = Reason.SNAPSHOT_OF_ANOTHER if owner is not None and snapshot_id in owner.snapshots else Reason.SNAPSHOT_NOT_FOUND
        raise RejectedError(reject(reason, snapshot=snapshot_id.hex(), canister=canister.id))
    return found


def room_for_snapshot(context: Context, canister: Canister, argument: Argument) -> bytes | None:
    """Return the snapshot that a new one is to replace; raises `RejectedError` when there is no room."""
    if argument.get("replace_snapshot") is not None:
        return find_snapshot(context, canister, _id_of(argument, "replace_snapshot")).id
    if len(canister.snapshots) >= limits.MAX_SNAPSHOTS:
        raise RejectedError(reject(Reason.SNAPSHOT_LIMIT, canister=canister.id, limit=limits.MAX_SNAPSHOTS))
    return None


def new_snapshot_id(canister: Canister) -> bytes:
    """Return an id that no snapshot ever had: a number of the canister, and its id."""
    number = canister.next_snapshot_number
    canister.next_snapshot_number += 1
    return number.to_bytes(_NUMBER_BYTES, "big") + canister.id


def add_snapshot(context: Context, canister: Canister, snapshot: CanisterSnapshot, replaced: bytes | None, *, freed: int = 0) -> None:
    """Keep a snapshot, in place of another one if that is not None; raises `RejectedError` when there are too few cycles for it.

    `freed` are bytes that the canister will have less.
    """
    check_room(context, canister, snapshot.size - (canister.snapshots[replaced].size if replaced is not None else 0) - freed)
    if replaced is not None:
        del canister.snapshots[replaced]
    canister.snapshots[snapshot.id] = snapshot


def _find_anywhere(context: Context, call: Call, canister: Canister, snapshot_id: bytes) -> tuple[Canister, CanisterSnapshot]:
    """Return a snapshot and whose it is; raises `RejectedError` unless the caller controls that canister too."""
    owner = context.state.canisters.get(snapshot_id[_NUMBER_BYTES:], canister)
    found = owner.snapshots.get(snapshot_id)
    if found is None:
        raise RejectedError(reject(Reason.SNAPSHOT_NOT_FOUND, snapshot=snapshot_id.hex(), canister=canister.id))
    if not owner.is_controlled_by(call.caller):
        raise RejectedError(reject(Reason.NOT_CONTROLLER, canister=owner.id, method=call.method))
    return owner, found


def _fitting_state(snapshot: CanisterSnapshot, expected: tuple[str, ...]) -> SavedState:
    """Return a snapshot's state; raises `RejectedError` unless it has globals of the types that its module has.

    A replica that counts instructions in a global lists it as the last one; it means nothing here.
    """
    if snapshot.global_types == expected:
        return snapshot.state
    if snapshot.global_types == (*expected, _COUNTER_TYPE):
        return replace(snapshot.state, globals=snapshot.globals[:-GLOBAL_BYTES])
    raise refuse("The snapshot's globals are not those of its module: their number and types must be the same.")


def _check_hook(canister: Canister, snapshot: CanisterSnapshot) -> None:
    """Refuse an uploaded snapshot that tells of its low-memory hook what its memory's size contradicts."""
    if snapshot.source is not SnapshotSource.UPLOADED or snapshot.low_memory_hook is None:
        return
    said = snapshot.low_memory_hook != LowMemoryHook.CONDITION_NOT_SATISFIED
    if said != _is_memory_low(canister, snapshot.memory.length):
        raise refuse(f"The hook status {snapshot.low_memory_hook} of the snapshot contradicts its memory and the canister's limits.")


def _is_memory_low(canister: Canister, size: int) -> bool:
    """Say if a main memory of this size leaves less than the canister's threshold."""
    wide = canister.instance is not None and canister.instance.module.info.memory64
    capacity = MAX_WASM64_MEMORY_BYTES if wide else MAX_WASM_MEMORY_BYTES
    return min(canister.settings.wasm_memory_limit or capacity, capacity) < size + canister.settings.wasm_memory_threshold


def _take_over(canister: Canister, snapshot: CanisterSnapshot) -> None:
    """Give a canister what a snapshot has besides code and memory; only uploads bring a timer and a hook's state."""
    canister.chunks = dict(snapshot.chunks)
    canister.certified_data = snapshot.certified_data
    if snapshot.source is SnapshotSource.UPLOADED:
        if snapshot.global_timer is not None:
            canister.global_timer = snapshot.global_timer
        if snapshot.low_memory_hook is not None:
            canister.low_memory_hook = LowMemoryHook(snapshot.low_memory_hook)
    canister.version += 1
    canister.memory_version += 1


def _describe(snapshot: CanisterSnapshot) -> dict[str, object]:
    return {"id": snapshot.id, "taken_at_timestamp": snapshot.taken_at, "total_size": snapshot.size}


def _id_of(argument: Argument, name: str) -> bytes:
    return bytes(cast("bytes", argument[name]))
