"""Closes its side of the conversation, and does not end."""

import os
import threading

os.close(1)
threading.Event().wait()
