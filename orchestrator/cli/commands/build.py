"""`orchestrator build`."""

import click

from orchestrator.cli.options import label_option, locked_option, offline_option, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import run_verb

__all__ = ["build"]


@click.command(short_help="Build canisters, and nothing else.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@label_option
@offline_option
@locked_option
@shared_options
@click.pass_obj
def build(state: State, *, names: tuple[str, ...], labels: tuple[tuple[str, str], ...]) -> None:
    """Build the named canisters of the environment, or all of them; no network is needed."""
    from orchestrator import engine

    run_verb(state, "build", lambda session: engine.build(session, engine.select_labelled(session, names, labels)))
