"""What the management canister tells about canisters: status, history, metadata, logs.

Source: the IC interface specification, sections "IC method canister_status" to "IC method canister_metadata".
"""

from collections.abc import Mapping
from typing import cast

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.canister import CanisterStatus, Change, ChangeKind, LoadedSnapshot, LogRecord
from orchestrator.replica.fees import idle_cycles_burned_per_day, memory_metrics
from orchestrator.replica.management.context import Answer, Argument, Context, controlled_canister, principal_of
from orchestrator.replica.management.settings import render_settings
from orchestrator.replica.messages import Call
from orchestrator.replica.rejects import Reason, RejectedError, reject

__all__ = ["canister_info", "canister_metadata", "canister_metrics", "canister_status", "fetch_canister_logs"]

_STATUS_LABELS = {CanisterStatus.RUNNING: "running", CanisterStatus.STOPPING: "stopping", CanisterStatus.STOPPED: "stopped"}

_USES = (
    "memory",
    "compute_allocation",
    "ingress_induction",
    "instructions",
    "request_and_response_transmission",
    "uninstall",
    "canister_creation",
    "http_outcalls",
    "burned_cycles",
)


def canister_status(context: Context, call: Call, argument: Argument) -> Answer:
    """Report everything about a canister to those who may see it."""
    canister = context.state.canister(principal_of(argument, "canister_id"))
    visible = (
        canister.is_controlled_by(call.caller) or call.caller == canister.id or canister.settings.status_visibility.allows(call.caller)
    )
    if not visible:
        raise RejectedError(reject(Reason.STATUS_NOT_VISIBLE, caller=call.caller))
    metrics = memory_metrics(canister)
    report: dict[str, object] = {
        "status": Variant(_STATUS_LABELS[canister.status]),
        "ready_for_migration": canister.status is CanisterStatus.STOPPED,
        "version": canister.version,
        "settings": render_settings(canister.settings),
        "module_hash": canister.module_hash,
        "memory_size": sum(metrics.values()),
        "memory_metrics": metrics,
        "cycles": canister.cycles,
        "reserved_cycles": canister.reserved_cycles,
        "idle_cycles_burned_per_day": idle_cycles_burned_per_day(canister, context.environment.fees),
        "query_stats": {
            "num_calls_total": canister.query_calls,
            "num_instructions_total": canister.query_instructions,
            "request_payload_bytes_total": canister.query_request_bytes,
            "response_payload_bytes_total": canister.query_response_bytes,
        },
    }
    return Answer((report,))


def canister_metrics(context: Context, call: Call, argument: Argument) -> Answer:
    """Report to controllers what a canister's cycles went into."""
    consumed = controlled_canister(context, call, argument).consumed
    return Answer(({"cycles_consumed": {use: consumed.get(use, 0) for use in _USES}},))


def canister_info(context: Context, call: Call, argument: Argument) -> Answer:  # noqa: ARG001 # the shape of every method
    """Report a canister's history, code and controllers to any canister."""
    canister = context.state.canister(principal_of(argument, "canister_id"))
    wanted = cast("int | None", argument.get("num_requested_changes")) or 0
    recent = canister.history[max(0, len(canister.history) - wanted) :]
    report = {
        "total_num_changes": canister.total_changes,
        "recent_changes": [_render_change(change) for change in recent],
        "module_hash": canister.module_hash,
        "controllers": [Principal(raw) for raw in canister.settings.controllers],
    }
    return Answer((report,))


def _render_change(change: Change) -> dict[str, object]:
    controllers = [Principal(raw) for raw in change.controllers]
    details = {
        ChangeKind.CREATION: Variant("creation", {"controllers": controllers, "environment_variables_hash": change.environment_hash}),
        ChangeKind.CODE_UNINSTALL: Variant("code_uninstall"),
        ChangeKind.CODE_DEPLOYMENT: Variant("code_deployment", {"mode": Variant(change.mode), "module_hash": change.module_hash}),
        ChangeKind.CONTROLLERS_CHANGE: Variant("controllers_change", {"controllers": controllers}),
        ChangeKind.LOAD_SNAPSHOT: _render_loaded(change.loaded),
    }
    origin = Principal(change.origin)
    return {
        "timestamp_nanos": change.timestamp,
        "canister_version": change.version,
        "origin": Variant("from_canister", {"canister_id": origin, "canister_version": change.origin_version})
        if change.by_canister
        else Variant("from_user", {"user_id": origin}),
        "details": details[change.kind],
    }


def _render_loaded(loaded: LoadedSnapshot | None) -> Variant | None:
    if loaded is None:
        return None
    content = {
        "from_canister_id": Principal(loaded.canister) if loaded.canister else None,
        "snapshot_id": loaded.snapshot,
        "canister_version": loaded.canister_version,
        "taken_at_timestamp": loaded.taken_at,
        "source": Variant(loaded.source),
    }
    return Variant("load_snapshot", content)


def canister_metadata(context: Context, call: Call, argument: Argument) -> Answer:
    """Return a metadata section; private ones only to controllers."""
    canister = context.state.canister(principal_of(argument, "canister_id"))
    name = cast("str", argument["name"])
    if canister.instance is None:
        raise RejectedError(reject(Reason.NO_METADATA, canister=canister.id))
    section = canister.instance.module.info.metadata.get(name)
    if section is None or not (section.public or canister.is_controlled_by(call.caller)):
        raise RejectedError(reject(Reason.NO_METADATA_SECTION, canister=canister.id, name=name))
    return Answer(({"value": section.content},))


def fetch_canister_logs(context: Context, call: Call, argument: Argument) -> Answer:
    """Return the log lines to those who may see them."""
    canister = context.state.canister(principal_of(argument, "canister_id"))
    if not canister.is_controlled_by(call.caller) and not canister.settings.log_visibility.allows(call.caller):
        raise RejectedError(reject(Reason.NOT_VISIBLE, caller=call.caller, what="logs"))
    wanted = cast("Variant | None", argument.get("filter"))
    records = [
        {"idx": record.index, "timestamp_nanos": record.timestamp, "content": record.content}
        for record in canister.logs
        if wanted is None or _passes(record, wanted)
    ]
    size = 0
    for index in range(len(records) - 1, -1, -1):  # the newest that one answer can carry
        size += len(cast("bytes", records[index]["content"]))
        if size > limits.MAX_FETCHED_LOG_BYTES:
            records = records[index + 1 :]
            break
    return Answer(({"canister_log_records": records},))


def _passes(record: LogRecord, wanted: Variant) -> bool:
    """Say if a line lies in the range that is asked for: with its start, without its end."""
    limits = cast("Mapping[str, int]", wanted.value)
    return limits["start"] <= (record.index if wanted.label == "by_idx" else record.timestamp) < limits["end"]
