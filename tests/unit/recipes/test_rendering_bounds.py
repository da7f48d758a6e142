"""Rendering is linear, and nothing that a template contains makes it endless, deep or large."""

import functools
import itertools
from pathlib import Path

import pytest

from orchestrator.errors import RecipeError
from orchestrator.recipes.expressions import MAX_EXPRESSION_DEPTH
from orchestrator.recipes.parser import MAX_NESTING, parse_template
from orchestrator.recipes.render import MAX_RENDER_DEPTH, MAX_RENDER_STEPS, render_template
from tests.support.counting_calls import count_calls

PATH = Path("/project/recipe.hbs")


def render(template: str, data: dict[str, object] | None = None, max_steps: int = MAX_RENDER_STEPS) -> str:
    """Return a template's output."""
    return render_template(parse_template(template, PATH), data or {}, max_steps=max_steps).text


def refusal(template: str, data: dict[str, object] | None = None, max_steps: int = 20_000) -> str | None:
    """Return the slug of the error that a template ends in, within fewer steps than there may be."""
    with pytest.raises(RecipeError) as caught:
        render(template, data, max_steps)
    assert caught.value.span is not None
    return caught.value.slug


TEMPLATES = {
    "values": "line {{a}}\n",
    "blocks": "{{#if a}}\n  x\n{{else}}\n  y\n{{/if}}\n",
    "comments": "{{!-- one }}two\n",
    "escapes": "\\{{a}} \\\\\\\\ {{a}}\n",
    "raw blocks": "{{{{raw}}}} {{a}} {{{{/raw}}}}",
    "spaces": "{{a}}          \t\n{{~a~}}   ",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_twice_as_long_is_twice_the_work(name: str) -> None:
    """Parsing and rendering do work in proportion to the template's length."""
    once, twice = (count_calls(functools.partial(render, TEMPLATES[name] * times, {"a": "x"})) for times in (300, 600))
    assert twice < 2.2 * once


LOOPS = {
    "items": "{{#each l}}{{this}} {{@index}}\n{{/each}}",
    "conditions": "{{#each l as |x i|}}{{#if (eq x i)}}{{../a}}{{else}}{{x}}{{/if}}{{/each}}",
    "partials": '{{#*inline "p"}}[{{k}}]\n{{/inline}}{{#each l}}\n  {{> p k=@index}}\n{{/each}}',
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_list_twice_as_long_is_twice_the_work(name: str) -> None:
    """A loop does work in proportion to its items."""
    once, twice = (count_calls(functools.partial(render, LOOPS[name], {"a": "x", "l": list(range(count))})) for count in (200, 400))
    assert twice < 2.2 * once


def test_a_loop_over_ten_thousand_items() -> None:
    """A loop over 10,000 items is rendered whole."""
    assert render("{{#each l}}{{this}};{{/each}}", {"l": list(range(10_000))}).count(";") == 10_000


def test_a_template_of_a_megabyte() -> None:
    """A template of 1 MB is rendered whole."""
    text = "0123456789abcdef" * 4096 + "{{a}}\n"
    assert len(render(text * 16, {"a": "x"})) == (len(text) - len("{{a}}") + 1) * 16


PARTIAL = '{{#*inline "p"}}'
NAMES = "abcdefghijklmnopqrstuvwxyz"
BOMBS: dict[str, tuple[str, dict[str, object]]] = {
    "a partial that uses itself": (PARTIAL + "{{> p}}{{/inline}}{{> p}}", {}),
    "partials that double": (
        "".join(f'{{{{#*inline "{one}"}}}}{{{{> {other}}}}}{{{{> {other}}}}}{{{{/inline}}}}' for one, other in itertools.pairwise(NAMES))
        + '{{#*inline "z"}}.{{/inline}}{{> a}}',
        {},
    ),
    "loops in loops": ("{{#each @root.l}}" * 6 + "x" + "{{/each}}" * 6, {"l": list(range(50))}),
    "loops in loops that write nothing": ("{{#each @root.l}}" * 6 + "{{/each}}" * 6, {"l": list(range(100))}),
    "replace": ("{{len (replace '' a (replace '' a (replace '' a a)))}}", {"a": "x" * 10_000}),
    "replace, written": ("{{replace '' a a}}", {"a": "x" * 10_000}),
    "a long text again and again": ("{{#each l}}{{len @root.a}}{{/each}}", {"a": "x" * 1_000_000, "l": list(range(1000))}),
    "lists compared": ("{{#each l}}{{#if (eq @root.l @root.m)}}{{/if}}{{/each}}", {"l": list(range(2000)), "m": list(range(2000))}),
    "lists made maps": (
        PARTIAL + "{{#if l}}{{> p k=1}}{{/if}}{{/inline}}{{#each l}}{{> p @root.l k=1}}{{/each}}",
        {"l": list(range(20_000))},
    ),
    "a long path": ("{{#each l}}{{this" + ".a" * 100_000 + "}}{{/each}}", {"l": [{"a": 1}] * 200}),
    "many parameters": ("{{#each l}}{{#if (or" + " z" * 10_000 + ")}}{{/if}}{{/each}}", {"l": list(range(1000)), "z": None}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_grows_without_end_is_cut(name: str) -> None:
    """A template that would render without end, or to more than memory holds, is refused before it has."""
    template, data = BOMBS[name]
    assert refusal(template, data) in {"recipe/too-large", "recipe/too-deep", "recipe/missing-value", "recipe/wrong-value"}


DEEP = {
    "blocks": "{{#if a}}" * 5_000,
    "closed blocks": "{{#if a}}" * (MAX_NESTING + 1) + "{{/if}}" * (MAX_NESTING + 1),
    "else if": "{{#if a}}" + "{{else if b}}" * 5_000 + "{{/if}}",
    "sub-expressions": "{{#if " + "(not " * 5_000,
    "closed sub-expressions": "{{#if " + "(not " * (MAX_EXPRESSION_DEPTH + 1) + "a" + ")" * (MAX_EXPRESSION_DEPTH + 1) + "}}{{/if}}",
    "lists": "{{len " + "[" * 100_000,
    "maps": "{{len " + '{"a": ' * 100_000,
    "inlines": '{{#*inline "p"}}' * 5_000,
    "partial blocks": "{{#> p}}" * 5_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_depth_is_capped(name: str) -> None:
    """Nesting without end is refused, and never ends in a RecursionError."""
    assert refusal(DEEP[name], {"a": True}) in {"recipe/too-deep", "recipe/template-syntax"}


def test_the_deepest_template_renders() -> None:
    """Blocks as deep as the cap, partials in them as deep as the cap, with the deepest sub-expressions, are no RecursionError."""
    condition = "(not " * MAX_EXPRESSION_DEPTH + "z" + ")" * MAX_EXPRESSION_DEPTH
    text = f"{{{{#unless {condition}}}}}" * MAX_NESTING + "x" + "{{/unless}}" * MAX_NESTING
    assert render(text, {"z": True}) == ""
    assert render(text, {"z": False}) in {"", "x"}
    inner = "{{#if a}}" * (MAX_NESTING - 1)
    recursive = f'{{{{#*inline "p"}}}}{inner}{{{{> p}}}}{"{{/if}}" * (MAX_NESTING - 1)}{{{{/inline}}}}{{{{> p}}}}'
    assert refusal(recursive, {"a": True}) == "recipe/too-deep"
    assert MAX_RENDER_DEPTH >= MAX_NESTING


BACKTRACKING = {
    "quotes": "{{a '" + "\\'" * 50_000,
    "backslashes": "\\" * 200_000 + "{ {{a}}",
    "numbers": "{{len " + "1" * 100_000 + "x}}",
    "escapes": '{{len "' + "\\u00e9" * 20_000,
    "spaces": "{{" + " " * 200_000,
    "brackets": "{{" + "a.[" * 50_000,
    "names": "{{#each l as |" + "x " * 50_000,
    "comments": "{{!--" * 20_000 + "}}",
    "braces": "{" * 100_000,
    "dots": "{{" + "../" * 100_000,
    "options": "{{a " + "k=(a " * 15,
}


@pytest.mark.parametrize("name", BACKTRACKING)
def test_nothing_is_tried_again_and_again(name: str) -> None:
    """Tags that nearly fit are refused, or are text, without trying every way to read them."""
    text = BACKTRACKING[name]
    calls = count_calls(lambda: _tried(text))
    assert calls < 40 * len(text)


def _tried(text: str) -> None:
    try:
        render(text, {"a": "x", "l": []})
    except RecipeError:
        return


def test_a_long_name_is_cut_in_errors() -> None:
    """A name of a megabyte is not repeated in what a user reads."""
    for template in ("{{" + "a" * 1_000_000 + "}}", "{{#" + "a" * 1_000_000 + " b}}"):
        with pytest.raises(RecipeError) as caught:
            render(template)
        (problem,) = caught.value.diagnostics
        assert len(problem.summary) < 600
        assert len(problem.hint or "") < 600
