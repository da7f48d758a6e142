"""Creating, starting, stopping and deleting canisters, their settings and their cycles."""

from collections.abc import Mapping
from typing import cast

from orchestrator.core.principal import Principal
from orchestrator.protocol.request_id import hash_of_map
from orchestrator.replica import limits
from orchestrator.replica.canister import Canister, CanisterStatus, ChangeKind, Settings, StopWaiter
from orchestrator.replica.certified_state import is_in_ranges
from orchestrator.replica.management.context import (
    DEFERRED,
    Answer,
    Argument,
    Context,
    change_by,
    check_replaceable,
    controlled_canister,
    principal_of,
    refuse,
)
from orchestrator.replica.management.removing import remove_code
from orchestrator.replica.management.settings import apply_settings, check_allocations
from orchestrator.replica.messages import Call
from orchestrator.replica.rejects import Reason, RejectedError, reject

__all__ = [
    "create_canister",
    "delete_canister",
    "deposit_cycles",
    "provisional_create_canister_with_cycles",
    "provisional_top_up_canister",
    "raw_rand",
    "start_canister",
    "stop_canister",
    "uninstall_code",
    "update_settings",
]

_RANDOM_BYTES = 32


def create_canister(context: Context, call: Call, argument: Argument) -> Answer:
    """Create a canister for another canister, which pays the fee; the rest is the new one's balance."""
    fee = context.environment.fees.canister_creation
    if call.cycles < fee:
        raise RejectedError(reject(Reason.CREATION_CYCLES, fee=fee, received=call.cycles))
    canister_id = _create(context, call, argument, cycles=call.cycles - fee, canister_id=None)
    context.state.canisters[canister_id].consumed["canister_creation"] = fee
    return Answer(({"canister_id": Principal(canister_id)},), accepted_cycles=call.cycles)


def provisional_create_canister_with_cycles(context: Context, call: Call, argument: Argument) -> Answer:
    """Create a canister for anybody, with fresh cycles and, if wanted, a given id."""
    cycles = limits.DEFAULT_PROVISIONAL_CYCLES if argument.get("amount") is None else _fresh_cycles(argument)
    wanted = principal_of(argument, "specified_id") if argument.get("specified_id") is not None else None
    if wanted is not None and not is_in_ranges(wanted):
        raise RejectedError(reject(Reason.NOT_HOSTED, canister=wanted, subnet=context.environment.subnet_id))
    if wanted in context.state.canisters:
        raise RejectedError(reject(Reason.CANISTER_EXISTS, canister=wanted or b""))
    canister_id = _create(context, call, argument, cycles=cycles, canister_id=wanted)
    return Answer(({"canister_id": Principal(canister_id)},))


def _create(context: Context, call: Call, argument: Argument, *, cycles: int, canister_id: bytes | None) -> bytes:
    changes = cast("Mapping[str, object]", argument.get("settings") or {})
    settings = apply_settings(Settings(controllers=(call.caller,)), changes)
    now = context.execution.now()
    canister = Canister(id=canister_id or context.state.new_canister_id(), settings=settings, cycles=cycles, created_at=now)
    canister.record(
        change_by(
            call,
            argument,
            now=now,
            version=0,
            kind=ChangeKind.CREATION,
            controllers=settings.controllers,
            environment_hash=None if changes.get("environment_variables") is None else hash_of_map(dict(settings.environment_variables)),
        )
    )
    check_allocations(context, canister, Settings(controllers=()))
    context.state.add_canister(canister)
    return canister.id


def update_settings(context: Context, call: Call, argument: Argument) -> Answer:
    """Change the settings that are given."""
    canister = controlled_canister(context, call, argument)
    before, changes = canister.settings, cast("Mapping[str, object]", argument["settings"])
    canister.settings = apply_settings(before, changes)
    try:
        check_allocations(context, canister, before)
    except RejectedError:
        canister.settings = before
        canister.forget_size()  # what is known by now is what the new settings would have frozen
        raise
    canister.trim_logs()
    canister.version += 1
    if changes.get("controllers") is not None:
        now, controllers = context.execution.now(), canister.settings.controllers
        kind = ChangeKind.CONTROLLERS_CHANGE
        canister.record(change_by(call, argument, now=now, version=canister.version, kind=kind, controllers=controllers))
    context.state.touched.add(canister.id)
    return Answer()


def start_canister(context: Context, call: Call, argument: Argument) -> Answer:
    """Let a canister take calls again; whoever still waited for it to stop is rejected."""
    canister = controlled_canister(context, call, argument)
    waiters, canister.stop_waiters = canister.stop_waiters, []
    for waiter in waiters:
        context.scheduler.respond(waiter.origin, reject(Reason.STOP_CANCELLED, canister=canister.id), waiter.cycles)
    canister.status = CanisterStatus.RUNNING
    canister.version += 1
    return Answer()


def stop_canister(context: Context, call: Call, argument: Argument) -> Answer | None:
    """Take no more calls; the answer comes when no call is open any more."""
    canister = controlled_canister(context, call, argument)
    canister.version += 1
    if canister.status is CanisterStatus.STOPPED:
        return Answer()
    canister.status = CanisterStatus.STOPPING
    deadline = context.execution.now() + limits.STOP_TIMEOUT_NS
    canister.stop_waiters.append(StopWaiter(call.origin, call.cycles, deadline))
    context.scheduler.settle_stopping(canister)
    return DEFERRED


def delete_canister(context: Context, call: Call, argument: Argument) -> Answer:
    """Forget a stopped canister with everything it had."""
    canister = controlled_canister(context, call, argument)
    if canister.status is not CanisterStatus.STOPPED:
        raise RejectedError(reject(Reason.NOT_STOPPED, canister=canister.id))
    if canister.instance is not None:
        canister.instance.close()
    context.state.remove_canister(canister.id)
    return Answer()


def uninstall_code(context: Context, call: Call, argument: Argument) -> Answer:
    """Take a canister's code and state away; open calls are rejected."""
    canister = controlled_canister(context, call, argument)
    check_replaceable(canister)
    now = context.execution.now()
    change = change_by(call, argument, now=now, version=canister.version + 1, kind=ChangeKind.CODE_UNINSTALL)
    remove_code(context.state, context.scheduler, canister, now, change)
    return Answer()


def deposit_cycles(context: Context, call: Call, argument: Argument) -> Answer:
    """Give the call's cycles to any canister."""
    context.state.canister(principal_of(argument, "canister_id")).credit(call.cycles)
    return Answer(accepted_cycles=call.cycles)


def provisional_top_up_canister(context: Context, call: Call, argument: Argument) -> Answer:  # noqa: ARG001 # the shape of every method
    """Give fresh cycles to any canister."""
    context.state.canister(principal_of(argument, "canister_id")).credit(_fresh_cycles(argument))
    return Answer()


def _fresh_cycles(argument: Argument) -> int:
    """Return an amount that is to be made of nothing; raises `RejectedError` when no balance can have it."""
    amount = cast("int", argument["amount"])
    if amount > limits.MAX_CYCLES:
        raise refuse(f"An amount of cycles is at most {limits.MAX_CYCLES}, and {amount} is more.")
    return amount


def raw_rand(context: Context, call: Call, argument: Argument) -> Answer:  # noqa: ARG001 # the shape of every method
    """Return 32 random bytes."""
    return Answer((context.environment.entropy(_RANDOM_BYTES),))
