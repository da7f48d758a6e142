"""No template, however odd, makes the renderer do anything but render or say why not."""

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import RecipeError
from orchestrator.recipes import parse_template, render_template
from tests.support.random_templates import DATA, random_template

PATH = Path("/project/recipe.hbs")
bits = st.sampled_from(
    [
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{{#if a}}",
        "{{/if}}",
        "{{#each l}}",
        "{{/each}}",
        "{{else}}",
        "{{else if b}}",
        "{{~",
        "~}}",
        "{{! c }}",
        "\n",
        "  ",
        "{{a}}",
        "{{this}}",
        "{{@index}}",
        "{{../a}}",
        "{{#with o as |x|}}",
        "{{/with}}",
        "x",
        "\\",
        '"',
        "'",
        "(",
        ")",
        "|",
        "{{l.0}}",
        "{{{{raw}}}}",
        '{{replace "x" "y" a}}',
        "{{eq a b}}",
        '{{#*inline "p"}}',
        "{{/inline}}",
        "{{> p}}",
        "{{{{/raw}}}}",
        "\r\n",
        "{{lookup o 'k'}}",
        "{{#> p}}",
        "{{/p}}",
        "{{> @partial-block}}",
        "{{#eq a b}}",
        "{{/eq}}",
        "{{#each l as |x i|}}",
        "{{^}}",
        "{{{{/raw}}}}",
        "[1, {\"k\": 'v'}]",
        "{{&a}}",
        "@root.o.[k]",
        "{{!-- c --}}",
        "\\\\",
    ]
)
templates = st.one_of(st.text(max_size=100), st.lists(bits, max_size=25).map("".join))
values: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)
contexts = st.dictionaries(st.sampled_from(["a", "b", "l", "o"]), values)


generated = st.integers(min_value=0).map(lambda seed: random_template(random.Random(seed)))  # noqa: S311  templates of a number


@given(templates, contexts)
def test_any_template_renders_or_is_refused(text: str, context: dict[str, object]) -> None:
    """Rendering gives text with one origin for each line, inside the template, or `RecipeError` with a place."""
    lines = text.count("\n") + 1
    try:
        rendered = render_template(parse_template(text, PATH), context)
    except RecipeError as error:
        place = error.span
        inside = place is not None and 1 <= place.line <= lines and place.column >= 1
    else:
        inside = len(rendered.lines) == rendered.text.count("\n") + 1 and all(1 <= line <= lines for line in rendered.lines)
    assert inside


@given(st.text(alphabet=st.characters(exclude_characters="{\\", exclude_categories=["Cs"]), max_size=200))
def test_text_without_tags_is_copied(text: str) -> None:
    """A template without tags renders to itself, each line from its own line."""
    rendered = render_template(parse_template(text, PATH), {})
    assert rendered.text == text
    assert rendered.lines == tuple(range(1, text.count("\n") + 2))


@given(generated, contexts)
def test_templates_of_every_construct_render_or_are_refused(text: str, context: dict[str, object]) -> None:
    """Constructs that are put together as people do end the same way, and rendering twice gives the same."""
    try:
        template = parse_template(text, PATH)
        rendered = render_template(template, {**DATA, **context})
    except RecipeError as error:
        assert error.span is not None  # noqa: PT017  either way is right
        return
    assert render_template(template, {**DATA, **context}) == rendered


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_can_be_written(text: str) -> None:
    """A value reaches the output character for character: nothing in it is a tag, and nothing is escaped."""
    assert render_template(parse_template("[{{a}}]", PATH), {"a": text}).text == f"[{text}]"
    assert render_template(parse_template("[{{{replace '' '' a}}}]", PATH), {"a": text}).text == f"[{text}]"
