"""What a plugin uses, and when it is stopped."""

import os
import threading
import time

from orchestrator.sandbox.meter import CALL_PULSE_NS, FREE_AFTER_NS, LIFE_NS, MAX_FREEINGS, Meter, thread_clock

WAIT_SECONDS = 30.0
SECOND = 10**9


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        """Start at some point."""
        self.now = 1_000

    def __call__(self) -> int:
        """Tell the time in ns."""
        return self.now


class Pipes:
    """Threads that wait to open a named pipe, for ever again."""

    def __init__(self) -> None:
        """Start with none freed."""
        self.looks = 0

    def free(self) -> str | None:
        """Find one."""
        self.looks += 1
        return "dist/pipe"


class Told:
    """What a meter said and did."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.interrupted = threading.Event()
        self.gave_up = threading.Event()
        self.pulsed = threading.Event()
        self.pulses: list[tuple[int, int]] = []
        self.paths: list[str] = []
        self.written = 0

    def pulse(self, used: int, quiet: int) -> None:
        """Take how the plugin is doing."""
        self.pulses.append((used, quiet))
        self.pulsed.set()

    def give_up(self, path: str) -> None:
        """Take which pipe a plugin is given up for."""
        self.paths.append(path)
        self.gave_up.set()


def meter_of(
    clock: Clock,
    *,
    wall: Clock | None = None,
    told: Told | None = None,
    too_big: bool = False,
    limit: int = 100,
    pipes: Pipes | None = None,
) -> Meter:
    """Make a meter of this process with a limit in ns."""
    told = told or Told()
    return Meter(
        limit_ns=limit,
        parent_pid=os.getppid(),
        clock=clock,
        wall=wall or clock,
        interrupt=told.interrupted.set,
        is_too_big=lambda: too_big,
        written=lambda: told.written,
        tell=told.pulse,
        pipes=pipes,
        give_up=told.give_up,
    )


def test_time_elsewhere_does_not_count() -> None:
    """Canister calls are taken out of the computing time, while they last and after."""
    clock = Clock()
    meter = meter_of(clock)

    clock.now += 30
    with meter.elsewhere():
        clock.now += 1_000
        assert meter.used_ns() == 30
    clock.now += 12

    assert meter.used_ns() == 42


def test_interrupts_at_the_limit() -> None:
    """Once the limit is used the plugin is interrupted, and the meter knows why."""
    clock, told = Clock(), Told()
    meter = meter_of(clock, told=told)

    with meter.watching():
        assert meter.expired is None
        clock.now += 100
        assert told.interrupted.wait(WAIT_SECONDS)

    assert meter.expired == "compute"


def test_a_plugin_may_sleep() -> None:
    """Time that passes without computing is not held against a plugin, however long it is; the tool is told."""
    wall, told = Clock(), Told()
    meter = meter_of(Clock(), wall=wall, told=told)

    with meter.watching():
        wall.now += 3600 * SECOND
        assert told.pulsed.wait(WAIT_SECONDS)

    assert meter.expired is None
    assert told.pulses[0] == (0, 3600 * SECOND)


def test_usage_is_told_before_a_call() -> None:
    """Whoever answers a call knows what the plugin had taken by then; many calls in a moment are told of once."""
    clock, wall, told = Clock(), Clock(), Told()
    meter = meter_of(clock, wall=wall, told=told)

    clock.now += 30
    for pause in (0, CALL_PULSE_NS - 1, 1):
        wall.now += pause
        with meter.elsewhere():
            clock.now += 5
        clock.now += 1

    assert told.pulses == [(30, 0), (32, 0)]


def test_signs_of_life() -> None:
    """Computing, a call and output each end a quiet time; waking up for a moment does not."""
    clock, wall, told = Clock(), Clock(), Told()
    meter = meter_of(clock, wall=wall, told=told, limit=SECOND)

    def quiet_after_a_second() -> int:
        wall.now += SECOND
        return meter.quiet_ns()

    assert quiet_after_a_second() == SECOND
    clock.now += LIFE_NS - 1
    assert quiet_after_a_second() == 2 * SECOND
    clock.now += 1
    assert quiet_after_a_second() == 0
    assert quiet_after_a_second() == SECOND
    told.written += 1
    assert quiet_after_a_second() == 0
    with meter.elsewhere():
        assert quiet_after_a_second() == 0
    assert quiet_after_a_second() == SECOND


def test_named_pipes() -> None:
    """A plugin that does nothing is freed of a named pipe; one that opens it again and again is given up."""
    wall, told, pipes = Clock(), Told(), Pipes()
    meter = meter_of(Clock(), wall=wall, told=told, pipes=pipes)

    with meter.watching():
        wall.now += FREE_AFTER_NS - 1
        assert not told.gave_up.wait(0.05)
        assert pipes.looks == 0
        wall.now += 1
        assert told.gave_up.wait(WAIT_SECONDS)

    assert told.paths[0] == "dist/pipe"
    assert pipes.looks > MAX_FREEINGS


def test_interrupts_what_is_too_big() -> None:
    """Where the system does not watch memory, the meter does."""
    told = Told()
    meter = meter_of(Clock(), told=told, too_big=True)

    with meter.watching():
        assert told.interrupted.wait(WAIT_SECONDS)

    assert meter.expired == "memory"


def test_no_interruption_during_a_call() -> None:
    """A limit that is reached while the tool works is not enforced until the plugin runs again."""
    clock, told = Clock(), Told()
    meter = meter_of(clock, told=told)

    with meter.watching():
        with meter.elsewhere():
            clock.now += 1_000
            assert not told.interrupted.wait(0.05)
        clock.now += 100
        assert told.interrupted.wait(WAIT_SECONDS)


def test_thread_clock_counts_its_own_thread() -> None:
    """The clock can be read from another thread, and counts what the first one computes."""
    clock = thread_clock()
    before = clock()
    started = time.thread_time_ns()
    while time.thread_time_ns() - started < 5_000_000:
        pass
    readings: list[int] = []
    reader = threading.Thread(target=lambda: readings.append(clock()))
    reader.start()
    reader.join()

    assert readings[0] - before >= 5_000_000
