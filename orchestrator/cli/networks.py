"""Which network a command means."""

from typing import TYPE_CHECKING

from orchestrator.errors import NetworkError, UsageError

if TYPE_CHECKING:
    from orchestrator.cli.state import State
    from orchestrator.core.project import ManagedNetwork, Network, Project

__all__ = ["choose_network", "require_managed"]


def choose_network(state: "State", project: "Project", name: str | None) -> "Network":
    """Return the network `name`, or the environment's; both at once contradict each other (`UsageError`)."""
    if name is None:
        from orchestrator.engine.session import select_environment

        return select_environment(project, state.environment).network
    if state.environment_is_typed:
        raise UsageError("a network's name and an environment were given", slug="usage/network-and-environment", hint="give one of them")
    network = project.networks.get(name)
    if network is None:
        names = ", ".join(sorted(project.networks)) or "none"
        raise UsageError(f"the project has no network named `{name}`", slug="usage/unknown-network", hint=f"its networks are: {names}")
    return network


def require_managed(network: "Network") -> "ManagedNetwork":
    """Return a network that this tool runs; `NetworkError` for one that it only connects to."""
    from orchestrator.core.project import ManagedNetwork

    if not isinstance(network, ManagedNetwork):
        raise NetworkError(
            f"network `{network.name}` is not a managed network",
            slug="network/not-managed",
            detail=f"it is reached at {network.api_url} and run by somebody else",
            span=network.span,
        )
    return network
