"""`orchestrator recipe test`."""

import json

import click

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.errors import ExitCode

__all__ = ["test"]


@click.command(short_help="Run the cases of recipes.")
@click.argument("recipes", nargs=-1, metavar="[PATH|NAME]...")
@click.option("--case", "cases", metavar="NAME", multiple=True, help="Run this case only; may be repeated.")
@click.option("--update", is_flag=True, help="Write down what the cases give as what they expect.")
@shared_options
@click.pass_obj
def test(state: State, *, recipes: tuple[str, ...], cases: tuple[str, ...], update: bool) -> int:
    """Render recipes for their cases, and compare with what these expect; nothing that a recipe says is run.

    A PATH is a template, a recipe's folder, or a folder with recipes; without one it is the working directory. The
    exit status is 1 when a case fails.
    """
    from orchestrator.engine.authoring.recipe_cases import check_cases_exist, run_recipe_cases
    from orchestrator.engine.authoring.recipe_files import describe_recipe, find_recipes
    from orchestrator.ui.recipe_cases import cases_to_json, render_cases
    from orchestrator.ui.style import choose_style

    terminal = state.terminal
    found = [describe_recipe(recipe) for recipe in find_recipes(recipes, terminal.directory)]
    reports = [run_recipe_cases(recipe, only=cases, update=update) for recipe in found]
    check_cases_exist(reports)
    style = choose_style(terminal.stdout, terminal.environ)
    shown = json.dumps(cases_to_json(reports), ensure_ascii=False) if state.as_json else render_cases(reports, style=style)
    terminal.stdout.write(f"{shown}\n")
    return ExitCode.FAILED if any(report.failed for report in reports) else ExitCode.DONE
