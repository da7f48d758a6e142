"""A stand-in for the `docker` client, with the daemon's memory in a folder and processes for containers.

The verbs, options and outputs are those of Docker 28 that a network needs: `image inspect`, `pull`, `create`, `start`,
`wait`, `inspect`, `logs`, `ps`, `stop`, `rm`. A container of any image is a network launcher: it says that it is ready in
the folder that is mounted at its status directory, and `fake_gateway` listens on the port that is mapped to 4943.

`FAKE_DOCKER_ROOT` is the folder. `FAKE_DOCKER` chooses: `ready` (the default), `no-daemon`, `no-image` (none is there until it
is pulled), `no-such-image` (none can be pulled), `crash` (containers end with a message), `hang` (they are never ready),
`odd` (they say nonsense), `unmapped` (no port leads into them), `unstoppable` (they cannot be stopped).
"""

import argparse
import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.fake_gateway import ENDING, Gateway

GATEWAY_PORT = 4943
EFFECTIVE_CANISTER = "lqy7q-dh777-77777-aaaaq-cai"
STOP_SECONDS = 30.0
CRASH_STATUS = 101
_REPEATED = ("--label", "--publish", "--env", "--mount", "--volume", "--add-host")
_SINGLE = ("--platform", "--user", "--shm-size", "--entrypoint")


def main() -> None:
    """Be `docker`, or the process of a container."""
    verb, *words = sys.argv[1:]
    if verb == "container-process":
        _run_container(Path(words[0]))
        return
    with (root() / "commands.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps([verb, *words]) + "\n")
    if behaviour() == "no-daemon":
        sys.exit("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
    verbs: dict[str, Callable[[list[str]], None]] = {
        "image": _inspect_image,
        "pull": _pull,
        "create": _create,
        "start": _start,
        "wait": _wait,
        "inspect": _inspect,
        "logs": _logs,
        "ps": _list,
        "stop": _stop,
        "rm": _remove,
    }
    verbs[verb](words)


def root() -> Path:
    """Return the daemon's folder."""
    folder = Path(os.environ["FAKE_DOCKER_ROOT"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def behaviour() -> str:
    """Return what was chosen."""
    return os.environ.get("FAKE_DOCKER", "ready")


def _inspect_image(words: list[str]) -> None:
    if behaviour() in {"no-image", "no-such-image"} and not (root() / "pulled").exists():
        sys.exit(f"Error response from daemon: No such image: {words[-1]}")
    sys.stdout.write("sha256:0\n")


def _pull(words: list[str]) -> None:
    if behaviour() == "no-such-image":
        sys.exit(f"Error response from daemon: manifest for {words[-1]} not found: manifest unknown")
    (root() / "pulled").touch()
    sys.stdout.write(f"{words[-1]}\n")


def _create(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    for option in _REPEATED:
        parser.add_argument(option, action="append", default=[])
    for option in _SINGLE:
        parser.add_argument(option)
    parser.add_argument("image")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = vars(parser.parse_args(words))
    container = secrets.token_hex(32)
    (root() / f"{container}.json").write_text(json.dumps(options), encoding="utf-8")
    sys.stdout.write(f"{container}\n")


def _start(words: list[str]) -> None:
    record = _record(words[-1])
    command = [sys.executable, "-S", __file__, "container-process", str(record)]
    with record.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    record.with_suffix(".pid").write_text(str(process.pid), encoding="ascii")
    sys.stdout.write(f"{words[-1]}\n")


def _run_container(record: Path) -> None:
    if behaviour() == "crash":
        sys.stderr.write("gateway bind failed: Address already in use (os error 98)\n")
        _exit(record, CRASH_STATUS)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    if behaviour() != "hang":
        _serve(record)
    signal.sigwait(ENDING)
    _exit(record, 0)


def _serve(record: Path) -> None:
    options = json.loads(record.read_text(encoding="utf-8"))
    mapping = next(text for text in options["publish"] if text.endswith(f":{GATEWAY_PORT}/tcp"))
    address, _, port = mapping.removesuffix(f":{GATEWAY_PORT}/tcp").rpartition(":")
    gateway = Gateway(record.with_suffix(".state"), address, int(port or 0))
    record.with_suffix(".gateway").write_text(str(gateway.process.pid), encoding="ascii")
    record.with_suffix(".ports").write_text(json.dumps([address, str(gateway.port)]), encoding="utf-8")
    folder = next(dict(field.split("=", 1) for field in text.split(","))["source"] for text in options["mount"] if "readonly" not in text)
    said = {"v": "9" if behaviour() == "odd" else "1", "gateway_port": GATEWAY_PORT, "root_key": gateway.root_key}
    said["default_effective_canister_id"] = EFFECTIVE_CANISTER
    Path(folder, "status.json").write_text(json.dumps(said) + "\n", encoding="utf-8")
    signal.sigwait(ENDING)
    gateway.end()
    _exit(record, 0)


def _exit(record: Path, status: int) -> None:
    record.with_suffix(".exit").write_text(str(status), encoding="ascii")
    sys.exit(status)


def _wait(words: list[str]) -> None:
    record = _record(words[-1])
    _wait_gone(record)
    sys.stdout.write(record.with_suffix(".exit").read_text(encoding="ascii") + "\n")


def _inspect(words: list[str]) -> None:
    record = _record(words[-1])
    running = _pid(record) is not None
    ports = record.with_suffix(".ports")
    bound = json.loads(ports.read_text(encoding="utf-8")) if running and ports.exists() and behaviour() != "unmapped" else None
    mapped = {f"{GATEWAY_PORT}/tcp": [{"HostIp": bound[0], "HostPort": bound[1]}] if bound else None}
    facts = {"Id": words[-1], "State": {"Running": running}, "NetworkSettings": {"Ports": mapped}}
    sys.stdout.write(json.dumps([facts]) + "\n")


def _logs(words: list[str]) -> None:
    sys.stderr.write(_record(words[-1]).with_suffix(".log").read_text(encoding="utf-8"))


def _list(words: list[str]) -> None:
    labels = [word.removeprefix("label=") for word in words if word.startswith("label=")]
    for record in sorted(root().glob("*.json")):
        options = json.loads(record.read_text(encoding="utf-8"))
        if set(labels) <= set(options["label"]) and ("--all" in words or _pid(record) is not None):
            sys.stdout.write(f"{record.stem}\n")


def _stop(words: list[str]) -> None:
    record = _record(words[-1])
    if behaviour() == "unstoppable":
        sys.exit("Error response from daemon: cannot stop container: permission denied")
    pid = _pid(record)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        _wait_gone(record)


def _remove(words: list[str]) -> None:
    _stop(words)
    for path in root().glob(f"{words[-1]}.*"):
        if path.is_file():
            path.unlink()


def _record(container: str) -> Path:
    record = root() / f"{container}.json"
    if not record.exists():
        sys.exit(f"Error response from daemon: No such container: {container}")
    return record


def _pid(record: Path) -> int | None:
    path = record.with_suffix(".pid")
    if not path.exists() or record.with_suffix(".exit").exists():
        return None
    pid = int(path.read_text(encoding="ascii"))
    with contextlib.suppress(OSError):
        state = Path("/proc", str(pid), "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return None if state == "Z" else pid
    return None


def _wait_gone(record: Path) -> None:
    pid = _pid(record)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            select.select([os.pidfd_open(pid)], [], [], STOP_SECONDS)


if __name__ == "__main__":
    main()
