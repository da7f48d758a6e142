"""What canisters pay: the prices of an application subnet of 13 nodes, and what follows from them for a canister.

Sources: the page "Cycle costs" of the developer documentation; the IC interface specification, section "Cycle
bookkeeping and resource consumption"; dfinity/ic, `rs/config/src/subnet_config.rs` (64-bit code, chunks, snapshots).
"""

from dataclasses import dataclass

from orchestrator.replica import limits
from orchestrator.replica.canister import Canister
from orchestrator.replica.vm.interface import Instance, MessageKind
from orchestrator.replica.vm.limits import INSTRUCTION_LIMITS, MAX_REPLY_BYTES

__all__ = [
    "APPLICATION_SUBNET",
    "CHUNK_INSTRUCTIONS",
    "FREE",
    "SNAPSHOT_INSTRUCTIONS",
    "FeeSchedule",
    "code_bytes",
    "frozen_cycles",
    "idle_cycles_burned_per_day",
    "memory_metrics",
    "memory_usage",
]

CHUNK_INSTRUCTIONS = 200_000_000
"""What storing a chunk counts for, in instructions."""
SNAPSHOT_INSTRUCTIONS = 2_000_000_000
"""What taking or loading a snapshot counts for, in instructions."""

_GIB = 1024**3
_DAY_SECONDS = 24 * 60 * 60
_GLOBAL_BYTES = 8
_CHANGE_BYTES = 100
"""About what an entry of the history takes, besides its controllers."""
_PRINCIPAL_BYTES = 30
_MOVING_PARTS = frozenset({"wasm_memory_size", "stable_memory_size", "log_memory_store_size"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSchedule:
    """Prices in cycles; `wide_instruction` is that of code with 64-bit memory."""

    canister_creation: int = limits.CANISTER_CREATION_FEE_CYCLES
    message: int = 5_000_000
    instruction: int = 1
    wide_instruction: int = 2
    call: int = 260_000
    call_byte: int = 1_000
    ingress: int = 1_200_000
    ingress_byte: int = 2_000
    storage_gib_second: int = 127_000
    compute_percent_second: int = 10_000_000

    def execution(self, instructions: int, *, wide: bool) -> int:
        """Return what a message costs that runs so many instructions."""
        return self.message + instructions * (self.wide_instruction if wide else self.instruction)

    def request(self, size: int) -> int:
        """Return what sending a call with so many bytes of method name and argument costs."""
        return self.call + self.call_byte * size

    def ingress_cost(self, size: int) -> int:
        """Return what receiving a user's call with so many bytes of method name and argument costs."""
        return self.ingress + self.ingress_byte * size

    def response_reserve(self, *, wide: bool) -> int:
        """Return what a caller sets aside for the longest response and the longest callback."""
        callback = self.execution(INSTRUCTION_LIMITS[MessageKind.REPLY_CALLBACK], wide=wide)
        return self.call_byte * MAX_REPLY_BYTES + callback

    def rent(self, *, memory_bytes: int, compute_percent: int, nanoseconds: int) -> tuple[int, int]:
        """Return what memory and what allocated computing cost for some time."""
        memory = memory_bytes * self.storage_gib_second * nanoseconds // (_GIB * limits.NANOSECONDS)
        return memory, compute_percent * self.compute_percent_second * nanoseconds // limits.NANOSECONDS


APPLICATION_SUBNET = FeeSchedule()
"""What canisters pay on the mainnet's application subnets."""

FREE = FeeSchedule(
    message=0,
    instruction=0,
    wide_instruction=0,
    call=0,
    call_byte=0,
    ingress=0,
    ingress_byte=0,
    storage_gib_second=0,
    compute_percent_second=0,
)
"""A network where only canisters themselves have a price."""


def memory_metrics(canister: Canister) -> dict[str, int]:
    """Return how much memory each part of a canister takes, in bytes, as `canister_status` names them."""
    instance = canister.instance
    sections = instance.module.info.metadata if instance is not None else {}
    return {
        "wasm_memory_size": instance.memory_bytes if instance is not None else 0,
        "stable_memory_size": instance.stable_bytes if instance is not None else 0,
        "global_memory_size": _GLOBAL_BYTES * len(instance.module.info.globals) if instance is not None else 0,
        "wasm_binary_size": len(canister.wasm or b""),
        "custom_sections_size": sum(len(name) + len(section.content) for name, section in sections.items()),
        "canister_history_size": sum(_CHANGE_BYTES + _PRINCIPAL_BYTES * len(change.controllers) for change in canister.history),
        "wasm_chunk_store_size": limits.MAX_CHUNK_BYTES * len(canister.chunks),
        "snapshots_size": sum(snapshot.size for snapshot in canister.snapshots.values()),
        "log_memory_store_size": canister.log_bytes,
    }


def code_bytes(instance: Instance | None, wasm: bytes | None) -> int:
    """Return what code takes with its memories, in bytes."""
    if instance is None or wasm is None:
        return 0
    info = instance.module.info
    sections = sum(len(name) + len(section.content) for name, section in info.metadata.items())
    return instance.memory_bytes + instance.stable_bytes + _GLOBAL_BYTES * len(info.globals) + len(wasm) + sections


def memory_usage(canister: Canister) -> int:
    """Return how much memory a canister takes in all, in bytes."""
    fixed = canister.known.fixed_bytes
    if fixed is None:
        metrics = memory_metrics(canister)
        fixed = canister.known.fixed_bytes = sum(size for name, size in metrics.items() if name not in _MOVING_PARTS)
    instance = canister.instance
    memories = instance.memory_bytes + instance.stable_bytes if instance is not None else 0
    return fixed + memories + canister.log_bytes


def idle_cycles_burned_per_day(canister: Canister, fees: FeeSchedule) -> int:
    """Return what a canister costs in a day in which it does nothing."""
    memory_bytes = max(memory_usage(canister), canister.settings.memory_allocation)
    return _burned_per_day(canister, fees, memory_bytes)


def frozen_cycles(canister: Canister, fees: FeeSchedule, *, memory_bytes: int | None = None) -> int:
    """Return the part of the balance that a canister may not spend: enough to be kept for its freezing threshold.

    `memory_bytes` is what it would take in all; without it the answer is that for the present.
    """
    if memory_bytes is None and canister.known.frozen is not None:
        return canister.known.frozen
    used = memory_usage(canister) if memory_bytes is None else memory_bytes
    per_day = _burned_per_day(canister, fees, max(used, canister.settings.memory_allocation))
    frozen = max(0, per_day * canister.settings.freezing_threshold // _DAY_SECONDS - canister.reserved_cycles)
    if memory_bytes is None:
        canister.known.frozen = frozen
    return frozen


def _burned_per_day(canister: Canister, fees: FeeSchedule, memory_bytes: int) -> int:
    day = _DAY_SECONDS * limits.NANOSECONDS
    return sum(fees.rent(memory_bytes=memory_bytes, compute_percent=canister.settings.compute_allocation, nanoseconds=day))
