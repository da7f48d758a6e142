"""What travels between canisters, and what waits for it: plain data, so that a checkpoint can keep it.

Whoever is to be told about a call's end is its `Origin`: the status of a request, a callback of another
canister, or nobody. Times are nanoseconds since 1970.
"""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Reply

__all__ = [
    "Call",
    "CallContext",
    "CallbackOrigin",
    "IngressOrigin",
    "NoOrigin",
    "Origin",
    "PendingCallback",
    "QueueItem",
    "Response",
    "ResponseMessage",
    "SystemTask",
    "TaskKind",
]

Response = Reply | Rejection


@dataclass(frozen=True, slots=True)
class IngressOrigin:
    """The call is a user's request; its end is the request's status."""

    request_id: bytes


@dataclass(frozen=True, slots=True)
class CallbackOrigin:
    """The call was made by a canister; its end runs a callback."""

    callback_id: int


@dataclass(frozen=True, slots=True)
class NoOrigin:
    """Nobody waits."""


Origin = IngressOrigin | CallbackOrigin | NoOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call on its way to a canister, or to the management canister (an empty callee).

    `deadline` is 0 unless the caller waits for a bounded time; `expiry` is a request's, 0 for canisters. The caller
    info is what a canister that signed for the user says about the user, and which canister that is.
    """

    caller: bytes
    callee: bytes
    method: str
    arg: bytes
    cycles: int
    origin: Origin
    deadline: int = 0
    expiry: int = 0
    caller_info_data: bytes = b""
    caller_info_signer: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseMessage:
    """The end of a canister's call, on its way back; `refund` are the cycles that were not accepted."""

    callback_id: int
    response: Response
    refund: int


class TaskKind(StrEnum):
    """A canister's own work, as the export that does it."""

    GLOBAL_TIMER = "canister_global_timer"
    HEARTBEAT = "canister_heartbeat"
    LOW_MEMORY = "canister_on_low_wasm_memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemTask:
    """A timer, a heartbeat or a hook that is due."""

    canister_id: bytes
    kind: TaskKind


QueueItem = Call | ResponseMessage | SystemTask


@dataclass(slots=True, kw_only=True)
class CallContext:
    """A call that a canister has begun: open until it is answered and no callback is pending.

    `cycles` are those the canister has not accepted yet. `deleted` is set when the code that began it was
    uninstalled: then callbacks only refund.
    """

    id: int
    canister_id: bytes
    call: Call | None
    cycles: int
    responded: bool = False
    pending: int = 0
    deleted: bool = False
    instructions: int = 0


@dataclass(slots=True, kw_only=True)
class PendingCallback:
    """What to run when a call to `callee` ends; `reserved` are the cycles set aside for its response and callback."""

    id: int
    context_id: int
    cycles: int
    on_reply: Callback
    on_reject: Callback
    on_cleanup: Callback | None
    deadline: int = 0
    reserved: int = 0
    callee: bytes = b""
