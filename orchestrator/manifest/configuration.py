"""A recipe's `configuration`: its values, and where each of them stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.documents import MappingNode, Node, SequenceNode, plain_value
from orchestrator.errors import Span
from orchestrator.manifest.fields import read_mapping
from orchestrator.manifest.problems import Problems

__all__ = ["Configuration", "read_configuration"]

_RESERVED_NAME = "_"
_HIDDEN = "…"
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Plain values, and the places of keys and items by their paths; `()` is the place of the whole."""

    values: dict[str, object] = field(default_factory=dict)
    spans: dict[_Path, Span] = field(default_factory=dict)


def read_configuration(recipe: MappingNode, problems: Problems) -> Configuration:
    """Read the `configuration` of a `recipe`."""
    entry = recipe.entry("configuration")
    mapping = read_mapping(recipe.get("configuration"), "`configuration`", problems)
    if entry is None or mapping is None:
        return Configuration()
    reserved = mapping.entry(_RESERVED_NAME)
    if reserved is not None:
        problems.warn(
            "reserved-name",
            "a recipe never sees a configuration called `_`",
            _without_values(reserved.key.span),
            detail="the name is the tool's: it tells the recipe about the canister there",
            hint="give it another name",
        )
    values = {each.name: plain_value(each.value) for each in mapping.entries}
    return Configuration(values=values, spans={(): _without_values(entry.key.span), **dict(_places(mapping, ()))})


def _places(node: Node, path: _Path) -> Iterator[tuple[_Path, Span]]:
    match node:
        case MappingNode(entries=entries):
            for entry in entries:
                yield (*path, entry.name), _without_values(entry.key.span)
                yield from _places(entry.value, (*path, entry.name))
        case SequenceNode(items=items):
            for index, item in enumerate(items):
                yield (*path, index), _without_values(item.span, shown=0)
                yield from _places(item, (*path, index))


def _without_values(place: Span, *, shown: int | None = None) -> Span:
    """Return a place with a line that has nothing but the key: what stands around it may be secret.

    `shown` is how much of what stands at the place is shown, all by default.
    """
    start, length = place.column - 1, place.length if shown is None else shown
    before, name = place.text[:start], place.text[start : start + length]
    if before.strip(" -"):
        indent = before[: len(before) - len(before.lstrip())]
        before = indent + _HIDDEN.ljust(len(before) - len(indent))
    text = f"{before}{name}: {_HIDDEN}" if name else f"{before}{_HIDDEN}"
    return Span(path=place.path, line=place.line, column=place.column, length=max(1, length), text=text)
