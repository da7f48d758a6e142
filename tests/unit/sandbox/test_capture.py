"""What a plugin writes, between its pipes and the tool."""

import os
from pathlib import Path

from orchestrator.sandbox.capture import CapturedStream
from orchestrator.sandbox.channel import Channel
from orchestrator.sandbox.frames import Output, read_frame


def test_stdout_is_told_before_what_was_written_to_stderr_after_it() -> None:
    """Whoever reads stderr first still finds what had been written to stdout by then told before it."""
    reading, writing = os.pipe()
    channel = Channel(orders=reading, answers=writing)
    stdout = CapturedStream(channel, stderr=False)
    stderr = CapturedStream(channel, stderr=True, after=stdout)
    for stream, data in ((stdout, b"asked\n"), (stderr, b"done\n")):
        with Path(stream.path).open("wb") as file:
            file.write(data)

    stderr.drain()
    stdout.drain()

    told = [read_frame(reading), read_frame(reading)]
    assert told == [Output(stderr=False, data=b"asked\n"), Output(stderr=True, data=b"done\n")]
    for descriptor in (reading, writing):
        os.close(descriptor)
