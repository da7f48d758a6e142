"""Tell the gateway of an embedded network what canisters are called, for hosts such as `web.local.localhost`."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.core.principal import Principal
from orchestrator.errors import NetworkError
from orchestrator.network.control import request_control
from orchestrator.network.custom_domains import write_names
from orchestrator.network.descriptor import load_descriptor
from orchestrator.store.layout import Layout

__all__ = ["NAMES_SECONDS", "tell_names"]

NAMES_SECONDS = 5.0
"""How long the gateway may take to write names down; addresses by id need none of them."""


async def tell_names(project_dir: Path, network: str, environment: str, names: Mapping[str, Principal]) -> bool:
    """Tell the names of an environment's canisters, all of them; return whether the gateway knows them from now on.

    A network that does not run, does not answer in time or has a launcher that routes no names makes that False:
    canisters are then reached by their ids. Raises `StoreError` when the network's descriptor cannot be read.
    """
    files = Layout(project_dir).network(network)
    descriptor = load_descriptor(files.descriptor)
    if files.container.exists() or (descriptor is not None and descriptor.launcher == "pocket-ic"):
        return write_names(files, environment, names)
    if descriptor is None or descriptor.control_port is None or not descriptor.is_alive():
        return False
    content = {"names": {environment: {name: str(canister) for name, canister in names.items()}}}
    try:
        await request_control(descriptor, "/names", content, seconds=NAMES_SECONDS)
    except NetworkError:
        return False
    return True
