"""What authors and users of recipes use: the group `recipe`."""

import click

from orchestrator.cli.groups import LazyGroup
from orchestrator.cli.options import shared_options

__all__ = ["recipe"]

_COMMANDS = {
    "new": "orchestrator.cli.commands.recipe_new:new",
    "list": "orchestrator.cli.commands.recipe_show:list_",
    "show": "orchestrator.cli.commands.recipe_show:show",
    "render": "orchestrator.cli.commands.recipe_render:render",
    "lint": "orchestrator.cli.commands.recipe_lint:lint",
    "test": "orchestrator.cli.commands.recipe_cases:test",
    "lock": "orchestrator.cli.commands.recipe_lock:lock",
}


@click.group(cls=LazyGroup, commands_by_name=_COMMANDS, short_help="Look at recipes, write them, test them.")
@shared_options
def recipe() -> None:
    """Look at recipes, write them, and test them, without a network."""
