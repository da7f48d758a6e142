"""`orchestrator environment list`."""

import json

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import open_project

__all__ = ["environment", "list_environments"]

_COMMANDS = {"list": "orchestrator.cli.commands.environment:list_environments"}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="Look at environments.")
@shared_options
def environment() -> None:
    """Look at the project's environments."""


@click.command("list", short_help="List the project's environments.")
@shared_options
@click.pass_obj
def list_environments(state: State) -> None:
    """List the names of the project's environments, one per line: `local` and `ic`, which every project has, then its own."""
    names = list(open_project(state).environments)
    text = json.dumps({"schema": 1, "environments": names}) if state.as_json else "\n".join(names)
    state.terminal.stdout.write(f"{text}\n")
