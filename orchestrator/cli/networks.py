"""Which network a command means."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from orchestrator.errors import LockHeldError, NetworkError, StoreError, UsageError

if TYPE_CHECKING:
    from orchestrator.cli.state import State
    from orchestrator.core.project import Environment, ManagedNetwork, Network, Project
    from orchestrator.store import LockHolder

__all__ = ["choose_network", "find_api_url", "hold_environments", "require_managed"]


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


def find_api_url(state: "State", name: str | None) -> tuple[str, str]:
    """Return what to call a network and where it is asked: `name` may be a URL, which needs no project."""
    if name is not None and name.startswith(("http://", "https://")):
        return name, name.rstrip("/")
    from orchestrator.cli.verbs import open_project, wait
    from orchestrator.core.project import ConnectedNetwork
    from orchestrator.network.manager import connect
    from orchestrator.network.settings import NetworkSettings

    project = open_project(state)
    network = choose_network(state, project, name)
    if isinstance(network, ConnectedNetwork):
        return network.name, network.api_url
    settings = NetworkSettings.from_environment(state.terminal.environ)
    return network.name, wait(lambda: connect(project.directory, network, settings=settings)).api_url


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


@contextmanager
def hold_environments(project: "Project", network: "ManagedNetwork", command: str) -> Iterator[None]:
    """Keep every run off a network inside the block; raises `LockHeldError` while one is under way.

    `command` is what others are told. An environment that never had a run has no lock, and needs none. Where the lock
    cannot be written no run can begin, so it is enough that none is under way.
    """
    from orchestrator.store import EnvironmentLock, Layout, is_held, load_holder

    layout = Layout(project.directory)
    with ExitStack() as stack:
        for environment in project.environments.values():
            path = layout.environment(environment).lock
            if environment.network.name != network.name or not path.exists():
                continue
            try:
                stack.enter_context(EnvironmentLock(path, environment=environment.name, command=f"orchestrator {command}"))
            except LockHeldError as error:
                raise _in_use(network, environment, load_holder(path)) from error
            except StoreError as error:
                if is_held(path):
                    raise _in_use(network, environment, load_holder(path)) from error
        yield


def _in_use(network: "ManagedNetwork", environment: "Environment", holder: "LockHolder | None") -> LockHeldError:
    end = f"end it with `kill {holder.pid}`" if holder else "end it"
    return LockHeldError(
        f"network `{network.name}` is in use: a run is changing environment `{environment.name}`",
        slug="network/in-use",
        detail=f"the run is {holder}" if holder else "the run has not said who it is",
        hint=f"wait for it to end, or {end}; then run this again",
    )
