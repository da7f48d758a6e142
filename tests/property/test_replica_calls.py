"""Canisters that call each other at random: every call ends once, and no cycle appears or is lost."""

import json
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Function, Run
from tests.support.scripted_network import ScriptedNetwork

CANISTERS = 3
MAX_EXAMPLES = 80
End = Literal["reply", "reject", "trap", "nothing"]
ENDS: st.SearchStrategy[End] = st.sampled_from(["reply", "reject", "trap", "nothing"])


@dataclass(frozen=True, slots=True)
class Step:
    """What a canister does when it is called: accept cycles, call others, end; and how its callbacks end.

    A target beyond the last canister does not exist.
    """

    accept: int
    end: End
    callback_end: End
    cleanup_traps: bool
    calls: list["tuple[int, int, Step]"] = field(default_factory=list)

    def encode(self) -> bytes:
        """Return the step as the argument that tells a canister to take it."""
        return json.dumps(self._plain()).encode()

    def _plain(self) -> list[object]:
        calls = [[target, cycles, step._plain()] for target, cycles, step in self.calls]
        return [self.accept, self.end, self.callback_end, self.cleanup_traps, calls]


def steps(calls: st.SearchStrategy[list[tuple[int, int, Step]]]) -> st.SearchStrategy[Step]:
    """Return steps with these calls."""
    return st.builds(Step, st.integers(0, 50), ENDS, ENDS, st.booleans(), calls)


STEPS = st.recursive(
    steps(st.just([])),
    lambda inner: steps(st.lists(st.tuples(st.integers(0, CANISTERS), st.integers(0, 100), inner), max_size=3)),
    max_leaves=8,
)


def finish(run: Run, end: str) -> None:
    """End a message; who has been answered already says nothing."""
    if end == "trap":
        run.trap()
    elif not run.message.responded and end != "nothing":
        if end == "reply":
            run.reply()
        else:
            run.reject("on purpose")


def make_network() -> tuple[ScriptedNetwork, list[Principal]]:
    """Deploy canisters that take steps, noting every callback in their memory."""
    network = ScriptedNetwork()
    targets: list[bytes] = []

    def act(run: Run) -> None:
        accept, end, callback_end, cleanup_traps, calls = json.loads(run.message.arg)
        run.accept_cycles(min(accept, run.message.cycles_available))
        number = ["reply", "reject", "trap", "nothing"].index(callback_end)
        for target, cycles, step in calls:
            run.call(
                targets[target],
                "act",
                json.dumps(step).encode(),
                cycles=cycles,
                on_reply=Callback(1, number),
                on_reject=Callback(1, number),
                on_cleanup=Callback(2, int(cleanup_traps)),
            )
        finish(run, end)

    def back(run: Run) -> None:
        finish(run, ["reply", "reject", "trap", "nothing"][run.environment])

    def clean(run: Run) -> None:
        if run.environment:
            run.trap()

    functions: dict[int, Function] = {1: back, 2: clean}
    wasm = network.machine.module({"canister_update act": act}, functions=functions)
    canisters = [network.deploy(wasm) for _ in range(CANISTERS)]
    targets.extend([*(canister.raw for canister in canisters), b"\x01\x02\x03"])
    return network, canisters


@settings(max_examples=MAX_EXAMPLES)
@given(st.lists(st.tuples(st.integers(0, CANISTERS - 1), STEPS), min_size=1, max_size=4))
def test_every_call_ends_and_cycles_are_conserved(requests: list[tuple[int, Step]]) -> None:
    """Whatever canisters do to each other, all requests are answered, nothing stays open, and the sum is the same."""
    network, canisters = make_network()
    before = sum(network.canister(canister).cycles for canister in canisters)
    submitted = [network.submit(canisters[number], "act", step.encode()) for number, step in requests]
    network.run()
    assert all(isinstance(network.response(request), Reply | Rejection) for request in submitted)
    assert not network.state.contexts
    assert not network.state.callbacks
    assert sum(network.canister(canister).cycles for canister in canisters) == before


@settings(max_examples=MAX_EXAMPLES)
@given(st.integers(0, CANISTERS - 1), STEPS, st.integers(0, 12))
def test_stopping_in_the_middle_lets_open_calls_end(number: int, step: Step, when: int) -> None:
    """A canister stopped at any moment is stopped in the end, with its open calls answered."""
    network, canisters = make_network()
    request = network.submit(canisters[number], "act", step.encode())
    network.replica.run(when)
    assert isinstance(network.manage("stop_canister", {"canister_id": canisters[number]}), Reply)
    assert isinstance(network.response(request), Reply | Rejection)
    assert network.canister(canisters[number]).status.name == "STOPPED"
    assert not network.state.contexts


@settings(max_examples=MAX_EXAMPLES)
@given(st.integers(0, CANISTERS - 1), STEPS, st.integers(0, 12))
def test_uninstalling_in_the_middle_loses_no_cycles(number: int, step: Step, when: int) -> None:
    """Code that goes away at any moment leaves no call open and no cycle behind."""
    network, canisters = make_network()
    before = sum(network.canister(canister).cycles for canister in canisters)
    request = network.submit(canisters[number], "act", step.encode())
    network.replica.run(when)
    assert isinstance(network.manage("uninstall_code", {"canister_id": canisters[number]}), Reply)
    assert isinstance(network.response(request), Reply | Rejection)
    assert not network.state.contexts
    assert sum(network.canister(canister).cycles for canister in canisters) == before
