"""`launcher: pocket-ic`: the network launcher or the PocketIC server, whichever is there."""

import anyio.to_thread

from orchestrator.network.descriptor import Descriptor
from orchestrator.network.pocket_ic.launcher import start_launcher
from orchestrator.network.pocket_ic.programs import find_pocket_ic
from orchestrator.network.pocket_ic.server import start_server
from orchestrator.network.processes.ports import require_free
from orchestrator.network.runner import Place

__all__ = ["start_pocket_ic"]


async def start_pocket_ic(place: Place) -> Descriptor:
    """Start PocketIC with what is installed; raises `NetworkError` when nothing is, and when the port is taken."""
    network, settings = place.network, place.settings
    program = await anyio.to_thread.run_sync(find_pocket_ic, network, settings.environ)
    require_free(settings.user.ports, network)
    start = start_launcher if program.kind == "launcher" else start_server
    return await start(place, program.path)
