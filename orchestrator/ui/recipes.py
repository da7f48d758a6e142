"""Recipes as text and as JSON: what a recipe takes, which ones there are, what one renders to."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from orchestrator.core.addresses import path_text
from orchestrator.core.redaction import redact_url
from orchestrator.ui.style import harmless

if TYPE_CHECKING:
    from orchestrator.recipes import Expansion, Parameter
    from orchestrator.recipes.authored import AuthoredRecipe, UsedRecipe

__all__ = ["RECIPE_SCHEMA", "recipe_to_json", "recipes_to_json", "render_recipe", "render_recipes", "rendering_to_json"]

RECIPE_SCHEMA: Final = 1
_UNDESCRIBED_REMOTE: Final = (
    "A recipe of another machine comes without a recipe.yaml, if it has one: what it takes stands in the template only."
)


def rendering_to_json(expansion: "Expansion") -> dict[str, object]:
    """Return a rendering as plain values; `lines` has for each line of `text` the line of the template that it came from."""
    return {
        "schema": RECIPE_SCHEMA,
        "template": path_text(expansion.template),
        "sha256": expansion.sha256,
        "text": expansion.text,
        "lines": list(expansion.lines),
    }


def render_recipe(recipe: "AuthoredRecipe") -> str:
    """Return what a recipe is for and takes, and how a manifest uses it."""
    from orchestrator.recipes.readme import render_example

    description = recipe.description
    summary = f": {description.summary}" if description is not None and description.summary else ""
    blocks = [f"{recipe.name}{summary}"]
    if description is not None and description.description:
        blocks.append(description.description.rstrip())
    blocks.append("\n".join(_facts(recipe)))
    if description is None:
        blocks.append(_UNDESCRIBED_REMOTE if recipe.remote else "It has no recipe.yaml: what it takes stands in the template only.")
        example = ["    recipe:", f"      type: {_quoted(redact_url(recipe.address))}", *_pin(recipe)]
    else:
        blocks += _parameters(recipe)
        example = [f"    {line}" for line in (*render_example(description, redact_url(recipe.address)), *_pin(recipe))]
    blocks += ["In icp.yaml:", "\n".join(example)]
    return "\n".join(map(harmless, "\n\n".join(blocks).splitlines()))


def _facts(recipe: "AuthoredRecipe") -> Iterator[str]:
    origin = "ships with the tool" if recipe.bundled else redact_url(recipe.address) if recipe.remote else recipe.address
    yield f"from      {origin}"
    yield f"template  {recipe.path}"
    yield f"sha256    {recipe.sha256}"


def _pin(recipe: "AuthoredRecipe") -> list[str]:
    return [f"      sha256: {recipe.sha256}"] if recipe.remote else []


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def _parameters(recipe: "AuthoredRecipe") -> Iterator[str]:
    from orchestrator.recipes.parameters import type_in_words, walk_parameters

    description = recipe.description
    if description is None or not description.parameters:
        yield "It takes no parameters."
        return
    rows = [
        (name, type_in_words(each), presence, " ".join(each.description.split())) for name, each, presence in walk_parameters(description)
    ]
    yield "\n".join(_table(rows))


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows with their columns, but for the last, as wide as they must be."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        yield "  ".join(["", *(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()


def recipe_to_json(recipe: "AuthoredRecipe") -> dict[str, object]:
    """Return a recipe as plain values; `parameters` is null where no `recipe.yaml` says what it takes."""
    description = recipe.description
    return {
        "schema": RECIPE_SCHEMA,
        **_identity_to_json(recipe),
        "description": description.description if description is not None else None,
        "minimum_version": description.minimum_version if description is not None else None,
        "one_of": [list(group) for group in description.one_of] if description is not None else [],
        "parameters": [_parameter_to_json(each) for each in description.parameters] if description is not None else None,
    }


def _identity_to_json(recipe: "AuthoredRecipe") -> dict[str, object]:
    return {
        "name": recipe.name,
        "address": redact_url(recipe.address),
        "bundled": recipe.bundled,
        "remote": recipe.remote,
        "template": str(recipe.path),
        "sha256": recipe.sha256,
        "summary": recipe.description.summary if recipe.description is not None else None,
    }


def _parameter_to_json(parameter: "Parameter") -> dict[str, object]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "required": parameter.required,
        "default": parameter.default,
        "description": parameter.description,
        "choices": list(parameter.choices),
        "items": _parameter_to_json(parameter.items) if parameter.items is not None else None,
        "fields": [_parameter_to_json(each) for each in parameter.fields],
        "multiline": parameter.multiline,
        "requires": list(parameter.requires),
        "examples": list(parameter.examples),
        "deprecated": parameter.deprecated,
    }


def render_recipes(bundled: Sequence["AuthoredRecipe"], used: Sequence["UsedRecipe"] | None) -> str:
    """Return the bundled recipes and those that the project uses; None means that there is no project."""
    lines = ["Bundled", *_table([(each.name, each.description.summary if each.description else "") for each in bundled])]
    if used is not None:
        lines += ["", "Used by this project" if used else "This project uses no recipe"]
        lines += _table([(redact_url(each.address), _pinned(each), ", ".join(each.canisters)) for each in used]) if used else ()
    return "\n".join(map(harmless, lines))


def _pinned(used: "UsedRecipe") -> str:
    if used.pinned_by is not None:
        return "pinned in the manifest" if used.pinned_by == "manifest" else "pinned in orchestrator.lock"
    if used.address.startswith(("@", "https://", "http://")):
        return "not pinned"
    return "a file" if "/" in used.address or used.address.endswith(".hbs") else "bundled"


def recipes_to_json(bundled: Sequence["AuthoredRecipe"], used: Sequence["UsedRecipe"] | None) -> dict[str, object]:
    """Return both lists as plain values; `project` is null where there is none."""
    return {
        "schema": RECIPE_SCHEMA,
        "bundled": [_identity_to_json(each) for each in bundled],
        "project": [
            {"address": redact_url(each.address), "sha256": each.sha256, "pinned_by": each.pinned_by, "canisters": list(each.canisters)}
            for each in used
        ]
        if used is not None
        else None,
    }
