"""`orchestrator sync`."""

import click

from orchestrator.cli.options import (
    confirm_option,
    label_option,
    locked_option,
    offline_option,
    plugin_options,
    proxy_option,
    shared_options,
    strict_option,
)
from orchestrator.cli.state import State
from orchestrator.cli.verbs import make_consent, run_verb

__all__ = ["sync"]


@click.command(short_help="Run the sync steps of deployed canisters.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@label_option
@proxy_option
@plugin_options
@confirm_option
@offline_option
@locked_option
@strict_option
@shared_options
@click.pass_obj
def sync(state: State, *, names: tuple[str, ...], labels: tuple[tuple[str, str], ...]) -> None:
    """Run every sync step of the named canisters, or of all of them; they must be deployed and running."""
    from orchestrator import engine

    consent = make_consent(state)
    run_verb(state, "sync", lambda session: engine.sync(session, engine.select_labelled(session, names, labels), consent=consent))
