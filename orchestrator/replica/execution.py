"""Running one message of one canister and taking over, or undoing, what it did."""

import logging
from dataclasses import replace

from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.canister import Canister, LowMemoryHook
from orchestrator.replica.charging import Charging
from orchestrator.replica.messages import Call, CallbackOrigin, CallContext, PendingCallback, SystemTask, TaskKind
from orchestrator.replica.rejects import Rejection, trapped
from orchestrator.replica.sender_version import wrong_sender_version
from orchestrator.replica.state import Environment, ReplicaState
from orchestrator.replica.vm.interface import Callback, Instance, Message, MessageKind, Outcome, OutgoingCall, Trap
from orchestrator.replica.vm.limits import MAX_WASM_MEMORY_BYTES

__all__ = ["Execution", "rejection_of"]

_LOG = logging.getLogger(__name__)
_CALLED_TRAP, _ENGINE_ERROR = "IC0503", "IC0521"
_NEW_CODE = frozenset({MessageKind.START, MessageKind.INIT, MessageKind.POST_UPGRADE})
"""Messages of code that is about to be the canister's: they see the version it will have, and no timer."""


def rejection_of(canister_id: bytes, trap: Trap) -> Rejection:
    """Return the rejection that a trap causes."""
    return trapped(canister_id, trap.message, trap.error_code)


class Execution:
    """Runs messages against the state; used by the scheduler, by installation and by queries."""

    def __init__(self, state: ReplicaState, environment: Environment) -> None:
        self._state = state
        self._environment = environment
        self.charging = Charging(environment.fees)

    def now(self) -> int:
        """Return the time a message sees."""
        return self._environment.clock.now()

    def run(self, canister: Canister, instance: Instance, entry: str | Callback, message: Message) -> Outcome:
        """Run a message on an instance; its writes stay uncommitted. Nothing is logged.

        A failure of the virtual machine itself is told as a trap: it ends this message, not the network.
        """
        view = canister.view(
            subnet_id=self._environment.subnet_id,
            root_key=self._environment.root_key,
            costs=self.charging.costs(canister, instance, message.kind),
            open_calls=self._state.open_calls_of(canister.id),
        )
        if message.kind in _NEW_CODE:
            view = replace(view, version=view.version + 1, global_timer=0)
        try:
            return instance.run(entry, message, view)
        except Exception as error:  # noqa: BLE001 # the edge between the network and whatever a canister makes the machine do
            _LOG.exception("[%s] the virtual machine failed", Principal(canister.id))
            return Outcome(trap=Trap(f"Canister encountered a Wasm engine error: {error}", _ENGINE_ERROR))

    def run_logged(self, canister: Canister, instance: Instance, entry: str | Callback, message: Message) -> Outcome:
        """Run a replicated message: what it prints, and why it trapped, goes to the canister's log."""
        outcome = self.run(canister, instance, entry, message)
        if outcome.calls and outcome.trap is None:
            outcome.trap = wrong_sender_version(outcome.calls, canister.version)
        self.charging.settle(canister, instance, message.kind, outcome)
        for line in outcome.logs:
            self._log(canister, message.now, line)
        if outcome.trap is not None and outcome.trap.error_code != _CALLED_TRAP:  # what it trapped with is in its lines
            self._log(canister, message.now, b"[TRAP]: " + outcome.trap.message.encode())
        return outcome

    def apply(self, canister: Canister, context: CallContext | None, outcome: Outcome) -> None:
        """Make a successful message's effects permanent; its calls go to the end of the queue."""
        if canister.instance is not None:
            canister.instance.commit()
        canister.memory_version += 1
        self.apply_cycles(canister, context, outcome)
        if outcome.certified_data is not None:
            canister.certified_data = outcome.certified_data
            self._state.touched.add(canister.id)
        if outcome.global_timer is not None:
            canister.global_timer = outcome.global_timer
        if context is not None:
            for call in outcome.calls:
                self._send(canister, context, call)
        self.watch_memory(canister)

    def watch_memory(self, canister: Canister) -> None:
        """See if main memory is about to run out; if so the canister's hook runs next, once until there is room again.

        Spec: "On Low Wasm Memory"; where no limit is set, 4 GiB count.
        """
        if canister.instance is None or not _is_low_on_memory(canister, canister.instance):
            canister.low_memory_hook = LowMemoryHook.CONDITION_NOT_SATISFIED
        elif canister.low_memory_hook is not LowMemoryHook.EXECUTED:
            canister.low_memory_hook = LowMemoryHook.READY
            self._state.queue.appendleft(SystemTask(canister_id=canister.id, kind=TaskKind.LOW_MEMORY))

    def apply_cycles(self, canister: Canister, context: CallContext | None, outcome: Outcome) -> None:
        """Take over only cycles and counters: what is left of a replicated query."""
        canister.version += 1
        self.charging.apply(canister, outcome)
        if context is not None:
            context.cycles -= outcome.cycles_accepted
            context.instructions += outcome.instructions

    def _send(self, canister: Canister, context: CallContext, call: OutgoingCall) -> None:
        deadline = 0
        if call.timeout_seconds is not None:
            deadline = self.now() + min(call.timeout_seconds, limits.MAX_BEST_EFFORT_TIMEOUT_SECONDS) * limits.NANOSECONDS
        pending = self._state.open_callback(
            lambda number: PendingCallback(
                id=number,
                context_id=context.id,
                callee=call.callee,
                cycles=call.cycles,
                on_reply=call.on_reply,
                on_reject=call.on_reject,
                on_cleanup=call.on_cleanup,
                deadline=deadline,
                reserved=call.reserved,
            )
        )
        context.pending += 1
        self._state.queue.append(
            Call(
                caller=canister.id,
                callee=call.callee,
                method=call.method,
                arg=call.arg,
                cycles=call.cycles,
                origin=CallbackOrigin(pending.id),
                deadline=deadline,
            )
        )

    @staticmethod
    def _log(canister: Canister, now: int, line: bytes) -> None:
        canister.log(now, line)
        _LOG.info("[%s] %s", Principal(canister.id), line.decode("utf-8", "replace"))


def _is_low_on_memory(canister: Canister, instance: Instance) -> bool:
    settings = canister.settings
    room = settings.wasm_memory_limit or MAX_WASM_MEMORY_BYTES
    if settings.memory_allocation:
        room = min(room, settings.memory_allocation - instance.stable_bytes)
    return room < instance.memory_bytes + settings.wasm_memory_threshold
