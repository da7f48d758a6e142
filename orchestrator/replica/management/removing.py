"""Taking a canister's code away, whoever wants it."""

from orchestrator.replica.canister import Canister, Change, LowMemoryHook
from orchestrator.replica.scheduler import Scheduler
from orchestrator.replica.state import ReplicaState

__all__ = ["remove_code"]


def remove_code(state: ReplicaState, scheduler: Scheduler, canister: Canister, now: int, change: Change | None = None) -> None:
    """Take code, state, chunks and logs away and reject the open calls; `change` goes into the history.

    Cycles, settings, snapshots, history and status stay. Spec: "IC method uninstall_code".
    """
    if canister.instance is not None:
        canister.instance.close()
    canister.instance, canister.wasm, canister.module_hash = None, None, None
    canister.certified_data, canister.global_timer, canister.chunks = b"", 0, {}
    canister.clear_logs(before=now)
    canister.low_memory_hook = LowMemoryHook.CONDITION_NOT_SATISFIED
    canister.version += 1
    canister.memory_version += 1
    canister.forget_size()
    if change is not None:
        canister.record(change)
    scheduler.abandon_contexts(canister.id)
    state.touched.add(canister.id)
