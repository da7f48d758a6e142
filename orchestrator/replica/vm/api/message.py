"""System API: the message's argument, caller and fate; responding to it. Spec: "Method arguments", "Responding"."""

from orchestrator.replica.vm.api.table import SystemCalls
from orchestrator.replica.vm.execution import Execution, contract_violation
from orchestrator.replica.vm.interface import MessageKind, Reject, Reply
from orchestrator.replica.vm.limits import MAX_QUERY_REPLY_BYTES, MAX_REPLY_BYTES

__all__ = ["CALLS"]

CALLS = SystemCalls()

_ANSWERING = "U RQ NRQ TQ CQ Ry Rt CRy CRt"
_CALLER_INFO = "U RQ NRQ CQ Ry Rt CRy CRt C CC F"
_UNREPLICATED = frozenset(
    {
        MessageKind.QUERY,
        MessageKind.TRANSFORM,
        MessageKind.COMPOSITE_QUERY,
        MessageKind.COMPOSITE_REPLY_CALLBACK,
        MessageKind.COMPOSITE_REJECT_CALLBACK,
    }
)

CALLS.add_value("msg_arg_data", "I U RQ NRQ TQ CQ Ry CRy F", lambda execution: execution.message.arg)
CALLS.add_value("msg_caller", "*", lambda execution: execution.message.caller)
CALLS.add_value("msg_caller_info_data", _CALLER_INFO, lambda execution: execution.message.caller_info_data)
CALLS.add_value("msg_caller_info_signer", _CALLER_INFO, lambda execution: execution.message.caller_info_signer)
CALLS.add_value("msg_method_name", "F", lambda execution: execution.message.method.encode())


def _reject_message(execution: Execution) -> bytes:
    if execution.message.reject_code == 0:
        raise contract_violation("there is no reject message: the call was not rejected")
    return execution.message.reject_message.encode()


CALLS.add_value("msg_reject_msg", "Rt CRt", _reject_message)


@CALLS.define("Ry Rt CRy CRt C", result="i")
def msg_reject_code(execution: Execution) -> int:
    """Return the reject code, 0 for a reply."""
    return execution.message.reject_code


@CALLS.define("U RQ NRQ CQ Ry Rt CRy CRt", result="l")
def msg_deadline(execution: Execution) -> int:
    """Return when the caller stops waiting, 0 if never."""
    return execution.message.deadline


@CALLS.define(_ANSWERING, "II")
def msg_reply_data_append(execution: Execution, source: int, size: int) -> None:
    """Add bytes to the reply."""
    _check_unanswered(execution, "ic0.msg_reply_data_append")
    limit = MAX_QUERY_REPLY_BYTES if execution.kind in _UNREPLICATED else MAX_REPLY_BYTES
    if len(execution.reply) + size > limit:
        raise contract_violation(
            f"ic0.msg_reply_data_append: application payload size ({len(execution.reply) + size}) cannot be larger than {limit}"
        )
    execution.reply += execution.read(source, size, "msg.reply")


@CALLS.define(_ANSWERING)
def msg_reply(execution: Execution) -> None:
    """Answer with what has been appended."""
    _check_unanswered(execution, "ic0.msg_reply")
    _answer(execution, Reply(bytes(execution.reply)))


@CALLS.define(_ANSWERING, "II")
def msg_reject(execution: Execution, source: int, size: int) -> None:
    """Answer with a rejection."""
    _check_unanswered(execution, "ic0.msg_reject")
    if size > MAX_REPLY_BYTES:
        raise contract_violation(f"ic0.msg_reject: application payload size ({size}) cannot be larger than {MAX_REPLY_BYTES}")
    _answer(execution, Reject(execution.text(source, size, "ic0.msg_reject: the message")))


@CALLS.define("F")
def accept_message(execution: Execution) -> None:
    """Let an ingress message pass."""
    if execution.outcome.accepted:
        raise contract_violation("ic0.accept_message: the function was already called")
    execution.outcome.accepted = True


def _check_unanswered(execution: Execution, name: str) -> None:
    if execution.responded:
        raise contract_violation(f"{name}: the call is already replied")


def _answer(execution: Execution, response: Reply | Reject) -> None:
    execution.outcome.response = response
    execution.responded = True
    execution.available = 0
    execution.reply = bytearray()
