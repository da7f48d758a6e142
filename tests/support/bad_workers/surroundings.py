"""Tells what a worker process has around it."""

import os
import sys

sys.stderr.write(f"cwd={os.getcwd()}\n")  # noqa: PTH109 - the folder as the system has it
sys.stderr.writelines(f"{name}={value}\n" for name, value in os.environ.items())
sys.exit(4)
