"""`orchestrator deploy`."""

from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import (
    confirm_option,
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
from orchestrator.cli.verbs import make_consent, run_verb

if TYPE_CHECKING:
    from orchestrator.core.plan import Mode

__all__ = ["deploy"]


@click.command(short_help="Build, plan, apply and sync.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@label_option
@plan_options
@proxy_option
@plugin_options
@confirm_option
@offline_option
@locked_option
@strict_option
@shared_options
@click.pass_obj
def deploy(state: State, *, names: tuple[str, ...], labels: tuple[tuple[str, str], ...], mode: "Mode", force: bool) -> None:
    """Bring canisters to what the project says: build, plan, ask where something would be lost, apply, sync.

    Without names all canisters of the environment are deployed. A managed network that is not running is started.
    """
    from orchestrator import engine

    options = engine.Options(mode=mode, force=force)
    consent = make_consent(state)
    run_verb(
        state,
        "deploy",
        lambda session: engine.deploy(session, engine.select_labelled(session, names, labels), options=options, consent=consent),
    )
