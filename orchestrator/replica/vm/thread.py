"""The thread that canisters run on: one, with a stack deep enough for the recursion that they are allowed."""

import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["THREAD_STACK_BYTES", "make_executor"]

THREAD_STACK_BYTES = 64 * 1024 * 1024
"""Stack of the thread, in bytes: WebAssembly's own share of it, and room for the host functions that it calls."""


def make_executor() -> ThreadPoolExecutor:
    """Start the thread and return it as an executor of one worker; `shutdown` ends it.

    The size of stacks is a setting of the process for threads yet to start, so it is put back at once. Call this
    from one thread only.
    """
    before = threading.stack_size(THREAD_STACK_BYTES)
    try:
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="canisters")
        executor.submit(threading.get_ident).result()
    finally:
        threading.stack_size(before)
    return executor
