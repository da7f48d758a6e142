"""Which launcher runs a network in which way."""

from orchestrator.core.project import ManagedNetwork
from orchestrator.network.descriptor import Descriptor
from orchestrator.network.embedded import launch_embedded
from orchestrator.network.processes.ports import require_unowned
from orchestrator.network.processes.runner import ProcessRunner
from orchestrator.network.runner import Found, Orphan, Place, Runner

__all__ = ["choose_runner", "end_others", "find_others"]


def choose_runner(network: ManagedNetwork) -> Runner:
    """Return what runs the network."""
    match network.launcher:
        case "embedded":
            return ProcessRunner(_start_embedded)
        case "pocket-ic":
            return ProcessRunner(_start_pocket_ic)
        case "dfx":
            from orchestrator.network.dfx.runner import DfxRunner

            return DfxRunner()
        case "docker":
            from orchestrator.network.docker.runner import DockerRunner

            return DockerRunner()


async def find_others(place: Place) -> Orphan | None:
    """Return what runs this network in another way than the project asks for by now; what dfx runs is dfx's."""
    if place.network.launcher in {"dfx", "docker"}:
        orphan = await ProcessRunner(_start_embedded).find_orphan(place)
        if orphan is not None:
            return orphan
    found = await _find_container(place)
    return Orphan(container=found.container) if found is not None and found.alive else None


async def end_others(place: Place) -> Orphan | None:
    """End what `find_others` returns, and return it."""
    ended: Orphan | None = None
    if place.network.launcher in {"dfx", "docker"}:
        ended = await ProcessRunner(_start_embedded).end_orphan(place)
    found = await _find_container(place)
    if found is None:
        return ended
    from orchestrator.network.docker.runner import DockerRunner

    await DockerRunner().end(place, found)
    return Orphan(container=found.container)


async def _find_container(place: Place) -> Found | None:
    """Return the container that was written down for a network that is none by now."""
    if place.network.launcher == "docker" or not place.files.container.exists():
        return None
    from orchestrator.network.docker.runner import DockerRunner

    return await DockerRunner().find(place)


async def _start_embedded(place: Place) -> Descriptor:
    require_unowned(place.settings.user.ports, place.network.port, place.network.name)
    return await launch_embedded(place.project_dir, place.network, place.files, place.settings)


async def _start_pocket_ic(place: Place) -> Descriptor:
    from orchestrator.network.pocket_ic.start import start_pocket_ic

    return await start_pocket_ic(place)
