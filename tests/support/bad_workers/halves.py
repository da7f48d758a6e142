"""Dies in the middle of a frame."""

import os
import signal
import sys

sys.stdout.buffer.write(b"\x12\x00\x01\x00\x00half of it")
sys.stdout.buffer.flush()
os.kill(os.getpid(), signal.SIGKILL)
