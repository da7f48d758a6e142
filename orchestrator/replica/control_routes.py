"""What the control channel does to a network that is loaded: save it, and move its time on."""

from collections.abc import Mapping

from orchestrator.replica.control import ControlError, Operations
from orchestrator.replica.driver import Driver, Persistence
from orchestrator.replica.limits import NANOSECONDS

__all__ = ["LATEST_TIME_NS", "MAX_ADVANCE_NS", "make_operations"]

MAX_ADVANCE_NS = 100 * 365 * 24 * 3600 * NANOSECONDS
"""How far the network's clock may be moved in one request: a hundred years."""
LATEST_TIME_NS = (1 << 63) - 1
"""What the clock may be moved to at most, in nanoseconds since 1970: in the year 2262 many clients' numbers end, and canisters' in 2554."""


def make_operations(driver: Driver, persistence: Persistence) -> Operations:
    """Return the routes of a loaded network.

    `/checkpoint` saves the state. `/time` takes `advance_ns`, a decimal text that may be absent, and tells the time and how
    far it is from the machine's. What they did is on disk before they answer.
    """

    async def checkpoint(content: Mapping[str, object]) -> Mapping[str, object]:
        _allow(content)
        return {"seconds": await driver.run_own(persistence.checkpoint)}

    async def time(content: Mapping[str, object]) -> Mapping[str, object]:
        _allow(content, "advance_ns")
        nanoseconds = _amount(content.get("advance_ns", "0"))
        clock = driver.replica.clock

        def advance() -> None:
            if clock.now() + nanoseconds > LATEST_TIME_NS:
                raise ControlError(400, f"the clock goes no further than {LATEST_TIME_NS} nanoseconds since 1970")
            clock.advance(nanoseconds)
            driver.replica.activity += 1
            persistence.checkpoint()

        if nanoseconds:
            await driver.run_own(advance)
        return {"time_ns": str(clock.now()), "offset_ns": str(clock.offset)}

    return {"/checkpoint": checkpoint, "/time": time}


def _allow(content: Mapping[str, object], *names: str) -> None:
    unknown = sorted(set(content) - set(names))
    if unknown:
        raise ControlError(400, f"unknown field `{unknown[0]}`")


def _amount(value: object) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > len(str(MAX_ADVANCE_NS)):
        raise ControlError(400, "`advance_ns` is a text of decimal digits: time goes forward only")
    nanoseconds = int(value)
    if nanoseconds > MAX_ADVANCE_NS:
        raise ControlError(400, f"`advance_ns` is at most {MAX_ADVANCE_NS}")
    return nanoseconds
