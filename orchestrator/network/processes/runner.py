"""Networks that are a process of ours: a descriptor says which, and the user's record of ports knows it as well."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.errors import StoreError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.control import stop_process
from orchestrator.network.deletion import delete_folder, delete_leftover
from orchestrator.network.descriptor import Descriptor, load_descriptor, write_descriptor
from orchestrator.network.processes.attempt import end_attempt, find_attempt, forget_attempt
from orchestrator.network.processes.family import end_family, forget_family
from orchestrator.network.processes.ports import PortOwner, find_owner, release_port, write_owner
from orchestrator.network.processes.process import end_process
from orchestrator.network.runner import Found, Orphan, Place
from orchestrator.store.atomic import remove_file
from orchestrator.store.layout import NetworkFiles
from orchestrator.store.lock import is_held

__all__ = ["ProcessRunner"]


@dataclass(frozen=True, slots=True)
class ProcessRunner:
    """Runs a network as a process; `start` makes the process and describes it."""

    start: Callable[[Place], Awaitable[Descriptor]]

    async def find(self, place: Place) -> Found | None:
        """Return what the descriptor says."""
        descriptor = _load_own(place.project_dir, place.files)
        if descriptor is None or descriptor.launcher != place.network.launcher:
            return None
        alive = descriptor.is_alive()
        return Found(
            alive=alive,
            access=descriptor.access(place.network),
            pid=descriptor.pid,
            listens=None if descriptor.listens_as(place.network) else descriptor.listens_on,
            crashed=not alive and place.files.status.exists(),
        )

    async def find_orphan(self, place: Place) -> Orphan | None:
        """Return the process that only the record of ports still knows, that runs the network in another way, or whose starter was killed."""
        found = find_owner(place.settings.user.ports, place.project_dir, place.network.name)
        if found is not None:
            return Orphan(pid=found[1].pid)
        attempt = find_attempt(place.files)
        return Orphan(pid=attempt.pid) if attempt is not None and not is_held(place.files.lock) else None

    async def launch(self, place: Place) -> NetworkAccess:
        """Start the process, describe it, and say that it has the port."""
        ports, network = place.settings.user.ports, place.network
        descriptor = await self.start(place)
        try:
            write_descriptor(place.files.descriptor, descriptor)
            owner = PortOwner(project=descriptor.project, network=descriptor.network, pid=descriptor.pid, birth=descriptor.birth)
            write_owner(ports, descriptor.port, owner)
            forget_attempt(place.files)
        except StoreError:
            with anyio.CancelScope(shield=True):
                await self._end(place, descriptor)
            raise
        return descriptor.access(network)

    async def end(self, place: Place, found: Found) -> None:  # noqa: ARG002  # the descriptor says more than what was found
        """End the process, with what it had started, and remove what describes it."""
        await self._end(place, load_descriptor(place.files.descriptor))

    async def _end(self, place: Place, descriptor: Descriptor | None) -> None:
        files = place.files
        if descriptor is not None:
            await stop_process(descriptor, seconds=place.stop_seconds)
            release_port(place.settings.user.ports, descriptor.port, descriptor.pid)
        await end_family(files, seconds=place.stop_seconds)
        delete_leftover(files.descriptor)
        delete_leftover(files.status)

    async def end_orphan(self, place: Place) -> Orphan | None:
        """End the process that `find_orphan` returns."""
        ports = place.settings.user.ports
        found = find_owner(ports, place.project_dir, place.network.name)
        attempt = find_attempt(place.files)
        if attempt is not None:
            await end_attempt(place.files, attempt, seconds=place.stop_seconds)
        if found is None:
            return None if attempt is None else Orphan(pid=attempt.pid)
        port, owner = found
        await end_process(owner.pid, owner.birth, seconds=place.stop_seconds)
        await end_family(place.files, seconds=place.stop_seconds)
        release_port(ports, port, owner.pid)
        delete_leftover(place.files.descriptor)
        return Orphan(pid=owner.pid)

    async def clear(self, place: Place) -> None:
        """Delete the state, that of other launchers with it."""
        forget_family(place.files)
        remove_file(place.files.instance)
        for folder in (place.files.state, place.files.program_state):
            delete_folder(folder)


def _load_own(project_dir: Path, files: NetworkFiles) -> Descriptor | None:
    """Read the descriptor of the project's own network; one that came with a copy of another project counts for nothing."""
    descriptor = load_descriptor(files.descriptor)
    return descriptor if descriptor is not None and descriptor.is_of(project_dir) else None
