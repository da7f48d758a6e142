"""`orchestrator recipe list` and `orchestrator recipe show`."""

import json

import click

from orchestrator.cli.options import offline_option, shared_options
from orchestrator.cli.recipes import load_any_recipe, open_project_if_any
from orchestrator.cli.state import State

__all__ = ["list_", "show"]


@click.command("list", short_help="List the recipes that there are.")
@shared_options
@click.pass_obj
def list_(state: State) -> None:
    """List the recipes that ship with the tool, and those that the project uses, with what they are pinned to."""
    from orchestrator.engine.authoring.recipe_addresses import list_bundled, list_used
    from orchestrator.ui.recipes import recipes_to_json, render_recipes

    project = open_project_if_any(state)
    used = list_used(project) if project is not None else None
    bundled = list_bundled()
    text = json.dumps(recipes_to_json(bundled, used), ensure_ascii=False) if state.as_json else render_recipes(bundled, used)
    state.terminal.stdout.write(f"{text}\n")


@click.command(short_help="Show what a recipe is for and what it takes.")
@click.argument("recipe", metavar="NAME|PATH|ADDRESS")
@offline_option
@shared_options
@click.pass_obj
def show(state: State, *, recipe: str) -> None:
    """Show what a recipe is for, what it takes, its hash, and how a manifest uses it.

    It is named as for `recipe render`.
    """
    from orchestrator.ui.recipes import recipe_to_json, render_recipe

    found = load_any_recipe(state, recipe)
    text = json.dumps(recipe_to_json(found), ensure_ascii=False) if state.as_json else render_recipe(found)
    state.terminal.stdout.write(f"{text}\n")
