"""Start, stop, describe and reset a project's networks, and connect to them.

One process at a time starts or stops a network: a lock in the network's folder. Everyone else reads the
descriptor and checks that the process it names still lives.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from orchestrator.core.project import ConnectedNetwork, ManagedNetwork, Network
from orchestrator.errors import LockHeldError, NetworkError, StoreError
from orchestrator.network.access import MAINNET_ROOT_KEY, NetworkAccess, NetworkReport, NetworkState
from orchestrator.network.answer import wait_answer
from orchestrator.network.control import stop_process
from orchestrator.network.descriptor import Descriptor, load_descriptor, write_descriptor
from orchestrator.network.embedded import launch_embedded
from orchestrator.network.ports import PortOwner, find_owner, load_owner, port_taken, release_port, write_owner
from orchestrator.network.process import end_process
from orchestrator.network.settings import NetworkSettings
from orchestrator.store.atomic import make_directory
from orchestrator.store.layout import Layout, NetworkFiles

__all__ = ["connect", "network_status", "reset_network", "start_network", "stop_network"]

_LOCK_POLL_SECONDS = 0.02


async def start_network(
    project_dir: Path, network: ManagedNetwork, *, settings: NetworkSettings | None = None, silent: int | None = None
) -> NetworkAccess:
    """Start a managed network and return how to reach it, or how to reach the one that runs already.

    A process that lives but does not answer, or whose files are gone, is ended first; leftovers of a dead one are
    removed. `silent` is a process that has just been asked, and did not answer: it is not asked again.
    Raises `NetworkError`: launcher not supported, port taken, process ended, not ready in time.
    """
    _require_embedded(network)
    settings = settings or NetworkSettings.from_environment()
    files = Layout(project_dir).network(network.name)
    async with _starting(files, network.name, settings):
        present = _load_own(project_dir, files)
        if present is not None:
            if present.pid != silent and await _answers(present, network, settings):
                return present.access(network)
            await _end(present, files, settings)
        await _end_orphan(project_dir, network, settings)
        owner = load_owner(settings.user.ports, network.port) if network.port else None
        if owner is not None:
            raise port_taken(settings.user.ports, network.port, network.name)
        descriptor = await launch_embedded(project_dir, network, files, settings)
        write_descriptor(files.descriptor, descriptor)
        _announce(descriptor, settings)
        return descriptor.access(network)


async def stop_network(project_dir: Path, network: ManagedNetwork, *, settings: NetworkSettings | None = None) -> int | None:
    """Stop a managed network and return its pid, or `None` when only leftovers of a dead process were removed.

    Its state stays. Raises `NetworkError` (`network/not-running`) when nothing was started.
    """
    _require_embedded(network)
    settings = settings or NetworkSettings.from_environment()
    files = Layout(project_dir).network(network.name)
    if _load_own(project_dir, files) is None and find_owner(settings.user.ports, project_dir, network.name) is None:
        raise _not_running(network)
    async with _starting(files, network.name, settings):
        descriptor = _load_own(project_dir, files)
        if descriptor is None:
            orphan = await _end_orphan(project_dir, network, settings)
            if orphan is None:
                raise _not_running(network)
            return orphan
        alive = descriptor.is_alive()
        await _end(descriptor, files, settings)
        return descriptor.pid if alive else None


async def reset_network(project_dir: Path, network: ManagedNetwork, *, settings: NetworkSettings | None = None) -> None:
    """Stop a managed network if it runs, and delete its state, canister ids and install records."""
    _require_embedded(network)
    settings = settings or NetworkSettings.from_environment()
    files = Layout(project_dir).network(network.name)
    async with _starting(files, network.name, settings):
        descriptor = _load_own(project_dir, files)
        if descriptor is not None:
            await _end(descriptor, files, settings)
        await _end_orphan(project_dir, network, settings)
        for directory in (files.ids, files.records, files.state):
            _remove(directory)


async def network_status(project_dir: Path, network: Network, *, settings: NetworkSettings | None = None) -> NetworkReport:
    """Return the state of a network; managed ones are asked whether they answer."""
    if isinstance(network, ConnectedNetwork):
        access = await connect(project_dir, network)
        return NetworkReport(name=network.name, launcher=None, state="connected", access=access)
    settings = settings or NetworkSettings.from_environment()
    files = Layout(project_dir).network(network.name)
    descriptor = _load_own(project_dir, files)
    if descriptor is None or not descriptor.is_alive():
        return _report_dead(project_dir, network, files, descriptor, settings)
    state: NetworkState = "running" if await _answers(descriptor, network, settings) else "unresponsive"
    return NetworkReport(
        name=network.name,
        launcher=network.launcher,
        state=state,
        access=descriptor.access(network),
        pid=descriptor.pid,
        listens=None if descriptor.listens_as(network) else descriptor.listens_on,
    )


async def connect(project_dir: Path, network: Network) -> NetworkAccess:
    """Return how to reach a network; nothing is started.

    Raises `NetworkError` (`network/not-running`) for a managed network that does not run, and what the agent
    raises when the root key has to be fetched and cannot be.
    """
    if isinstance(network, ConnectedNetwork):
        return await _connected(network)
    _require_embedded(network)
    descriptor = _load_own(project_dir, Layout(project_dir).network(network.name))
    if descriptor is None or not descriptor.is_alive():
        raise _not_running(network)
    return descriptor.access(network)


def _load_own(project_dir: Path, files: NetworkFiles) -> Descriptor | None:
    """Read the descriptor of the project's own network; one that came with a copy of another project counts for nothing."""
    descriptor = load_descriptor(files.descriptor)
    return descriptor if descriptor is not None and descriptor.is_of(project_dir) else None


async def _connected(network: ConnectedNetwork) -> NetworkAccess:
    match network.root_key:
        case "mainnet":
            root_key = MAINNET_ROOT_KEY
        case "fetch":
            root_key = await _fetch_root_key(network)
        case bytes(key):
            root_key = key
    return NetworkAccess(
        name=network.name, launcher=None, api_url=network.api_url, gateway_url=network.gateway_url, root_key=root_key, managed=False
    )


async def _fetch_root_key(network: ConnectedNetwork) -> bytes:
    """Ask the network for its key: trust on first use, for test networks only."""
    from orchestrator.agent.client import fetch_network_status
    from orchestrator.agent.transport import HttpTransport

    async with HttpTransport(network.api_url) as transport:
        status = await fetch_network_status(transport)
    if status.root_key is None:
        raise NetworkError(
            f"network `{network.name}` does not tell its root key",
            slug="network/no-root-key",
            detail=f"{network.api_url} answers without one, as mainnet does",
            span=network.span,
            hint="write `root-key: mainnet`, or the key's hex digits",
        )
    return status.root_key


async def _answers(descriptor: Descriptor, network: ManagedNetwork, settings: NetworkSettings) -> bool:
    return descriptor.is_alive() and await wait_answer(descriptor.access(network).api_url, seconds=settings.answer_seconds)


async def _end(descriptor: Descriptor, files: NetworkFiles, settings: NetworkSettings) -> None:
    """End the process, if it lives, and remove what describes it."""
    await stop_process(descriptor, seconds=settings.stop_seconds)
    release_port(settings.user.ports, descriptor.port, descriptor.pid)
    files.descriptor.unlink(missing_ok=True)
    files.status.unlink(missing_ok=True)


async def _end_orphan(project_dir: Path, network: ManagedNetwork, settings: NetworkSettings) -> int | None:
    """End the network's process that only the user's record of ports still knows; return its pid, if there was one."""
    found = find_owner(settings.user.ports, project_dir, network.name)
    if found is None:
        return None
    port, owner = found
    await end_process(owner.pid, owner.birth, seconds=settings.stop_seconds)
    release_port(settings.user.ports, port, owner.pid)
    return owner.pid


def _report_dead(
    project_dir: Path, network: ManagedNetwork, files: NetworkFiles, descriptor: Descriptor | None, settings: NetworkSettings
) -> NetworkReport:
    """Report a network without a process that is known; one that ended by itself has removed what it had said."""
    found = find_owner(settings.user.ports, project_dir, network.name)
    crashed = descriptor is not None and files.status.exists()
    return NetworkReport(
        name=network.name,
        launcher=network.launcher,
        state="stopped" if found is None else "orphaned",
        access=None,
        pid=None if found is None else found[1].pid,
        crashed=descriptor.pid if descriptor is not None and crashed else None,
    )


def _announce(descriptor: Descriptor, settings: NetworkSettings) -> None:
    owner = PortOwner(project=descriptor.project, network=descriptor.network, pid=descriptor.pid, birth=descriptor.birth)
    write_owner(settings.user.ports, descriptor.port, owner)


def _remove(directory: Path) -> None:
    try:
        if directory.exists():
            shutil.rmtree(directory)
    except OSError as error:
        raise StoreError(
            f"cannot delete `{directory}`",
            slug="store/write",
            detail=error.strerror or str(error),
            hint="check who owns it, then try again",
        ) from error


@asynccontextmanager
async def _starting(files: NetworkFiles, name: str, settings: NetworkSettings) -> AsyncIterator[None]:
    """Hold the network's lock; wait for another starter as long as starting and stopping may take."""
    import filelock

    make_directory(files.directory)
    lock = filelock.FileLock(files.lock, thread_local=False)
    seconds = settings.start_seconds + settings.stop_seconds
    with anyio.move_on_after(seconds):
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except filelock.Timeout:
                await anyio.sleep(_LOCK_POLL_SECONDS)
    if not lock.is_locked:
        raise LockHeldError(
            f"the `{name}` network is being started or stopped by another process",
            slug="network/busy",
            detail=f"its lock was not free within {seconds:g} s",
            hint="wait for the other command to end, then run this one again",
        )
    try:
        yield
    finally:
        lock.release()


def _not_running(network: ManagedNetwork) -> NetworkError:
    return NetworkError(
        f"the `{network.name}` network of this project is not running",
        slug="network/not-running",
        hint=f"run `orchestrator network start {network.name}`",
    )


def _require_embedded(network: ManagedNetwork) -> None:
    if network.launcher != "embedded":
        raise NetworkError(
            f"the launcher `{network.launcher}` is not supported yet by this version",
            slug="network/launcher",
            detail=f"network `{network.name}` asks for it",
            span=network.span,
            hint=f"use `launcher: embedded`, or start {network.launcher} yourself and describe it with `mode: connected` and `root-key: fetch`",
        )
