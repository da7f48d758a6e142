"""The end of a canister's call: its callback, and cleanup when that traps.

Source: the IC interface specification, sections "Inter-canister method calls" and "Callback invocation".
"""

from dataclasses import replace
from typing import Protocol

from orchestrator.replica.canister import Canister
from orchestrator.replica.execution import Execution, rejection_of
from orchestrator.replica.messages import CallContext, PendingCallback, ResponseMessage
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.vm.interface import Message, MessageKind, Outcome, Reply

__all__ = ["Responses"]


class ContextEnds(Protocol):
    """Who answers call contexts."""

    def answer(self, context: CallContext, outcome: Outcome) -> None:
        """Pass on a message's response, or that none can come any more."""
        ...

    def fail(self, context: CallContext, rejection: Rejection) -> None:
        """Reject the call if nothing can answer it any more."""
        ...

    def close_if_done(self, context: CallContext) -> None:
        """Forget a call context that is answered and waits for nothing."""
        ...


class Responses:
    """Runs callbacks."""

    def __init__(self, state: ReplicaState, execution: Execution, ends: ContextEnds) -> None:
        """Take the state and who answers call contexts."""
        self._state = state
        self._execution = execution
        self._ends = ends

    def run(self, response: ResponseMessage) -> None:
        """Give cycles back and run the callback; a response to a call that has ended already is lost with its cycles."""
        pending = self._state.close_callback(response.callback_id)
        context = self._state.contexts.get(pending.context_id) if pending is not None else None
        if pending is None or context is None:
            return
        context.pending -= 1
        canister = self._state.canisters.get(context.canister_id)
        if canister is not None:
            self._execution.charging.take_response(canister, pending, response)
            if canister.instance is not None and not context.deleted:
                self._run_callback(canister, context, pending, response)
        self._ends.close_if_done(context)

    def _run_callback(self, canister: Canister, context: CallContext, pending: PendingCallback, response: ResponseMessage) -> None:
        instance = canister.instance
        assert instance is not None  # noqa: S101 # the caller looked
        message = _callback_message(context, response, self._execution.now())
        entry = pending.on_reply if isinstance(response.response, Reply) else pending.on_reject
        outcome = self._execution.run_logged(canister, instance, entry, message)
        if outcome.trap is None:
            self._execution.apply(canister, context, outcome)
            self._ends.answer(context, outcome)
            return
        instance.rollback()
        context.instructions += outcome.instructions
        if pending.on_cleanup is not None:
            self._run_cleanup(canister, context, pending, message)
        self._ends.fail(context, rejection_of(canister.id, outcome.trap))

    def _run_cleanup(self, canister: Canister, context: CallContext, pending: PendingCallback, message: Message) -> None:
        """Run the cleanup callback; it knows why the other one ran, and can neither call nor answer."""
        instance = canister.instance
        assert instance is not None  # noqa: S101 # the caller looked
        assert pending.on_cleanup is not None  # noqa: S101 # the caller looked
        cleanup = replace(
            message,
            kind=MessageKind.CLEANUP,
            arg=b"",
            cycles_available=0,
            cycles_refunded=0,
            responded=True,
            context_instructions=context.instructions,
        )
        outcome = self._execution.run_logged(canister, instance, pending.on_cleanup, cleanup)
        if outcome.trap is None:
            self._execution.apply(canister, context, outcome)
        else:
            instance.rollback()
            context.instructions += outcome.instructions


def _callback_message(context: CallContext, message: ResponseMessage, now: int) -> Message:
    """Return what a callback sees. Rejects of the system carry their error code in the text, as on the mainnet."""
    call, response = context.call, message.response
    base = Message(
        kind=MessageKind.REPLY_CALLBACK,
        now=now,
        caller=call.caller if call is not None else b"",
        cycles_available=context.cycles,
        cycles_refunded=message.refund,
        deadline=call.deadline if call is not None else 0,
        responded=context.responded or call is None,
        context_instructions=context.instructions,
        caller_info_data=call.caller_info_data if call is not None else b"",
        caller_info_signer=call.caller_info_signer if call is not None else b"",
    )
    if not isinstance(response, Rejection):
        return replace(base, arg=response.data)
    text = response.message if response.is_explicit else f"{response.error_code}: {response.message}"
    return replace(base, kind=MessageKind.REJECT_CALLBACK, reject_code=response.code, reject_message=text)
