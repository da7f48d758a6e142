"""Queries and composite queries: messages whose writes are always undone.

A composite query's calls run nested, on the committed state of the callee; its own writes last until its
callbacks have run. A canister that takes part more than once gets a fork of its state for each nested call.
Source: the IC interface specification, sections "Request: Query call" and "Composite queries".
"""

from collections import deque
from dataclasses import dataclass, field

from orchestrator.replica import limits
from orchestrator.replica.canister import Canister, CanisterStatus
from orchestrator.replica.execution import Execution, rejection_of
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Reason, RejectedError, Rejection, explicit_reject, reject
from orchestrator.replica.state import Environment, ReplicaState
from orchestrator.replica.vm.interface import Callback, Instance, Message, MessageKind, Outcome, OutgoingCall, Reject, Reply

__all__ = ["QueryRunner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One query being evaluated: where, on which state, and for whom."""

    canister: Canister
    instance: Instance
    caller: bytes
    depth: int
    calls: deque[OutgoingCall] = field(default_factory=deque)


class QueryRunner:
    """Evaluates queries against the state."""

    def __init__(self, state: ReplicaState, execution: Execution, environment: Environment) -> None:
        self._state = state
        self._execution = execution
        self._environment = environment
        self._busy: set[bytes] = set()
        self._instructions = 0

    def query(self, canister_id: bytes, method: str, arg: bytes, caller: bytes) -> Response:
        """Evaluate a user's query and return its response."""
        self._instructions = 0
        try:
            response = self._evaluate(canister_id, method, arg, caller, depth=0)
        except RejectedError as error:
            return error.rejection
        canister = self._state.canisters[canister_id]
        canister.query_calls += 1
        canister.query_request_bytes += len(arg)
        canister.query_response_bytes += len(response.data) if isinstance(response, Reply) else len(response.message.encode())
        return response

    def inspect(self, canister_id: bytes, method: str, arg: bytes, caller: bytes) -> Rejection | None:
        """Ask a canister if it accepts a user's update call; None means yes."""
        canister = self._state.canister(canister_id)
        if canister.instance is None or not canister.exports("canister_inspect_message"):
            return None
        message = Message(kind=MessageKind.INSPECT_MESSAGE, now=self._execution.now(), caller=caller, arg=arg, method=method)
        outcome = self._execution.run(canister, canister.instance, "canister_inspect_message", message)
        canister.instance.rollback()
        if outcome.trap is not None:
            return rejection_of(canister_id, outcome.trap)
        return None if outcome.accepted else reject(Reason.CANISTER_REJECTED)

    def _evaluate(self, canister_id: bytes, method: str, arg: bytes, caller: bytes, *, depth: int) -> Response:
        if depth > limits.MAX_COMPOSITE_QUERY_DEPTH:
            raise RejectedError(reject(Reason.QUERY_TOO_DEEP))
        canister, entry, kind = self._resolve(canister_id, method)
        own = canister.instance
        assert own is not None  # noqa: S101 # _resolve refuses empty canisters
        nested = canister_id in self._busy
        instance = own.fork() if nested else own
        self._busy.add(canister_id)
        try:
            frame = _Frame(canister=canister, instance=instance, caller=caller, depth=depth)
            return self._run_frame(frame, entry, kind, method, arg)
        finally:
            if nested:
                instance.close()
            else:
                instance.rollback()
                self._busy.discard(canister_id)

    def _resolve(self, canister_id: bytes, method: str) -> tuple[Canister, str, MessageKind]:
        canister = self._state.canister(canister_id)
        if canister.status is not CanisterStatus.RUNNING:
            reason = Reason.STOPPED if canister.status is CanisterStatus.STOPPED else Reason.STOPPING
            raise RejectedError(reject(reason, canister=canister_id))
        if canister.instance is None:
            raise RejectedError(reject(Reason.NO_MODULE, canister=canister_id))
        for prefix, kind in (("canister_query ", MessageKind.QUERY), ("canister_composite_query ", MessageKind.COMPOSITE_QUERY)):
            if canister.exports(prefix + method):
                return canister, prefix + method, kind
        raise RejectedError(reject(Reason.NO_QUERY_METHOD, canister=canister_id, method=method))

    def _run_frame(self, frame: _Frame, entry: str, kind: MessageKind, method: str, arg: bytes) -> Response:
        canister_id = frame.canister.id
        message = Message(
            kind=kind,
            now=self._execution.now(),
            caller=frame.caller,
            arg=arg,
            method=method,
            data_certificate=(lambda: self._environment.data_certificate(canister_id)) if frame.depth == 0 else None,
        )
        response = self._step(frame, entry, message)
        while response is None and frame.calls:
            if self._instructions > limits.MAX_COMPOSITE_QUERY_INSTRUCTIONS:
                return reject(Reason.QUERY_TOO_LONG)
            response = self._callback(frame, frame.calls.popleft())
        return response or reject(Reason.DID_NOT_REPLY, canister=canister_id)

    def _step(self, frame: _Frame, entry: str | Callback, message: Message) -> Response | None:
        """Run one message of a frame; calls it makes wait in the frame."""
        outcome = self._execution.run(frame.canister, frame.instance, entry, message)
        frame.canister.query_instructions += outcome.instructions
        self._instructions += outcome.instructions
        if outcome.trap is not None:
            return rejection_of(frame.canister.id, outcome.trap)
        frame.calls.extend(outcome.calls)
        return _response(outcome)

    def _callback(self, frame: _Frame, call: OutgoingCall) -> Response | None:
        """Evaluate a nested call and run the callback with its response."""
        try:
            nested = self._evaluate(call.callee, call.method, call.arg, frame.canister.id, depth=frame.depth + 1)
        except RejectedError as error:
            nested = error.rejection
        if isinstance(nested, Reply):
            message = Message(kind=MessageKind.COMPOSITE_REPLY_CALLBACK, now=self._execution.now(), caller=frame.caller, arg=nested.data)
            return self._step(frame, call.on_reply, message)
        message = Message(
            kind=MessageKind.COMPOSITE_REJECT_CALLBACK,
            now=self._execution.now(),
            caller=frame.caller,
            reject_code=nested.code,
            reject_message=nested.message if nested.is_explicit else f"{nested.error_code}: {nested.message}",
        )
        return self._step(frame, call.on_reject, message)


def _response(outcome: Outcome) -> Response | None:
    if isinstance(outcome.response, Reject):
        return explicit_reject(outcome.response.message)
    return outcome.response
