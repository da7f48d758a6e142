"""`orchestrator recipe lint`."""

import json

import click

from orchestrator.cli.options import shared_options
from orchestrator.cli.state import State
from orchestrator.errors import ExitCode

__all__ = ["lint"]


@click.command(short_help="Look for what could go wrong with recipes.")
@click.argument("recipes", nargs=-1, metavar="[PATH|NAME]...")
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
@shared_options
@click.pass_obj
def lint(state: State, *, recipes: tuple[str, ...], strict: bool) -> int:
    """Look for what could go wrong with recipes for some configuration; nothing that they say is run.

    A PATH is a template, a recipe's folder, or a folder with recipes; without one it is the working directory. The
    exit status is 1 when an error is found. `{{! lint: allow NAME }}` on a line, or on the one before, allows a finding.
    """
    from orchestrator.engine.authoring.recipe_files import find_recipes
    from orchestrator.engine.authoring.recipe_lint import lint_recipe
    from orchestrator.ui.recipe_findings import findings_to_json, render_findings
    from orchestrator.ui.style import choose_style

    terminal = state.terminal
    reports = [lint_recipe(recipe) for recipe in find_recipes(recipes, terminal.directory)]
    style = choose_style(terminal.stdout, terminal.environ)
    shown = (
        json.dumps(findings_to_json(reports), ensure_ascii=False)
        if state.as_json
        else render_findings(reports, base=terminal.directory, style=style)
    )
    terminal.stdout.write(f"{shown}\n")
    failed = any(report.errors or (strict and report.findings) for report in reports)
    return ExitCode.FAILED if failed else ExitCode.DONE
