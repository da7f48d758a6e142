"""What a plugin uses, and when it is stopped."""

import os
import threading
import time

from orchestrator.sandbox.meter import Meter, Usage, idle_limit, thread_clock

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


def meter_of(
    clock: Clock,
    *,
    wall: Clock | None = None,
    interrupted: threading.Event | None = None,
    given_up: threading.Event | None = None,
    too_big: bool = False,
) -> Meter:
    """Make a meter of this process with a limit of 100 ns."""
    return Meter(
        limit_ns=100,
        parent_pid=os.getppid(),
        clock=clock,
        wall=wall or clock,
        interrupt=(interrupted or threading.Event()).set,
        give_up=(given_up or threading.Event()).set,
        is_too_big=lambda: too_big,
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
    clock = Clock()
    interrupted = threading.Event()
    meter = meter_of(clock, interrupted=interrupted)

    with meter.watching():
        assert meter.expired is None
        clock.now += 100
        assert interrupted.wait(WAIT_SECONDS)

    assert meter.expired == "compute"


def test_gives_up_what_sleeps() -> None:
    """Time that passes with neither computing nor a call is bounded too; calls do not count."""
    wall = Clock()
    given_up = threading.Event()
    meter = meter_of(Clock(), wall=wall, given_up=given_up)

    with meter.watching():
        with meter.elsewhere():
            wall.now += 50 * SECOND
        wall.now += 10 * SECOND - 1
        assert meter.idle_ns() == 10 * SECOND - 1
        assert not given_up.wait(0.05)
        wall.now += 1
        assert given_up.wait(WAIT_SECONDS)

    assert meter.expired == "idle"


def test_idle_limit() -> None:
    """Ten times the compute limit, and never less than ten seconds."""
    assert idle_limit(60) == 600
    assert idle_limit(0.1) == 10


def test_interrupts_what_is_too_big() -> None:
    """Where the system does not watch memory, the meter does."""
    interrupted = threading.Event()
    meter = meter_of(Clock(), interrupted=interrupted, too_big=True)

    with meter.watching():
        assert interrupted.wait(WAIT_SECONDS)

    assert meter.expired == "memory"


def test_no_interruption_during_a_call() -> None:
    """A limit that is reached while the tool works is not enforced until the plugin runs again."""
    clock = Clock()
    interrupted = threading.Event()
    meter = meter_of(clock, interrupted=interrupted)

    with meter.watching():
        with meter.elsewhere():
            clock.now += 1_000
            assert not interrupted.wait(0.05)
        clock.now += 100
        assert interrupted.wait(WAIT_SECONDS)


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


def test_usage_sees_memory_taken() -> None:
    """Memory that is taken and touched after the baseline shows in the peak (a little may have been free before), and what is let go stays in it."""
    usage = Usage()
    block = bytearray(os.urandom(1 << 20) * 24)
    held = usage.linear_bytes()
    del block

    assert usage.peak_bytes() >= 23 << 20
    assert held == 0 or held >= 20 << 20
    assert not usage.is_over(64 << 20)
