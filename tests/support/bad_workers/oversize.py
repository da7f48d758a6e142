"""Announces a frame of almost four gigabytes."""

import sys

sys.stdout.buffer.write(b"\x12\xff\xff\xff\xff")
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
