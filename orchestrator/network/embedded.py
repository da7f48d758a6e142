"""Start the embedded network and wait until it says that it is ready."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError, StoreError
from orchestrator.network.accounts import load_accounts
from orchestrator.network.descriptor import Descriptor, parse_descriptor
from orchestrator.network.processes.attempt import Attempt, end_attempt, write_attempt
from orchestrator.network.processes.logs import describe_with_tail, load_tail
from orchestrator.network.processes.ports import address_unavailable, port_forbidden, port_taken
from orchestrator.network.processes.process import load_birth, poll_exit, spawn_detached
from orchestrator.network.settings import NetworkSettings
from orchestrator.store.atomic import make_directory, remove_file
from orchestrator.store.json_file import load_object
from orchestrator.store.layout import NetworkFiles

__all__ = ["launch_embedded"]

POLL_SECONDS = 0.005
_IN_USE = "replica/state-in-use"
_UNREADABLE = "replica/state-"
"""How the replica's words begin when the state on disk is what keeps it from starting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Launch:
    """One process that is starting."""

    pid: int
    birth: str
    network: ManagedNetwork
    files: NetworkFiles


async def launch_embedded(project_dir: Path, network: ManagedNetwork, files: NetworkFiles, settings: NetworkSettings) -> Descriptor:
    """Start the process and return its descriptor once it is ready.

    Raises `NetworkError` when it ends or is not ready in time; it does not run then. So it is when this is cancelled.
    """
    _prepare(files)
    pid = _spawn(_command(project_dir, network, files, settings), network, files, settings)
    launch = _Launch(pid=pid, birth=load_birth(pid) or "", network=network, files=files)
    attempt = Attempt(pid=pid, birth=launch.birth)
    ready = False
    try:
        write_attempt(files, attempt)
        descriptor = await _wait_ready(project_dir, launch, settings)
        ready = True
    finally:
        if not ready:
            with anyio.CancelScope(shield=True):
                await end_attempt(files, attempt, seconds=settings.stop_seconds)
    return descriptor


def _prepare(files: NetworkFiles) -> None:
    """Make the state folder, private to the user, and put away what an earlier process said."""
    make_directory(files.state)
    with contextlib.suppress(PermissionError):
        files.directory.chmod(0o700)
    remove_file(files.status)
    with contextlib.suppress(OSError):
        files.log.replace(files.log.with_name(f"{files.log.name}.1"))


def _spawn(command: tuple[str, ...], network: ManagedNetwork, files: NetworkFiles, settings: NetworkSettings) -> int:
    try:
        return spawn_detached(command, environ=settings.environ, log=files.log)
    except OSError as error:
        raise NetworkError(
            f"the `{network.name}` network cannot be started",
            slug="network/start-failed",
            detail=f"`{command[0]}`, with its log in `{files.log}`: {error.strerror or error}",
            hint="check that Python is where it was when the tool was installed, and who owns the folder of the log",
        ) from error


def _command(project_dir: Path, network: ManagedNetwork, files: NetworkFiles, settings: NetworkSettings) -> tuple[str, ...]:
    options = {
        "--state-dir": str(files.state),
        "--bind": network.bind,
        "--port": str(network.port),
        "--status-file": str(files.status),
        "--log-file": str(files.log),
        "--project": str(project_dir),
        "--network": network.name,
    }
    if network.artificial_delay_ms:
        options["--artificial-delay-ms"] = str(network.artificial_delay_ms)
    accounts = [word for account in load_accounts(settings.environ) for word in ("--account", account)]
    return (*settings.command, *(word for pair in options.items() for word in pair), *accounts)


async def _wait_ready(project_dir: Path, launch: _Launch, settings: NetworkSettings) -> Descriptor:
    with anyio.move_on_after(settings.start_seconds):
        while True:
            status = poll_exit(launch.pid)
            if status is not None:
                raise _ended(launch, status, settings)
            descriptor = _load_status(project_dir, launch)
            if descriptor is not None:
                return descriptor
            await anyio.sleep(POLL_SECONDS)
    raise NetworkError(
        f"the `{launch.network.name}` network did not start in time",
        slug="network/start-timeout",
        detail=describe_with_tail(f"it was not ready after {settings.start_seconds:g} s and has been stopped", launch.files.log),
        hint=f"see the whole log in `{launch.files.log}`",
    )


def _load_status(project_dir: Path, launch: _Launch) -> Descriptor | None:
    """Read what the replica says about itself; it appears in one piece."""
    path = launch.files.status
    document = load_object(path, hint="update the tool: its parts do not fit each other")
    if document is None:
        return None
    facts = {**document, "network": launch.network.name, "project": str(project_dir), "birth": launch.birth, "bind": launch.network.bind}
    try:
        return parse_descriptor(facts)
    except (KeyError, TypeError, ValueError) as error:
        detail = f"the embedded network described itself wrongly: {error}"
        raise StoreError(f"`{path}` is damaged", slug="store/damaged", detail=detail) from error


def _ended(launch: _Launch, status: int, settings: NetworkSettings) -> NetworkError:
    network = launch.network
    match status:
        case 3:  # as `python -m orchestrator.replica` says
            return port_taken(settings.user.ports, network.port, network.name)
        case 4:
            return address_unavailable(network.bind, network.name, span=network.span)
        case 5:
            return port_forbidden(network.bind, network.port, network.name, span=network.span)
    how = f"with status {status}" if status >= 0 else f"by signal {-status}"
    return NetworkError(
        f"the `{launch.network.name}` network ended while it started",
        slug="network/start-failed",
        detail=describe_with_tail(f"its process ended {how}", launch.files.log),
        hint=_hint(launch),
    )


def _hint(launch: _Launch) -> str:
    log = f"see the whole log in `{launch.files.log}`"
    tail = load_tail(launch.files.log)
    if _IN_USE in tail:
        return f"end the process whose `--state-dir` is `{launch.files.state}` (`ps -A -o pid,args` shows it), then run this again"
    if _UNREADABLE not in tail:
        return log
    return f"run `orchestrator network reset {launch.network.name}`, which deletes the state with all canisters, or {log}"
