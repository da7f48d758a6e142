"""What memory a worker's plugin uses, and what the worker has for itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.sandbox.usage import HEAP_BYTES, TIGHT_SLACK_BYTES

ROOT = Path(__file__).parents[3]


TAKE = """
from orchestrator.sandbox.usage import Usage
usage = Usage()
block = bytearray(range(256)) * (24 << 12)
held = usage.linear_bytes()
del block
print(usage.peak_bytes(), held, int(usage.is_over(64 << 20)))
"""


def test_usage_sees_memory_taken() -> None:
    """Memory that is taken and touched after the baseline shows in the peak, and what is let go stays in it."""
    done = subprocess.run([sys.executable, "-c", TAKE], capture_output=True, text=True, check=True, cwd=ROOT)
    peak, held, over = map(int, done.stdout.split())

    assert peak >= 23 << 20
    assert held == 0 or held >= 20 << 20
    assert not over


RESERVE = """
import ctypes
from orchestrator.sandbox.usage import Usage, reserve_heap
before = Usage()
has_heap = reserve_heap(1 << 20)
taken, touched = before.linear_bytes(), before.peak_bytes()
usage = Usage(has_heap=has_heap)
blocks = [bytes(30 << 20) for _ in range(5)]
print(int(has_heap), taken, touched, usage.linear_bytes(), usage.most_bytes(0, 1 << 20) - usage.most_bytes(0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a process's writable memory")
def test_a_worker_has_a_heap_of_its_own() -> None:
    """The heap costs address space and no memory; what the worker then takes comes out of it and is not counted as the plugin's."""
    done = subprocess.run([sys.executable, "-c", RESERVE], capture_output=True, text=True, check=True, cwd=ROOT)
    has_heap, taken, touched, later, input_share = map(int, done.stdout.split())

    if not has_heap:
        pytest.skip("this C library reserves no heap")
    assert taken >= HEAP_BYTES
    assert touched < 16 << 20
    assert later < TIGHT_SLACK_BYTES
    assert input_share == 0
