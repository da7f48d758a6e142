"""`orchestrator plugin …`: what authors of sync plugins use."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.cli.terminal import Terminal

__all__ = ["inspect", "plugin", "read_component"]

_COMMANDS = {
    "inspect": "orchestrator.cli.commands.plugin:inspect",
}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="Look at sync plugins and try them.")
@shared_options
def plugin() -> None:
    """Look at sync plugins and try them, without a project or a network."""


@click.command(short_help="Show what a plugin is and what it may do.")
@click.argument("component", metavar="X.wasm", type=click.Path(path_type=Path))
@shared_options
@click.pass_obj
def inspect(state: State, *, component: Path) -> None:
    """Show the interface that X.wasm is made for, what it imports, and what it may do; nothing of it is run.

    The exit status is 1 for what no step could run; the message says why.
    """
    from orchestrator.engine.authoring.component_report import report_component
    from orchestrator.ui.plugins import component_to_json, render_component

    report = report_component(read_component(state.terminal, component))
    shown = component_to_json(str(component), report)
    text = json.dumps(shown, ensure_ascii=False) if state.as_json else render_component(str(component), report)
    state.terminal.stdout.write(f"{text}\n")
    state.terminal.stdout.flush()
    if report.refusal is not None:
        raise report.refusal


def read_component(terminal: "Terminal", path: Path) -> bytes:
    """Read a component's file, as the command line names it; raises `UsageError` where there is none."""
    from orchestrator.sandbox.component import MAX_COMPONENT_BYTES

    try:
        with (terminal.directory / path).open("rb") as file:
            return file.read(MAX_COMPONENT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"`{path}` cannot be read",
            slug="usage/no-component",
            detail=error.strerror or str(error),
            hint="name the component file that the plugin's build makes",
        ) from error
