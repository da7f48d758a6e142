"""What is behind the stand-ins for other networks: the embedded network, or a mere answer to "how are you".

    gateway = Gateway(state_folder, "127.0.0.1", 0)     # a process in a process group of its own
    gateway.port, gateway.root_key, gateway.end()

With `FAKE_GATEWAY=replica` it is the embedded network, which can do everything and takes its time to start; otherwise
`fake_status`, which tells a root key that is kept in the state folder, and nothing else.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ENDING", "Gateway"]

ENDING = (signal.SIGTERM, signal.SIGINT)
READY_SECONDS = 30.0
POLL_SECONDS = 0.01


class Gateway:
    """A process that listens, and what it says about itself; `port` 0 takes a free one."""

    def __init__(self, state: Path, bind: str, port: int) -> None:
        """Start it and wait until it is ready."""
        state.mkdir(parents=True, exist_ok=True)
        self._status = state / "gateway-status.json"
        self._status.unlink(missing_ok=True)
        real = os.environ.get("FAKE_GATEWAY") == "replica"
        program = ["-P", "-m", "orchestrator.replica"] if real else [str(Path(__file__).with_name("fake_status.py"))]
        options = ["--state-dir", str(state / "subnet"), "--bind", bind, "--port", str(port), "--status-file", str(self._status)]
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        self.process = subprocess.Popen([sys.executable, *program, *options], process_group=0)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        facts = self._wait_ready()
        self.port = int(str(facts["port"]))
        self.root_key = str(facts["root_key"])

    def _wait_ready(self) -> Mapping[str, object]:
        for _ in range(int(READY_SECONDS / POLL_SECONDS)):
            if self._status.exists():
                facts: Mapping[str, object] = json.loads(self._status.read_text(encoding="utf-8"))
                return facts
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=POLL_SECONDS)
                break
        sys.exit("fake gateway: not ready")

    def end(self) -> None:
        """Have it save its state and end."""
        self.process.terminate()
        self.process.wait()
