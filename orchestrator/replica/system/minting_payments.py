"""Payments to the cycles minting canister: from a block of the ICP ledger to cycles where they belong.

Each step ends with a call and leaves a continuation: read the block, move the cycles, then burn the ICP, or send it
back less a fee, which is burned. A block's answer is kept, and whoever asks again gets it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.candid import Variant, decode, encode
from orchestrator.replica.system.accounts import identifier
from orchestrator.replica.system.icp_ledger import IcpLedgerCode
from orchestrator.replica.system.ids import CYCLES_MINTING_ID, GOVERNANCE_ID, ICP_LEDGER_ID
from orchestrator.replica.system.native import NO_CONTENT, CallResult, Failure, NativeCall, NativeCode, Pending, TableContent, continuation
from orchestrator.replica.system.records import Notification, PendingNotification
from orchestrator.replica.system.tables import Table
from orchestrator.replica.system.wire import decode_reply, encode_arguments

__all__ = ["MEMOS", "XDR_PERMYRIAD_PER_ICP", "MintingPayments"]

XDR_PERMYRIAD_PER_ICP = 35_200
"""The fixed price of ICP here, in 10,000ths of an XDR, which is 10^12 cycles; so one e8 is as many cycles."""
MEMOS: Mapping[str, int] = {"notify_create_canister": 0x41455243, "notify_mint_cycles": 0x544E494D, "notify_top_up": 0x50555054}
_INTENTS = {"notify_create_canister": "CreateCanister", "notify_mint_cycles": "MintCycles", "notify_top_up": "TopUp"}
_REFUND_FEES = {
    name: count * IcpLedgerCode.fee for name, count in (("notify_create_canister", 4), ("notify_mint_cycles", 2), ("notify_top_up", 2))
}
"""What a payment that fails costs, in e8s, beyond the transfer back."""
_FETCH_FAILED, _REFUND_FAILED = 1, 2
_MEMO_BYTES = 8


class MintingPayments(NativeCode):
    """The way of a payment."""

    def __init__(self, content: TableContent = NO_CONTENT) -> None:
        super().__init__(content)
        self.notified: Table[int, Notification] = self.table("notified")

    def move_cycles(self, call: NativeCall, payment: PendingNotification) -> Pending | str:
        """Make the cycles and send them on, to end in `on_moved`; or return why that cannot be."""
        raise NotImplementedError

    def read_result(self, payment: PendingNotification, result: bytes) -> object:
        """Return what to answer when the cycles have arrived."""
        raise NotImplementedError

    def describe_failure(self, call: NativeCall, payment: PendingNotification, failure: Failure) -> str:
        """Return why the cycles did not arrive."""
        raise NotImplementedError

    def notify(self, call: NativeCall, block_index: int, subaccount: bytes) -> Pending:
        """Begin with a payment: read its block."""
        payment = PendingNotification(
            purpose=call.method, argument=call.message.arg, caller=call.caller, block_index=block_index, subaccount=subaccount
        )
        arg = encode_arguments("icp_ledger", "query_blocks", {"start": block_index, "length": 1})
        return call.send(ICP_LEDGER_ID, "query_blocks", arg, then="on_block", data=payment)

    @continuation
    def on_block(self, call: NativeCall, payment: PendingNotification, result: CallResult) -> object:
        """Check the block, and work on it unless that was done before."""
        if isinstance(result, Failure):
            return _other(_FETCH_FAILED, f"Failed to fetch block: {result.message}")
        found: Any = decode_reply("icp_ledger", "query_blocks", result)
        problem = _problem(payment, found["blocks"])
        if problem is not None:
            return _error("InvalidTransaction", problem)
        before = self.notified.get(payment.block_index)
        if before is not None:
            return self._answer_again(before, payment)
        transfer = found["blocks"][0]["transaction"]["operation"].value
        amount = transfer["amount"]["e8s"]
        payment = replace(payment, payer=transfer["from"], amount=amount, cycles=amount * XDR_PERMYRIAD_PER_ICP)
        self.notified[payment.block_index] = Notification(payment.purpose)
        call.mint_cycles(payment.cycles)
        moved = self.move_cycles(call, payment)
        return self._refund(call, payment, moved) if isinstance(moved, str) else moved

    @continuation
    def on_moved(self, call: NativeCall, payment: PendingNotification, result: CallResult) -> object:
        """Burn the ICP when the cycles have arrived, else send it back."""
        if isinstance(result, Failure):
            return self._refund(call, payment, self.describe_failure(call, payment, result))
        return self._burn(call, payment, payment.amount, Variant("Ok", self.read_result(payment, result)))

    @continuation
    def on_burned(self, call: NativeCall, payment: PendingNotification, result: CallResult) -> object:  # noqa: ARG002 # the shape of every continuation
        """Answer; whether the ICP could be burned changes nothing."""
        self.notified[payment.block_index] = Notification(payment.purpose, payment.result)
        return self._decode(payment, payment.result)

    @continuation
    def on_refunded(self, call: NativeCall, payment: PendingNotification, result: CallResult) -> object:
        """Burn what a payment that was sent back has cost; if it could not be sent, somebody may try again."""
        sent: Any = Variant("Err", result) if isinstance(result, Failure) else decode_reply("icp_ledger", "transfer", result)
        if sent.label == "Err":
            self.notified.pop(payment.block_index)
            return _other(_REFUND_FAILED, f"Refund to {payment.payer.hex()} failed: {sent.value}")
        return self._burn(call, payment, _REFUND_FEES[payment.purpose], _refunded(payment, sent.value))

    def _refund(self, call: NativeCall, payment: PendingNotification, reason: str) -> Pending:
        payment = replace(payment, result=reason.encode())
        amount = payment.amount - IcpLedgerCode.fee - _REFUND_FEES[payment.purpose]
        if amount <= 0:
            return self._burn(call, payment, payment.amount, _refunded(payment, None))
        return self._send(call, payment, payment.payer, amount, fee=IcpLedgerCode.fee, then="on_refunded")

    def _burn(self, call: NativeCall, payment: PendingNotification, amount: int, answer: Variant) -> Pending:
        """Burn ICP of a payment; then comes the answer."""
        payment = replace(payment, result=encode(self.signatures()[payment.purpose].results, [answer]))
        return self._send(call, payment, identifier(GOVERNANCE_ID), amount, fee=0, then="on_burned")

    def _answer_again(self, before: Notification, payment: PendingNotification) -> object:
        if not before.answer:
            return _error("Processing", None)
        if before.purpose != payment.purpose:
            return _error("InvalidTransaction", f"The same payment is already processed as a {_INTENTS[before.purpose]} request.")
        return self._decode(payment, before.answer)

    @staticmethod
    def _send(call: NativeCall, payment: PendingNotification, receiver: bytes, amount: int, *, fee: int, then: str) -> Pending:
        transfer = {
            "memo": 0,
            "amount": {"e8s": amount},
            "fee": {"e8s": fee},
            "from_subaccount": payment.subaccount,
            "to": receiver,
            "created_at_time": None,
        }
        return call.send(ICP_LEDGER_ID, "transfer", encode_arguments("icp_ledger", "transfer", transfer), then=then, data=payment)

    def _decode(self, payment: PendingNotification, answer: bytes) -> object:
        return decode(answer, self.signatures()[payment.purpose].results)[0]


def _problem(payment: PendingNotification, blocks: list[Any]) -> str | None:
    """Say why a block is no payment for this purpose."""
    if not blocks:
        return f"Block {payment.block_index} not found"
    transaction = blocks[0]["transaction"]
    operation = transaction["operation"]
    if operation is None or operation.label != "Transfer":
        return "Notification transaction must be of type Transfer"
    expected = identifier(CYCLES_MINTING_ID, payment.subaccount)
    if operation.value["to"] != expected:
        return f"Destination account in the block ({operation.value['to'].hex()}) different than in the notification ({expected.hex()})"
    memo, wanted = _memo(transaction), MEMOS[payment.purpose]
    if memo != wanted:
        return f"Intent in the block ({memo} == {_intent(memo)}) different than in the notification ({wanted} == {_intent(wanted)})"
    return None


def _memo(transaction: Mapping[str, Any]) -> int:
    """Return a transaction's memo: the ledger's own, or ICRC-1's of eight bytes."""
    other = transaction["icrc1_memo"]
    if not transaction["memo"] and other is not None and len(other) == _MEMO_BYTES:
        return int.from_bytes(other, "little")
    return int(transaction["memo"])


def _intent(memo: int) -> str:
    return next((_INTENTS[name] for name, known in MEMOS.items() if known == memo), "unrecognized")


def _refunded(payment: PendingNotification, block_index: int | None) -> Variant:
    return _error("Refunded", {"reason": payment.result.decode(), "block_index": block_index})


def _error(label: str, value: object) -> Variant:
    return Variant("Err", Variant(label, value))


def _other(code: int, message: str) -> Variant:
    return _error("Other", {"error_code": code, "error_message": message})
