"""A stand-in for `dfx`: `start`, `stop` and nothing else, with `fake_gateway` behind it.

Written from the sources of dfinity/sdk, dfx 0.32.0 (commit 0f64459; `start.rs`, `stop.rs`, `pocketic.rs`,
`local_server_descriptor.rs`): the same files in the same places, emptied before the start and filled in the same order;
`--background` starts the same command again without it, and returns once the network answers.

`FAKE_DFX` chooses: `ready` (the default), `fail` (ends with a message). `FAKE_DFX_HOST` stands for the address in dfx's
own configuration, `FAKE_DFX_RECORD` is a file that gets one line of JSON per command.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.fake_gateway import ENDING, Gateway

READY_SECONDS = 30.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.01
EFFECTIVE_CANISTER = "lqy7q-dh777-77777-aaaaq-cai"


def main() -> None:
    """Be `dfx`."""
    verb, *words = sys.argv[1:]
    record = os.environ.get("FAKE_DFX_RECORD")
    if record and "DFX_RUNNING_IN_BACKGROUND" not in os.environ:
        with Path(record).open("a", encoding="utf-8") as file:
            file.write(json.dumps([verb, *words]) + "\n")
    if os.environ.get("FAKE_DFX") == "fail" and verb == "start":
        sys.exit("Error: The network state can't be reused with this configuration. Rerun with `--clean`.")
    if verb == "stop":
        _stop()
    else:
        _start(words)


def data_directory() -> tuple[Path, bool]:
    """Return where the network's files are, and whether it is shared."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "dfx.json").is_file():
            if "local" in json.loads((folder / "dfx.json").read_text(encoding="utf-8")).get("networks", {}):
                return folder / ".dfx" / "network" / "local", False
            break
    return Path(os.environ["HOME"]) / ".local" / "share" / "dfx" / "network" / "local", True


def _start(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    for flag in ("--background", "--clean", "--system-canisters"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--host", default=os.environ.get("FAKE_DFX_HOST", "127.0.0.1:0"))
    parser.add_argument("--artificial-delay")
    for option in ("--domain", "--bitcoin-node", "--dogecoin-node"):
        parser.add_argument(option, action="append")
    options = parser.parse_args(words)
    directory, shared = data_directory()
    pid = directory / "pid"
    if pid.exists() and pid.read_text(encoding="ascii") and Path("/proc", pid.read_text(encoding="ascii")).exists():
        sys.exit("Error: dfx is already running.")
    if options.clean:
        shutil.rmtree(directory, ignore_errors=True)
    state = directory / "digest" if shared else directory
    state.mkdir(parents=True, exist_ok=True)
    if not (state / "network-id").exists():
        created = dt.datetime.now(tz=dt.UTC).isoformat()
        (state / "network-id").write_text(json.dumps({"created": created, "settings_digest": "digest"}), encoding="utf-8")
    if shared:
        shutil.copy(state / "network-id", directory / "network-id")
    for name in ("pid", "webserver-port", "pocket-ic-port"):
        (directory / name).write_text("", encoding="ascii")
    if options.background:
        _send_to_background(words, directory)
    else:
        _run(options, directory, state)


def _send_to_background(words: list[str], directory: Path) -> None:
    command = [sys.executable, "-S", __file__, "start", *(word for word in words if word not in {"--background", "--clean"})]
    child = subprocess.Popen(command, env={**os.environ, "DFX_RUNNING_IN_BACKGROUND": "true"})
    for _ in range(int(READY_SECONDS / POLL_SECONDS)):
        port = (directory / "webserver-port").read_text(encoding="ascii")
        if port and (directory / "pocket-ic-port").read_text(encoding="ascii"):
            with socket.create_connection(("127.0.0.1", int(port))):
                pass
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            sys.exit(child.wait(timeout=POLL_SECONDS))
    sys.exit("Error: Timed out waiting for replica to become healthy")


def _run(options: argparse.Namespace, directory: Path, state: Path) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    (directory / "pid").write_text(str(os.getpid()), encoding="ascii")
    bind, _, port = options.host.rpartition(":")
    gateway = Gateway(state / "state", bind, int(port))
    (directory / "webserver-port").write_text(str(gateway.port), encoding="ascii")
    config = {"replica_rev": "fake", "effective_canister_id": EFFECTIVE_CANISTER, "type": "pocket_ic", "config": {}}
    (directory / "replica-effective-config.json").write_text(json.dumps(config), encoding="utf-8")
    (directory / "pocket-ic-port").write_text("1\n", encoding="ascii")
    signal.sigwait(ENDING)
    gateway.end()


def _stop() -> None:
    pid_file = data_directory()[0] / "pid"
    if not pid_file.exists():
        sys.stderr.write("No local network replica found. Nothing to do.\n")
        return
    pid = pid_file.read_text(encoding="ascii")
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGTERM)
        _wait_gone(int(pid))
    pid_file.unlink()


def _wait_gone(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        select.select([os.pidfd_open(pid)], [], [], STOP_SECONDS)


if __name__ == "__main__":
    main()
