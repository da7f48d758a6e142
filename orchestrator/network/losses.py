"""What resetting a network deletes besides canister ids, in words."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.core.project import ManagedNetwork
from orchestrator.store.layout import Layout

__all__ = ["describe_state"]


def describe_state(project_dir: Path, network: ManagedNetwork, environ: Mapping[str, str]) -> str | None:
    """Return what goes, or `None` when there is nothing."""
    files = Layout(project_dir).network(network.name)
    match network.launcher:
        case "embedded":
            return _state_in(files.state)
        case "pocket-ic":
            return _state_in(files.program_state)
        case "docker":
            return "its container, with all that is in it; volumes and mounts stay" if files.container.exists() else None
        case "dfx":
            from orchestrator.network.dfx.files import find_dfx_network

            found = find_dfx_network(project_dir, environ)
            text = _state_in(found.directory)
            return f"{text}, which every project on dfx's shared network uses" if text and found.shared else text


def _state_in(directory: Path) -> str | None:
    return f"the state in `{directory}`" if directory.exists() else None
