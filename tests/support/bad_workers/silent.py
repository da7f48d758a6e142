"""Ends without a word to the tool."""

import sys

sys.stderr.write("out of ideas\n")
sys.exit(3)
