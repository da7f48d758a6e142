"""The cycles minting canister: ICP becomes cycles, on an account, in a canister or in a new one.

A payment is a transfer to the canister's account of a subaccount, with a memo that says what for.
Source: the cycles minting canister's interface and behaviour (dfinity/ic, `rs/nns/cmc`).
"""

from collections.abc import Mapping
from typing import Any

from orchestrator.candid import Variant, decode
from orchestrator.candid import encode as encode_candid
from orchestrator.candid import types as T  # the name that Candid's types go by
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.protocol import cbor
from orchestrator.replica import labeled_tree as tree
from orchestrator.replica.system.accounts import principal_subaccount
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID
from orchestrator.replica.system.minting_payments import XDR_PERMYRIAD_PER_ICP, MintingPayments
from orchestrator.replica.system.native import CallResult, Failure, NativeCall, NativeTrapError, Pending, continuation, query, update
from orchestrator.replica.system.records import PendingNotification, PendingReturn
from orchestrator.replica.system.wire import decode_reply, encode_arguments

__all__ = ["CyclesMintingCode"]

MIN_CREATION_CYCLES = 100_000_000_000
"""With fewer, creating a canister is not even tried."""
BAD_REQUEST_CYCLES = 100_000_000
"""What a creation costs that fails."""
_RATE_SECONDS = 1_620_633_600
_RATE_LABELS = (b"AVERAGE_ICP_XDR_CONVERSION_RATE", b"ICP_XDR_CONVERSION_RATE")
_RATE = {"timestamp_seconds": _RATE_SECONDS, "xdr_permyriad_per_icp": XDR_PERMYRIAD_PER_ICP}
_RATE_TYPE = T.record({"timestamp_seconds": T.NAT64, "xdr_permyriad_per_icp": T.NAT64})


class CyclesMintingCode(MintingPayments):
    """The cycles minting canister of a network with one subnet and a fixed price."""

    interface = "cycles_minting"

    def certified_data(self) -> bytes:
        """Return the digest of the price."""
        return _rate_tree().digest

    @query
    def get_default_subnets(self, call: NativeCall) -> list[Principal]:
        """Return the network's subnet."""
        return [Principal(call.view.subnet_id)]

    @query
    def get_subnet_types_to_subnets(self, call: NativeCall) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return nothing: subnets have no types here."""
        return {"data": []}

    @query
    def get_principals_authorized_to_create_canisters_to_subnets(self, call: NativeCall) -> dict[str, object]:  # noqa: ARG002 # the shape of every method
        """Return nothing: everybody may create canisters on the one subnet."""
        return {"data": []}

    @query
    def get_icp_xdr_conversion_rate(self, call: NativeCall) -> dict[str, object]:
        """Return the price of ICP with its proof."""
        shown = tree.witness(_rate_tree(), [(label,) for label in _RATE_LABELS])
        return {"data": _RATE, "hash_tree": cbor.dumps(shown), "certificate": call.certificate() or b""}

    @query
    def get_build_metadata(self, call: NativeCall) -> str:  # noqa: ARG002 # the shape of every method
        """Say what runs here."""
        return "native canister of the embedded network"

    @update
    def notify_top_up(self, call: NativeCall, argument: Mapping[str, Any]) -> Pending:
        """Give the cycles of a payment to a canister."""
        return self.notify(call, argument["block_index"], principal_subaccount(argument["canister_id"].raw))

    @update
    def notify_create_canister(self, call: NativeCall, argument: Mapping[str, Any]) -> Pending:
        """Create a canister with the cycles of a payment."""
        return self.notify(call, argument["block_index"], principal_subaccount(argument["controller"].raw))

    @update
    def notify_mint_cycles(self, call: NativeCall, argument: Mapping[str, Any]) -> Pending:
        """Put the cycles of a payment into the caller's account."""
        return self.notify(call, argument["block_index"], principal_subaccount(call.caller))

    @update
    def create_canister(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant | Pending:
        """Create a canister with the cycles that came with the call; if that fails, they go back, less a little."""
        available = call.message.cycles_available
        if available < MIN_CREATION_CYCLES:
            return _refunded(available, "Insufficient cycles attached.")
        problem = _subnet_problem(argument, call.view.subnet_id)
        if problem is not None:
            return _refunded(available, problem)
        call.accept_cycles()
        data = PendingReturn(receiver=call.caller, cycles=available)
        return _send_creation(call, argument, call.caller, available, then="on_created", data=data)

    @continuation
    def on_created(self, call: NativeCall, pending: PendingReturn, result: CallResult) -> Variant | Pending:
        """Answer with the new canister, or give the cycles back."""
        if not isinstance(result, Failure):
            return Variant("Ok", _created(result))
        amount = max(0, pending.cycles - BAD_REQUEST_CYCLES)
        data = PendingReturn(receiver=pending.receiver, cycles=amount, reason=_creation_failed(call, result))
        arg = encode_arguments("management", "deposit_cycles", {"canister_id": Principal(pending.receiver)})
        return call.send(MANAGEMENT_CANISTER.raw, "deposit_cycles", arg, then="on_returned", data=data, cycles=amount)

    @continuation
    def on_returned(self, call: NativeCall, pending: PendingReturn, result: CallResult) -> Variant:  # noqa: ARG002 # the shape of every continuation
        """Say why there is no canister."""
        return _refunded(0 if isinstance(result, Failure) else pending.cycles, pending.reason)

    @update
    def set_authorized_subnetwork_list(self, call: NativeCall, argument: object) -> None:  # noqa: ARG002 # the shape of every method
        """Refuse: that is for the governance canister."""
        raise _not_governance(call)

    @update
    def update_subnet_type(self, call: NativeCall, argument: object) -> None:  # noqa: ARG002 # the shape of every method
        """Refuse: that is for the governance canister."""
        raise _not_governance(call)

    @update
    def change_subnet_type_assignment(self, call: NativeCall, argument: object) -> None:  # noqa: ARG002 # the shape of every method
        """Refuse: that is for the governance canister."""
        raise _not_governance(call)

    def move_cycles(self, call: NativeCall, payment: PendingNotification) -> Pending | str:
        """Send a payment's cycles to where they were asked for."""
        argument: Any = decode(payment.argument, self.signatures()[payment.purpose].arguments)[0]
        if payment.purpose == "notify_create_canister":
            problem = _subnet_problem(argument, call.view.subnet_id)
            controller = argument["controller"].raw
            return problem or _send_creation(call, argument, controller, payment.cycles, then="on_moved", data=payment)
        if payment.purpose == "notify_top_up":
            arg = encode_arguments("management", "deposit_cycles", {"canister_id": argument["canister_id"]})
            return call.send(MANAGEMENT_CANISTER.raw, "deposit_cycles", arg, then="on_moved", data=payment, cycles=payment.cycles)
        account = {"owner": Principal(payment.caller), "subaccount": argument["to_subaccount"]}
        arg = encode_arguments("cycles_ledger", "deposit", {"to": account, "memo": argument["deposit_memo"]})
        return call.send(CYCLES_LEDGER_ID, "deposit", arg, then="on_moved", data=payment, cycles=payment.cycles)

    def describe_failure(self, call: NativeCall, payment: PendingNotification, failure: Failure) -> str:
        """Return why there is no canister, or why nobody got the cycles."""
        if payment.purpose == "notify_create_canister":
            return _creation_failed(call, failure)
        return f"Depositing cycles failed with code {failure.code}: {failure.message}"

    def read_result(self, payment: PendingNotification, result: bytes) -> object:
        """Return the new canister, the cycles that a canister got, or those that an account got."""
        if payment.purpose == "notify_create_canister":
            return _created(result)
        if payment.purpose == "notify_top_up":
            return payment.cycles
        deposit: Any = decode_reply("cycles_ledger", "deposit", result)
        return {"block_index": deposit["block_index"], "minted": payment.cycles, "balance": deposit["balance"]}


def _rate_tree() -> tree.Tree:
    encoded = encode_candid([_RATE_TYPE], [_RATE])
    return tree.from_mapping(dict.fromkeys(_RATE_LABELS, encoded))


def _send_creation(call: NativeCall, argument: Mapping[str, Any], controller: bytes, cycles: int, *, then: str, data: object) -> Pending:
    settings = dict(argument["settings"] or {})
    if settings.get("controllers") is None:
        settings["controllers"] = [Principal(controller)]
    arg = encode_arguments("management", "create_canister", {"settings": settings, "sender_canister_version": None})
    return call.send(MANAGEMENT_CANISTER.raw, "create_canister", arg, then=then, data=data, cycles=cycles)


def _created(reply: bytes) -> Principal:
    created: Any = decode_reply("management", "create_canister", reply)
    canister_id: Principal = created["canister_id"]
    return canister_id


def _creation_failed(call: NativeCall, failure: Failure) -> str:
    subnet = Principal(call.view.subnet_id)
    return f"Creating canister in subnet {subnet} failed with code {failure.code}: {failure.message}"


def _subnet_problem(argument: Mapping[str, Any], subnet_id: bytes) -> str | None:
    """Say why a canister cannot be created where it is asked for."""
    selection, kind = argument["subnet_selection"], argument["subnet_type"]
    if selection is not None and kind is not None:
        return "Cannot specify subnet_type and subnet_selection at the same time."
    if selection is not None and selection.label == "Subnet":
        subnet = selection.value["subnet"]
        return None if subnet.raw == subnet_id else f"Subnet {subnet} does not exist or is not available to this caller."
    kind = selection.value["subnet_type"] if selection is not None else kind
    return None if kind is None else f"Provided subnet type {kind} does not exist"


def _refunded(amount: int, reason: str) -> Variant:
    return Variant("Err", Variant("Refunded", {"refund_amount": amount, "create_error": reason}))


def _not_governance(call: NativeCall) -> NativeTrapError:
    return NativeTrapError(f"Only the governance canister is allowed to call {call.method}")
