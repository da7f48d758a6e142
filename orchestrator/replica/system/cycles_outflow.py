"""Cycles on their way out of the cycles ledger: into a canister's balance, or into a new canister.

They are burned first; then the call is made; if it fails, what comes back is minted again, less a fee, and so is the
allowance that was used.
Source: the cycles ledger's interface and behaviour (dfinity/cycles-ledger).
"""

from collections.abc import Mapping
from typing import Any

from orchestrator.candid import Variant
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.protocol import cbor
from orchestrator.replica.rejects import RejectCode
from orchestrator.replica.system.icrc_ledger import IcrcLedger
from orchestrator.replica.system.ids import CYCLES_MINTING_ID
from orchestrator.replica.system.native import CallResult, Failure, NativeCall, Pending, continuation, update
from orchestrator.replica.system.records import Allowance, LedgerTransaction, PendingBurn, Seen
from orchestrator.replica.system.token_ledger import MAX_MEMO_BYTES, RefusedError
from orchestrator.replica.system.wire import decode_reply, encode_arguments

__all__ = ["CyclesOutflow"]

_FAILED_MEMO, _CREATE_MEMO, _REFUND_MEMO = (bytes([byte]) * MAX_MEMO_BYTES for byte in (0xFF, 0xFE, 0xFD))
_KEY_PRINCIPAL_BYTES, _KEY_PRINCIPAL_END = 29, 2
_NOTHING_ERROR_CODE = 100_002
"""The cycles ledger's own number for an amount of zero."""
_REJECTION_NAMES = {
    RejectCode.SYS_FATAL: "SysFatal",
    RejectCode.SYS_TRANSIENT: "SysTransient",
    RejectCode.DESTINATION_INVALID: "DestinationInvalid",
    RejectCode.CANISTER_REJECT: "CanisterReject",
    RejectCode.CANISTER_ERROR: "CanisterError",
}


class CyclesOutflow(IcrcLedger):
    """The methods that turn cycles of an account into cycles of a canister."""

    @update
    def withdraw(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant | Pending:
        """Move the caller's cycles to a canister."""
        return self._withdraw(call, self.own_account(call.caller, argument["from_subaccount"]), None, argument)

    @update
    def withdraw_from(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant | Pending:
        """Move cycles of somebody who approved the caller to a canister."""
        spender = self.own_account(call.caller, argument["spender_subaccount"])
        return self._withdraw(call, self.account(argument["from"]), spender, argument)

    @update
    def create_canister(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant | Pending:
        """Create a canister with the caller's cycles."""
        return self._create(call, self.own_account(call.caller, argument["from_subaccount"]), None, argument)

    @update
    def create_canister_from(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant | Pending:
        """Create a canister with the cycles of somebody who approved the caller."""
        spender = self.own_account(call.caller, argument["spender_subaccount"])
        return self._create(call, self.account(argument["from"]), spender, argument)

    @continuation
    def on_withdrawn(self, call: NativeCall, burn: PendingBurn, result: CallResult) -> Variant:
        """Answer a withdrawal, after giving back what did not arrive."""
        if not isinstance(result, Failure):
            return Variant("Ok", burn.block_index)
        refund, approval = self._refund(call, burn, burn.transaction.amount, _FAILED_MEMO)
        rejection = {"rejection_code": _rejection(result), "rejection_reason": result.message}
        if call.method == "withdraw":
            return Variant("Err", Variant("FailedToWithdraw", {"fee_block": refund, **rejection}))
        blocks = {"withdraw_from_block": burn.block_index, "refund_block": refund, "approval_refund_block": approval}
        return Variant("Err", Variant("FailedToWithdrawFrom", {**blocks, **rejection}))

    @continuation
    def on_created(self, call: NativeCall, burn: PendingBurn, result: CallResult) -> Variant:
        """Answer a creation, after giving back the cycles if there is no canister."""
        if isinstance(result, Failure):
            code, returned, reason = _rejection(result), burn.transaction.amount, result.message
        else:
            made: Any = decode_reply("cycles_minting", "create_canister", result)
            if made.label == "Ok":
                self.remember_canister(burn.transaction, made.value.raw)
                return Variant("Ok", {"block_id": burn.block_index, "canister_id": made.value})
            refunded = made.value.value
            code, returned, reason = Variant("CanisterError"), refunded["refund_amount"], refunded["create_error"]
        refund, approval = self._refund(call, burn, returned, _REFUND_MEMO)
        if call.method == "create_canister":
            return Variant("Err", Variant("FailedToCreate", {"fee_block": burn.block_index, "refund_block": refund, "error": reason}))
        blocks = {"create_from_block": burn.block_index, "refund_block": refund, "approval_refund_block": approval}
        return Variant("Err", Variant("FailedToCreateFrom", {**blocks, "rejection_code": code, "rejection_reason": reason}))

    def _withdraw(self, call: NativeCall, sender: bytes, spender: bytes | None, argument: Mapping[str, Any]) -> Variant | Pending:
        receiver: Principal = argument["to"]
        if len(receiver.raw) == _KEY_PRINCIPAL_BYTES and receiver.raw[-1] == _KEY_PRINCIPAL_END:
            return Variant("Err", Variant("InvalidReceiver", {"receiver": receiver}))
        if not argument["amount"]:
            message = f"The {call.method} 0 cycles is not possible"
            return Variant("Err", Variant("GenericError", {"error_code": _NOTHING_ERROR_CODE, "message": message}))
        try:
            burn = self._burn(call, sender, spender, argument, cbor.dumps([receiver.raw], tagged=False))
        except RefusedError as error:
            return Variant("Err", error.error)
        arg = encode_arguments("management", "deposit_cycles", {"canister_id": receiver})
        return call.send(MANAGEMENT_CANISTER.raw, "deposit_cycles", arg, then="on_withdrawn", data=burn, cycles=argument["amount"])

    def _create(self, call: NativeCall, sender: bytes, spender: bytes | None, argument: Mapping[str, Any]) -> Variant | Pending:
        try:
            burn = self._burn(call, sender, spender, argument, _CREATE_MEMO)
        except RefusedError as error:
            return Variant("Err", error.error if error.seen is None else _created_before(error.seen))
        creation: Mapping[str, Any] = argument["creation_args"] or {}
        settings = dict(creation.get("settings") or {})
        if settings.get("controllers") is None:
            settings["controllers"] = [Principal(call.caller)]
        wanted = {"settings": settings, "subnet_selection": creation.get("subnet_selection"), "subnet_type": None}
        arg = encode_arguments("cycles_minting", "create_canister", wanted)
        return call.send(CYCLES_MINTING_ID, "create_canister", arg, then="on_created", data=burn, cycles=argument["amount"])

    def _burn(self, call: NativeCall, sender: bytes, spender: bytes | None, argument: Mapping[str, Any], memo: bytes) -> PendingBurn:
        """Take the cycles and a fee out of the account; raises `RefusedError`."""
        amount: int = argument["amount"]
        transaction = LedgerTransaction(
            operation="burn", amount=amount, sender=sender, spender=spender, memo=memo, created_at=argument["created_at_time"]
        )
        self.check_new(transaction, call.now)
        cost = amount + self.fee
        self.use_allowance(sender, spender, cost, call.now, check_only=True)
        self.check_funds(sender, cost)
        allowance = self.use_allowance(sender, spender, cost, call.now)
        self.debit(sender, cost)
        index = self.record(call, transaction, fee=self.fee)
        return PendingBurn(transaction=transaction, block_index=index, expires_at=allowance.expires_at if allowance else None)

    def _refund(self, call: NativeCall, burn: PendingBurn, returned: int, memo: bytes) -> tuple[int | None, int | None]:
        """Mint again what came back, less a fee for each block, and return the blocks of the refunds."""
        transaction = burn.transaction
        amount = max(0, returned - self.fee)
        if not amount:
            return None, None
        sender, spender = transaction.sender or b"", transaction.spender
        block = self.mint(call, LedgerTransaction(operation="mint", amount=amount, receiver=sender, fee=0, memo=memo))
        is_valid = burn.expires_at is None or burn.expires_at > call.now
        if spender is None or spender == sender or amount <= self.fee or not is_valid:
            return block, None
        current = self.allowance(sender, spender, call.now)
        restored = Allowance(current.amount + amount - self.fee, current.expires_at or burn.expires_at)
        again = LedgerTransaction(
            operation="approve", amount=restored.amount, sender=sender, spender=spender, memo=_FAILED_MEMO, expires_at=restored.expires_at
        )
        return block, self.approve(call, again)


def _created_before(seen: Seen) -> Variant:
    canister = None if seen.canister_id is None else Principal(seen.canister_id)
    return Variant("Duplicate", {"duplicate_of": seen.block_index, "canister_id": canister})


def _rejection(failure: Failure) -> Variant:
    known = failure.code in set(RejectCode)
    return Variant(_REJECTION_NAMES.get(RejectCode(failure.code), "Unknown") if known else "Unknown")
