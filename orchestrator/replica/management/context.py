"""What the methods of the management canister share: their surroundings, access checks and answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from orchestrator.core.principal import Principal
from orchestrator.replica.canister import Canister, Change, ChangeKind, LoadedSnapshot
from orchestrator.replica.charging import require_cycles
from orchestrator.replica.execution import Execution
from orchestrator.replica.fees import frozen_cycles, memory_usage
from orchestrator.replica.messages import Call, CallbackOrigin
from orchestrator.replica.rejects import Reason, RejectedError, reject
from orchestrator.replica.scheduler import Scheduler
from orchestrator.replica.state import Environment, ReplicaState

__all__ = [
    "DEFERRED",
    "Answer",
    "Argument",
    "Context",
    "Method",
    "change_by",
    "check_replaceable",
    "check_room",
    "chunk_error",
    "controlled_canister",
    "pay_instructions",
    "principal_of",
    "refuse",
]

Argument = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The network that a management call works on."""

    state: ReplicaState
    execution: Execution
    environment: Environment
    scheduler: Scheduler


@dataclass(frozen=True, slots=True)
class Answer:
    """A method's result: the values it replies with, and how many of the call's cycles it kept."""

    values: tuple[object, ...] = ()
    accepted_cycles: int = 0


DEFERRED: Answer | None = None
"""What a method returns when its answer comes later, through the scheduler."""

Method = Callable[[Context, Call, Argument], Answer | None]


def refuse(detail: str) -> RejectedError:
    """Make the error of an argument that asks for what is not allowed."""
    return RejectedError(reject(Reason.INVALID_ARGUMENT, detail=detail))


def chunk_error(detail: str) -> RejectedError:
    """Make the error of a chunk store that cannot take or give what is asked for."""
    return RejectedError(reject(Reason.CHUNK_STORE, detail=detail))


def principal_of(argument: Argument, name: str) -> bytes:
    """Return the bytes of a principal in the argument."""
    value = argument.get(name)
    if not isinstance(value, Principal):
        raise refuse(f"`{name}` is missing")
    return value.raw


def not_controlled(canister: Canister, caller: bytes) -> RejectedError:
    """Make the error of a call by somebody who does not control the canister, once it is executed."""
    controllers = " ".join(str(Principal(controller)) for controller in sorted(canister.settings.controllers))
    return RejectedError(reject(Reason.CANNOT_CONTROL, canister=canister.id, controllers=controllers, caller=caller))


def controlled_canister(
    context: Context, call: Call, argument: Argument, *, name: str = "canister_id", or_itself: bool = False
) -> Canister:
    """Return the canister that the argument names; raises `RejectedError` unless the caller controls it.

    `or_itself` lets the canister call the method about itself without being its own controller.
    """
    canister = context.state.canister(principal_of(argument, name))
    if not canister.is_controlled_by(call.caller) and not (or_itself and call.caller == canister.id):
        raise not_controlled(canister, call.caller)
    return canister


def check_replaceable(canister: Canister) -> None:
    """Raise `RejectedError` for a canister whose code belongs to the network itself."""
    if canister.is_free:
        raise refuse(f"The canister {Principal(canister.id)} belongs to the embedded network: its code can be neither changed nor kept.")


def check_room(context: Context, canister: Canister, grown: int) -> None:
    """Raise `RejectedError` when a canister cannot keep so many more bytes for its freezing threshold."""
    fees = context.environment.fees
    missing = frozen_cycles(canister, fees, memory_bytes=memory_usage(canister) + grown) - canister.cycles
    if grown > 0 and missing > 0 and not canister.is_free:
        raise RejectedError(reject(Reason.GROWTH_CYCLES, size=grown, missing=f"{missing:_}"))


def pay_instructions(context: Context, canister: Canister, instructions: int, *, reason: Reason = Reason.OUT_OF_CYCLES) -> None:
    """Charge a canister for work that is done for it; raises `RejectedError` when it cannot pay without touching what is frozen."""
    fees = context.environment.fees
    amount = fees.execution(instructions, wide=False)
    require_cycles(canister, amount, fees, reason=reason)
    if not canister.is_free:
        canister.charge("instructions", amount)


def change_by(
    call: Call,
    argument: Argument,
    *,
    now: int,
    version: int,
    kind: ChangeKind,
    controllers: tuple[bytes, ...] = (),
    environment_hash: bytes | None = None,
    loaded: LoadedSnapshot | None = None,
) -> Change:
    """Return the entry of the history that a call makes: who did it, and what the canister is after it."""
    by_canister = isinstance(call.origin, CallbackOrigin)
    return Change(
        timestamp=now,
        version=version,
        origin=call.caller,
        kind=kind,
        by_canister=by_canister,
        origin_version=cast("int | None", argument.get("sender_canister_version")) if by_canister else None,
        controllers=controllers,
        environment_hash=environment_hash,
        loaded=loaded,
    )
