"""Writes half a line for its plugin, and dies."""

import sys

from orchestrator.sandbox.frames import Output, encode

sys.stdout.buffer.write(encode(Output(stderr=True, data=b"the line before\nlast wor")))
sys.stdout.buffer.flush()
sys.exit(3)
