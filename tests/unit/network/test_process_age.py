"""When processes were started."""

import os
import time

from orchestrator.network.processes.age import started_before, was_started_at


def test_own_process_was_started_before_now() -> None:
    """The test is older than this moment, and younger than the epoch."""
    assert started_before(os.getpid(), time.time())
    assert not started_before(os.getpid(), 0)


def test_start_times_are_compared_with_some_slack() -> None:
    """0 stands for any time, as in descriptors that do not tell it; another time is another process."""
    assert was_started_at(os.getpid(), 0)
    assert not was_started_at(os.getpid(), 1)


def test_dead_processes_have_no_age() -> None:
    """A process that is not there was never started."""
    assert not started_before(999_999_999, time.time())
    assert not was_started_at(999_999_999, 0)
