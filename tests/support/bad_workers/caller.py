"""Asks for a call with an argument and a method's name that no worker lets a plugin use."""

import sys

from orchestrator.sandbox.frames import Call, encode

sys.stdout.buffer.write(encode(Call(method="m" * 50_000, argument=b"x" * (7 << 20), query=False, direct=True, cycles=2**64 - 1)))
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
