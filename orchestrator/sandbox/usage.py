"""Measures the memory of a worker process, and tells the plugin's apart from the worker's own.

The system counts and limits writable memory of a process as a whole. So that a plugin's linear memories can be
held to their limit all together, the worker takes what it needs for itself beforehand, as a heap that it never
gives back; what is taken after that is the plugin's, but for a little. Imports nothing beyond the standard
library: the worker loads this module.
"""

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["CLEAR_PEAK", "Usage", "reserve_heap"]

HEAP_BYTES: Final = 320 << 20
"""Address space of the worker's own heap: the largest batch of calls and its replies exist a few times at once. Untouched, it costs nothing."""
COPIES_OF_INPUT: Final = 6
"""How often a declared file's text may exist at once while it is handed to the plugin."""
TIGHT_SLACK_BYTES: Final = 16 << 20
"""What a worker with a heap of its own may take beside it: stacks of threads, small objects, the memory of the shim that moves bytes."""
LOOSE_SLACK_BYTES: Final = 64 << 20
"""What a worker may take for itself where the C library lets it reserve no heap."""
CLEAR_PEAK: Final = "/proc/self/clear_refs"
"""The file by whose writing Linux forgets a process's peak of memory so far."""
_BLOCK_BYTES: Final = 16 << 20
"""Below the size from which glibc never takes a block from the heap."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_NEVER: Final = 0x7FFFFFFF
_MOST_FROM_HEAP: Final = 32 << 20
_STATUS: Final = Path("/proc/self/status")
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


def reserve_heap(input_bytes: int) -> bool:
    """Let the heap grow to what the worker may need, and never shrink; false where the C library is not glibc.

    `input_bytes` is the size of what the plugin is handed. Call it before there are other threads.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = (ctypes.c_size_t,)
    library.free.argtypes = (ctypes.c_void_p,)
    options = ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _MOST_FROM_HEAP), (_TRIM_THRESHOLD, _NEVER))
    if not all(library.mallopt(option, value) for option, value in options):
        return False
    blocks = [library.malloc(_BLOCK_BYTES) for _ in range(-(-(HEAP_BYTES + COPIES_OF_INPUT * input_bytes) // _BLOCK_BYTES))]
    for block in blocks:
        library.free(block)
    return all(blocks)


def _status_bytes(field: str) -> int | None:
    """Read a kB field of this process's status, in bytes; `None` where there is no such file."""
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024
    return None


class Usage:
    """Memory of this process since the object was made: bytes above what it had then."""

    def __init__(self, *, has_heap: bool = False) -> None:
        """Note the baseline; Linux then forgets the peak so far. `has_heap` is what `reserve_heap` told."""
        with suppress(OSError):
            Path(CLEAR_PEAK).write_text("5", encoding="utf-8")
        self._resident = _status_bytes("VmRSS") or self._peak()
        self._data = _status_bytes("VmData")
        self._slack = TIGHT_SLACK_BYTES if has_heap else LOOSE_SLACK_BYTES

    @staticmethod
    def _peak() -> int:
        return _status_bytes("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT

    def peak_bytes(self) -> int:
        """Most memory that was resident at once, above the baseline."""
        return max(0, self._peak() - self._resident)

    def linear_bytes(self) -> int:
        """Writable memory taken since the baseline, touched or not: the plugin's memories; 0 where unknown."""
        now = _status_bytes("VmData")
        return 0 if now is None or self._data is None else max(0, now - self._data)

    def is_over(self, memory_bytes: int) -> bool:
        """Tell whether the process has outgrown the limit where the system does not watch it (`most_bytes`)."""
        return self._data is None and self.peak_bytes() > memory_bytes + self._slack

    def most_bytes(self, memory_bytes: int, input_bytes: int) -> int | None:
        """Tell the RLIMIT_DATA that leaves the plugin its memory and the worker what it needs; `None` where it does not hold.

        wasmtime's own limit is per memory; this one counts all of them together. What the plugin is handed
        (`input_bytes`) counts here only where it does not fit into the worker's heap.
        """
        if self._data is None:
            return None
        return self._data + memory_bytes + self._slack + (0 if self._slack == TIGHT_SLACK_BYTES else COPIES_OF_INPUT * input_bytes)
