"""A stand-in for the embedded network's process: the same options, an answer on its port, and ways to misbehave.

The environment variable `FAKE_REPLICA` chooses: `ready` (the default), `port-taken`, `address-unavailable`,
`port-forbidden`, `crash`, `hang` (never ready), `deaf` (ready, answers nothing), `stubborn` (ready, ignores SIGTERM), `odd` (says nonsense about itself).
"""

import argparse
import json
import os
import signal
import socket
import sys
from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
REFUSALS = {"port-taken": 3, "address-unavailable": 4, "port-forbidden": 5}


def main() -> None:
    """Behave as told until ended."""
    parser = argparse.ArgumentParser()
    for option in ("--state-dir", "--bind", "--port", "--status-file", "--project", "--network", "--log-file", "--artificial-delay-ms"):
        parser.add_argument(option)
    options = parser.parse_args()
    behaviour = os.environ.get("FAKE_REPLICA", "ready")
    sys.stderr.write(f"fake replica: {behaviour} delay={options.artificial_delay_ms}\n")
    sys.stderr.flush()
    if behaviour in REFUSALS:
        sys.exit(REFUSALS[behaviour])
    if behaviour == "crash":
        sys.exit("fake replica: the state is broken")
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour == "hang":
        signal.pause()
    _serve(options, behaviour)


def _serve(options: argparse.Namespace, behaviour: str) -> None:
    """Listen, say so in the status file, and answer every connection."""
    with socket.create_server((options.bind, int(options.port)), backlog=16) as server:
        _write_status(Path(options.status_file), Path(options.state_dir), server.getsockname()[1], behaviour)
        while behaviour != "deaf":
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(ANSWER)
        signal.pause()


def _write_status(path: Path, state: Path, port: int, behaviour: str) -> None:
    """Write the status file in one piece; the instance id lives as long as the state."""
    instance = state / "instance"
    if not instance.exists():
        instance.write_text(os.urandom(8).hex())
    facts: dict[str, object] = {
        "v": 1,
        "pid": os.getpid(),
        "port": port,
        "root_key": "00ff",
        "instance_id": instance.read_text(),
        "control_token": "secret",
    }
    if behaviour == "odd":
        del facts["root_key"]
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(facts))
    temporary.replace(path)


if __name__ == "__main__":
    main()
