"""The process of an embedded network: start, serve, save, stop.

`python -m orchestrator.replica` runs it. When it is ready it writes the status file; it ends on SIGTERM or
SIGINT with a last checkpoint. What it imports late is what makes it start fast.
"""

import errno
import gc
import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from uvicorn.config import Config
from uvicorn.server import Server

from orchestrator.core.principal import Principal
from orchestrator.errors import OrchestratorError, ReplicaError, StoreError
from orchestrator.replica.control import ControlApplication
from orchestrator.replica.http.application import Application
from orchestrator.replica.http.joined_writes import JoiningProtocol
from orchestrator.replica.storage.directory import NetworkIdentity, StateDirectory, hold
from orchestrator.replica.system.ids import PROXY_ID
from orchestrator.store.atomic import PRIVATE_MODE, make_directory

if TYPE_CHECKING:
    from orchestrator.replica.service import Service

__all__ = ["DaemonOptions", "ListenError", "PortForbiddenError", "PortTakenError", "run_daemon"]

_LOG = logging.getLogger(__name__)
_STATUS_VERSION = 1
_TOKEN_BYTES = 32
_SHUTDOWN_SECONDS = 3
_BACKLOG = 1024
_CONTROL_ADDRESS = "127.0.0.1"
MAX_OPEN_FILES = 65_536
"""How many files a network asks to be allowed to have open."""
THREAD_STACK_BYTES = 64 * 1024 * 1024
"""Of the thread that runs canisters: their own stack and the host functions' room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """What a network process is told. `port` 0 means any; the names are for messages only.

    `accounts` are the principals that get ICP and cycles.
    """

    state_directory: Path
    bind: str
    port: int
    status_file: Path
    artificial_delay_milliseconds: int = 0
    accounts: tuple[bytes, ...] = ()
    log_file: Path | None = None
    project: str = ""
    network: str = ""


class ListenError(Exception):
    """Raised when the network cannot listen; the message says where. `status` is the exit status, `word` what is said first."""

    status, word = 4, "address-unavailable"


class PortTakenError(ListenError):
    """Raised when somebody else listens on the port."""

    status, word = 3, "port-taken"


class PortForbiddenError(ListenError):
    """Raised when the user may not listen on the port: low ones are for the system."""

    status, word = 5, "port-forbidden"


_LISTEN_ERRORS = {errno.EADDRINUSE: PortTakenError, errno.EACCES: PortForbiddenError, errno.EPERM: PortForbiddenError}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """What the parts of this process share; `failures` end it after the loop has ended."""

    options: DaemonOptions
    directory: StateDirectory
    identity: NetworkIdentity
    listener: socket.socket
    control_listener: socket.socket
    control_token: str = field(repr=False)
    time_source: Callable[[], int]
    failures: list[OrchestratorError]


@dataclass(frozen=True, slots=True)
class _Applications:
    """What answers on the public port, and what on the control port."""

    public: Application
    control: ControlApplication


class _Server(Server):
    """uvicorn, with our signal handling and a way to know when it listens."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()


def run_daemon(options: DaemonOptions, *, time_source: Callable[[], int]) -> None:
    """Run a network until a signal ends it.

    Raises `ListenError`, and `ReplicaError` when the state directory is in use or unreadable.
    """
    _allow_many_files()
    with (
        hold(options.state_directory) as directory,
        _listen(options.bind, options.port) as listener,
        _listen(_CONTROL_ADDRESS, 0) as control,
    ):
        process = _Process(
            options=options,
            directory=directory,
            identity=directory.load_identity(),
            listener=listener,
            control_listener=control,
            control_token=secrets.token_hex(_TOKEN_BYTES),
            time_source=time_source,
            failures=[],
        )
        threading.stack_size(THREAD_STACK_BYTES)  # the worker thread runs canisters, which may recurse deeply
        anyio.run(_serve, process)
        for failure in process.failures:
            raise failure


def _allow_many_files() -> None:
    """Raise the limit of open files as far as the user may: every canister takes one, and so does every connection."""
    try:
        import resource  # not on Windows, which has no such limit
    except ImportError:
        return
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if most == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio turns Nagle off for TCP sockets that say so
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        kind = _LISTEN_ERRORS.get(error.errno or 0, ListenError)
        raise kind(f"{address}:{port} ({error.strerror})") from error
    return listener


async def _serve(process: _Process) -> None:
    application = Application()
    server = _make_server(application)

    async def stop(_content: Mapping[str, object]) -> Mapping[str, object]:
        _LOG.info("asked to stop")
        server.should_exit = True
        return {"pid": os.getpid()}

    control = ControlApplication(process.control_token, {"/stop": stop})
    stopping = anyio.Event()
    async with anyio.create_task_group() as others:
        others.start_soon(_stop_on_signal, server)
        others.start_soon(_make_server(control).serve, [process.control_listener])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run_network, process, _Applications(application, control), server, stopping)
            await server.serve(sockets=[process.listener])
            stopping.set()
        others.cancel_scope.cancel()


def _make_server(application: Application | ControlApplication) -> _Server:
    config = Config(
        application,
        http=JoiningProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # responses have one already, which may be a canister's
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return _Server(config)


async def _run_network(process: _Process, applications: _Applications, server: _Server, stopping: anyio.Event) -> None:
    """Load the network and keep it going; a new one has nothing to load that could fail, and is ready before."""
    is_new = not process.directory.state.exists()
    limiter = anyio.CapacityLimiter(1)
    try:
        if is_new:
            await server.listening.wait()
            _announce(process, clock_offset_ns=0)
        service = await anyio.to_thread.run_sync(_load_service, process, limiter, limiter=limiter)
    except OrchestratorError as error:
        process.failures.append(error)
        server.should_exit = True
        return
    applications.public.serve(service.handlers)
    applications.control.serve(service.operations)
    try:
        if not is_new:
            await server.listening.wait()
            _announce(process, clock_offset_ns=service.clock_offset_ns)
        await service.go_until(stopping)
    except StoreError as error:  # the status file cannot be written
        process.failures.append(error)
        server.should_exit = True
    finally:
        with anyio.CancelScope(shield=True):
            await _save(process, service)


async def _save(process: _Process, service: "Service") -> None:
    """Save the state a last time. A failure becomes the exit status, and the last checkpoint and the status file stay.

    A status file without its process is how others know that something may be lost.
    """
    try:
        await service.save()
    except (OrchestratorError, OSError) as error:
        detail = error.detail if isinstance(error, OrchestratorError) else error.strerror
        process.failures.append(ReplicaError("the network's last changes could not be saved", slug="replica/not-saved", detail=detail))
    else:
        with suppress(OSError):  # whoever stops the network removes it as well
            process.options.status_file.unlink(missing_ok=True)
        _LOG.info("stopped; the state is in %s", process.options.state_directory)


def _load_service(process: _Process, limiter: anyio.CapacityLimiter) -> "Service":
    """Import and load everything else, on the thread that will run canisters."""
    from orchestrator.replica.service import load_service  # it imports much, and the port is open already

    options = process.options
    delay = options.artificial_delay_milliseconds / 1000
    service = load_service(
        process.directory, process.time_source, limiter=limiter, artificial_delay_seconds=delay, accounts=options.accounts
    )
    gc.freeze()  # what is there now stays: it need not be looked through every time
    gc.enable()
    return service


async def _stop_on_signal(server: _Server) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            _LOG.info("%s: stopping", signal.Signals(number).name)
            server.should_exit = True


def _write_status(path: Path, content: bytes) -> None:
    """Write the status file in one piece. It is about a process, so it need not outlive a power cut."""
    make_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE), "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write `{path}`", slug="store/write", detail=error.strerror or str(error)) from error


def _announce(process: _Process, *, clock_offset_ns: int) -> None:
    """Write the status file: the network is ready."""
    options, port = process.options, process.listener.getsockname()[1]
    status = {
        "v": _STATUS_VERSION,
        "pid": os.getpid(),
        "port": port,
        "root_key": process.identity.root_key.hex(),
        "instance_id": process.identity.instance_id,
        "control_port": process.control_listener.getsockname()[1],
        "control_token": process.control_token,
        "clock_offset_ns": clock_offset_ns,
        "proxy_canister_id": str(Principal(PROXY_ID)),
    }
    _write_status(options.status_file, json.dumps(status).encode() + b"\n")
    name = f"network {options.network} of {options.project}" if options.network else "network"
    _LOG.info("%s listens on http://%s:%d", name, options.bind, port)
