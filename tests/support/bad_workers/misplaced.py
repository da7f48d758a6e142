"""Sends a frame that is valid, and has no place in this conversation."""

import sys

from orchestrator.sandbox.frames import Reply, encode

sys.stdout.buffer.write(encode(Reply(accepted=True, payload=b"")))
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
