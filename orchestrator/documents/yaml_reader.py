"""YAML text to one tree of nodes: parser events are put together here, not by PyYAML's composer.

The composer of PyYAML recurses, keeps the last of two equal keys, and types scalars by YAML 1.1. This one is
a loop over events, so no input is deep enough to end in a RecursionError; it expands aliases under a
budget, and refuses what a manifest cannot mean (two documents, equal keys, keys that are not scalars).
Merge keys (`<<`) are ordinary keys, as in YAML 1.2.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from orchestrator.documents.faults import explain_fault
from orchestrator.documents.nodes import Entry, MappingNode, Node, ScalarNode, ScalarValue, SequenceNode
from orchestrator.documents.scalars import resolve_plain
from orchestrator.documents.source import Source, read_source, source_of_text
from orchestrator.errors import DocumentError, Span

__all__ = ["MAX_ALIASED_NODES", "MAX_DEPTH", "MAX_NODES", "load_yaml", "parse_yaml"]

MAX_DEPTH = 100
"""Lists and maps inside each other, aliases followed."""
MAX_NODES = 2_000_000
"""Values and keys that a document writes."""
MAX_ALIASED_NODES = 100_000
"""Values and keys that all aliases of a document stand for."""

_Loader = type[yaml.SafeLoader | yaml.CSafeLoader]
_LOADER: _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG_PREFIX = "tag:yaml.org,2002:"
_COLLECTION_TAGS = frozenset({"!", f"{_TAG_PREFIX}map", f"{_TAG_PREFIX}seq"})
_TEXT_TAGS = frozenset({"!", f"{_TAG_PREFIX}str"})
_FLOAT_TAG = f"{_TAG_PREFIX}float"
_TYPED_TAGS: dict[str, tuple[type, ...]] = {
    f"{_TAG_PREFIX}int": (int,),
    _FLOAT_TAG: (float, int),
    f"{_TAG_PREFIX}bool": (bool,),
    f"{_TAG_PREFIX}null": (type(None),),
}


def load_yaml(path: Path) -> Node | None:
    """Read a file as one YAML document; None when it is empty. Raise `DocumentError`."""
    return _compose(read_source(path))


def parse_yaml(text: str, path: Path, *, shown: str | None = None) -> Node | None:
    """Read a text as one YAML document, reported under `path`; None when it is empty. Raise `DocumentError`.

    `shown` is the text as errors may show it: of the same length, with other characters in place of those that are secret.
    """
    return _compose(source_of_text(text, path, shown=shown))


@dataclass(slots=True)
class _Built:
    """A finished node with an anchor: how many nodes it stands for, and how deep it goes."""

    node: Node
    size: int
    height: int


@dataclass(slots=True)
class _Frame:
    """A list or a map whose end has not been seen."""

    is_map: bool
    span: Span
    anchor: str | None
    size: int = 1
    height: int = 1
    items: list[Node] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    keys: dict[str, Span] = field(default_factory=dict)
    key: ScalarNode | None = None

    def finish(self) -> Node:
        """Return the node of what has been collected."""
        if self.is_map:
            return MappingNode(entries=tuple(self.entries), span=self.span)
        return SequenceNode(items=tuple(self.items), span=self.span)


def _compose(source: Source, loader: _Loader = _LOADER, *, max_nodes: int = MAX_NODES) -> Node | None:
    composer = _Composer(source, max_nodes)
    try:
        with _without_collections():
            for event in _events(source, loader):
                composer.take(event)
    except yaml.YAMLError as error:
        raise explain_fault(error, source) from error
    return composer.root


@contextmanager
def _without_collections() -> Iterator[None]:
    """Let Python not look for cycles among the nodes while they are made: there are none, and looking takes half of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _events(source: Source, loader: _Loader) -> Iterator[yaml.Event]:
    return iter(yaml.parse(source.text, Loader=loader))


class _Composer:
    """The state of one reading; `root` is the document once all events were taken."""

    def __init__(self, source: Source, max_nodes: int) -> None:
        self.root: Node | None = None
        self._max_nodes = max_nodes
        self._source = source
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Built | None] = {}
        self._documents = 0
        self._nodes = 0
        self._aliased_nodes = 0

    def take(self, event: yaml.Event) -> None:
        """Advance by one event."""
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), event.anchor, 1, 0)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            frame = self._frames.pop()
            self._add(frame.finish(), frame.anchor, frame.size, frame.height)
        elif isinstance(event, yaml.AliasEvent):
            built = self._aliased(event)
            self._add(built.node, None, built.size, built.height)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(
                    "more-documents", "the file holds more than one YAML document", event, "remove the line `---` and what follows"
                )

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        span = self._span(event)
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._refuse("tag", f"the tag `{_short_tag(event.tag)}` means nothing here", event, "remove the tag")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._frames.append(_Frame(is_map=isinstance(event, yaml.MappingStartEvent), span=span, anchor=event.anchor))
        self._check_depth(len(self._frames), span)

    def _add(self, node: Node, anchor: str | None, size: int, height: int) -> None:
        """Put a node where it belongs; `size` nodes are in it, aliases written out, and `height` levels."""
        if anchor is not None:
            self._anchors[anchor] = _Built(node, size, height)
        self._nodes += 1
        if self._nodes > self._max_nodes:
            self._refuse_size(node)
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        frame.size += size
        if height >= frame.height:
            frame.height = height + 1
        if not frame.is_map:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node, frame)
        else:
            frame.entries.append(Entry(key=frame.key, value=node))
            frame.key = None

    def _refuse_size(self, node: Node) -> NoReturn:
        raise DocumentError(
            "the document holds too many values",
            slug="document/too-large",
            detail=f"more than {self._max_nodes} values and keys",
            span=node.span,
            hint="divide it: canisters can have files of their own, which a pattern such as `canisters/*` finds",
        )

    def _key(self, node: Node, frame: _Frame) -> ScalarNode:
        if not isinstance(node, ScalarNode):
            raise DocumentError(
                "a key must be a single word or text, not a list or a map",
                slug="document/key",
                span=node.span,
                hint="quote the key if the brackets belong to it",
            )
        if (first := frame.keys.get(node.text)) is not None:
            raise DocumentError(
                f"the key `{node.text}` appears twice in one map",
                slug="document/duplicate-key",
                span=node.span,
                related=((first, "it is given here first"),),
                hint="keep one of the two",
            )
        frame.keys[node.text] = node.span
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        return ScalarNode(value=self._value(event), text=event.value, span=self._span(event))

    def _value(self, event: yaml.ScalarEvent) -> ScalarValue:
        text: str = event.value
        if event.tag is None:
            return resolve_plain(text) if event.implicit[0] else text
        if event.tag in _TEXT_TAGS:
            return text
        if event.tag not in _TYPED_TAGS:
            self._refuse(
                "tag",
                f"the tag `{_short_tag(event.tag)}` means nothing here",
                event,
                "remove the tag, or quote the text if it belongs to it",
            )
        value = resolve_plain(text)
        if type(value) not in _TYPED_TAGS[event.tag]:
            self._refuse("tag", f"`{text}` is not what its tag `{_short_tag(event.tag)}` says", event, "remove the tag")
        return float(value) if event.tag == _FLOAT_TAG and isinstance(value, int) else value

    def _aliased(self, event: yaml.AliasEvent) -> _Built:
        name = event.anchor
        if name not in self._anchors:
            self._refuse(
                "unknown-alias",
                f"the alias `*{name}` names no anchor",
                event,
                f"write `&{name}` at the value it stands for, before this line",
            )
        built = self._anchors[name]
        if built is None:
            self._refuse("alias-cycle", f"the alias `*{name}` stands inside the value it names", event, "a value cannot contain itself")
        span = self._span(event)
        self._check_depth(len(self._frames) + built.height, span)
        self._aliased_nodes += built.size
        if self._aliased_nodes > MAX_ALIASED_NODES:
            raise DocumentError(
                "the document is too large once its aliases are followed",
                slug="document/alias-bomb",
                detail=f"they stand for more than {MAX_ALIASED_NODES} values",
                span=span,
                hint="write the values out instead of nesting aliases",
            )
        return built

    def _check_depth(self, depth: int, span: Span) -> None:
        if depth > MAX_DEPTH:
            raise DocumentError(
                "lists and maps are nested too deeply",
                slug="document/too-deep",
                detail=f"more than {MAX_DEPTH} levels",
                span=span,
            )

    def _refuse(self, slug: str, summary: str, event: yaml.Event, hint: str) -> NoReturn:
        raise DocumentError(summary, slug=f"document/{slug}", span=self._span(event), hint=hint)

    def _span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:  # only of events that were not parsed from a text
            return self._source.span(0, 0)
        line, column = start.line, start.column
        if isinstance(event, yaml.CollectionStartEvent):
            return self._source.span(line, column)
        return self._source.span(line, column, end.column - column if line == end.line else len(self._source.text))


def _short_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG_PREFIX)}" if tag.startswith(_TAG_PREFIX) else tag
