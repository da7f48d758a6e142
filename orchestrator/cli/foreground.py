"""`network start --foreground`."""

from typing import TYPE_CHECKING

from orchestrator.cli.verbs import wait
from orchestrator.errors import NetworkError

if TYPE_CHECKING:
    from orchestrator.cli.state import State
    from orchestrator.core.project import ManagedNetwork, Project
    from orchestrator.network.access import NetworkAccess

__all__ = ["stay"]


def stay(state: "State", project: "Project", network: "ManagedNetwork", access: "NetworkAccess", *, already: bool) -> None:
    """Stay with a network that was just started until Ctrl-C, which is how it is meant to end."""
    from orchestrator.network.foreground import stay_with
    from orchestrator.network.settings import NetworkSettings
    from orchestrator.ui.networks import render_stopped

    if already:
        raise NetworkError(
            f"network `{network.name}` is already running",
            slug="network/already-running",
            detail="it was started in the background, and others may be using it",
            hint=f"run `orchestrator network stop {network.name}` first",
        )
    settings = NetworkSettings.from_environment(state.terminal.environ)
    errors = state.terminal.stderr
    errors.write(f"Network `{network.name}` is ready: {access.gateway_url or access.api_url}\nPress Ctrl-C to stop it.\n")

    def show(text: str) -> None:
        errors.write(text)
        errors.flush()

    try:
        wait(lambda: stay_with(project.directory, network, access, settings=settings, show=show))
    except KeyboardInterrupt:
        show(f"{render_stopped(network.name, access.container or access.pid)}\n")
