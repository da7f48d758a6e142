"""`orchestrator project show`."""

from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import locked_option, offline_option, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import look_into, open_project
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.core.project import Project

__all__ = ["show"]


@click.command(short_help="Show the whole project.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML of the shape of icp-cli's; this is the default.")
@offline_option
@locked_option
@shared_options
@click.pass_obj
def show(state: State, *, as_yaml: bool) -> None:
    """Show what the project's files mean: canisters, networks and environments, recipes expanded, overrides applied.

    With `--env` one environment is shown, with its canisters and its network. Nothing is built or sent; recipes that
    are not at hand are downloaded. The values of variables and install arguments are printed, too.
    """
    from orchestrator.ui.project_show import project_to_json, render_project

    if as_yaml and state.as_json:
        raise UsageError("`--yaml` and `--json` contradict each other", hint="leave out one of the two")
    loaded = open_project(state, whole=True)
    registry_recipes = {each.name: each.recipe.address for each in loaded.canisters if each.recipe and each.recipe.address.startswith("@")}
    shown = _expand(state, loaded)
    render = project_to_json if state.as_json else render_project
    for part in render(shown, registry_recipes):
        state.terminal.stdout.write(part)


def _expand(state: State, loaded: "Project") -> "Project":
    from orchestrator.engine.showing import expand_project, needs_expansion, select_shown

    shown = select_shown(loaded, state.environment) if state.environment_is_typed else loaded
    if not needs_expansion(shown):
        return shown
    return look_into(
        state, loaded, "project show", lambda session: expand_project(session, shown), environment=next(iter(shown.environments))
    )
