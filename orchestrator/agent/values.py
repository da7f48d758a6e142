"""What the management canister takes and tells, as values.

Memory in bytes, `freezing_threshold` in seconds, cycles as plain integers, times in nanoseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from orchestrator.core.observed import CanisterState, ObservedSettings
from orchestrator.core.principal import Principal
from orchestrator.core.project import Visibility

__all__ = ["CanisterSettings", "CanisterStatus", "InstallMode", "LogRecord", "MemoryMetrics", "MemoryPersistence", "QueryStats", "Snapshot"]

InstallMode: TypeAlias = Literal["install", "reinstall", "upgrade"]
MemoryPersistence: TypeAlias = Literal["keep", "replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterSettings:
    """Settings to send; None leaves a value as it is (or at the network's default, at creation)."""

    controllers: tuple[Principal, ...] | None = None
    compute_allocation: int | None = None
    memory_allocation: int | None = None
    freezing_threshold: int | None = None
    reserved_cycles_limit: int | None = None
    wasm_memory_limit: int | None = None
    wasm_memory_threshold: int | None = None
    log_memory_limit: int | None = None
    log_visibility: Visibility | None = None
    snapshot_visibility: Visibility | None = None
    status_visibility: Visibility | None = None
    environment_variables: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMetrics:
    """What a canister's memory is used for; None where the network does not say."""

    wasm_memory_size: int | None = None
    stable_memory_size: int | None = None
    global_memory_size: int | None = None
    wasm_binary_size: int | None = None
    custom_sections_size: int | None = None
    canister_history_size: int | None = None
    wasm_chunk_store_size: int | None = None
    snapshots_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStats:
    """How a canister's queries were used, in all."""

    num_calls_total: int = 0
    num_instructions_total: int = 0
    request_payload_bytes_total: int = 0
    response_payload_bytes_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterStatus:
    """What `canister_status` says; `module_hash` is None when the canister is empty."""

    state: CanisterState
    settings: ObservedSettings
    module_hash: bytes | None
    memory_size: int
    cycles: int
    reserved_cycles: int = 0
    idle_cycles_burned_per_day: int = 0
    version: int | None = None
    memory_metrics: MemoryMetrics = MemoryMetrics()
    query_stats: QueryStats = QueryStats()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot of a canister: its opaque id, when it was taken, and its size."""

    id: bytes
    taken_at_ns: int
    total_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One line of a canister's log."""

    index: int
    timestamp_ns: int
    content: bytes
