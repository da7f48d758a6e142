"""Recipes as text and as JSON."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchestrator.recipes import Expansion

__all__ = ["RECIPE_SCHEMA", "rendering_to_json"]

RECIPE_SCHEMA: Final = 1


def rendering_to_json(expansion: "Expansion") -> dict[str, object]:
    """Return a rendering as plain values; `lines` has for each line of `text` the line of the template that it came from."""
    return {
        "schema": RECIPE_SCHEMA,
        "template": str(expansion.template),
        "sha256": expansion.sha256,
        "text": expansion.text,
        "lines": list(expansion.lines),
    }
