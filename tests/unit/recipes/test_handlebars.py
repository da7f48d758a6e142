"""Templates render as the Rust crate handlebars 6.4.1 renders them, set up as icp-cli does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import RecipeError
from orchestrator.recipes.parser import parse_template
from orchestrator.recipes.render import render_template

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "cases" / "recipes" / "handlebars.json").read_text(encoding="utf-8"))
PATH = Path("/project/recipe.hbs")
PLACE = re.compile(r"line (\d+), col (\d+)")
RENDERED = [case for case in CASES if "ok" in case]
REFUSED = [case for case in CASES if "error" in case]


def render(template: str, data: dict[str, Any]) -> str:
    """Return a template's output."""
    return render_template(parse_template(template, PATH), data).text


def test_every_case_is_used() -> None:
    """The file of cases is complete: nothing is left out silently."""
    assert (len(CASES), len(RENDERED) + len(REFUSED)) == (132, 132)


@pytest.mark.parametrize("case", RENDERED, ids=lambda case: case["template"])
def test_renders_like_the_crate(case: dict[str, Any]) -> None:
    """What the crate renders, this renderer renders, byte for byte."""
    assert render(case["template"], case["context"]) == case["ok"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["template"])
def test_refuses_like_the_crate(case: dict[str, Any]) -> None:
    """What the crate refuses is refused, at the same line and column where the crate names one."""
    with pytest.raises(RecipeError) as caught:
        render(case["template"], case["context"])
    assert caught.value.span is not None
    if place := PLACE.search(case["error"]):
        assert (str(caught.value.span.line), str(caught.value.span.column)) == place.groups()


# Seen of icp-cli 1.5.0, whose columns count from the start of the line.
PLACES = {
    "{{!--": 3,
    "x{{! a }": 4,
    "{{!--a}} {{!--": 12,
    "{{{{a}}}}x{{{{each}}}}": 15,
    "{{{{a}}}}x{{{{ each}}}}": 16,
    "{{{{a}}}}x{{{{~each}}}}": 11,
    "{{{{a}}}}x{{{{ ~ each}}}}": 11,
    "{{{{a}}}}x{{{{~/b}}}}": 11,
    "{{{{a}}}}x{{{{/a~ ": 15,
    "{{{{a}}}}x{{{{/~}}}}": 11,
}


@pytest.mark.parametrize("template", PLACES)
def test_what_is_never_closed_has_the_place_of_the_crate(template: str) -> None:
    """Comments without an end, and raw blocks with a wrong one, are reported where the crate's grammar gives up."""
    with pytest.raises(RecipeError) as caught:
        render(template, {})
    assert caught.value.span is not None
    assert caught.value.span.column == PLACES[template]


def test_blocks_that_cross_are_both_shown() -> None:
    """Where a closing tag closes another block than the one that is open, both are pointed at, and what is wrong is said."""
    with pytest.raises(RecipeError) as caught:
        render("{{#if a}}\n{{#each b}}\n{{/if}}", {})
    (problem,) = caught.value.diagnostics
    assert problem.summary == "a block is never closed: `{{/if}}` stands where `each` is open"
    assert [(span.line, note) for span, note in problem.related] == [(2, "`each` begins here"), (3, "what closes another one")]
