"""One message after the other: calls, responses, timers and heartbeats of all canisters.

The queue is first in, first out, which keeps the only promised order: two messages from one canister to another
start in the order in which they were sent.
Source: the IC interface specification, sections "Ordering guarantees" and "Call contexts".
"""

from collections.abc import Callable
from typing import Protocol

from orchestrator.replica.canister import Canister, CanisterStatus
from orchestrator.replica.execution import Execution, rejection_of
from orchestrator.replica.limits import NANOSECONDS
from orchestrator.replica.messages import (
    Call,
    CallbackOrigin,
    CallContext,
    IngressOrigin,
    Origin,
    PendingCallback,
    Response,
    ResponseMessage,
    SystemTask,
    TaskKind,
)
from orchestrator.replica.rejects import Reason, RejectedError, Rejection, explicit_reject, reject
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.vm.interface import Message, MessageKind, Outcome, Reject, Reply

__all__ = ["HEARTBEAT_INTERVAL_NS", "ManagementCalls", "Scheduler"]

HEARTBEAT_INTERVAL_NS = NANOSECONDS
"""How often a heartbeat is due, about as often as the mainnet makes blocks."""


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
        self._last_heartbeat = 0

    def step(self) -> bool:
        """Execute one message; returns False when there is none."""
        if not self._state.queue:
            return False
        item = self._state.queue.popleft()
        if isinstance(item, Call):
            self._run_call(item)
        elif isinstance(item, ResponseMessage):
            self._run_response(item)
        else:
            self._run_task(item)
        return True

    def run(self, limit: int) -> bool:
        """Execute at most `limit` messages; returns True when more are waiting."""
        for _ in range(limit):
            if not self.step():
                return False
        return bool(self._state.queue)

    def tick(self) -> None:
        """Queue the timers, heartbeats and expired deadlines that are due."""
        now = self._execution.now()
        beats = now - self._last_heartbeat >= HEARTBEAT_INTERVAL_NS and not self._has_tasks()
        if beats:
            self._last_heartbeat = now
        for canister in self._state.canisters.values():
            if canister.status is CanisterStatus.RUNNING and canister.instance is not None:
                self._queue_tasks(canister, now, beats=beats)
            self._expire_stop_waiters(canister, now)
        for pending in self._state.callbacks.values():
            if pending.deadline and pending.deadline < now:
                self._state.queue.append(ResponseMessage(callback_id=pending.id, response=reject(Reason.DEADLINE), refund=0))

    def respond(self, origin: Origin, response: Response, refund: int) -> None:
        """Tell whoever waits how a call ended; cycles come back only to canisters."""
        if isinstance(origin, IngressOrigin):
            self._state.requests.finish(origin.request_id, response)
        elif isinstance(origin, CallbackOrigin):
            self._state.queue.append(ResponseMessage(callback_id=origin.callback_id, response=response, refund=refund))

    def abandon_contexts(self, canister_id: bytes) -> None:
        """Reject every open call of a canister whose code went away; later responses only refund."""
        for context in list(self._state.contexts.values()):
            if context.canister_id != canister_id:
                continue
            context.deleted = True
            if context.call is not None and not context.responded:
                context.responded = True
                self.respond(context.call.origin, reject(Reason.UNINSTALLED), context.cycles)
            self._close_if_done(context)

    def settle_stopping(self, canister: Canister) -> None:
        """Stop a stopping canister once nothing is open, and tell those who wait for it."""
        if canister.status is not CanisterStatus.STOPPING or self._state.has_open_contexts(canister.id):
            return
        canister.status = CanisterStatus.STOPPED
        waiters, canister.stop_waiters = canister.stop_waiters, []
        for waiter in waiters:
            self.respond(waiter.origin, Reply(b"DIDL\x00\x00"), waiter.cycles)

    def _queue_tasks(self, canister: Canister, now: int, *, beats: bool) -> None:
        if canister.global_timer and canister.global_timer <= now:
            canister.global_timer = 0
            self._state.queue.append(SystemTask(canister_id=canister.id, kind=TaskKind.GLOBAL_TIMER))
        if beats and canister.exports(TaskKind.HEARTBEAT):
            self._state.queue.append(SystemTask(canister_id=canister.id, kind=TaskKind.HEARTBEAT))

    def _has_tasks(self) -> bool:
        """Say if tasks wait already: heartbeats must not pile up behind slow ones."""
        return any(isinstance(item, SystemTask) for item in self._state.queue)

    def _expire_stop_waiters(self, canister: Canister, now: int) -> None:
        for waiter in [waiter for waiter in canister.stop_waiters if waiter.deadline < now]:
            canister.stop_waiters.remove(waiter)
            self.respond(waiter.origin, reject(Reason.STOP_TIMED_OUT), waiter.cycles)

    def _run_call(self, call: Call) -> None:
        now = self._execution.now()
        if isinstance(call.origin, IngressOrigin):
            self._state.requests.begin(call.origin.request_id)
        if call.expiry and call.expiry < now:
            self.respond(call.origin, reject(Reason.INGRESS_TIMEOUT), call.cycles)
        elif call.deadline and call.deadline < now:
            self.respond(call.origin, reject(Reason.DEADLINE), call.cycles)
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
            kind=kind, now=now, caller=call.caller, arg=call.arg, method=call.method, cycles_available=call.cycles, deadline=call.deadline
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
        self._answer(context, outcome)

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
                return canister, prefix + call.method, kind
        if canister.exports("canister_composite_query " + call.method):
            raise RejectedError(reject(Reason.COMPOSITE_AS_UPDATE, canister=canister.id, method=call.method))
        raise RejectedError(reject(Reason.NO_UPDATE_METHOD, canister=canister.id, method=call.method))

    def _run_task(self, task: SystemTask) -> None:
        canister = self._state.canisters.get(task.canister_id)
        if canister is None or canister.instance is None or canister.status is not CanisterStatus.RUNNING:
            return
        if not canister.exports(task.kind):
            return
        message = Message(kind=MessageKind.SYSTEM_TASK, now=self._execution.now(), caller=b"", responded=True)
        outcome = self._execution.run_logged(canister, canister.instance, str(task.kind), message)
        if outcome.trap is not None:
            canister.instance.rollback()
            return
        context = self._state.open_context(canister.id, None)
        self._execution.apply(canister, context, outcome)
        self._close_if_done(context)

    def _run_response(self, response: ResponseMessage) -> None:
        pending = self._state.callbacks.pop(response.callback_id, None)
        context = self._state.contexts.get(pending.context_id) if pending is not None else None
        if pending is None or context is None:
            return
        context.pending -= 1
        canister = self._state.canisters.get(context.canister_id)
        if canister is not None:
            canister.cycles += response.refund
            if canister.instance is not None and not context.deleted:
                self._run_callback(canister, context, pending, response)
        self._close_if_done(context)

    def _run_callback(self, canister: Canister, context: CallContext, pending: PendingCallback, response: ResponseMessage) -> None:
        instance = canister.instance
        assert instance is not None  # noqa: S101 # the caller looked
        message = _callback_message(context, response, self._execution.now())
        entry = pending.on_reply if isinstance(response.response, Reply) else pending.on_reject
        outcome = self._execution.run_logged(canister, instance, entry, message)
        if outcome.trap is None:
            self._execution.apply(canister, context, outcome)
            self._answer(context, outcome)
            return
        instance.rollback()
        if pending.on_cleanup is not None:
            self._run_cleanup(canister, context, pending, message)
        if context.pending == 0 and not context.responded and context.call is not None:
            context.responded = True
            self.respond(context.call.origin, rejection_of(canister.id, outcome.trap), context.cycles)

    def _run_cleanup(self, canister: Canister, context: CallContext, pending: PendingCallback, message: Message) -> None:
        instance = canister.instance
        assert instance is not None  # noqa: S101 # the caller looked
        assert pending.on_cleanup is not None  # noqa: S101 # the caller looked
        cleanup = Message(kind=MessageKind.CLEANUP, now=message.now, caller=message.caller, responded=True)
        outcome = self._execution.run_logged(canister, instance, pending.on_cleanup, cleanup)
        if outcome.trap is None:
            self._execution.apply(canister, context, outcome)
        else:
            instance.rollback()

    def _answer(self, context: CallContext, outcome: Outcome) -> None:
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
        self._close_if_done(context)

    def _close_if_done(self, context: CallContext) -> None:
        if context.pending or not (context.responded or context.call is None):
            return
        if self._state.contexts.pop(context.id, None) is None:
            return
        canister = self._state.canisters.get(context.canister_id)
        if canister is not None:
            self.settle_stopping(canister)


def _callback_message(context: CallContext, message: ResponseMessage, now: int) -> Message:
    """Return what a callback sees. Rejects of the system carry their error code in the text, as on the mainnet."""
    caller = context.call.caller if context.call is not None else b""
    deadline = context.call.deadline if context.call is not None else 0
    responded = context.responded or context.call is None
    response = message.response
    if isinstance(response, Rejection):
        text = response.message if response.is_explicit else f"{response.error_code}: {response.message}"
        return Message(
            kind=MessageKind.REJECT_CALLBACK,
            now=now,
            caller=caller,
            reject_code=response.code,
            reject_message=text,
            cycles_available=context.cycles,
            cycles_refunded=message.refund,
            deadline=deadline,
            responded=responded,
            context_instructions=context.instructions,
        )
    return Message(
        kind=MessageKind.REPLY_CALLBACK,
        now=now,
        caller=caller,
        arg=response.data,
        cycles_available=context.cycles,
        cycles_refunded=message.refund,
        deadline=deadline,
        responded=responded,
        context_instructions=context.instructions,
    )
