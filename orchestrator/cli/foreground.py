"""`network start --foreground`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from orchestrator.cli.verbs import wait
from orchestrator.errors import NetworkError

if TYPE_CHECKING:
    from orchestrator.cli.state import State
    from orchestrator.core.project import ManagedNetwork, Project
    from orchestrator.network.access import NetworkAccess, NetworkReport
    from orchestrator.network.settings import NetworkSettings

__all__ = ["refuse_running", "stay"]

Start = Callable[[], Awaitable[tuple[bool, "NetworkAccess"]]]
_ALIVE = frozenset({"running", "unresponsive"})


def stay(state: "State", project: "Project", network: "ManagedNetwork", start: Start, *, settings: "NetworkSettings") -> None:
    """Start a network and stay with it until Ctrl-C, which is how it is meant to end.

    One event loop has all of it: whenever Ctrl-C comes, either the start is taken back or the network is stopped.
    """
    from orchestrator.network.foreground import stay_with
    from orchestrator.ui.networks import render_stopped

    errors = state.terminal.stderr
    started: list[NetworkAccess] = []

    def show(text: str) -> None:
        errors.write(text)
        errors.flush()

    async def run() -> None:
        _, access = await start()
        started.append(access)
        show(f"Network `{network.name}` is ready: {access.gateway_url or access.api_url}\nPress Ctrl-C to stop it.\n")
        await stay_with(project.directory, network, access, settings=settings, show=show)

    try:
        wait(run)
    except KeyboardInterrupt:
        if not started:
            raise
        show(f"{render_stopped(network.name, started[0].container or started[0].pid)}\n")


def refuse_running(report: "NetworkReport") -> None:
    """Raise `NetworkError` for a network that somebody runs already, however slow to answer it is: it is theirs to end."""
    if report.state not in _ALIVE:
        return
    raise NetworkError(
        f"network `{report.name}` is already running",
        slug="network/already-running",
        detail="it was started in the background, and others may be using it",
        hint=f"run `orchestrator network stop {report.name}` first",
    )
