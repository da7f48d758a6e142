"""Sends frames of output without end, most of them empty, and never reads."""

import sys

from orchestrator.sandbox.frames import Output, encode

FRAMES = b"".join([encode(Output(stderr=False, data=b""))] * 2000 + [encode(Output(stderr=False, data=b"\n" * 5000))])

while True:
    sys.stdout.buffer.write(FRAMES)
