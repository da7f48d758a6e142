"""The page about recipes has each helper that the renderer knows, with examples that are true."""

import re
from pathlib import Path

import pytest

from orchestrator.errors import RecipeError
from orchestrator.recipes.calls import BLOCKS, HELPERS
from orchestrator.recipes.parser import parse_template
from orchestrator.recipes.render import render_template

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "recipes.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("<!-- helpers:")[2].partition("<!-- end of helpers -->")[0]
ROWS = re.findall(r"^\| `(\w+)`( #)? \| .* \| `([^|]*)` \| (?:`([^|]*)` )?\|$", TABLE, re.MULTILINE)
DATA = {"name": "it's", "n": 3, "tags": ["a", "b"]}


def rendered(template: str, **more: object) -> str:
    """Render a template for the values of the page's examples."""
    return render_template(parse_template(template, Path("recipe.hbs")), {**DATA, **more}).text


def test_the_page_has_every_helper() -> None:
    """No helper is left out, none is invented, and those that need a body are marked."""
    assert sorted(name for name, *_ in ROWS) == sorted(HELPERS)
    assert {name for name, block, *_ in ROWS if block} == {*BLOCKS, "raw"}


@pytest.mark.parametrize(("template", "result"), [row[2:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_examples_are_true(template: str, result: str) -> None:
    """Each example gives what stands beside it."""
    assert rendered(template) == result


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{null}}{{many}}{{map}}", "[1, x][object]"),
        ("{{tags.[0]}}{{map.[my key]}}", "a1"),
        ("{{#each tags}}{{@root.n}}{{../n}}{{@first}}{{@last}} {{/each}}", "33truefalse 33falsetrue "),
        ("{{#each map}}{{@key}}={{this}}{{/each}}", "my key=1"),
        ("{{#each tags as |tag index|}}{{index}}{{tag}}{{/each}}{{#with n as |m|}}{{m}}{{/with}}", "0a1b3"),
        ("{{! x }}{{!-- }} --}}\\{{n}}", "{{n}}"),
        ('{{#eq n 3}}yes{{/eq}}{{eq n "3"}}{{gt n "2"}}', "yesfalsetrue"),
        ("{{#if zero}}a{{/if}}{{#if zero includeZero=true}}b{{/if}}", "b"),
        ("{{#unless missing}}a{{/unless}}{{#each missing}}{{else}}b{{/each}}{{#with missing}}{{else}}c{{/with}}", "abc"),
        ('{{#*inline "row"}}<{{n}}{{size}}>{{/inline}}{{> row size=5}}', "<35>"),
        ('{{#*inline "row"}}<{{n}}>{{/inline}}{{> row}}{{> row other}}', "<3><4>"),
        ('{{#*inline "row"}}<{{> @partial-block}}>{{/inline}}{{#> row}}{{n}}{{/row}}', "<3>"),
        ("a\n  {{#if n}}\n  {{! b }}\nc\n  {{/if}}\n {{n~}}\n d", "a\nc\n 3d"),
        ('{{#*inline "row"}}\na\nb\n{{/inline}}\nx:\n  {{> row}}\n', "x:\n  a\n  b\n"),
    ],
    ids=["values", "paths", "marks", "keys", "names", "text", "same", "zero", "missing", "given", "about", "body", "alone", "indented"],
)
def test_what_the_page_says_beside(template: str, result: str) -> None:
    """Paths, marks, names, partials and white space are as the page says."""
    more: dict[str, object] = {"null": None, "many": [1, "x"], "map": {"my key": 1}, "zero": 0, "other": {"n": 4}}

    assert rendered(template, **more) == result


@pytest.mark.parametrize(
    "template", ["{{missing}}", "{{not missing}}", "{{#each missing}}{{/each}}", "{{lookup tags 2}}", "{{eq missing 1}}"]
)
def test_what_is_strict(template: str) -> None:
    """Asking for what is not there is an error where the page says so."""
    with pytest.raises(RecipeError) as caught:
        rendered(template)
    assert caught.value.slug == "recipe/missing-value"
