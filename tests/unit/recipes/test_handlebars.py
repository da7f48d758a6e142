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
