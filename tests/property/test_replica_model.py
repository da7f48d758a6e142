"""Canisters that call each other at random, with time passing, stops, starts, upgrades and queries in between, against a model."""

import json
from dataclasses import dataclass, field
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.call_model import MISSING, Answer, CallModel, Canister, Entry, Outgoing, Step
from tests.support.scripted_machine import Function, Run
from tests.support.scripted_network import EXPIRY, OWNER, SECOND, START_TIME, ScriptedNetwork, encode_argument

CANISTERS = 3
NOBODY = b"\x01\x02\x03"
STEP_SECONDS = 7
"""How time passes: deadlines of 10 seconds never fall on a moment that is looked at."""

Plan = list[object]
ENDS = st.sampled_from(["reply", "reject", "trap", "nothing"])


def build_steps(calls: st.SearchStrategy[tuple[Outgoing, ...]]) -> st.SearchStrategy[Step]:
    """Return steps with these calls."""
    cleanups = st.sampled_from(["none", "note", "trap"])
    return st.builds(Step, st.integers(0, 99), st.integers(0, 60), ENDS, ENDS, st.integers(0, 60), cleanups, calls)


STEPS = st.recursive(
    build_steps(st.just(())),
    lambda inner: build_steps(
        st.lists(
            st.builds(Outgoing, st.integers(MISSING, CANISTERS - 1), st.integers(0, 100), st.sampled_from([None, 10, 10, 30]), inner),
            max_size=3,
        ).map(tuple)
    ),
    max_leaves=10,
)
ACTIONS = st.one_of(
    st.tuples(st.just("call"), st.integers(0, CANISTERS - 1), STEPS),
    st.tuples(st.just("call and wait"), st.integers(0, CANISTERS - 1), STEPS, st.integers(1, 4), st.booleans()),
    st.tuples(st.just("run"), st.integers(1, 5)),
    st.tuples(st.just("pass time"), st.integers(1, 3), st.booleans()),
    st.tuples(st.sampled_from(["stop_canister", "start_canister", "install_code"]), st.integers(0, CANISTERS - 1)),
    st.tuples(st.just("query"), st.integers(0, CANISTERS - 1)),
)


def plan_of(step: Step) -> Plan:
    """Return a step as JSON."""
    calls = [[call.target, call.cycles, call.timeout, plan_of(call.step)] for call in step.calls]
    return [step.number, step.accept, step.end, step.back_end, step.back_accept, step.cleanup, calls]


def log_of(memory: dict[str, object]) -> list[Entry]:
    """Return what happened to a canister."""
    return cast("list[Entry]", memory.setdefault("log", []))


def finish(run: Run, end: object) -> None:
    """End a message; who has been answered already says nothing."""
    if end == "trap":
        run.trap()
    elif end == "reply" and not run.message.responded:
        run.reply()
    elif end == "reject" and not run.message.responded:
        run.reject("on purpose")


@dataclass
class World:
    """The network and the model, led the same way."""

    network: ScriptedNetwork = field(default_factory=ScriptedNetwork)
    model: CallModel = field(default_factory=lambda: CallModel([Canister() for _ in range(CANISTERS)], now=START_TIME, expiry=EXPIRY))
    requests: list[bytes | Rejection] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    ids: list[Principal] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Deploy the canisters."""
        self.wasm = self.network.machine.module(
            {
                "canister_update act": self.act,
                "canister_query look": lambda run: run.reply(json.dumps(log_of(run.memory)).encode()),
                "canister_query write": lambda run: (log_of(run.memory).append(["lost"]), run.reply())[1],  # type: ignore[func-returns-value]
                "canister_pre_upgrade": lambda run: run.stable.update(kept=log_of(run.memory)),
                "canister_post_upgrade": self.return_from_upgrade,
            },
            functions=cast("dict[int, Function]", {1: self.back, 2: self.clean}),
        )
        self.ids = [self.network.deploy(self.wasm) for _ in range(CANISTERS)]

    def act(self, run: Run) -> None:
        """Take a step."""
        number, accept, end, _, _, cleanup, calls = plan = json.loads(run.message.arg)
        self.plans.append(plan)
        accepted = min(accept, run.message.cycles_available)
        run.accept_cycles(accepted)
        log_of(run.memory).append(["call", number, accepted])
        for target, cycles, timeout, inner in calls:
            run.call(
                NOBODY if target == MISSING else self.ids[target].raw,
                "act",
                json.dumps(inner).encode(),
                cycles=cycles,
                timeout_seconds=timeout,
                on_reply=Callback(1, len(self.plans) - 1),
                on_reject=Callback(1, len(self.plans) - 1),
                on_cleanup=None if cleanup == "none" else Callback(2, len(self.plans) - 1),
            )
        finish(run, end)

    def back(self, run: Run) -> None:
        """Take what a call brought back."""
        number, _, _, end, accept, _, _ = self.plans[run.environment]
        message = run.message
        accepted = 0 if message.responded else min(cast("int", accept), message.cycles_available)
        run.accept_cycles(accepted)
        log_of(run.memory).append(["back", number, message.reject_code, message.cycles_refunded, accepted])
        finish(run, end)

    def clean(self, run: Run) -> None:
        """Clean up."""
        number, *_, cleanup, _ = self.plans[run.environment]
        log_of(run.memory).append(["clean", number, run.message.reject_code])
        if cleanup == "trap":
            run.trap()

    def return_from_upgrade(self, run: Run) -> None:
        """Take the log back out of stable memory."""
        run.memory["log"] = [*cast("list[Entry]", run.stable["kept"]), ["upgraded"]]

    def lead(self, action: tuple[object, ...]) -> None:
        """Do the same thing to both."""
        match action:
            case ("call", int(target), Step() as step):
                self.model.submit(len(self.requests), target, step)
                self.requests.append(self.network.submit(self.ids[target], "act", json.dumps(plan_of(step)).encode()))
            case ("call and wait", int(target), Step() as step, int(count), bool(ticks)):
                for part in (("call", target, step), ("run", count), ("pass time", 2, ticks)):
                    self.lead(part)
            case ("run", int(count)):
                self.model.run(count)
                self.network.replica.run(count)
            case ("pass time", int(count), bool(ticks)):
                self.network.time.now += count * STEP_SECONDS * SECOND
                self.model.now += count * STEP_SECONDS * SECOND
                if ticks:
                    self.network.replica.tick()
                    self.model.tick()
            case ("query", int(target)):
                self.query(target)
            case (str(method), int(target)):
                self.model.manage(len(self.requests), method, target)
                self.requests.append(self.network.submit(Principal(b""), method, self.argument(method, target)))

    def argument(self, method: str, target: int) -> bytes:
        """Return the argument of a management call."""
        values: dict[str, object] = {"canister_id": self.ids[target]}
        if method == "install_code":
            values |= {"mode": Variant("upgrade"), "wasm_module": self.wasm, "arg": b""}
        return encode_argument(method, values)

    def query(self, target: int) -> None:
        """Ask a canister what happened to it; before that, let a query write what nobody may ever see."""
        canister = self.model.canisters[target]
        for method in ("write", "look"):
            response = self.network.replica.query(self.ids[target].raw, method, b"", OWNER.raw)
            assert isinstance(response, Reply) == (canister.status == "running")
        if isinstance(response, Reply):
            assert json.loads(response.data) == canister.log

    def compare(self) -> None:
        """Compare everything that both know."""
        for principal, canister in zip(self.ids, self.model.canisters, strict=True):
            own = self.network.canister(principal)
            assert log_of(dict(vars(own.instance)["memory"])) == canister.log
            assert own.status.name.lower() == canister.status
            assert len(self.network.state.contexts_of(principal.raw)) == len(canister.open)
        for number, request in enumerate(self.requests):
            assert code_of(self.network.response(request)) == code_of_model(self.model.answers.get(number))


def code_of(response: Response | None) -> int | None:
    """Return the reject code of a response, 0 for a reply, None before there is one."""
    return response.code if isinstance(response, Rejection) else None if response is None else 0


def code_of_model(answer: Answer | None) -> int | None:
    """Return the same of the model."""
    return None if answer is None else answer.code


@settings(max_examples=80)
@given(st.lists(ACTIONS, min_size=1, max_size=14))
def test_canisters_do_what_the_specification_says(actions: list[tuple[object, ...]]) -> None:
    """After every action the canisters' states, their open calls and all answers are the model's; in the end nothing is open."""
    world = World()
    for action in actions:
        world.lead(action)
        world.compare()
    for _ in range(6):
        world.lead(("run", 500))
        world.lead(("pass time", 3, True))
    world.compare()
    assert not world.network.state.contexts
    assert not world.network.state.callbacks
    assert all(world.network.response(request) is not None for request in world.requests)
