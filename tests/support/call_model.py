"""What canisters that call each other leave behind, told a second time: the rules of the specification on plain data.

The model knows nothing of the replica. It has its own queue, call contexts and callbacks, and follows the transitions of
"Abstract behavior": call context creation, message execution, callback invocation, call expiry, starvation, stopping.
A canister's state is the list of what happened to it; whoever traps loses what the message added.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

End = Literal["reply", "reject", "trap", "nothing"]
Entry = list[object]
NANOSECONDS = 1_000_000_000
MISSING = -1
"""A target that does not exist."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a canister does when it is called: accept cycles, call others, end; and how its callbacks and cleanup end."""

    number: int
    accept: int
    end: End
    back_end: End
    back_accept: int
    cleanup: Literal["none", "note", "trap"]
    calls: tuple["Outgoing", ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that a step makes; `timeout` in seconds, None without a bound."""

    target: int
    cycles: int
    timeout: int | None
    step: Step


@dataclass(slots=True)
class Answer:
    """How a call ended: reject code 0 is a reply."""

    code: int = 0


@dataclass(slots=True)
class Context:
    """A call context; `origin` is the callback of a canister, or the number of a user's request."""

    canister: int
    step: Step
    origin: "Pending | int"
    cycles: int
    responded: bool = False
    pending: int = 0
    deleted: bool = False


@dataclass(slots=True, eq=False)
class Pending:
    """A callback that waits; `deadline` is 0 when it waits for ever."""

    context: Context
    call: Outgoing
    deadline: int
    done: bool = False


@dataclass(slots=True)
class Canister:
    """A canister: what happened to it, its status, and who waits for it to stop."""

    log: list[Entry] = field(default_factory=list)
    status: Literal["running", "stopping", "stopped"] = "running"
    open: list[Context] = field(default_factory=list)
    stoppers: list[int] = field(default_factory=list)
    versions: int = 0


@dataclass(slots=True)
class CallModel:
    """All canisters and what is on its way. `answers` has the end of every request of a user; all of them expire at `expiry`."""

    canisters: list[Canister]
    now: int
    expiry: int
    queue: deque[object] = field(default_factory=deque)
    waiting: list[Pending] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)

    def submit(self, request: int, target: int, step: Step) -> None:
        """Queue a user's call."""
        if self.canisters[target].status == "running":
            self.queue.append(("call", target, step, request, 0, 0))
        else:
            self.answers[request] = Answer(5)

    def manage(self, request: int, method: str, target: int) -> None:
        """Queue a management call of a user."""
        self.queue.append(("manage", method, target, request))

    def tick(self) -> None:
        """End the calls whose time is up, in the order of their deadlines."""
        self.waiting = [pending for pending in self.waiting if not pending.done]
        expired = [pending for pending in self.waiting if pending.deadline < self.now]
        for pending in sorted(expired, key=lambda pending: pending.deadline):
            self.queue.append(("response", pending, Answer(6), 0))
            self.waiting.remove(pending)

    def run(self, limit: int) -> None:
        """Execute at most so many messages."""
        for _ in range(limit):
            if not self.queue:
                return
            message = self.queue.popleft()
            assert isinstance(message, tuple)
            match message:
                case ("call", target, step, origin, cycles, deadline):
                    self._call(target, step, origin, cycles, deadline)
                case ("response", pending, answer, refund):
                    self._response(pending, answer, refund)
                case ("manage", method, target, request):
                    self._manage(method, target, request)

    def _respond(self, origin: Pending | int, answer: Answer, refund: int) -> None:
        if isinstance(origin, int):
            self.answers[origin] = answer
        else:
            self.queue.append(("response", origin, answer, refund))

    def _call(self, target: int, step: Step, origin: Pending | int, cycles: int, deadline: int) -> None:
        if isinstance(origin, int) and self.expiry < self.now:
            self._respond(origin, Answer(2), 0)
        elif 0 < deadline < self.now:
            self._respond(origin, Answer(6), 0)
        elif target == MISSING:
            self._respond(origin, Answer(3), cycles)
        elif self.canisters[target].status != "running" or step.end == "trap":
            self._respond(origin, Answer(5), cycles)
        else:
            canister = self.canisters[target]
            context = Context(target, step, origin, cycles)
            canister.open.append(context)
            accepted = min(step.accept, cycles)
            canister.log.append(["call", step.number, accepted])
            context.cycles -= accepted
            self._send(context, step)
            self._finish(context, step.end)

    def _send(self, context: Context, step: Step) -> None:
        for call in step.calls:
            deadline = 0 if call.timeout is None else self.now + call.timeout * NANOSECONDS
            pending = Pending(context, call, deadline)
            if deadline:
                self.waiting.append(pending)
            context.pending += 1
            self.queue.append(("call", call.target, call.step, pending, call.cycles, deadline))

    def _finish(self, context: Context, end: End) -> None:
        if not context.responded:
            if end == "reply":
                self._answer(context, Answer(0))
            elif end == "reject":
                self._answer(context, Answer(4))
            elif context.pending == 0:
                self._answer(context, Answer(5))
        self._close(context)

    def _answer(self, context: Context, answer: Answer) -> None:
        context.responded = True
        self._respond(context.origin, answer, context.cycles)
        context.cycles = 0

    def _close(self, context: Context) -> None:
        canister = self.canisters[context.canister]
        if context.responded and context.pending == 0 and context in canister.open:
            canister.open.remove(context)
            self._settle(canister)

    def _settle(self, canister: Canister) -> None:
        if canister.status == "stopping" and not canister.open:
            canister.status = "stopped"
            for request in canister.stoppers:
                self.answers[request] = Answer(0)
            canister.stoppers = []

    def _response(self, pending: Pending, answer: Answer, refund: int) -> None:
        if pending.done:
            return
        pending.done = True
        context = pending.context
        context.pending -= 1
        if context.deleted:
            self._close(context)
            return
        canister, step = self.canisters[context.canister], context.step
        if step.back_end == "trap":
            if step.cleanup == "note":
                canister.log.append(["clean", step.number, answer.code])
            if context.pending == 0 and not context.responded:
                self._answer(context, Answer(5))
        else:
            accepted = 0 if context.responded else min(step.back_accept, context.cycles)
            canister.log.append(["back", step.number, answer.code, refund, accepted])
            context.cycles -= accepted
            self._finish(context, step.back_end)
        self._close(context)

    def _manage(self, method: str, target: int, request: int) -> None:
        canister = self.canisters[target]
        if self.expiry < self.now:
            self.answers[request] = Answer(2)
            return
        if method == "stop_canister":
            if canister.status != "stopped":
                canister.status = "stopping"
                canister.stoppers.append(request)
                self._settle(canister)
                return
        elif method == "start_canister":
            for stopper in canister.stoppers:
                self.answers[stopper] = Answer(5)
            canister.stoppers, canister.status = [], "running"
        elif method == "install_code":
            canister.log = [*canister.log, ["upgraded"]]
        self.answers[request] = Answer(0)
