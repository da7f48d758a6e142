"""What canisters pay while time passes: for their memory, and for computing that is allocated to them.

A canister that cannot pay loses its code and snapshots. Time in which the network does not run costs nothing.
Source: the IC interface specification, section "Canister out of cycles".
"""

from collections.abc import Callable
from dataclasses import replace

from orchestrator.replica import limits
from orchestrator.replica.canister import Canister
from orchestrator.replica.fees import FeeSchedule, memory_usage
from orchestrator.replica.state import ReplicaState

__all__ = ["RENT_INTERVAL_NS", "Rent"]

RENT_INTERVAL_NS = 10 * limits.NANOSECONDS
"""How often canisters pay, as on the mainnet."""


class Rent:
    """Collects what canisters owe; `evict` takes the code of one that cannot pay."""

    def __init__(self, state: ReplicaState, fees: FeeSchedule, evict: Callable[[Canister, int], None]) -> None:
        self._state = state
        self._fees = fees
        self._evict = evict
        self._paid_until: int | None = None

    def collect(self, now: int) -> bool:
        """Charge every canister if it is time to; returns True when one ran out of cycles."""
        since, self._paid_until = self._paid_until, now if self._paid_until is None else self._paid_until
        if since is None or now - since < RENT_INTERVAL_NS:
            return False
        self._paid_until = now
        broke = [canister for canister in self._state.canisters.values() if not self._pay(canister, now - max(since, canister.created_at))]
        for canister in broke:
            canister.settings = replace(canister.settings, compute_allocation=0, memory_allocation=0)
            canister.snapshots, canister.history = {}, []
            self._evict(canister, now)
        return bool(broke)

    def _pay(self, canister: Canister, nanoseconds: int) -> bool:
        """Take rent from the reserved cycles first; returns False when there was not enough."""
        if canister.is_free or nanoseconds <= 0:
            return True
        memory, computing = self._fees.rent(
            memory_bytes=max(memory_usage(canister), canister.settings.memory_allocation),
            compute_percent=canister.settings.compute_allocation,
            nanoseconds=nanoseconds,
        )
        can_pay = canister.cycles + canister.reserved_cycles > memory + computing or not (memory or computing)
        from_reserve = min(canister.reserved_cycles, memory + computing)
        if from_reserve:
            canister.reserved_cycles -= from_reserve
            canister.forget_size()
        canister.charge("memory", max(0, memory - from_reserve))
        canister.charge("compute_allocation", computing - max(0, from_reserve - memory))
        return can_pay or (canister.instance is None and not canister.snapshots)
