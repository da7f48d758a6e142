"""`orchestrator project validate`."""

from dataclasses import replace

import click

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.cli.verbs import open_project, show_warnings

__all__ = ["validate"]


@click.command(short_help="Check the project's files.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@shared_options
@click.pass_obj
def validate(state: State, *, strict: bool) -> None:
    """Check the project's files and report everything that is wrong at once; nothing is built or sent."""
    from orchestrator.engine.declarations import check_declarations
    from orchestrator.ui.projects import render_valid

    loaded = open_project(state, strict=strict)
    found = check_declarations(loaded, strict=strict)
    show_warnings(state, found)
    loaded = replace(loaded, warnings=(*loaded.warnings, *found))
    state.terminal.stderr.write(f"{render_valid(loaded, base=state.terminal.directory)}\n")
