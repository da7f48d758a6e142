"""What resetting a network deletes, and whether that is agreed to."""

from typing import TYPE_CHECKING

from orchestrator.cli.questions import confirm
from orchestrator.errors import ConsentError
from orchestrator.ui.style import harmless

if TYPE_CHECKING:
    from orchestrator.cli.state import State
    from orchestrator.core.project import Environment, ManagedNetwork, Project

__all__ = ["require_reset"]


def require_reset(state: "State", project: "Project", network: "ManagedNetwork") -> None:
    """Say what a reset deletes, and raise `ConsentError` unless somebody agrees; an empty network needs no yes."""
    environments = [each for each in project.environments.values() if each.network == network]
    _require_names(state, environments)
    losses = _losses(state, project, network, environments)
    if not losses:
        return
    state.terminal.stderr.write("\n".join([f"Resetting network `{network.name}` deletes:", *losses, ""]))
    if state.yes:
        return
    if state.terminal.interactive and confirm(state.terminal, "Delete them, with everything that they hold?"):
        return
    raise ConsentError(
        f"network `{network.name}` is not reset: nobody agreed to it",
        slug="network/reset-consent",
        detail="nothing was deleted",
        hint="run again with `--yes` to agree",
    )


def _require_names(state: "State", environments: list["Environment"]) -> None:
    """Refuse to delete a protected environment that was not named."""
    for environment in environments:
        if environment.protected and state.confirmed != environment.name:
            raise ConsentError(
                f"environment `{environment.name}` is protected",
                slug="deploy/protected",
                detail="nothing was deleted",
                span=environment.span,
                hint=f"run again with `--confirm {environment.name}` to delete it",
            )


def _losses(state: "State", project: "Project", network: "ManagedNetwork", environments: list["Environment"]) -> list[str]:
    """Return a line for everything that goes; nothing for a network that never ran."""
    from orchestrator.network.losses import describe_state
    from orchestrator.store import Layout, load_registered

    layout = Layout(project.directory)
    losses = [
        f"  canister `{harmless(name)}` ({harmless(principal)}) of environment `{environment.name}`"
        for environment in environments
        for name, principal in load_registered(layout.environment(environment).ids).items()
    ]
    rest = describe_state(project.directory, network, state.terminal.environ)
    if rest is None and losses and network.launcher == "embedded":
        rest = f"the state in `{layout.network(network.name).state}`"
    return [*losses, f"  {rest}"] if rest is not None else losses
