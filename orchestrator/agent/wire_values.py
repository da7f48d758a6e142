"""Values to and from the management canister's Candid records.

What is read is decoded with types of our own, in which everything that some network may lack is optional: the
published interface grows, and networks of different ages have to be readable.
Source: the interface specification, sections "IC method canister_status" and "IC method update_settings".
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, cast

from orchestrator.agent.values import CanisterSettings, CanisterStatus, LogRecord, MemoryMetrics, QueryStats, Snapshot
from orchestrator.candid import Interface, Variant, decode, parse_interface
from orchestrator.core.observed import CanisterState, ObservedSettings
from orchestrator.core.project import Visibility

__all__ = ["decode_logs", "decode_snapshots", "decode_status", "settings_record"]

_READABLE = """
type visibility = variant { controllers; public; allowed_viewers : vec principal };
type settings = record {
  controllers : vec principal;
  compute_allocation : opt nat;
  memory_allocation : opt nat;
  freezing_threshold : opt nat;
  reserved_cycles_limit : opt nat;
  wasm_memory_limit : opt nat;
  wasm_memory_threshold : opt nat;
  log_memory_limit : opt nat;
  log_visibility : opt visibility;
  snapshot_visibility : opt visibility;
  status_visibility : opt visibility;
  environment_variables : opt vec record { name : text; value : text };
};
type memory_metrics = record {
  wasm_memory_size : opt nat;
  stable_memory_size : opt nat;
  global_memory_size : opt nat;
  wasm_binary_size : opt nat;
  custom_sections_size : opt nat;
  canister_history_size : opt nat;
  wasm_chunk_store_size : opt nat;
  snapshots_size : opt nat;
};
type query_stats = record {
  num_calls_total : nat;
  num_instructions_total : nat;
  request_payload_bytes_total : nat;
  response_payload_bytes_total : nat;
};
type status = record {
  status : variant { running; stopping; stopped };
  settings : settings;
  module_hash : opt blob;
  memory_size : nat;
  cycles : nat;
  reserved_cycles : opt nat;
  idle_cycles_burned_per_day : opt nat;
  version : opt nat64;
  memory_metrics : opt memory_metrics;
  query_stats : opt query_stats;
};
type snapshots = vec record { id : blob; taken_at_timestamp : nat64; total_size : nat64 };
type logs = record { canister_log_records : vec record { idx : nat64; timestamp_nanos : nat64; content : blob } };
"""
_AMOUNTS = (
    "compute_allocation",
    "memory_allocation",
    "freezing_threshold",
    "reserved_cycles_limit",
    "wasm_memory_limit",
    "wasm_memory_threshold",
    "log_memory_limit",
)
_VISIBILITIES = ("log_visibility", "snapshot_visibility", "status_visibility")


@cache
def _readable() -> Interface:
    return parse_interface(_READABLE)


def _decode_one(reply: bytes, name: str) -> Any:
    return decode(reply, [_readable().types[name]])[0]


def settings_record(settings: CanisterSettings) -> dict[str, object]:
    """Return the `canister_settings` record; what is None is left out."""
    fields: dict[str, object] = {name: getattr(settings, name) for name in _AMOUNTS if getattr(settings, name) is not None}
    if settings.controllers is not None:
        fields["controllers"] = list(settings.controllers)
    fields |= {name: _visibility_variant(value) for name in _VISIBILITIES if (value := getattr(settings, name)) is not None}
    if settings.environment_variables is not None:
        fields["environment_variables"] = [{"name": name, "value": value} for name, value in sorted(settings.environment_variables.items())]
    return fields


def _visibility_variant(visibility: Visibility) -> Variant:
    return Variant(visibility) if isinstance(visibility, str) else Variant("allowed_viewers", list(visibility))


def _read_visibility(value: Variant | None) -> Visibility | None:
    if value is None:
        return None
    if value.label == "allowed_viewers":
        return tuple(cast("list[Any]", value.value))
    return "public" if value.label == "public" else "controllers"


def _read_settings(fields: Mapping[str, Any]) -> ObservedSettings:
    variables = {entry["name"]: entry["value"] for entry in fields["environment_variables"] or ()}
    return ObservedSettings(
        controllers=frozenset(fields["controllers"]),
        environment_variables=MappingProxyType(variables),
        **{name: fields[name] for name in _AMOUNTS},
        **{name: cast("Any", _read_visibility(fields[name])) for name in _VISIBILITIES},
    )


def decode_status(reply: bytes) -> CanisterStatus:
    """Decode the reply of `canister_status`; raise `CandidDecodeError` for another one."""
    fields = _decode_one(reply, "status")
    return CanisterStatus(
        state=cast("CanisterState", fields["status"].label),
        settings=_read_settings(fields["settings"]),
        module_hash=fields["module_hash"],
        memory_size=fields["memory_size"],
        cycles=fields["cycles"],
        reserved_cycles=fields["reserved_cycles"] or 0,
        idle_cycles_burned_per_day=fields["idle_cycles_burned_per_day"] or 0,
        version=fields["version"],
        memory_metrics=MemoryMetrics(**(fields["memory_metrics"] or {})),
        query_stats=QueryStats(**(fields["query_stats"] or {})),
    )


def decode_snapshots(reply: bytes) -> tuple[Snapshot, ...]:
    """Decode the reply of `list_canister_snapshots`."""
    entries = _decode_one(reply, "snapshots")
    return tuple(Snapshot(id=entry["id"], taken_at_ns=entry["taken_at_timestamp"], total_size=entry["total_size"]) for entry in entries)


def decode_logs(reply: bytes) -> tuple[LogRecord, ...]:
    """Decode the reply of `fetch_canister_logs`."""
    entries = _decode_one(reply, "logs")["canister_log_records"]
    return tuple(LogRecord(index=entry["idx"], timestamp_ns=entry["timestamp_nanos"], content=entry["content"]) for entry in entries)
