"""One message after the other: calls, responses, timers and heartbeats of all canisters.

The queue is first in, first out, which keeps the only promised order: two messages from one canister to another
start in the order in which they were sent.
Source: the IC interface specification, sections "Ordering guarantees" and "Call contexts".
"""

from collections.abc import Callable
from typing import Protocol

from orchestrator.replica.canister import Canister, CanisterStatus
from orchestrator.replica.execution import Execution, rejection_of
from orchestrator.replica.messages import Call, CallbackOrigin, CallContext, IngressOrigin, Origin, Response, ResponseMessage
from orchestrator.replica.rejects import Reason, RejectedError, Rejection, explicit_reject, reject
from orchestrator.replica.responses import Responses
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.tasks import Tasks
from orchestrator.replica.vm.interface import Message, MessageKind, Outcome, Reject, Reply

__all__ = ["ManagementCalls", "Scheduler"]

_STOPPED = Reply(b"DIDL\x00\x00")


class ManagementCalls(Protocol):
    """Who executes calls to the management canister."""

    def execute(self, call: Call) -> tuple[Response, int] | None:
        """Return the response and the cycles to refund, or None when the answer comes later."""
        ...


class Scheduler:
    """Executes what is in the state's queue."""

    def __init__(self, state: ReplicaState, execution: Execution, management: Callable[["Scheduler"], ManagementCalls]) -> None:
        """Take the state; `management` gets this scheduler, because management calls end other calls."""
        self._state = state
        self._execution = execution
        self._management = management(self)
        self._tasks = Tasks(state, execution, self, self.close_if_done)
        self._responses = Responses(state, execution, self)

    def step(self) -> bool:
        """Execute one message; returns False when there is none."""
        if not self._state.queue:
            return False
        item = self._state.queue.popleft()
        if isinstance(item, Call):
            self._run_call(item)
        elif isinstance(item, ResponseMessage):
            self._responses.run(item)
        else:
            self._tasks.run(item)
        return True

    def run(self, limit: int) -> bool:
        """Execute at most `limit` messages; returns True when more are waiting."""
        for _ in range(limit):
            if not self.step():
                return False
        return bool(self._state.queue)

    def tick(self) -> None:
        """Queue what time makes due, and end what it ends."""
        self._tasks.tick()

    def respond(self, origin: Origin, response: Response, refund: int) -> None:
        """Tell whoever waits how a call ended; cycles come back only to canisters."""
        if isinstance(origin, IngressOrigin):
            self._state.requests.finish(origin.request_id, response)
        elif isinstance(origin, CallbackOrigin):
            self._state.queue.append(ResponseMessage(callback_id=origin.callback_id, response=response, refund=refund))

    def abandon_contexts(self, canister_id: bytes) -> None:
        """Reject every open call of a canister whose code went away; later responses only refund."""
        for context in self._state.contexts_of(canister_id):
            context.deleted = True
            if context.call is not None and not context.responded:
                context.responded = True
                self.respond(context.call.origin, reject(Reason.UNINSTALLED), context.cycles)
            self.close_if_done(context)

    def settle_stopping(self, canister: Canister) -> None:
        """Stop a stopping canister once nothing is open, and tell those who wait for it."""
        if canister.status is not CanisterStatus.STOPPING or self._state.has_open_contexts(canister.id):
            return
        canister.status = CanisterStatus.STOPPED
        canister.version += 1
        waiters, canister.stop_waiters = canister.stop_waiters, []
        for waiter in waiters:
            self.respond(waiter.origin, _STOPPED, waiter.cycles)

    def _run_call(self, call: Call) -> None:
        now = self._execution.now()
        if isinstance(call.origin, IngressOrigin):
            self._state.requests.begin(call.origin.request_id)
        if call.expiry and call.expiry < now:
            self.respond(call.origin, reject(Reason.INGRESS_TIMEOUT), call.cycles)
        elif call.deadline and call.deadline < now:
            self.respond(call.origin, reject(Reason.DEADLINE), refund=0)  # spec: "Call expiry" loses the cycles
        elif not call.callee:
            ended = self._management.execute(call)
            if ended is not None:
                self.respond(call.origin, *ended)
        else:
            self._run_canister_call(call, now)

    def _run_canister_call(self, call: Call, now: int) -> None:
        try:
            canister, entry, kind = self._resolve(call)
        except RejectedError as error:
            self.respond(call.origin, error.rejection, call.cycles)
            return
        instance = canister.instance
        assert instance is not None  # noqa: S101 # _resolve refuses empty canisters
        message = Message(
            kind=kind,
            now=now,
            caller=call.caller,
            arg=call.arg,
            method=call.method,
            cycles_available=call.cycles,
            deadline=call.deadline if kind is MessageKind.UPDATE else 0,
            caller_info_data=call.caller_info_data,
            caller_info_signer=call.caller_info_signer,
        )
        outcome = self._execution.run_logged(canister, instance, entry, message)
        if outcome.trap is not None:
            instance.rollback()
            self.respond(call.origin, rejection_of(canister.id, outcome.trap), call.cycles)
            return
        context = self._state.open_context(canister.id, call)
        if kind is MessageKind.REPLICATED_QUERY:
            instance.rollback()
            self._execution.apply_cycles(canister, context, outcome)
        else:
            self._execution.apply(canister, context, outcome)
        self.answer(context, outcome)

    def _resolve(self, call: Call) -> tuple[Canister, str, MessageKind]:
        """Find what a call runs; raises `RejectedError` when the canister does not take it."""
        canister = self._state.canister(call.callee)
        if canister.status is CanisterStatus.STOPPED:
            raise RejectedError(reject(Reason.STOPPED, canister=canister.id))
        if canister.status is CanisterStatus.STOPPING:
            raise RejectedError(reject(Reason.STOPPING, canister=canister.id))
        if canister.instance is None:
            raise RejectedError(reject(Reason.NO_MODULE, canister=canister.id))
        minimum = canister.settings.minimum_incoming_canister_call_cycles
        if isinstance(call.origin, CallbackOrigin) and call.caller != canister.id and call.cycles < minimum:
            raise RejectedError(reject(Reason.TOO_FEW_CYCLES, canister=canister.id, minimum=minimum, received=call.cycles))
        for prefix, kind in (("canister_update ", MessageKind.UPDATE), ("canister_query ", MessageKind.REPLICATED_QUERY)):
            if canister.exports(prefix + call.method):
                refusal = self._execution.charging.refusal(canister, kind)
                if refusal is not None:
                    raise RejectedError(refusal)
                return canister, prefix + call.method, kind
        if canister.exports("canister_composite_query " + call.method):
            raise RejectedError(reject(Reason.COMPOSITE_AS_UPDATE, canister=canister.id, method=call.method))
        raise RejectedError(reject(Reason.NO_UPDATE_METHOD, canister=canister.id, method=call.method))

    def answer(self, context: CallContext, outcome: Outcome) -> None:
        """Pass on a message's response, or that none can come any more."""
        call = context.call
        if call is not None and not context.responded:
            response: Response | None = None
            if isinstance(outcome.response, Reject):
                response = explicit_reject(outcome.response.message)
            elif outcome.response is not None:
                response = outcome.response
            elif context.pending == 0:
                response = reject(Reason.DID_NOT_REPLY, canister=context.canister_id)
            if response is not None:
                context.responded = True
                self.respond(call.origin, response, context.cycles)
        self.close_if_done(context)

    def fail(self, context: CallContext, rejection: Rejection) -> None:
        """Reject the call of a context if nothing can answer it any more."""
        if context.pending == 0 and not context.responded and context.call is not None:
            context.responded = True
            self.respond(context.call.origin, rejection, context.cycles)

    def close_if_done(self, context: CallContext) -> None:
        """Forget a call context that is answered and waits for nothing; its canister may have waited for that to stop."""
        if context.pending or not (context.responded or context.call is None):
            return
        if not self._state.close_context(context):
            return
        canister = self._state.canisters.get(context.canister_id)
        if canister is not None:
            self.settle_stopping(canister)
