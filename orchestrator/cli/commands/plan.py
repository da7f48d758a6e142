"""`orchestrator plan`."""

import json
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import (
    label_option,
    locked_option,
    offline_option,
    plan_options,
    plugin_options,
    proxy_option,
    shared_options,
    strict_option,
)
from orchestrator.cli.state import State
from orchestrator.cli.verbs import run_verb
from orchestrator.errors import ExitCode

if TYPE_CHECKING:
    from orchestrator.core.plan import Mode

__all__ = ["plan"]


@click.command(short_help="Show what a deploy would change.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@label_option
@plan_options
@proxy_option
@plugin_options
@offline_option
@locked_option
@strict_option
@shared_options
@click.pass_obj
def plan(state: State, *, names: tuple[str, ...], labels: tuple[tuple[str, str], ...], mode: "Mode", force: bool) -> int:
    """Build, look at the network, and show what a deploy would change; nothing is sent.

    Exit status 3 means that there is something to change. A network that is not running is not started.
    """
    from orchestrator import engine
    from orchestrator.core.plan import plan_to_json
    from orchestrator.ui.plans import render_changes

    options = engine.Options(mode=mode, force=force)
    result = run_verb(
        state,
        "plan",
        lambda session: engine.plan(session, engine.select_labelled(session, names, labels), options=options),
        events_are_data=False,
    )
    if state.as_json:
        text = json.dumps(plan_to_json(result), ensure_ascii=False)
    else:
        text = render_changes(result.environment, result.digest, result.changes, recipes=result.recipes)
    state.terminal.stdout.write(f"{text}\n")
    return ExitCode.CHANGES if result.mutates else ExitCode.DONE
