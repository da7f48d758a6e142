"""The wall clock of a run ends it in time, and stands still while it is told to."""

import math

import anyio
import pytest

from orchestrator.sandbox.wall_clock import WallClock

pytestmark = pytest.mark.anyio


async def test_it_ends_the_block() -> None:
    """What has not ended in time is ended, without an error."""
    with WallClock().running(0.01):
        await anyio.sleep_forever()
    reached = True

    assert reached


async def test_no_time_passes_while_it_is_stopped() -> None:
    """The time that is left before a stop is left after it."""
    clock = WallClock()
    with clock.running(60):
        before = anyio.current_effective_deadline()
        with clock.stopped():
            assert anyio.current_effective_deadline() == math.inf
        after = anyio.current_effective_deadline()

    assert 0 <= after - before < 60


async def test_a_clock_without_a_limit_or_a_block_is_stopped_for_nothing() -> None:
    """Stopping changes nothing where nothing is counted, also once the block has ended."""
    clock = WallClock()
    with clock.stopped():
        pass
    with clock.running(None), clock.stopped():
        pass
    with clock.stopped():
        deadline = anyio.current_effective_deadline()

    assert deadline == math.inf
