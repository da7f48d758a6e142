"""The scheduler's clock: timers and heartbeats."""

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from tests.support.scripted_machine import Run, ignore
from tests.support.scripted_network import SECOND, START_TIME, ScriptedNetwork


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def test_a_timer_fires_once_when_it_is_due(network: ScriptedNetwork) -> None:
    """The global timer runs its export after its time and is off then."""

    def arm(run: Run) -> None:
        run.outcome.global_timer = START_TIME + 5 * SECOND
        run.reply()

    def fire(run: Run) -> None:
        run.memory["fired"] = len(run.memory) + 1

    canister = network.deploy(network.machine.module({"canister_update arm": arm, "canister_global_timer": fire}))
    network.call(canister, "arm")
    network.replica.tick()
    network.run()
    assert vars(network.canister(canister).instance)["memory"] == {}
    network.time.now += 6 * SECOND
    for _ in range(3):
        network.replica.tick()
        network.run()
    assert vars(network.canister(canister).instance)["memory"] == {"fired": 1}
    assert network.canister(canister).global_timer == 0


def test_heartbeats_follow_the_clock(network: ScriptedNetwork) -> None:
    """A heartbeat runs about once a second while the canister runs, however often the scheduler ticks."""

    def beat(run: Run) -> None:
        count = run.memory.get("beats", 0)
        assert isinstance(count, int)
        run.memory["beats"] = count + 1

    canister = network.deploy(network.machine.module({"canister_heartbeat": beat}))
    for _ in range(10):
        network.replica.tick()
        network.run()
        network.time.now += SECOND // 2
    assert vars(network.canister(canister).instance)["memory"]["beats"] == 5


def test_heartbeats_do_not_pile_up(network: ScriptedNetwork) -> None:
    """While one waits to run, no further ones are queued."""
    network.deploy(network.machine.module({"canister_heartbeat": ignore}))
    for _ in range(3):
        network.time.now += 2 * SECOND
        network.replica.tick()
    assert len(network.state.queue) == 1


def timed(network: ScriptedNetwork, fired: list[int]) -> Principal:
    """Deploy a canister whose `set` sets its timer to seconds after the start, and traps if its argument begins with `!`."""

    def set_timer(run: Run) -> None:
        text = run.message.arg.decode()
        run.outcome.global_timer = int(text.strip("!")) and START_TIME + int(text.strip("!")) * SECOND
        if text.startswith("!"):
            run.trap()
        else:
            run.reply()

    def fire(run: Run) -> None:
        fired.append((run.message.now - START_TIME) // SECOND)
        if len(fired) == 1:
            run.outcome.global_timer = START_TIME + 100 * SECOND

    wasm = network.machine.module({"canister_update set": set_timer, "canister_global_timer": fire})
    canister = network.deploy(wasm)
    network.install(canister, wasm, mode=Variant("reinstall"))
    return canister


def pass_time(network: ScriptedNetwork, seconds: int) -> None:
    """Let time pass, and run what is due."""
    network.time.now = START_TIME + seconds * SECOND
    network.replica.tick()
    network.run()


def test_a_timer_in_the_past_fires_at_once_and_may_set_the_next(network: ScriptedNetwork) -> None:
    """A time that has passed is due at once; what the timer's own code sets fires after it."""
    fired: list[int] = []
    network.time.now += 50 * SECOND
    network.call(timed(network, fired), "set", b"20")
    pass_time(network, 51)
    pass_time(network, 99)
    pass_time(network, 101)
    pass_time(network, 500)
    assert fired == [51, 101]


def test_a_timer_is_set_by_messages_that_succeed_only(network: ScriptedNetwork) -> None:
    """Zero takes a timer back; a message that traps neither sets one nor takes one back."""
    fired: list[int] = []
    canister = timed(network, fired)
    network.call(canister, "set", b"!10")
    pass_time(network, 20)
    network.call(canister, "set", b"30")
    network.call(canister, "set", b"!0")
    pass_time(network, 40)
    assert fired == [40]
    network.call(canister, "set", b"0")
    pass_time(network, 200)
    assert fired == [40]


def test_new_code_begins_without_a_timer(network: ScriptedNetwork) -> None:
    """Whatever replaces the code takes the timer away."""
    fired: list[int] = []
    canister = timed(network, fired)
    wasm = network.canister(canister).wasm
    assert wasm is not None
    for mode in ("upgrade", "reinstall"):
        network.call(canister, "set", b"10")
        network.install(canister, wasm, mode=Variant(mode))
        assert network.canister(canister).global_timer == 0
    pass_time(network, 20)
    assert fired == []
