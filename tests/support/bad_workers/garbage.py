"""Sends what is no frame."""

import sys

sys.stdout.buffer.write(b"\x63\x02\x00\x00\x00hi")
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
