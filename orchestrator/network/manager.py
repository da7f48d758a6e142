"""Start, stop, describe and reset a project's networks, and connect to them.

One process at a time starts or stops a network: a lock in the network's folder. Everyone else looks for what was
started, and whether it still lives; how, is the business of the network's runner.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio

from orchestrator.core.project import ConnectedNetwork, ManagedNetwork, Network
from orchestrator.errors import LockHeldError, NetworkError, StoreError
from orchestrator.network.access import MAINNET_ROOT_KEY, NetworkAccess, NetworkReport, NetworkState
from orchestrator.network.accounts import load_accounts, tell_accounts
from orchestrator.network.answer import wait_answer
from orchestrator.network.deletion import delete_folder
from orchestrator.network.icp_cli import OWNER, explain_port, find_icp_network, refuse_to_end
from orchestrator.network.launchers import choose_runner, end_others, find_others
from orchestrator.network.root_key import fetch_root_key
from orchestrator.network.runner import Found, Place, Runner
from orchestrator.network.saving import find_save_failure
from orchestrator.network.settings import NetworkSettings
from orchestrator.store.atomic import remove_file
from orchestrator.store.file_lock import acquire_lock, is_held, open_lock
from orchestrator.store.layout import Layout

__all__ = ["connect", "network_status", "reset_network", "start_network", "stop_network"]

_LOCK_POLL_SECONDS = 0.02


async def start_network(
    project_dir: Path, network: ManagedNetwork, *, settings: NetworkSettings | None = None, silent: int | None = None
) -> NetworkAccess:
    """Start a managed network and return how to reach it, or how to reach the one that runs already.

    One of ours that lives but does not answer, or whose files are gone, is ended first; leftovers of a dead one are
    removed. `silent` is a process that has just been asked, and did not answer: it is not asked again.
    Raises `NetworkError`: program not installed, port taken, process ended, not ready in time, or somebody else runs
    it and it does not answer.
    """
    place, runner = _open(project_dir, network, settings)
    async with _starting(place):
        present = await _find(place, runner)
        if present is not None:
            asked = silent is not None and present.pid == silent
            if present.access is not None and not asked and await _answers(present, place):
                await tell_accounts(project_dir, network.name, load_accounts(place.settings.environ))
                return present.access
            if present.alive and present.owner is not None:
                raise _unresponsive(network, present.owner)
            await runner.end(place, present)
        await runner.end_orphan(place)
        await end_others(place)
        try:
            access = await runner.launch(place)
        except NetworkError as error:
            raise await explain_port(place, error) from error
        await _seed(place, runner, access)
        return access


async def _seed(place: Place, runner: Runner, access: NetworkAccess) -> None:
    """Give the user's identities their part; the embedded network does that by itself, dfx leaves it to its users.

    A start that is interrupted here leaves no network: one without funds would be taken for a complete one.
    """
    if place.network.launcher not in {"pocket-ic", "docker"}:
        return
    from orchestrator.network.seeding import seed_accounts

    seeded = False
    try:
        await seed_accounts(access, load_accounts(place.settings.environ))
        seeded = True
    finally:
        if not seeded:
            with anyio.CancelScope(shield=True):
                await runner.end(place, Found(alive=True, access=access, pid=access.pid, container=access.container))


async def stop_network(project_dir: Path, network: ManagedNetwork, *, settings: NetworkSettings | None = None) -> int | str | None:
    """Stop a managed network and return its pid or its container, or `None` when only leftovers of a dead one were removed.

    Its state stays. One that is being started is waited for, and one that was started in the way that the project asked
    for before is ended too. Raises `NetworkError` (`network/not-running`) when nothing was started.
    """
    place, runner = _open(project_dir, network, settings)
    if not place.files.lock.exists() and await _find(place, runner) is None and await runner.find_orphan(place) is None:
        raise _not_running(network)
    async with _stopping(place):
        present = await _find_own(place, runner)
        if present is None:
            orphan = await runner.end_orphan(place) or await end_others(place)
            if orphan is None:
                raise _not_running(network)
            return orphan.container or orphan.pid
        await runner.end(place, present)
        return (present.container or present.pid) if present.alive else None


async def reset_network(project_dir: Path, network: ManagedNetwork, *, settings: NetworkSettings | None = None) -> None:
    """Stop a managed network if it runs, and delete its state, canister ids and install records."""
    place, runner = _open(project_dir, network, settings)
    async with _starting(place):
        present = await _find_own(place, runner)
        if present is not None:
            await runner.end(place, present)
        await runner.end_orphan(place)
        await end_others(place)
        _forget_ids(place)
        for directory in (place.files.ids, place.files.records):
            delete_folder(directory)
        await runner.clear(place)


def _forget_ids(place: Place) -> None:
    """Delete icp-cli's files of ids that we had written for this network; the embedded one has them with its state."""
    layout = Layout(place.project_dir)
    for tie in () if place.network.launcher == "embedded" else sorted(place.files.ids.glob("*.json")):
        remove_file(layout.managed_mapping(tie.stem))


async def network_status(project_dir: Path, network: Network, *, settings: NetworkSettings | None = None) -> NetworkReport:
    """Return the state of a network; managed ones are asked whether they answer."""
    if isinstance(network, ConnectedNetwork):
        access = await connect(project_dir, network)
        return NetworkReport(name=network.name, launcher=None, state="connected", access=access)
    place, runner = _open(project_dir, network, settings)
    found = await _find(place, runner)
    if found is None or not found.alive:
        return await _report_dead(place, runner, found)
    state: NetworkState = "running" if await _answers(found, place) else "unresponsive"
    asks = state == "running" and network.launcher == "embedded" and found.owner is None
    return NetworkReport(
        name=network.name,
        launcher=network.launcher,
        state=state,
        access=found.access,
        pid=found.pid,
        listens=found.listens,
        container=found.container,
        owner=found.owner,
        not_saving=await find_save_failure(project_dir, place.files) if asks else None,
    )


async def connect(project_dir: Path, network: Network, *, settings: NetworkSettings | None = None) -> NetworkAccess:
    """Return how to reach a network; nothing is started.

    Raises `NetworkError` (`network/not-running`) for a managed network that does not run, and what the agent
    raises when the root key has to be fetched and cannot be.
    """
    if isinstance(network, ConnectedNetwork):
        return await _connected(network)
    place, runner = _open(project_dir, network, settings)
    found = await _find(place, runner)
    if found is None or not found.alive:
        raise _not_running(network)
    if found.access is None:
        raise _unresponsive(network, found.owner)
    return found.access


def _open(project_dir: Path, network: ManagedNetwork, settings: NetworkSettings | None) -> tuple[Place, Runner]:
    place = Place(project_dir=project_dir, network=network, settings=settings or NetworkSettings.from_environment())
    return place, choose_runner(network)


async def _connected(network: ConnectedNetwork) -> NetworkAccess:
    match network.root_key:
        case "mainnet":
            root_key = MAINNET_ROOT_KEY
        case "fetch":
            root_key = await fetch_root_key(network.api_url, network)
        case bytes(key):
            root_key = key
    return NetworkAccess(
        name=network.name, launcher=None, api_url=network.api_url, gateway_url=network.gateway_url, root_key=root_key, managed=False
    )


async def _find(place: Place, runner: Runner) -> Found | None:
    """Return the network, be it ours or icp-cli's; what we had started ourselves comes first, while it lives."""
    found = await runner.find(place)
    if found is not None and found.alive:
        return found
    return await find_icp_network(place) or found


async def _find_own(place: Place, runner: Runner) -> Found | None:
    """Return the network to end; raises `NetworkError` for one that is not ours to end."""
    found = await _find(place, runner)
    if found is not None and found.owner == OWNER:
        raise refuse_to_end(place)
    return found


async def _answers(found: Found, place: Place) -> bool:
    return found.alive and found.access is not None and await wait_answer(found.access.api_url, seconds=place.settings.answer_seconds)


async def _report_dead(place: Place, runner: Runner, found: Found | None) -> NetworkReport:
    """Report a network without a process that is known; one that ended by itself has removed what it had said."""
    orphan = await runner.find_orphan(place) or await find_others(place)
    return NetworkReport(
        name=place.network.name,
        launcher=place.network.launcher,
        state="stopped" if orphan is None else "orphaned",
        access=None,
        pid=None if orphan is None else orphan.pid,
        container=None if orphan is None else orphan.container,
        crashed=found.pid if found is not None and found.crashed else None,
    )


@asynccontextmanager
async def _starting(place: Place) -> AsyncIterator[None]:
    """Hold the network's lock; wait for another starter as long as starting and stopping may take.

    Raises `StoreError` where it cannot be written, and `LockHeldError` when it does not become free.
    """
    lock = open_lock(place.files.lock)
    seconds = place.start_seconds + place.stop_seconds
    with anyio.move_on_after(seconds):
        while not acquire_lock(lock):  # noqa: ASYNC110  # another process has it, which sends us no event
            await anyio.sleep(_LOCK_POLL_SECONDS)
    if not lock.is_locked:
        raise LockHeldError(
            f"the `{place.network.name}` network is being started or stopped by another process",
            slug="network/busy",
            detail=f"its lock was not free within {seconds:g} s",
            hint="wait for the other command to end, then run this one again",
        )
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def _stopping(place: Place) -> AsyncIterator[None]:
    """Hold the network's lock; where nothing can be written nobody else starts or stops it either, and it is ended without."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(_starting(place))
        except StoreError as error:
            if isinstance(error, LockHeldError) or is_held(place.files.lock):
                raise
        yield


def _not_running(network: ManagedNetwork) -> NetworkError:
    return NetworkError(
        f"the `{network.name}` network of this project is not running",
        slug="network/not-running",
        hint=f"run `orchestrator network start {network.name}`",
    )


def _unresponsive(network: ManagedNetwork, owner: str | None) -> NetworkError:
    stop = f"icp network stop {network.name}" if owner == OWNER else f"orchestrator network stop {network.name}"
    return NetworkError(
        f"the `{network.name}` network does not answer",
        slug="network/unresponsive",
        detail=f"{owner or 'this tool'} started it, and its process lives; it may be starting, suspended, or very busy",
        hint=f"try again, or run `{stop}`, then `orchestrator network start {network.name}`",
    )
