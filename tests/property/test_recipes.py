"""No template, however odd, makes the renderer do anything but render or say why not."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import RecipeError
from orchestrator.recipes import parse_template, render_template

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
    ]
)
templates = st.one_of(st.text(max_size=100), st.lists(bits, max_size=25).map("".join))
values: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)
contexts = st.dictionaries(st.sampled_from(["a", "b", "l", "o"]), values)


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
