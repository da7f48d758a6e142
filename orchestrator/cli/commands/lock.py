"""`orchestrator lock status`."""

import json

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import open_project

__all__ = ["lock", "status"]

_COMMANDS = {"status": "orchestrator.cli.commands.lock:status"}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="See who changes an environment.")
@shared_options
def lock() -> None:
    """See who holds an environment's lock: one run changes it at a time.

    A lock ends with its process, however that ends, so there is never one to be removed by hand.
    """


@click.command(short_help="Show who holds the environment's lock.")
@shared_options
@click.pass_obj
def status(state: State) -> None:
    """Show whether the environment's lock is held, and by which command, process and run."""
    from orchestrator.engine.session import select_environment
    from orchestrator.store import Layout, is_held, load_holder
    from orchestrator.ui.locks import lock_to_json, render_lock

    project = open_project(state)
    environment = select_environment(project, state.environment)
    path = Layout(project.directory).environment(environment).lock
    held = is_held(path)
    holder = load_holder(path) if held else None
    value = lock_to_json(environment.name, held=held, holder=holder)
    text = json.dumps(value, ensure_ascii=False) if state.as_json else render_lock(environment.name, held=held, holder=holder)
    state.terminal.stdout.write(f"{text}\n")
