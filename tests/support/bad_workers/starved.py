"""Dies as a process does whose allocation was refused."""

import os
import sys

sys.stderr.write("memory allocation of 44 bytes failed\n")
sys.stderr.flush()
os.abort()
