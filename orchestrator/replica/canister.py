"""A canister as the network keeps it: settings, code, state and what it has logged.

Source: the IC interface specification, sections "Canister lifecycle" and "IC method create_canister".
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal, NamedTuple

from orchestrator.replica import limits
from orchestrator.replica.canister_snapshot import CanisterSnapshot
from orchestrator.replica.messages import Origin
from orchestrator.replica.vm.interface import CanisterView, Instance
from orchestrator.replica.vm.limits import MAX_LOG_LINES

__all__ = [
    "Canister",
    "CanisterStatus",
    "Change",
    "ChangeKind",
    "LoadedSnapshot",
    "LogRecord",
    "LowMemoryHook",
    "MessageCosts",
    "Settings",
    "StopWaiter",
    "Visibility",
    "VisibilityKind",
]

VisibilityKind = Literal["controllers", "public", "allowed_viewers"]


class CanisterStatus(IntEnum):
    """The numbers that `ic0.canister_status` returns."""

    RUNNING = 1
    STOPPING = 2
    STOPPED = 3


class LowMemoryHook(StrEnum):
    """Where a canister is with its hook `canister_on_low_wasm_memory`. Spec: "On Low Wasm Memory"."""

    CONDITION_NOT_SATISFIED = "condition_not_satisfied"
    READY = "ready"
    EXECUTED = "executed"


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who besides the controllers may look: `controllers` (nobody), `public`, or `allowed_viewers`."""

    kind: VisibilityKind = "controllers"
    viewers: tuple[bytes, ...] = ()

    def allows(self, caller: bytes) -> bool:
        """Say if somebody who is no controller may look."""
        return self.kind == "public" or (self.kind == "allowed_viewers" and caller in self.viewers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A canister's settings; sizes are bytes, allocations percent, the threshold seconds."""

    controllers: tuple[bytes, ...]
    compute_allocation: int = 0
    memory_allocation: int = 0
    freezing_threshold: int = limits.DEFAULT_FREEZING_THRESHOLD_SECONDS
    reserved_cycles_limit: int = limits.DEFAULT_RESERVED_CYCLES_LIMIT
    minimum_incoming_canister_call_cycles: int = 0
    log_visibility: Visibility = field(default_factory=Visibility)
    snapshot_visibility: Visibility = field(default_factory=Visibility)
    status_visibility: Visibility = field(default_factory=Visibility)
    wasm_memory_limit: int = 0
    wasm_memory_threshold: int = 0
    log_memory_limit: int = limits.DEFAULT_LOG_MEMORY_BYTES
    environment_variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One line that a canister printed, or the message of a trap."""

    index: int
    timestamp: int
    content: bytes


@dataclass(frozen=True, slots=True)
class StopWaiter:
    """Somebody who asked for the canister to stop; answered when it has, or at `deadline`."""

    origin: Origin
    cycles: int
    deadline: int


class ChangeKind(IntEnum):
    """What a history entry reports."""

    CREATION = 0
    CODE_UNINSTALL = 1
    CODE_DEPLOYMENT = 2
    CONTROLLERS_CHANGE = 3
    LOAD_SNAPSHOT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSnapshot:
    """Which snapshot was loaded; `canister` is empty when it was one of the canister's own."""

    canister: bytes
    snapshot: bytes
    canister_version: int
    taken_at: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry of the canister's history.

    `origin` did it: a canister, of `origin_version` if it said so, or a user. `mode` and `module_hash` belong to code
    deployments, `controllers` to creation and their change, `environment_hash` to creation, `loaded` to snapshots.
    """

    timestamp: int
    version: int
    origin: bytes
    kind: ChangeKind
    by_canister: bool = False
    origin_version: int | None = None
    controllers: tuple[bytes, ...] = ()
    environment_hash: bytes | None = None
    mode: str = ""
    module_hash: bytes = b""
    loaded: LoadedSnapshot | None = None


@dataclass(slots=True)
class KnownSize:
    """What is known of a canister's size: bytes of all but memories and logs, bytes of its memories, frozen cycles."""

    fixed_bytes: int | None = None
    memory_bytes: int | None = None
    frozen: int | None = None


class MessageCosts(NamedTuple):
    """What a message's costs keep from its canister: cycles held for executing it, and frozen ones; prices of its calls."""

    held: int
    frozen: int
    call: int
    call_byte: int
    response_reserve: int


@dataclass(slots=True, kw_only=True)
class Canister:
    """The mutable record of one canister. `wasm` and `module_hash` are of the bytes as they were installed.

    `memory_version` counts commits, so that a checkpoint knows whether it has this memory already. `consumed` are
    cycles by what took them; a canister that `is_free` pays for nothing, as system canisters do. `known` is what
    `orchestrator.replica.fees` has worked out, so that it need not before every message; `forget_size` drops it.
    """

    id: bytes
    settings: Settings
    cycles: int
    created_at: int
    is_free: bool = False
    reserved_cycles: int = 0
    status: CanisterStatus = CanisterStatus.RUNNING
    version: int = 0
    installed_at: int = 0
    global_timer: int = 0
    low_memory_hook: LowMemoryHook = LowMemoryHook.CONDITION_NOT_SATISFIED
    certified_data: bytes = b""
    wasm: bytes | None = None
    module_hash: bytes | None = None
    instance: Instance | None = None
    memory_version: int = 0
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    snapshots: dict[bytes, CanisterSnapshot] = field(default_factory=dict)
    next_snapshot_number: int = 0
    logs: deque[LogRecord] = field(default_factory=deque)
    log_bytes: int = 0
    next_log_index: int = 0
    stop_waiters: list[StopWaiter] = field(default_factory=list)
    history: list[Change] = field(default_factory=list)
    total_changes: int = 0
    known: KnownSize = field(default_factory=KnownSize)
    consumed: dict[str, int] = field(default_factory=dict)
    query_calls: int = 0
    query_instructions: int = 0
    query_request_bytes: int = 0
    query_response_bytes: int = 0

    def view(self, *, subnet_id: bytes, root_key: bytes, costs: MessageCosts, open_calls: Mapping[bytes, int]) -> CanisterView:
        """Return what the canister's code can see of itself now."""
        return CanisterView(
            id=self.id,
            controllers=frozenset(self.settings.controllers),
            cycles=max(0, self.cycles - costs.held),
            status=int(self.status),
            version=self.version,
            subnet_id=subnet_id,
            root_key=root_key,
            environment_variables=dict(self.settings.environment_variables),
            frozen_cycles=costs.frozen,
            global_timer=self.global_timer,
            wasm_memory_limit=self.settings.wasm_memory_limit,
            call_fee=costs.call,
            call_byte_fee=costs.call_byte,
            response_reserve=costs.response_reserve,
            open_calls=open_calls,
        )

    def credit(self, amount: int) -> None:
        """Give cycles; a balance has 128 bits, and what goes beyond is lost."""
        self.cycles = min(self.cycles + amount, limits.MAX_CYCLES)

    def charge(self, what: str, amount: int) -> None:
        """Take cycles for something, and note what; a balance never falls below zero."""
        paid = min(amount, self.cycles)
        self.cycles -= paid
        self.consumed[what] = self.consumed.get(what, 0) + paid

    def forget_size(self) -> None:
        """Have the canister's size worked out anew: something but its memories and logs has changed, or its settings."""
        self.known = KnownSize()

    def exports(self, name: str) -> bool:
        """Say if there is code and it exports a function of this full name."""
        return self.instance is not None and name in self.instance.module.info.exports

    def is_controlled_by(self, caller: bytes) -> bool:
        """Say if the caller is a controller."""
        return caller in self.settings.controllers

    def log(self, timestamp: int, content: bytes) -> None:
        """Keep a log line; the oldest go when the canister's log memory is full."""
        self.known.frozen = None
        limit = self.settings.log_memory_limit
        self.logs.append(LogRecord(index=self.next_log_index, timestamp=timestamp, content=content[:limit]))
        self.next_log_index += 1
        self.log_bytes += len(self.logs[-1].content)
        self.trim_logs()

    def trim_logs(self) -> None:
        """Drop the oldest lines until the log's memory holds the rest; empty lines count, too."""
        limit = self.settings.log_memory_limit
        most = min(limit, MAX_LOG_LINES)
        while self.logs and (self.log_bytes > limit or len(self.logs) > most):
            self.log_bytes -= len(self.logs.popleft().content)

    def clear_logs(self, *, before: int) -> None:
        """Forget the log lines older than a time; their numbering goes on."""
        self.known.frozen = None
        while self.logs and self.logs[0].timestamp < before:
            self.log_bytes -= len(self.logs.popleft().content)

    def record(self, change: Change) -> None:
        """Add an entry to the history, which keeps the latest ones."""
        self.forget_size()
        self.total_changes += 1
        self.history.append(change)
        del self.history[: -limits.MAX_HISTORY_ENTRIES]
