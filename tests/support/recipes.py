"""Recipes of a test: a folder with a template and what it takes."""

from pathlib import Path

from orchestrator.engine.authoring.recipe_files import find_recipes
from orchestrator.engine.authoring.recipe_lint import lint_recipe
from orchestrator.recipes.authored import AuthoredRecipe

__all__ = ["lint", "write_recipe"]


def write_recipe(folder: Path, template: str, description: str | None = None) -> AuthoredRecipe:
    """Write a recipe into a folder, which is made, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.hbs").write_text(template, encoding="utf-8")
    if description is not None:
        (folder / "recipe.yaml").write_text(description, encoding="utf-8")
    (recipe,) = find_recipes([str(folder)], folder)
    return recipe


def lint(folder: Path, template: str, description: str | None = None) -> list[tuple[str, str, int]]:
    """Return what is found about a recipe: severity, name, and line."""
    report = lint_recipe(write_recipe(folder, template, description))
    return [
        (finding.severity, finding.slug.removeprefix("recipe-lint/"), finding.span.line if finding.span else 0)
        for finding in report.findings
    ]
