"""Writes to its stderr until it is stopped, under the limits that a worker sets for itself."""

import os
import sys

from orchestrator.sandbox.confinement import lower_resource_limits

lower_resource_limits()
try:
    while True:
        os.write(2, b"scribble\n" * 1000)
except OSError:
    os.ftruncate(2, 0)  # room for the one fact that a test wants
    os.lseek(2, 0, os.SEEK_SET)
    sys.exit("stopped by the limit")
