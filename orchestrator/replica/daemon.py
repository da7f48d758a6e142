"""The process of an embedded network: start, serve, save, stop.

`python -m orchestrator.replica` runs it. When it is ready it writes the status file; it ends on SIGTERM or
SIGINT with a last checkpoint. What it imports late is what makes it start fast.
"""

import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc
import uvicorn

from orchestrator.replica.driver import Driver
from orchestrator.replica.http.api import Api
from orchestrator.replica.http.application import Application
from orchestrator.replica.http.gateway import Gateway
from orchestrator.replica.replica import Replica
from orchestrator.replica.state import Clock
from orchestrator.replica.storage.checkpoint import Checkpoints, load_state
from orchestrator.replica.storage.directory import NetworkFiles, hold
from orchestrator.replica.vm.machine import WasmMachine
from orchestrator.replica.vm.thread import THREAD_STACK_BYTES
from orchestrator.store.atomic import PRIVATE_MODE, write_atomic

__all__ = ["DaemonOptions", "PortTakenError", "run_daemon"]

_LOG = logging.getLogger(__name__)
_STATUS_VERSION = 1
_TOKEN_BYTES = 32
_SHUTDOWN_SECONDS = 3
_BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """What a network process is told. `port` 0 means any; the names are for messages only."""

    state_directory: Path
    bind: str
    port: int
    status_file: Path
    artificial_delay_milliseconds: int = 0
    project: str = ""
    network: str = ""


class PortTakenError(Exception):
    """Raised when somebody else listens on the port; the message says where."""


class _Server(uvicorn.Server):
    """uvicorn, with our signal handling and a way to know when it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_listening()


def run_daemon(options: DaemonOptions, *, time_source: Callable[[], int]) -> None:
    """Run a network until a signal ends it.

    Raises `PortTakenError`, and `ReplicaError` when the state directory is in use or unreadable.
    """
    with hold(options.state_directory) as directory, _listen(options) as listener:
        threading.stack_size(THREAD_STACK_BYTES)  # the worker thread runs canisters, which may recurse deeply
        machine = WasmMachine(cache_directory=directory.root / "compiled")
        network = directory.load_network()
        state, last_time = load_state(directory, machine)
        replica = Replica(machine=machine, keys=network.keys, entropy=secrets.token_bytes, state=state, clock=Clock(time_source, last_time))
        checkpoints = Checkpoints(replica, directory)
        driver = Driver(replica, checkpoints, artificial_delay_seconds=options.artificial_delay_milliseconds / 1000)
        anyio.run(_serve, options, network, driver, checkpoints, listener)


def _listen(options: DaemonOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio turns Nagle off for TCP sockets that say so
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.bind, options.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTakenError(f"{options.bind}:{options.port} ({error.strerror})") from error
    return listener


async def _serve(options: DaemonOptions, network: NetworkFiles, driver: Driver, checkpoints: Checkpoints, listener: socket.socket) -> None:
    application = Application(Api(driver, implementation="icp-orchestrator embedded"), Gateway(driver))
    config = uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    port = listener.getsockname()[1]
    server = _Server(config, lambda: _announce(options, network, port))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_on_signal, server)
        for work in (driver.keep_running, driver.keep_ticking, driver.keep_checkpoints):
            tasks.start_soon(work)
        await server.serve(sockets=[listener])
        tasks.cancel_scope.cancel()
    with anyio.CancelScope(shield=True):
        await driver.run(checkpoints.checkpoint)
    options.status_file.unlink(missing_ok=True)
    _LOG.info("stopped; the state is in %s", options.state_directory)


async def _stop_on_signal(server: _Server) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            _LOG.info("%s: stopping", signal.Signals(number).name)
            server.should_exit = True


def _announce(options: DaemonOptions, network: NetworkFiles, port: int) -> None:
    """Write the status file: the network is ready."""
    status = {
        "v": _STATUS_VERSION,
        "pid": os.getpid(),
        "port": port,
        "root_key": network.keys.root_key.hex(),
        "instance_id": network.instance_id,
        "control_token": secrets.token_hex(_TOKEN_BYTES),
    }
    write_atomic(options.status_file, json.dumps(status).encode() + b"\n", PRIVATE_MODE)
    name = f"network {options.network} of {options.project}" if options.network else "network"
    _LOG.info("%s listens on http://%s:%d", name, options.bind, port)
