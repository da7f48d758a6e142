"""A gateway that answers nothing but "how are you": with a root key that is kept in the state folder.

Its options and its status file are those of the embedded network's process.
"""

import http.server
import json
import os
import signal
import sys
import threading
from pathlib import Path

ENDING = (signal.SIGTERM, signal.SIGINT)
_ROOT_KEY_BYTES = 133


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
