"""The embedded replica as a child process, for the tests that need a real network.

    with running_replica(tmp_path) as replica:
        replica.url, replica.root_key, replica.process

Every process listens on a loopback port that the system chose and keeps its state below the given folder.
"""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RunningReplica", "running_replica", "start_replica", "stop_replica"]

START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningReplica:
    """A replica that said it is ready: where it listens and what proves its answers.

    `url` has no trailing slash; `root_key` is the DER-encoded BLS key; `log` is the file of its stderr.
    """

    url: str
    root_key: bytes
    process: subprocess.Popen[bytes]
    port: int
    instance_id: str
    control_port: int
    control_token: str
    state_directory: Path
    log: Path


def start_replica(directory: Path, *, state_directory: Path | None = None, arguments: Sequence[str] = ()) -> RunningReplica:
    """Start a replica whose files live below `directory` and wait until it is ready.

    `state_directory` defaults to `directory/state`: the same one again continues the same network.
    Raises `AssertionError` with the process's log when it ends or hangs before it is ready.
    """
    state = state_directory or directory / "state"
    directory.mkdir(parents=True, exist_ok=True)
    status_file = directory / "replica-status.json"
    status_file.unlink(missing_ok=True)
    log = directory / "replica.log"
    command = [sys.executable, "-m", "orchestrator.replica", "--state-dir", str(state), "--bind", "127.0.0.1", "--port", "0"]
    command += ["--status-file", str(status_file), *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    _wait_until_ready(process, status_file, log)
    status = json.loads(status_file.read_text(encoding="utf-8"))
    return RunningReplica(
        url=f"http://{_address(arguments)}:{status['port']}",
        root_key=bytes.fromhex(status["root_key"]),
        process=process,
        port=status["port"],
        instance_id=status["instance_id"],
        control_port=status["control_port"],
        control_token=status["control_token"],
        state_directory=state,
        log=log,
    )


def _address(arguments: Sequence[str]) -> str:
    return arguments[arguments.index("--bind") + 1] if "--bind" in arguments else "127.0.0.1"


def _wait_until_ready(process: subprocess.Popen[bytes], status_file: Path, log: Path) -> None:
    """Return once the status file exists; waiting for the process's end is what paces the polling."""
    for _ in range(int(START_LIMIT_SECONDS / POLL_SECONDS)):
        if status_file.exists():
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(timeout=POLL_SECONDS)
            raise AssertionError(f"the replica ended with status {status}:\n{log.read_text(encoding='utf-8', errors='replace')}")
    process.kill()
    process.wait()
    raise AssertionError(f"the replica was not ready in {START_LIMIT_SECONDS:.0f} s:\n{log.read_text(encoding='utf-8', errors='replace')}")


def stop_replica(replica: RunningReplica) -> int:
    """Stop a replica gracefully and return its exit status; it is killed when it does not obey."""
    if replica.process.poll() is None:
        replica.process.send_signal(signal.SIGTERM)
    try:
        return replica.process.wait(timeout=STOP_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        replica.process.kill()
        return replica.process.wait()


@contextlib.contextmanager
def running_replica(directory: Path, *, state_directory: Path | None = None, arguments: Sequence[str] = ()) -> Iterator[RunningReplica]:
    """Run a replica for the length of a `with` block; see `start_replica`."""
    replica = start_replica(directory, state_directory=state_directory, arguments=arguments)
    try:
        yield replica
    finally:
        stop_replica(replica)
