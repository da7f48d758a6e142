"""The nodes of a document: frozen, each with the place it was written at.

A node keeps two indexes in one number; the `Span` with its line and column is made when somebody asks for it.
"""

import math
from dataclasses import dataclass

from orchestrator.documents.source import MAX_DOCUMENT_BYTES, Source
from orchestrator.errors import Span

__all__ = ["Entry", "MappingNode", "Node", "Origin", "ScalarNode", "ScalarValue", "SequenceNode", "describe", "extent_of", "plain_value"]

ScalarValue = str | int | float | bool | None
Origin = Source | Span
"""Where a node comes from: the source of which its `extent` is a part, or a place that somebody else gave it."""
_INDEX_BITS = MAX_DOCUMENT_BYTES.bit_length()


def extent_of(start: int, end: int) -> int:
    """Return the part of a source from one index to another as a single number: a document may have millions of them."""
    return start << _INDEX_BITS | end


def _span(origin: Origin, extent: int) -> Span:
    if isinstance(origin, Span):
        return origin
    return origin.span_between(extent >> _INDEX_BITS, extent & ((1 << _INDEX_BITS) - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode:
    """A single value; `text` is the scalar before it was given a type (escapes and folding done)."""

    value: ScalarValue
    text: str
    origin: Origin
    extent: int = 0

    @property
    def span(self) -> Span:
        """Return the place of the value."""
        return _span(self.origin, self.extent)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing at all is written: `key:`, not `key: null`."""
        return self.value is None and not self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceNode:
    """A list of nodes."""

    items: tuple["Node", ...]
    origin: Origin
    extent: int = 0

    @property
    def span(self) -> Span:
        """Return the place of the list's first character."""
        return _span(self.origin, self.extent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key of a mapping with its value; the key's text is its name, whatever its type."""

    key: ScalarNode
    value: "Node"

    @property
    def name(self) -> str:
        """Return the key's text."""
        return self.key.text


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode:
    """A map in the order it was written; no key appears twice."""

    entries: tuple[Entry, ...]
    origin: Origin
    extent: int = 0

    @property
    def span(self) -> Span:
        """Return the place of the map's first character."""
        return _span(self.origin, self.extent)

    def entry(self, name: str) -> Entry | None:
        """Return the entry of a key, or None."""
        for entry in self.entries:
            if entry.key.text == name:
                return entry
        return None

    def value(self, name: str) -> "Node | None":
        """Return the value of a key, null or not, or None where the key is missing."""
        entry = self.entry(name)
        return entry.value if entry is not None else None

    def get(self, name: str) -> "Node | None":
        """Return the value of a key, or None where the key is missing or its value is null."""
        entry = self.entry(name)
        if entry is None or (isinstance(entry.value, ScalarNode) and entry.value.value is None):
            return None
        return entry.value


Node = ScalarNode | SequenceNode | MappingNode


def describe(node: Node) -> str:
    """Return what a node is, in words for a message: `a list`, `a map`, `the number 5`."""
    match node:
        case MappingNode():
            return "a map"
        case SequenceNode():
            return "a list"
        case ScalarNode(value=None):
            return "nothing"
        case ScalarNode(value=bool(), text=text):
            return f"`{text}` (a yes-or-no value)"
        case ScalarNode(value=int() | float(), text=text):
            return f"the number {text}"
    return "text"


def plain_value(node: Node) -> object:
    """Return a node as the dicts, lists and scalars of JSON, which has no infinity: such a number is None.

    The depth of a document is capped, so recursion is safe.
    """
    match node:
        case MappingNode(entries=entries):
            return {entry.key.text: plain_value(entry.value) for entry in entries}
        case SequenceNode(items=items):
            return [plain_value(item) for item in items]
    return None if isinstance(node.value, float) and not math.isfinite(node.value) else node.value
