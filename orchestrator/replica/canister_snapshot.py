"""Snapshots of canisters as the network keeps them.

Source: the IC interface specification, sections "IC method take_canister_snapshot" and "IC method
upload_canister_snapshot_metadata".
"""

from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.replica import limits
from orchestrator.replica.vm.interface import SavedState
from orchestrator.replica.vm.pages import Pages

__all__ = ["CanisterSnapshot", "SnapshotSource"]

_GLOBAL_BYTES = 8
"""What a global counts for in a snapshot's size."""


class SnapshotSource(StrEnum):
    """Where a snapshot comes from."""

    TAKEN = "taken_from_canister"
    UPLOADED = "metadata_upload"


@dataclass(slots=True, kw_only=True)
class CanisterSnapshot:
    """A canister's code and state at one time. Only uploaded snapshots change after they were made.

    `globals` has 16 bytes for each of `global_types`. `global_timer` (nanoseconds, 0: inactive) and
    `low_memory_hook` are None when an upload did not say.
    """

    id: bytes
    source: SnapshotSource
    taken_at: int
    canister_version: int
    module: Pages
    memory: Pages
    stable: Pages
    global_types: tuple[str, ...]
    globals: bytes
    certified_data: bytes
    global_timer: int | None
    low_memory_hook: str | None
    chunks: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return how much memory the snapshot takes of its canister, in bytes."""
        parts = self.module.length + self.memory.length + self.stable.length
        rest = _GLOBAL_BYTES * len(self.global_types) + len(self.certified_data)
        return parts + rest + limits.MAX_CHUNK_BYTES * len(self.chunks)

    @property
    def state(self) -> SavedState:
        """Return the state to make an instance of."""
        return SavedState(memory=self.memory, stable=self.stable, globals=self.globals)
