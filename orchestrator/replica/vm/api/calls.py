"""System API: calls to other canisters. Spec: "Inter-canister method calls"."""

from orchestrator.replica.vm.api.table import SystemCalls
from orchestrator.replica.vm.execution import Execution, GuestTrapError, PendingCall, contract_violation
from orchestrator.replica.vm.interface import Callback
from orchestrator.replica.vm.limits import (
    MAX_CALL_TIMEOUT_SECONDS,
    MAX_CANISTER_EXPORTED_NAME_BYTES,
    MAX_OUTGOING_CALLS_PER_CALLEE,
    MAX_PAYLOAD_BYTES,
    MAX_PRINCIPAL_BYTES,
)

__all__ = ["CALLS"]

CALLS = SystemCalls()

_CALLING = "U CQ Ry Rt CRy CRt T"
_PERFORMED = 0
_SYS_TRANSIENT = 2


@CALLS.define(_CALLING, "IIIIIIII")
def call_new(execution: Execution, *arguments: int) -> None:
    """Begin a call; one under construction is forgotten."""
    callee, callee_size, name, name_size, reply_function, reply_environment, reject_function, reject_environment = arguments
    execution.drop_pending_call()
    if name_size > MAX_CANISTER_EXPORTED_NAME_BYTES:
        raise contract_violation(f"ic0.call_new: the method name of {name_size} bytes is longer than {MAX_CANISTER_EXPORTED_NAME_BYTES}")
    method = execution.read(name, name_size, "ic0.call_new method_name").decode(errors="replace")
    principal = read_principal(execution, callee, callee_size, "ic0.call_new callee_src")
    execution.pending_call = PendingCall(
        callee=principal,
        method=method,
        on_reply=Callback(reply_function, reply_environment),
        on_reject=Callback(reject_function, reject_environment),
    )


@CALLS.define(_CALLING, "II")
def call_on_cleanup(execution: Execution, function: int, environment: int) -> None:
    """Set what runs when the reply or reject callback traps."""
    call = _pending(execution, "call_on_cleanup")
    if call.on_cleanup is not None:
        raise contract_violation("ic0.call_on_cleanup: can be called at most once between ic0.call_new and ic0.call_perform")
    call.on_cleanup = Callback(function, environment)


@CALLS.define(_CALLING, "II")
def call_data_append(execution: Execution, source: int, size: int) -> None:
    """Add bytes to the argument of the call."""
    call = _pending(execution, "call_data_append")
    if len(call.arg) + size > MAX_PAYLOAD_BYTES:
        raise contract_violation(
            f"ic0.call_data_append: application payload size ({len(call.arg) + size}) cannot be larger than {MAX_PAYLOAD_BYTES}"
        )
    call.arg += execution.read(source, size)


@CALLS.define(_CALLING, "i")
def call_with_best_effort_response(execution: Execution, timeout_seconds: int) -> None:
    """Make the call a bounded-wait call."""
    call = _pending(execution, "call_with_best_effort_response")
    if call.timeout_seconds is not None:
        raise contract_violation("ic0.call_with_best_effort_response: a timeout is already set for the call")
    call.timeout_seconds = min(timeout_seconds, MAX_CALL_TIMEOUT_SECONDS)


@CALLS.define("U Ry Rt T", "ll")
def call_cycles_add128(execution: Execution, high: int, low: int) -> None:
    """Attach cycles to the call."""
    _attach(execution, "call_cycles_add128", high << 64 | low)


@CALLS.define("U Ry Rt T", "l", narrow_only=True)
def call_cycles_add(execution: Execution, amount: int) -> None:
    """Attach cycles to the call."""
    _attach(execution, "call_cycles_add", amount)


@CALLS.define(_CALLING, result="i")
def call_perform(execution: Execution) -> int:
    """Put the call under construction on its way; 2 when the queue to the callee is full or it cannot be paid for."""
    call, view = _pending(execution, "call_perform"), execution.view
    fee = view.call_fee + view.call_byte_fee * (len(call.method.encode()) + len(call.arg)) + view.response_reserve
    under_way = view.open_calls.get(call.callee, 0) + execution.calls_to[call.callee]
    if under_way >= MAX_OUTGOING_CALLS_PER_CALLEE or fee > execution.liquid_balance():
        execution.drop_pending_call()
        return _SYS_TRANSIENT
    execution.pending_call = None
    execution.balance_change -= fee
    execution.calls_to[call.callee] += 1
    execution.outcome.calls.append(call.finish(fee=fee, reserved=view.response_reserve))
    return _PERFORMED


def read_principal(execution: Execution, source: int, size: int, what: str = "") -> bytes:
    """Read a principal out of main memory; traps when it cannot be one."""
    if size > MAX_PRINCIPAL_BYTES:
        raise GuestTrapError("Canister provided invalid principal id", "IC0504")
    return execution.read(source, size, what)


def _pending(execution: Execution, name: str) -> PendingCall:
    if execution.pending_call is None:
        raise contract_violation(f"ic0.{name} called when no call is under construction.")
    return execution.pending_call


def _attach(execution: Execution, name: str, amount: int) -> None:
    call = _pending(execution, name)
    available = execution.liquid_balance()
    if amount > available:
        raise contract_violation(f"ic0.{name}: the canister has {available} cycles to spend, but {amount} are requested")
    call.cycles += amount
    execution.balance_change -= amount
