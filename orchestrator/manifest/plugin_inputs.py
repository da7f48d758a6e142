"""What a plugin step hands to its plugin: declared directories and files, and fields."""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from orchestrator.core.project import EntrySection
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode
from orchestrator.errors import Span
from orchestrator.manifest.fields import read_entries, read_text, read_texts, wrong_type
from orchestrator.manifest.problems import Problems

__all__ = ["DeclaredPaths", "entry_spans", "read_declared", "read_plugin_fields"]

_SECTIONS: Final[tuple[EntrySection, ...]] = ("dirs", "files")
_LOWEST_INTEGER = -(2**63)
_HIGHEST_INTEGER = 2**64 - 1


class DeclaredPaths(NamedTuple):
    """The entries of `dirs` or `files`; `keys` are their names where they were written as a map."""

    paths: tuple[str, ...]
    keys: tuple[str, ...] | None


def read_declared(node: Node | None, what: str, problems: Problems) -> DeclaredPaths:
    """Read a list of paths, or a map from a name to a path or a list of paths."""
    if not isinstance(node, MappingNode):
        return DeclaredPaths(read_texts(node, what, problems) or (), None)
    rows: list[tuple[str, str]] = []
    for name, _, value in read_entries(node, what, problems):
        if isinstance(value, SequenceNode):
            rows.extend((name, path) for path in read_texts(value, f"`{name}` of {what}", problems) or ())
        elif (path := read_text(value, f"`{name}` of {what}", problems)) is not None:
            rows.append((name, path))
    return DeclaredPaths(tuple(path for _, path in rows), tuple(name for name, _ in rows))


def read_plugin_fields(node: Node | None, problems: Problems) -> tuple[tuple[str, str], ...]:
    """Read a map from names to values, sorted by name; numbers and booleans become text, as in icp."""
    rows: list[tuple[str, str]] = []
    for name, _, value in read_entries(node, "`fields`", problems):
        text = _field_text(value)
        if text is None:
            hint = "quote it to hand it on as text" if isinstance(value, ScalarNode) else None
            wrong_type(value, f"`{name}` of `fields`", "text, a number of at most 64 bits, `true` or `false`", problems, hint=hint)
        else:
            rows.append((name, text))
    return tuple(sorted(rows))


def _field_text(node: Node) -> str | None:
    value = node.value if isinstance(node, ScalarNode) else None
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if _LOWEST_INTEGER <= value <= _HIGHEST_INTEGER else None
        case float():
            return _float_text(value)
        case str():
            return value
        case _:
            return None


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def entry_spans(step: MappingNode) -> Mapping[tuple[EntrySection, int], Span]:
    """Return where each declared directory and file is written, by its section and its number (from 0) there."""
    found: dict[tuple[EntrySection, int], Span] = {}
    for section in _SECTIONS:
        if (node := step.get(section)) is not None:
            found |= {(section, index): scalar.span for index, scalar in enumerate(_scalars(node))}
    return MappingProxyType(found)


def _scalars(node: Node) -> Iterator[ScalarNode]:
    match node:
        case ScalarNode():
            yield node
        case SequenceNode():
            yield from (item for item in node.items if isinstance(item, ScalarNode))
        case MappingNode():
            for entry in node.entries:
                yield from _scalars(entry.value)
