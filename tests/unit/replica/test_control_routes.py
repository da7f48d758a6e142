"""The control channel's route for the clock."""

import anyio
import pytest

from orchestrator.replica.control import ControlError
from orchestrator.replica.control_routes import LATEST_TIME_NS, MAX_ADVANCE_NS, make_operations
from orchestrator.replica.driver import Driver
from tests.support.certified_site import NoPersistence
from tests.support.scripted_network import ScriptedNetwork


async def advance(network: ScriptedNetwork, nanoseconds: int) -> int:
    """Move a network's clock and return how far it then is from the machine's."""
    driver = Driver(network.replica, NoPersistence(), limiter=anyio.CapacityLimiter(1))
    told = await make_operations(driver, NoPersistence())["/time"]({"advance_ns": str(nanoseconds)})
    return int(str(told["offset_ns"]))


def test_the_clock_has_an_end() -> None:
    """It is never moved to where numbers of 64 bits cannot follow; what was refused moves nothing."""
    network = ScriptedNetwork()
    steps = (LATEST_TIME_NS - network.time.now) // MAX_ADVANCE_NS
    assert [anyio.run(advance, network, MAX_ADVANCE_NS) for _ in range(steps)][-1] == steps * MAX_ADVANCE_NS
    with pytest.raises(ControlError) as caught:
        anyio.run(advance, network, MAX_ADVANCE_NS)
    assert (caught.value.status, anyio.run(advance, network, 0)) == (400, steps * MAX_ADVANCE_NS)
