"""`orchestrator recipe lock`."""

import json

import click

from orchestrator.cli.options import offline_option, shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import look
from orchestrator.errors import ExitCode, UsageError

__all__ = ["lock"]


@click.command(short_help="Pin everything remote that the project uses in orchestrator.lock.")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--check", is_flag=True, help="Write nothing; the exit status is 3 when the file would change.")
@click.option("--upgrade", is_flag=True, help="Look anew at what is pinned: at the ADDRESSES, or at everything.")
@offline_option
@shared_options
@click.pass_obj
def lock(state: State, *, addresses: tuple[str, ...], check: bool, upgrade: bool) -> int:
    """Write the SHA-256 of every remote recipe, plugin and module of the project into orchestrator.lock.

    That is of all environments, or of the one that `--env` names. What is pinned stays as it is, unless `--upgrade` says otherwise.
    """
    from orchestrator.engine.pins import upgrade_command
    from orchestrator.engine.recipe_locking import lock_recipes
    from orchestrator.ui.recipe_lock import lock_to_json, render_lock

    if addresses and not upgrade:
        raise UsageError("addresses are for `--upgrade`", hint=f"run `{upgrade_command(*addresses)}`")
    environment = state.environment if state.environment_is_typed else None
    upgraded = addresses if upgrade else None
    report = look(state, "recipe lock", lambda session: lock_recipes(session, environment=environment, upgrade=upgraded, check=check))
    text = json.dumps(lock_to_json(report), ensure_ascii=False) if state.as_json else render_lock(report)
    state.terminal.stdout.write(f"{text}\n")
    return ExitCode.CHANGES if check and report.changes else ExitCode.DONE
