"""Threads that a worker process cannot do without."""

import subprocess
import sys
from pathlib import Path

from orchestrator.sandbox.threads import BUG_STATUS

ROOT = Path(__file__).parents[3]
FAILS = """
import threading
from orchestrator.sandbox.threads import start_vital_thread
start_vital_thread(lambda: [][0])
threading.Event().wait()
"""


def test_what_a_thread_raises_ends_the_process() -> None:
    """A thread that fails takes its process with it, and says why."""
    done = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True, check=False, cwd=ROOT, timeout=30)

    assert done.returncode == BUG_STATUS
    assert "IndexError" in done.stderr
