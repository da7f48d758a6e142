"""What authors of sync plugins use: the group `plugin`, and `orchestrator plugin inspect`."""

import json
from pathlib import Path

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import wait

__all__ = ["inspect", "plugin"]

_COMMANDS = {
    "new": "orchestrator.cli.commands.plugin_new:new",
    "componentize": "orchestrator.cli.commands.plugin_new:componentize",
    "inspect": "orchestrator.cli.commands.plugin:inspect",
    "run": "orchestrator.cli.commands.plugin_run:run",
    "cache": "orchestrator.cli.commands.plugin_cache:cache",
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
    """Show the interface that X.wasm is made for, what it imports, and what it may do; it is compiled, and nothing of it is run.

    The exit status is 1 for what no step could run; the message says why.
    """
    from orchestrator.cli.commands.plugin_run import tell_compilation
    from orchestrator.engine.authoring.component_report import report_component, try_component
    from orchestrator.engine.authoring.running import read_component
    from orchestrator.store.user import UserDirectories
    from orchestrator.ui.plugins import component_to_json, render_component

    data = read_component(state.terminal.directory, component)
    kept = UserDirectories.from_environment(state.terminal.environ).components
    report = wait(lambda: try_component(data, report_component(data), kept, tell_compilation(state, len(data))))
    shown = component_to_json(str(component), report)
    text = json.dumps(shown, ensure_ascii=False) if state.as_json else render_component(str(component), report)
    state.terminal.stdout.write(f"{text}\n")
    state.terminal.stdout.flush()
    if report.refusal is not None:
        raise report.refusal
