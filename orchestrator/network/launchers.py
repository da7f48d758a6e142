"""Which launcher runs a network in which way."""

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.descriptor import Descriptor
from orchestrator.network.embedded import launch_embedded
from orchestrator.network.processes import ProcessRunner
from orchestrator.network.runner import Place, Runner

__all__ = ["choose_runner"]


def choose_runner(network: ManagedNetwork) -> Runner:
    """Return what runs the network."""
    match network.launcher:
        case "embedded":
            return ProcessRunner(_start_embedded)
        case "pocket-ic":
            return ProcessRunner(_start_pocket_ic)
        case "dfx":
            from orchestrator.network.dfx import DfxRunner

            return DfxRunner()
        case _:
            raise _not_yet(network)


async def _start_embedded(place: Place) -> Descriptor:
    return await launch_embedded(place.project_dir, place.network, place.files, place.settings)


async def _start_pocket_ic(place: Place) -> Descriptor:
    from orchestrator.network.pocket_ic import start_pocket_ic

    return await start_pocket_ic(place)


def _not_yet(network: ManagedNetwork) -> NetworkError:
    return NetworkError(
        f"the launcher `{network.launcher}` is not supported yet by this version",
        slug="network/launcher",
        detail=f"network `{network.name}` asks for it",
        span=network.span,
        hint=f"use `launcher: embedded`, or start {network.launcher} yourself and describe it with `mode: connected` and `root-key: fetch`",
    )
