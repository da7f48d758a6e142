"""The scheduler's clock: timers and heartbeats."""

import pytest

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
