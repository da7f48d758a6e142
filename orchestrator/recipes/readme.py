"""What a recipe takes as Markdown: the README of each bundled recipe is made of its `recipe.yaml` alone."""

import json
from collections.abc import Iterable

from orchestrator.recipes.parameters import Parameter, RecipeDescription, type_in_words, walk_parameters

__all__ = ["render_example", "render_parameters", "render_readme", "render_summaries"]

_CANISTER = "counter"
"""The canister of the examples."""


def render_readme(description: RecipeDescription) -> str:
    """Return the README of a recipe: what it does, how it is used, and every parameter."""
    parts = [
        f"# {description.name}",
        description.summary,
        description.description,
        "\n".join(f"    {line}" for line in render_example(description, description.name)),
        "## Parameters",
        render_parameters(description),
        "This page is made from `recipe.yaml`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_parameters(description: RecipeDescription) -> str:
    """Return the parameters as a table."""
    rows = [
        f"| `{name}` | {type_in_words(parameter)} | {_cell(_presence(presence))} | {_cell(_meaning(parameter))} |"
        for name, parameter, presence in walk_parameters(description)
    ]
    return "\n".join(["| parameter | type | default | meaning |", "|---|---|---|---|", *rows])


def render_summaries(descriptions: Iterable[RecipeDescription]) -> str:
    """Return several recipes as a table: what each is for, and what it needs."""
    rows = [f"| `{each.name}` | {_cell(each.summary)} | {', '.join(_needed(each)) or 'nothing'} |" for each in descriptions]
    return "\n".join(["| recipe | what it is for | what it needs |", "|---|---|---|", *rows])


def _presence(words: str) -> str:
    default = words.removeprefix("default ")
    return f"`{default}`" if default != words else words


def _meaning(parameter: Parameter) -> str:
    choices = f" One of {', '.join(f'`{each}`' for each in parameter.choices)}." if parameter.choices else ""
    needed = f" Needs {' and '.join(f'`{each}`' for each in parameter.requires)}." if parameter.requires else ""
    deprecated = f" Deprecated: {parameter.deprecated}." if parameter.deprecated else ""
    return f"{parameter.description}{choices}{needed}{deprecated}".strip()


def _needed(description: RecipeDescription) -> list[str]:
    groups = [" or ".join(f"`{name}`" for name in group) for group in description.one_of]
    return [*groups, *(f"`{each.name}`" for each in description.parameters if each.required)]


def render_example(description: RecipeDescription, address: str) -> list[str]:
    """Return the lines of a manifest with a canister that uses the recipe, which has this address there."""
    firsts = {group[0] for group in description.one_of if group}
    shown = [each for each in description.parameters if each.required or each.name in firsts]
    lines = ["canisters:", f"  - name: {_CANISTER}", "    recipe:", f"      type: {_scalar(address)}"]
    if shown:
        lines.append("      configuration:")
        lines += [f"        {each.name}: {_example(each)}" for each in shown]
    return lines


def _example(parameter: Parameter) -> str:
    return _scalar(parameter.examples[0] if parameter.examples else parameter.choices[0] if parameter.choices else "...")


def _scalar(value: object) -> str:
    is_plain = isinstance(value, str) and value.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalpha()
    return str(value) if is_plain else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
