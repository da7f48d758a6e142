"""Which launcher runs a network in which way."""

from orchestrator.core.project import ManagedNetwork
from orchestrator.network.descriptor import Descriptor
from orchestrator.network.embedded import launch_embedded
from orchestrator.network.processes.runner import ProcessRunner
from orchestrator.network.runner import Place, Runner

__all__ = ["choose_runner", "end_others"]


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


async def end_others(place: Place) -> None:
    """End what runs this network in another way than the project asks for by now; what dfx runs is dfx's."""
    if place.network.launcher in {"dfx", "docker"}:
        await ProcessRunner(_start_embedded).end_orphan(place)
    if place.network.launcher != "docker" and place.files.container.exists():
        from orchestrator.network.docker.runner import DockerRunner

        found = await DockerRunner().find(place)
        if found is not None:
            await DockerRunner().end(place, found)


async def _start_embedded(place: Place) -> Descriptor:
    return await launch_embedded(place.project_dir, place.network, place.files, place.settings)


async def _start_pocket_ic(place: Place) -> Descriptor:
    from orchestrator.network.pocket_ic.start import start_pocket_ic

    return await start_pocket_ic(place)
