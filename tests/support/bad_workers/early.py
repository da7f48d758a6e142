"""Says that all went well before it was told what to do, and then that it did not."""

import sys

from orchestrator.sandbox.frames import Call, Done, Output, encode

DONE = Done(ending="ok", text="", compute_ns=2**64 - 1, peak_bytes=2**64 - 1, linear_bytes=0, dropped_stdout=2**64 - 1, dropped_stderr=0)

sys.stdout.buffer.write(encode(DONE))
sys.stdout.buffer.write(encode(Output(stderr=False, data=b"said after the end\n")))
sys.stdout.buffer.write(encode(Call(method="after_the_end", argument=b"", query=False, direct=False, cycles=0)))
sys.stdout.buffer.flush()
