"""Threads that a worker process cannot do without.

Python lets a thread that raised something end by itself, and the process go on: without the limit that the thread
held, or with a stream that nobody reads any more. Imports nothing beyond the standard library: the worker loads
this module.
"""

import os
import traceback
from _thread import start_new_thread
from collections.abc import Callable
from typing import Final

__all__ = ["BUG_STATUS", "start_vital_thread"]

BUG_STATUS: Final = 70
"""The status of a process that ended because of an error of its own, or was told what it cannot understand."""


def start_vital_thread(run: Callable[[], None]) -> None:
    """Run in a new thread, without waiting until it runs; what it raises ends the process, and is written to stderr."""

    def guarded() -> None:
        try:
            run()
        except BaseException:  # noqa: BLE001 - a thread's edge: whatever it is, the process must not go on without the thread
            try:
                traceback.print_exc()
            finally:
                os._exit(BUG_STATUS)

    start_new_thread(guarded, ())  # a `Thread` would wait until it runs, and on a busy machine that is most of a small plugin's run
