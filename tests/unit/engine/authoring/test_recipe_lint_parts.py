"""What lint finds in a recipe of which it cannot try everything: a helper is missing, or there is too much of it."""

from pathlib import Path

import pytest

from orchestrator.engine.authoring.recipe_lint import lint_recipe
from tests.support.recipes import lint, write_recipe

SCRIPT = "build:\n  steps:\n    - type: script\n      command: |\n"
TEXT = "summary: s\nparameters:\n  text: {type: string, required: true, description: d}\n"
QUOTED = "'{{replace \"'\" \"'\\\\''\" text}}'"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("x {{upper text}}", ["shell-quoting", "unknown-helper"]),
        ("x '{{replace \"'\" (upper text)}}'", ["helper-parameters", "shell-quoting", "unknown-helper"]),
        ("{{#upper text}}x{{/upper}}", ["unknown-helper"]),
        ("{{#upper text}}x {{text}}{{else}}y{{/upper}}", ["shell-quoting", "unknown-helper"]),
        ("{{#if (upper text)}}x {{text}}{{/if}}", ["shell-quoting", "unknown-helper"]),
        ("{{upper}}", ["undeclared-parameter"]),
    ],
)
def test_a_helper_that_is_not_there_hides_nothing(tmp_path: Path, line: str, found: list[str]) -> None:
    """The lines around a wrong call are tried, and so is the value that it was given."""
    good, bad = lint(tmp_path, f"{SCRIPT}        {line}\n        y {QUOTED}\n", TEXT), "        z {{text}}\n"
    assert sorted(name for _, name, _ in good) == found
    both = [(name, place) for _, name, place in lint(tmp_path, f"{SCRIPT}        {line}\n{bad}", TEXT)]
    assert ("shell-quoting", 6) in both


def test_harm_whose_place_is_not_found(tmp_path: Path) -> None:
    """Where the work runs out before the tag is known, the finding is an error that says so, and no tag is blamed."""
    recipe = write_recipe(tmp_path, SCRIPT + "        x {{text}}\n" * 50, TEXT)
    full = lint_recipe(recipe)
    assert {each.slug for each in full.findings} == {"recipe-lint/shell-quoting"}
    (found,) = lint_recipe(recipe, most_characters=25_000).findings
    assert (found.slug, found.severity) == ("recipe-lint/not-all-tried", "error")
    assert found.detail == "what was read and rendered came to 25,000 characters; the shell does not take a value of it as it is"
    (found,) = lint_recipe(recipe, most_characters=1_000).findings
    assert (found.slug, found.severity, found.hint) == ("recipe-lint/not-all-tried", "warning", None)
