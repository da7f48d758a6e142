"""`orchestrator recipe new`."""

import json
from pathlib import Path

import click

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State

__all__ = ["new"]


@click.command(short_help="Write a new recipe.")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="The recipe's name [default: the folder's].")
@shared_options
@click.pass_obj
def new(state: State, *, directory: Path, name: str | None) -> None:
    """Write a small recipe that works into DIR: the template, what it takes, cases, a README.

    No file is overwritten.
    """
    from orchestrator.engine.authoring.recipe_project import write_recipe_project
    from orchestrator.ui.new_recipes import recipe_project_to_json, render_recipe_project

    terminal = state.terminal
    project = write_recipe_project(terminal.directory / directory, name=name)
    text = json.dumps(recipe_project_to_json(project), ensure_ascii=False) if state.as_json else render_recipe_project(project, directory)
    terminal.stdout.write(f"{text}\n")
