"""The proxy canister: forwards the calls of its controllers as its own, with cycles if they like.

Source: the proxy canister's interface and behaviour (dfinity/proxy-canister).
"""

from collections.abc import Mapping
from typing import Any

from orchestrator.candid import Variant
from orchestrator.replica.limits import MAX_BEST_EFFORT_TIMEOUT_SECONDS
from orchestrator.replica.rejects import RejectCode
from orchestrator.replica.system.native import CallResult, Failure, NativeCall, NativeCode, Pending, continuation, update

__all__ = ["ProxyCode"]

_CODE_NAMES = {
    RejectCode.SYS_FATAL: "SysFatal",
    RejectCode.SYS_TRANSIENT: "SysTransient",
    RejectCode.DESTINATION_INVALID: "DestinationInvalid",
    RejectCode.CANISTER_REJECT: "CanisterReject",
    RejectCode.CANISTER_ERROR: "CanisterError",
    RejectCode.SYS_UNKNOWN: "SysUnknown",
}


class ProxyCode(NativeCode):
    """The proxy canister."""

    interface = "proxy"

    def inspect(self, call: NativeCall) -> bool:
        """Let in nobody but the controllers."""
        return call.caller in call.view.controllers

    @update
    def proxy(self, call: NativeCall, argument: Mapping[str, Any]) -> Variant | Pending:
        """Forward a call; the answer is the call's, or why there is none."""
        if call.caller not in call.view.controllers:
            return _error(Variant("UnauthorizedUser"))
        available, required = call.liquid_cycles, argument["cycles"]
        if required > available:
            return _error(Variant("InsufficientCycles", {"available": available, "required": required}))
        return call.send(
            argument["canister_id"].raw,
            argument["method"],
            argument["args"],
            then="on_answer",
            cycles=required,
            timeout_seconds=MAX_BEST_EFFORT_TIMEOUT_SECONDS,
        )

    @continuation
    def on_answer(self, call: NativeCall, data: object, result: CallResult) -> Variant:  # noqa: ARG002 # the shape of every continuation
        """Pass on how the call ended."""
        if not isinstance(result, Failure):
            return Variant("Ok", {"result": result})
        known = result.code in set(RejectCode)
        name = _CODE_NAMES[RejectCode(result.code)] if known else "UnrecognizedRejectCode"
        reason = f"Call Rejected, reject_code: {name} ({result.code}), reject_message: {result.message}"
        return _error(Variant("CallFailed", {"reason": reason}))


def _error(error: Variant) -> Variant:
    return Variant("Err", error)
