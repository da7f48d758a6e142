"""Sends far more output than a worker passes on, then says that all went well."""

import sys

from orchestrator.sandbox.frames import Done, Output, encode

for _ in range(3):
    sys.stdout.buffer.write(encode(Output(stderr=False, data=b"x" * (6 << 20))))
sys.stdout.buffer.write(encode(Done(ending="ok", text="", compute_ns=0, peak_bytes=0, linear_bytes=0, dropped_stdout=0, dropped_stderr=0)))
sys.stdout.buffer.flush()
