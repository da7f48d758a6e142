"""Starts a process that would outlive it, tells its id as a line of output, says that all went well, and ends."""

import os
import sys
import threading

from orchestrator.sandbox.frames import Done, Output, encode

if child := os.fork():
    sys.stdout.buffer.write(encode(Output(stderr=False, data=f"{child}\n".encode())))
    sys.stdout.buffer.write(
        encode(Done(ending="ok", text="", compute_ns=0, peak_bytes=0, linear_bytes=0, dropped_stdout=0, dropped_stderr=0))
    )
    sys.stdout.buffer.flush()
    os._exit(0)
threading.Event().wait()
