"""Tells of a plugin that sleeps, wakes up and ends."""

import sys

from orchestrator.sandbox.frames import Done, Frame, Pulse, encode

SECOND = 10**9


def say(frame: Frame) -> None:
    """Send a frame."""
    sys.stdout.buffer.write(encode(frame))
    sys.stdout.buffer.flush()


sys.stdin.buffer.read(1)  # the order has come: whoever sends it must find somebody
for quiet in (9, 10, 11, 19, 20, 0, 10):
    say(Pulse(compute_ns=SECOND // 2, quiet_ns=quiet * SECOND, peak_bytes=1))
say(Done(ending="ok", text="", compute_ns=SECOND, peak_bytes=0, linear_bytes=0, dropped_stdout=0, dropped_stderr=0))
