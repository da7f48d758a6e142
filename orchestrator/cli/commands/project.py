"""The group of commands that look at the project's files and change nothing."""

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options

__all__ = ["project"]

_COMMANDS = {
    "show": "orchestrator.cli.commands.project_show:show",
    "validate": "orchestrator.cli.commands.project_validate:validate",
    "schema": "orchestrator.cli.commands.project_schema:schema",
}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="Look at the project's files.")
@shared_options
def project() -> None:
    """Look at the project's files."""
