"""Queries and composite queries: messages whose writes are always undone.

A composite query's calls run nested, on the committed state of the callee; its own writes last until its
callbacks have run. A canister that takes part more than once gets a fork of its state for each nested call.
Source: the IC interface specification, sections "Request: Query call" and "Composite queries".
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from orchestrator.replica import limits
from orchestrator.replica.canister import Canister, CanisterStatus
from orchestrator.replica.execution import Execution, rejection_of
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Reason, RejectedError, Rejection, explicit_reject, reject
from orchestrator.replica.state import Environment, ReplicaState
from orchestrator.replica.vm.interface import (
    Callback,
    Instance,
    InvalidModuleError,
    Message,
    MessageKind,
    Outcome,
    OutgoingCall,
    Reject,
    Reply,
    Trap,
)

__all__ = ["ManagementQuery", "QueryRunner", "Question"]

_LOG = logging.getLogger(__name__)

ManagementQuery = Callable[[str, bytes, bytes], Response]
"""Answers a query to the management canister: method, argument, caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a canister, by whom; the caller info is what a canister that signed for a user says about the user."""

    canister_id: bytes
    method: str
    arg: bytes
    caller: bytes
    caller_info_data: bytes = b""
    caller_info_signer: bytes = b""


@dataclass(slots=True, kw_only=True)
class _Frame:
    """One query being evaluated: where, on which state, and what of it is left to do.

    `base` is the message that callbacks are made of. `instructions` are those of its messages so far, without
    those of the queries that it calls.
    """

    canister: Canister
    instance: Instance
    base: Message
    depth: int
    calls: deque[OutgoingCall] = field(default_factory=deque)
    instructions: int = 0


class QueryRunner:
    """Evaluates queries against the state."""

    def __init__(self, state: ReplicaState, execution: Execution, environment: Environment, management: ManagementQuery) -> None:
        self._state = state
        self._execution = execution
        self._environment = environment
        self._management = management
        self._busy: set[bytes] = set()
        self._instructions = 0
        self._root = b""

    def query(self, question: Question) -> Response:
        """Evaluate a user's query and return its response."""
        self._instructions = 0
        self._root = question.canister_id
        try:
            response = self._evaluate(question, depth=0)
        except RejectedError as error:
            return error.rejection
        canister = self._state.canisters[question.canister_id]
        canister.query_calls += 1
        canister.query_request_bytes += len(question.arg)
        canister.query_response_bytes += len(response.data) if isinstance(response, Reply) else len(response.message.encode())
        return response

    def inspect(self, question: Question) -> Rejection | None:
        """Ask a canister if it accepts a user's update call; None means yes."""
        canister = self._state.canister(question.canister_id)
        if canister.instance is None or not canister.exports("canister_inspect_message"):
            return None
        outcome = self._execution.run(
            canister, canister.instance, "canister_inspect_message", self._message(question, MessageKind.INSPECT_MESSAGE)
        )
        canister.instance.rollback()
        if outcome.trap is not None:
            return rejection_of(canister.id, outcome.trap)
        return None if outcome.accepted else reject(Reason.CANISTER_REJECTED, canister=canister.id)

    def _message(self, question: Question, kind: MessageKind) -> Message:
        has_certificate = question.canister_id == self._root and kind is not MessageKind.INSPECT_MESSAGE
        return Message(
            kind=kind,
            now=self._execution.now(),
            caller=question.caller,
            arg=question.arg,
            method=question.method,
            caller_info_data=question.caller_info_data,
            caller_info_signer=question.caller_info_signer,
            data_certificate=partial(self._environment.data_certificate, question.canister_id) if has_certificate else None,
        )

    def _evaluate(self, question: Question, *, depth: int) -> Response:
        canister, entry, kind = self._resolve(question.canister_id, question.method)
        own = canister.instance
        assert own is not None  # noqa: S101 # _resolve refuses empty canisters
        nested = canister.id in self._busy
        instance = _fork(own, question.method) if nested else own
        self._busy.add(canister.id)
        try:
            frame = _Frame(canister=canister, instance=instance, base=self._message(question, kind), depth=depth)
            return self._run_frame(frame, entry)
        finally:
            if nested:
                instance.close()
            else:
                instance.rollback()
                self._busy.discard(canister.id)

    def _resolve(self, canister_id: bytes, method: str) -> tuple[Canister, str, MessageKind]:
        canister = self._state.canister(canister_id)
        if canister.status is not CanisterStatus.RUNNING:
            reason = Reason.STOPPED if canister.status is CanisterStatus.STOPPED else Reason.STOPPING
            raise RejectedError(reject(reason, canister=canister_id))
        if canister.instance is None:
            raise RejectedError(reject(Reason.NO_MODULE, canister=canister_id))
        frozen = self._execution.charging.frozen_for_queries(canister)
        if frozen is not None:
            raise RejectedError(frozen)
        for prefix, kind in (("canister_query ", MessageKind.QUERY), ("canister_composite_query ", MessageKind.COMPOSITE_QUERY)):
            if canister.exports(prefix + method):
                return canister, prefix + method, kind
        raise RejectedError(reject(Reason.NO_QUERY_METHOD, canister=canister_id, method=method))

    def _run_frame(self, frame: _Frame, entry: str) -> Response:
        canister_id = frame.canister.id
        outcome = self._step(frame, entry, frame.base)
        if outcome.trap is not None:
            return rejection_of(canister_id, outcome.trap)
        response = _response(outcome)
        while response is None and frame.calls:
            if frame.depth == limits.MAX_COMPOSITE_QUERY_DEPTH:
                return reject(Reason.QUERY_TOO_DEEP)
            if self._instructions > limits.MAX_COMPOSITE_QUERY_INSTRUCTIONS:
                return reject(Reason.QUERY_TOO_LONG)
            response = self._callback(frame, frame.calls.popleft())
        return response or reject(Reason.DID_NOT_REPLY, canister=canister_id)

    def _step(self, frame: _Frame, entry: str | Callback, message: Message) -> Outcome:
        """Run one message of a frame; calls it makes wait in the frame."""
        outcome = self._execution.run(frame.canister, frame.instance, entry, message)
        frame.canister.query_instructions += outcome.instructions
        frame.instructions += outcome.instructions
        self._instructions += outcome.instructions
        if outcome.trap is None:
            frame.calls.extend(outcome.calls)
        return outcome

    def _callback(self, frame: _Frame, call: OutgoingCall) -> Response | None:
        """Evaluate a nested call and run the callback with its response."""
        message, entry = self._callback_message(frame, call, self._call(frame, call))
        mark = None if call.on_cleanup is None else frame.instance.mark()
        outcome = self._step(frame, entry, message)
        if outcome.trap is None:
            return _response(outcome)
        if call.on_cleanup is None or mark is None:
            return rejection_of(frame.canister.id, outcome.trap)
        frame.instance.return_to(mark)
        return self._clean_up(frame, call.on_cleanup, message, outcome.trap)

    def _clean_up(self, frame: _Frame, entry: Callback, message: Message, trap: Trap) -> Response | None:
        """Run cleanup after a callback that trapped; if it does not trap itself, the query goes on with its other calls."""
        cleanup = replace(message, kind=MessageKind.COMPOSITE_CLEANUP, arg=b"", responded=True, context_instructions=frame.instructions)
        outcome = self._step(frame, entry, cleanup)
        return rejection_of(frame.canister.id, trap) if outcome.trap is not None or not frame.calls else None

    def _call(self, frame: _Frame, call: OutgoingCall) -> Response:
        caller = frame.canister.id
        if not call.callee:
            return self._management(call.method, call.arg, caller)
        question = Question(canister_id=call.callee, method=call.method, arg=call.arg, caller=caller)
        try:
            return self._evaluate(question, depth=frame.depth + 1)
        except RejectedError as error:
            return error.rejection

    def _callback_message(self, frame: _Frame, call: OutgoingCall, response: Response) -> tuple[Message, Callback]:
        base = replace(
            frame.base,
            kind=MessageKind.COMPOSITE_REPLY_CALLBACK,
            now=self._execution.now(),
            arg=b"",
            data_certificate=None,
            context_instructions=frame.instructions,
        )
        if isinstance(response, Reply):
            return replace(base, arg=response.data), call.on_reply
        text = response.message if response.is_explicit else f"{response.error_code}: {response.message}"
        rejected = replace(base, kind=MessageKind.COMPOSITE_REJECT_CALLBACK, reject_code=response.code, reject_message=text)
        return rejected, call.on_reject


def _fork(instance: Instance, method: str) -> Instance:
    """Make a second instance for a nested query; raises `RejectedError` when the system has no memory for it."""
    try:
        return instance.fork()
    except InvalidModuleError as error:
        _LOG.warning("a nested query cannot be evaluated: %s", error)
        raise RejectedError(reject(Reason.INTERNAL, method=method)) from error


def _response(outcome: Outcome) -> Response | None:
    if isinstance(outcome.response, Reject):
        return explicit_reject(outcome.response.message)
    return outcome.response
