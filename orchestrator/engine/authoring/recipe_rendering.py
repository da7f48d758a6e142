"""A recipe rendered alone: its configuration from the command line, no project, nothing run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from orchestrator.recipes import Expansion
    from orchestrator.recipes.authored import AuthoredRecipe

__all__ = ["DEFAULT_CANISTER", "RecipeInput", "merge_values", "read_configuration", "render_recipe"]

DEFAULT_CANISTER: Final = "example"
"""The canister's name where none is given."""
_HALVES: Final = re.compile(r"(?<!\\)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeInput:
    """What a recipe is rendered for: plain values, a canister's name, and what `_` has beside that.

    Facts that are not given are those of a bundled recipe, or none.
    """

    configuration: Mapping[str, object] = field(default_factory=dict)
    canister: str = DEFAULT_CANISTER
    facts: Mapping[str, object] = field(default_factory=dict)


def render_recipe(recipe: "AuthoredRecipe", given: RecipeInput) -> "Expansion":
    """Render a recipe as a deployment does: its configuration is checked by its `recipe.yaml` first. Raises `RecipeError`."""
    from orchestrator.core.addresses import address_path
    from orchestrator.core.project import RecipeReference
    from orchestrator.recipes import expand

    reference = RecipeReference(address=recipe.address, configuration=dict(given.configuration))
    facts = merge_maps(recipe.default_facts, given.facts)
    path = address_path(recipe.address) if recipe.remote else recipe.path
    return expand(reference, recipe.data, path, canister=given.canister, facts=facts, description=recipe.description)


def read_configuration(text: str, path: Path) -> dict[str, object]:
    """Read a configuration as YAML, which JSON is, too; raises `DocumentError` and `UsageError`."""
    from orchestrator.documents import MappingNode, describe, parse_yaml, plain_value

    node = parse_yaml(_joined(text), path)
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        raise UsageError(
            f"a configuration must be a map, not {describe(node)}",
            slug="usage/configuration",
            span=node.span,
            hint="write `NAME: VALUE`, as below `configuration:` in a manifest",
        )
    return {entry.name: plain_value(entry.value) for entry in node.entries}


def _joined(text: str) -> str:
    """Return JSON with each character that it spells in two halves written out, which YAML does not put together; else the text."""
    import json

    if _HALVES.search(text) is None:
        return text
    try:
        json.loads(text)
    except ValueError:
        return text
    return _HALVES.sub(lambda pair: chr((int(pair[1], 16) - 0xD800) * 0x400 + int(pair[2], 16) - 0xDC00 + 0x10000), text)


def merge_values(values: Mapping[str, object], pairs: Iterable[tuple[str, str]], option: str) -> dict[str, object]:
    """Return `values` with what stood on the command line: `a.b=1` sets `b` in the map `a`; a value is read as YAML.

    Raises `UsageError`, which names the `option`.
    """
    from orchestrator.documents import MAX_DEPTH

    merged = dict(values)
    for key, text in pairs:
        value: object = _read_value(key, text, option)
        if key.count(".") >= MAX_DEPTH:
            raise UsageError(f"`{option}` names a value in more than {MAX_DEPTH} maps", slug="usage/set")
        for step in reversed(key.split(".")):
            if not step:
                raise UsageError(f"`{option} {key}=…` names nothing", slug="usage/set", hint=f"write `{option} NAME.KEY=VALUE`")
            value = {step: value}
        assert isinstance(value, dict)  # noqa: S101  # a text that is split has a part
        merged = merge_maps(merged, value)
    return merged


def merge_maps(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return both maps as one; maps in both are merged, and anything else is taken from above."""
    merged = dict(below)
    for key, value in above.items():
        other = merged.get(key)
        merged[key] = merge_maps(other, value) if isinstance(value, Mapping) and isinstance(other, Mapping) else value
    return merged


def _read_value(key: str, text: str, option: str) -> object:
    from orchestrator.documents import parse_yaml, plain_value

    try:
        node = parse_yaml(text, Path(f"{option} {key}"))
    except DocumentError as error:
        raise UsageError(
            f"the value of `{option} {key}=…` is not YAML",
            slug="usage/set",
            detail=error.summary,
            hint=f"""put a text in quotes of its own: `{option} {key}='"TEXT"'`""",
        ) from error
    return None if node is None else plain_value(node)
