"""What canisters do by themselves: timers, heartbeats, the hook for little memory; and what time ends.

Source: the IC interface specification, sections "Heartbeat", "Global timer", "On Low Wasm Memory", "Call expiry".
"""

from collections.abc import Callable
from typing import Protocol

from orchestrator.replica.canister import Canister, CanisterStatus, LowMemoryHook
from orchestrator.replica.execution import Execution
from orchestrator.replica.limits import NANOSECONDS
from orchestrator.replica.messages import CallContext, Origin, Response, ResponseMessage, SystemTask, TaskKind
from orchestrator.replica.rejects import Reason, reject
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.vm.interface import Message, MessageKind

__all__ = ["HEARTBEAT_INTERVAL_NS", "Tasks"]

HEARTBEAT_INTERVAL_NS = NANOSECONDS
"""How often a heartbeat is due, about as often as the mainnet makes blocks."""


class Ends(Protocol):
    """Who tells how calls end."""

    def respond(self, origin: Origin, response: Response, refund: int) -> None:
        """Tell whoever waits how a call ended."""
        ...


class Tasks:
    """Queues what is due, and runs it. `close_if_done` gets the call context of each task that ran."""

    def __init__(self, state: ReplicaState, execution: Execution, ends: Ends, close_if_done: Callable[[CallContext], None]) -> None:
        """Take the state and whom to tell."""
        self._state = state
        self._execution = execution
        self._ends = ends
        self._close_if_done = close_if_done
        self._last_heartbeat = 0

    def tick(self) -> None:
        """Queue the timers, heartbeats, hooks and expired deadlines that are due."""
        now = self._execution.now()
        beats = now - self._last_heartbeat >= HEARTBEAT_INTERVAL_NS and not self._has_tasks()
        if beats:
            self._last_heartbeat = now
        for canister in self._state.canisters.values():
            if canister.stop_waiters:
                self._expire_stop_waiters(canister, now)
            if canister.instance is not None and canister.status is CanisterStatus.RUNNING:
                self._queue_tasks(canister, now, beats=beats)
        for number in self._state.take_expired(now):
            self._state.queue.append(ResponseMessage(callback_id=number, response=reject(Reason.DEADLINE), refund=0))

    def run(self, task: SystemTask) -> None:
        """Run a task, unless the canister cannot run it any more."""
        canister = self._state.canisters.get(task.canister_id)
        if canister is None or canister.instance is None or canister.status is not CanisterStatus.RUNNING:
            return
        if self._execution.charging.refusal(canister, MessageKind.SYSTEM_TASK) is not None:
            return
        if task.kind is TaskKind.LOW_MEMORY:
            if canister.low_memory_hook is not LowMemoryHook.READY:
                return
            canister.low_memory_hook = LowMemoryHook.EXECUTED
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

    def _queue_tasks(self, canister: Canister, now: int, *, beats: bool) -> None:
        if 0 < canister.global_timer <= now and self._may_run_timer(canister):
            canister.global_timer = 0
            self._state.queue.append(SystemTask(canister_id=canister.id, kind=TaskKind.GLOBAL_TIMER))
        if beats and canister.exports(TaskKind.HEARTBEAT):
            self._state.queue.append(SystemTask(canister_id=canister.id, kind=TaskKind.HEARTBEAT))
        if canister.settings.wasm_memory_threshold or canister.low_memory_hook is not LowMemoryHook.CONDITION_NOT_SATISFIED:
            self._execution.watch_memory(canister)  # the settings may have changed, or the canister has been started

    def _may_run_timer(self, canister: Canister) -> bool:
        """Say if a timer that is due can run; while the canister is frozen it stays set."""
        frozen = self._execution.charging.refusal(canister, MessageKind.SYSTEM_TASK) is not None
        return canister.exports(TaskKind.GLOBAL_TIMER) and not frozen

    def _has_tasks(self) -> bool:
        """Say if tasks wait already: heartbeats must not pile up behind slow ones."""
        return any(isinstance(item, SystemTask) for item in self._state.queue)

    def _expire_stop_waiters(self, canister: Canister, now: int) -> None:
        for waiter in [waiter for waiter in canister.stop_waiters if waiter.deadline < now]:
            canister.stop_waiters.remove(waiter)
            self._ends.respond(waiter.origin, reject(Reason.STOP_TIMED_OUT), waiter.cycles)
