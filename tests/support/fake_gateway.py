"""What is behind the stand-ins for other networks: the embedded network, or a mere answer to "how are you".

    gateway = Gateway(state_folder, "127.0.0.1", 0)     # a process in a process group of its own
    gateway.port, gateway.root_key, gateway.end()

With `FAKE_GATEWAY=replica` it is the embedded network, which can do everything and takes its time to start; otherwise
this file as a program, which tells a root key that is kept in the state folder, and nothing else.
"""

import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ENDING", "Gateway"]

ENDING = (signal.SIGTERM, signal.SIGINT)
READY_SECONDS = 30.0
POLL_SECONDS = 0.01
_ROOT_KEY_BYTES = 133


class Gateway:
    """A process that listens, and what it says about itself; `port` 0 takes a free one."""

    def __init__(self, state: Path, bind: str, port: int) -> None:
        """Start it and wait until it is ready."""
        state.mkdir(parents=True, exist_ok=True)
        self._status = state / "gateway-status.json"
        self._status.unlink(missing_ok=True)
        real = os.environ.get("FAKE_GATEWAY") == "replica"
        program = ["-P", "-m", "orchestrator.replica"] if real else [__file__]
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


class _Status(http.server.BaseHTTPRequestHandler):
    """Answers every request as the status endpoint of a healthy network does."""

    body = b""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "application/cbor")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


def _text(text: str) -> bytes:
    return bytes([0x60 + len(text)]) + text.encode("ascii")


def main() -> None:
    """Listen, and say so in the status file, until asked to end."""
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    state = Path(options["--state-dir"])
    state.mkdir(parents=True, exist_ok=True)
    key = state / "root-key"
    if not key.exists():
        key.write_bytes(os.urandom(_ROOT_KEY_BYTES))
    facts = _text("root_key") + bytes([0x58, _ROOT_KEY_BYTES]) + key.read_bytes()
    _Status.body = b"\xd9\xd9\xf7\xa2" + facts + _text("replica_health_status") + _text("healthy")
    server = http.server.ThreadingHTTPServer((options["--bind"], int(options["--port"])), _Status)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    status = Path(options["--status-file"])
    temporary = status.with_suffix(".tmp")
    temporary.write_text(json.dumps({"port": server.server_port, "root_key": key.read_bytes().hex()}), encoding="utf-8")
    temporary.replace(status)
    signal.sigwait(ENDING)


if __name__ == "__main__":
    main()
