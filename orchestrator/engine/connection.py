"""Opening a network as an identity: started if it is ours and not running, and said so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from orchestrator.core.project import ManagedNetwork
from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.errors import NetworkError
from orchestrator.events import NetworkAlreadyRunning, NetworkStarted, NetworkStarting
from orchestrator.network.access import NetworkAccess

__all__ = ["WhenStopped", "ensure_network", "open_connection", "require_connection"]

WhenStopped = Literal["start", "fail", "ignore"]


@asynccontextmanager
async def open_connection(session: Session, *, when_stopped: WhenStopped) -> AsyncIterator[Connection | None]:
    """Connect as the session's identity; `None` when the network is stopped and that is to be ignored.

    Raises `NetworkError` and `IdentityError`.
    """
    if session.connector is not None:
        async with session.connector(session) as connection:
            yield connection
        return
    access = await ensure_network(session, when_stopped=when_stopped)
    if access is None:
        yield None
        return
    from orchestrator.engine.adapter import open_agent

    async with open_agent(session, access) as connection:
        yield connection


def require_connection(connection: Connection | None) -> Connection:
    """Return the connection, or raise because a network that is needed is not there."""
    if connection is None:
        raise NetworkError("the network is not running", slug="network/not-running", hint="run `orchestrator network start`")
    return connection


async def ensure_network(session: Session, *, when_stopped: WhenStopped) -> NetworkAccess | None:
    """Return how to reach the environment's network, starting it if asked to."""
    from orchestrator.network import manager
    from orchestrator.network.notices import find_notices
    from orchestrator.network.settings import NetworkSettings

    network, directory = session.environment.network, session.project.directory
    if not isinstance(network, ManagedNetwork):
        return await manager.connect(directory, network)
    settings = NetworkSettings.from_environment(session.environ)
    report = await manager.network_status(directory, network, settings=settings)
    if report.state == "running" or when_stopped == "start":
        for notice in find_notices(network, report):
            session.emit(notice)
    if report.state == "running" and report.access is not None:
        access = report.access
        session.emit(
            NetworkAlreadyRunning(
                network=network.name, launcher=network.launcher, api_url=access.api_url, gateway_url=access.gateway_url, pid=access.pid
            )
        )
        return access
    if when_stopped == "start":
        return await _start(session, network, silent=report.pid if report.state == "unresponsive" else None)
    if report.state == "unresponsive":
        raise _unresponsive(network)
    return None if when_stopped == "ignore" else await manager.connect(directory, network, settings=settings)


async def _start(session: Session, network: ManagedNetwork, *, silent: int | None) -> NetworkAccess:
    from orchestrator.network import manager
    from orchestrator.network.settings import NetworkSettings

    session.emit(NetworkStarting(network=network.name, launcher=network.launcher))
    settings = NetworkSettings.from_environment(session.environ)
    access = await manager.start_network(session.project.directory, network, settings=settings, silent=silent)
    session.emit(
        NetworkStarted(
            network=network.name,
            launcher=network.launcher,
            api_url=access.api_url,
            gateway_url=access.gateway_url,
            pid=access.pid,
            stop_command=f"orchestrator network stop {network.name}",
        )
    )
    return access


def _unresponsive(network: ManagedNetwork) -> NetworkError:
    return NetworkError(
        f"the `{network.name}` network does not answer",
        slug="network/unresponsive",
        detail="its process lives; it may be suspended, or very busy",
        hint=f"try again, or run `orchestrator network start {network.name}`, which ends the process and starts another",
    )
