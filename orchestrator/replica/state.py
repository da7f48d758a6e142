"""Everything a network remembers, apart from its keys: canisters, calls under way, requests."""

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from orchestrator.replica import limits
from orchestrator.replica.canister import Canister
from orchestrator.replica.fees import APPLICATION_SUBNET, FeeSchedule
from orchestrator.replica.messages import Call, CallContext, PendingCallback, QueueItem
from orchestrator.replica.rejects import Reason, RejectedError, reject
from orchestrator.replica.requests import RequestStore
from orchestrator.replica.vm.interface import Machine

__all__ = ["Clock", "Environment", "ReplicaState"]

_CANISTER_ID_SUFFIX = b"\x01\x01"
_NO_CALLS: Mapping[bytes, int] = MappingProxyType({})


class Clock:
    """Time in nanoseconds that never stands still and never goes back, from any source that may do both.

    `offset` is how far ahead of the source it has been moved.
    """

    def __init__(self, source: Callable[[], int], last: int = 0, offset: int = 0) -> None:
        self._source = source
        self.last = last
        self.offset = offset

    def now(self) -> int:
        """Return a time later than every one before."""
        self.last = max(self.last + 1, self._source() + self.offset)
        return self.last

    def advance(self, nanoseconds: int) -> None:
        """Move on by some time that has not passed."""
        self.offset += nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What execution gets from outside: `entropy(n)` returns n random bytes, `data_certificate` certifies a canister's data.

    `fees` are what canisters pay.
    """

    machine: Machine
    clock: Clock
    entropy: Callable[[int], bytes]
    subnet_id: bytes
    root_key: bytes
    data_certificate: Callable[[bytes], bytes]
    fees: FeeSchedule = APPLICATION_SUBNET


@dataclass(slots=True, kw_only=True)
class ReplicaState:
    """The state of all canisters and calls.

    `touched` collects the ids of canisters whose certified part changed; `created` those that were created
    since it was last emptied. Contexts and callbacks come and go through the methods, which keep an index of each
    canister's contexts and a heap of the deadlines, so that nothing takes longer the more calls are open.
    """

    next_canister_number: int = limits.FIRST_CANISTER_NUMBER
    next_call_id: int = 1
    canisters: dict[bytes, Canister] = field(default_factory=dict)
    contexts: dict[int, CallContext] = field(default_factory=dict)
    callbacks: dict[int, PendingCallback] = field(default_factory=dict)
    queue: deque[QueueItem] = field(default_factory=deque)
    requests: RequestStore = field(default_factory=RequestStore)
    touched: set[bytes] = field(default_factory=set)
    created: set[bytes] = field(default_factory=set)
    _contexts_of: dict[bytes, dict[int, CallContext]] = field(init=False, default_factory=dict, repr=False)
    _deadlines: list[tuple[int, int]] = field(init=False, default_factory=list, repr=False)
    _open_calls: dict[bytes, dict[bytes, int]] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Build the indexes."""
        for context in self.contexts.values():
            self._contexts_of.setdefault(context.canister_id, {})[context.id] = context
        for pending in self.callbacks.values():
            self._count_call(pending, 1)
        self._deadlines = [(pending.deadline, pending.id) for pending in self.callbacks.values() if pending.deadline]
        heapq.heapify(self._deadlines)

    def canister(self, canister_id: bytes) -> Canister:
        """Return a canister; raises `RejectedError` when there is none."""
        found = self.canisters.get(canister_id)
        if found is None:
            raise RejectedError(reject(Reason.CANISTER_NOT_FOUND, canister=canister_id))
        return found

    def new_canister_id(self) -> bytes:
        """Return the next free canister id."""
        while True:
            canister_id = self.next_canister_number.to_bytes(8, "big") + _CANISTER_ID_SUFFIX
            self.next_canister_number += 1
            if canister_id not in self.canisters:
                return canister_id

    def add_canister(self, canister: Canister) -> None:
        """Take in a new canister."""
        self.canisters[canister.id] = canister
        self.touched.add(canister.id)
        self.created.add(canister.id)

    def remove_canister(self, canister_id: bytes) -> None:
        """Forget a canister."""
        del self.canisters[canister_id]
        self.touched.add(canister_id)
        self.created.discard(canister_id)

    def open_context(self, canister_id: bytes, call: Call | None) -> CallContext:
        """Begin a call context; None for a canister's own tasks."""
        context = CallContext(id=self._next_id(), canister_id=canister_id, call=call, cycles=call.cycles if call else 0)
        self.contexts[context.id] = context
        self._contexts_of.setdefault(canister_id, {})[context.id] = context
        return context

    def close_context(self, context: CallContext) -> bool:
        """Forget a call context; returns False when it was forgotten before."""
        if self.contexts.pop(context.id, None) is None:
            return False
        own = self._contexts_of[context.canister_id]
        del own[context.id]
        if not own:
            del self._contexts_of[context.canister_id]
        return True

    def contexts_of(self, canister_id: bytes) -> list[CallContext]:
        """Return the open call contexts of a canister, oldest first."""
        return list(self._contexts_of.get(canister_id, {}).values())

    def open_callback(self, callback: Callable[[int], PendingCallback]) -> PendingCallback:
        """Register what `callback` makes of a new id."""
        pending = callback(self._next_id())
        self.callbacks[pending.id] = pending
        self._count_call(pending, 1)
        if pending.deadline:
            heapq.heappush(self._deadlines, (pending.deadline, pending.id))
        return pending

    def close_callback(self, number: int) -> PendingCallback | None:
        """Forget a callback and return it; None when it was forgotten before."""
        pending = self.callbacks.pop(number, None)
        if pending is not None:
            self._count_call(pending, -1)
        return pending

    def open_calls_of(self, canister_id: bytes) -> Mapping[bytes, int]:
        """Return how many calls of a canister wait for an answer, by callee."""
        return self._open_calls.get(canister_id, _NO_CALLS)

    def _count_call(self, pending: PendingCallback, change: int) -> None:
        context = self.contexts.get(pending.context_id)
        if context is None:
            return
        counts = self._open_calls.setdefault(context.canister_id, {})
        counts[pending.callee] = counts.get(pending.callee, 0) + change
        if not counts[pending.callee]:
            del counts[pending.callee]
        if not counts:
            del self._open_calls[context.canister_id]

    def take_expired(self, now: int) -> list[int]:
        """Return the ids of the callbacks whose deadline has passed, each of them once."""
        expired: list[int] = []
        while self._deadlines and self._deadlines[0][0] < now:
            number = heapq.heappop(self._deadlines)[1]
            if number in self.callbacks:
                expired.append(number)
        return expired

    def has_open_contexts(self, canister_id: bytes) -> bool:
        """Say if a canister has calls that are not answered, or answered ones whose callbacks are pending."""
        return canister_id in self._contexts_of

    def _next_id(self) -> int:
        number = self.next_call_id
        self.next_call_id += 1
        return number
