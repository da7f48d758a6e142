"""Taking cycles from canisters: for messages, for what they send, and for the time that passes.

Before a message runs, the canister must have what the longest such message costs, beyond what is frozen; it pays for
what it did. Source: the IC interface specification, section "Cycle bookkeeping and resource consumption".
"""

from orchestrator.replica.canister import Canister, MessageCosts
from orchestrator.replica.fees import FeeSchedule, frozen_cycles
from orchestrator.replica.messages import PendingCallback, ResponseMessage
from orchestrator.replica.rejects import Reason, RejectedError, Rejection, reject
from orchestrator.replica.vm.interface import Instance, MessageKind, Outcome, Reply, Trap
from orchestrator.replica.vm.limits import INSTRUCTION_LIMITS

__all__ = ["Charging", "require_cycles"]

_PAID = frozenset(
    {
        MessageKind.UPDATE,
        MessageKind.REPLICATED_QUERY,
        MessageKind.SYSTEM_TASK,
        MessageKind.REPLY_CALLBACK,
        MessageKind.REJECT_CALLBACK,
        MessageKind.CLEANUP,
        MessageKind.START,
        MessageKind.INIT,
        MessageKind.PRE_UPGRADE,
        MessageKind.POST_UPGRADE,
    }
)
"""Messages that cost; those on one node only are free."""
_KEEPING = frozenset(
    {MessageKind.UPDATE, MessageKind.SYSTEM_TASK, MessageKind.REPLY_CALLBACK, MessageKind.REJECT_CALLBACK, MessageKind.CLEANUP}
)
"""Messages whose memory stays, apart from installation, which looks at the whole."""
_NOTHING = MessageCosts(0, 0, 0, 0, 0)
_TRANSMISSION = "request_and_response_transmission"


def require_cycles(canister: Canister, amount: int, fees: FeeSchedule, *, reason: Reason = Reason.OUT_OF_CYCLES) -> None:
    """Raise `RejectedError` unless a canister can spend an amount without touching what is frozen."""
    missing = frozen_cycles(canister, fees) + amount - canister.cycles
    if missing > 0 and not canister.is_free:
        raise RejectedError(reject(reason, canister=canister.id, missing=f"{missing:_}"))


class Charging:
    """Applies a schedule of fees to messages and responses."""

    def __init__(self, fees: FeeSchedule) -> None:
        self.fees = fees
        self._held = {
            wide: {kind: fees.execution(INSTRUCTION_LIMITS[kind], wide=wide) if kind in _PAID else 0 for kind in MessageKind}
            for wide in (False, True)
        }
        self._reserve = {wide: fees.response_reserve(wide=wide) for wide in (False, True)}

    def costs(self, canister: Canister, instance: Instance, kind: MessageKind) -> MessageCosts:
        """Return what a message that is about to run leaves its canister to spend."""
        if canister.is_free:
            return _NOTHING
        if kind in _KEEPING and canister.known.memory_bytes is None:
            canister.known.memory_bytes = instance.memory_bytes + instance.stable_bytes
        wide, fees = instance.module.info.memory64, self.fees
        return MessageCosts(self._held[wide][kind], frozen_cycles(canister, fees), fees.call, fees.call_byte, self._reserve[wide])

    def refusal(self, canister: Canister, kind: MessageKind) -> Rejection | None:
        """Say why a canister cannot pay for a message, or None."""
        if canister.instance is None or canister.is_free:
            return None
        missing = frozen_cycles(canister, self.fees) + self._held[canister.instance.module.info.memory64][kind] - canister.cycles
        return reject(Reason.OUT_OF_CYCLES, canister=canister.id, missing=f"{missing:_}") if missing > 0 else None

    def settle(self, canister: Canister, instance: Instance, kind: MessageKind, outcome: Outcome) -> None:
        """Charge what a message executed, whether it succeeded or not; one that took memory it cannot pay for traps.

        The message's own effects on the balance come later.
        """
        if kind not in _PAID or canister.is_free:
            return
        canister.charge("instructions", self.fees.execution(outcome.instructions, wide=instance.module.info.memory64))
        if outcome.trap is None and kind in _KEEPING:
            self._check_growth(canister, instance, outcome)

    def _check_growth(self, canister: Canister, instance: Instance, outcome: Outcome) -> None:
        """Let a message trap that took memory which its canister cannot keep for its freezing threshold."""
        before, size = canister.known.memory_bytes, instance.memory_bytes + instance.stable_bytes
        if before == size:
            return
        canister.known.memory_bytes, canister.known.frozen = size, None
        missing = frozen_cycles(canister, self.fees) - (canister.cycles + outcome.balance_change)
        if before is not None and size > before and missing > 0:
            rejection = reject(Reason.GROWTH_CYCLES, size=size - before, missing=f"{missing:_}")
            outcome.trap = Trap(rejection.message, rejection.error_code)
            canister.known.memory_bytes, canister.known.frozen = before, None

    def apply(self, canister: Canister, outcome: Outcome) -> None:
        """Make a successful message's effects on the balance permanent."""
        canister.credit(outcome.balance_change)
        fees = sum(call.fee - call.reserved for call in outcome.calls)
        for what, amount in (("burned_cycles", outcome.burned), (_TRANSMISSION, fees)):
            if amount:
                canister.consumed[what] = canister.consumed.get(what, 0) + amount

    def take_response(self, canister: Canister, pending: PendingCallback, message: ResponseMessage) -> None:
        """Give a caller back what its call did not use: of the cycles it carried, and of those set aside for the response."""
        canister.credit(message.refund + pending.reserved)
        if pending.reserved:
            response = message.response
            size = len(response.data) if isinstance(response, Reply) else len(response.message.encode())
            canister.charge(_TRANSMISSION, min(pending.reserved, self.fees.call_byte * size))

    def frozen_for_queries(self, canister: Canister) -> Rejection | None:
        """Say that a canister has no more than what is frozen, or None; queries cost nothing, but frozen canisters take none."""
        if canister.is_free or canister.cycles >= frozen_cycles(canister, self.fees):
            return None
        return reject(Reason.FROZEN_FOR_QUERIES, canister=canister.id)

    def take_ingress(self, canister: Canister, size: int) -> None:
        """Charge for a user's call of so many bytes."""
        if not canister.is_free:
            canister.charge("ingress_induction", self.fees.ingress_cost(size))

    def ingress_refusal(self, canister: Canister, size: int) -> Rejection | None:
        """Say why a canister cannot pay for receiving a user's call, or None."""
        try:
            require_cycles(canister, self.fees.ingress_cost(size), self.fees)
        except RejectedError as error:
            return error.rejection
        return None
