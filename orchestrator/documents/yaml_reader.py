"""YAML text to one tree of nodes: parser events are put together here, not by PyYAML's composer.

The composer of PyYAML recurses, keeps the last of two equal keys, and types scalars by YAML 1.1. This one is
a loop over events, so no input is deep enough to end in a RecursionError; it expands aliases under a
budget, and refuses what a manifest cannot mean (two documents, equal keys, keys that are not scalars).
Merge keys (`<<`) are ordinary keys, as in YAML 1.2.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from orchestrator.documents.faults import explain_fault
from orchestrator.documents.nodes import Entry, MappingNode, Node, ScalarNode, ScalarValue, SequenceNode, extent_of
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

_SHARED_TEXTS = 10_000
"""Different texts of a document that are kept once, however often they stand there."""
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


class _List:
    """A list whose end has not been seen: `size` nodes so far, aliases written out, and `height` levels."""

    __slots__ = ("_items", "anchor", "extent", "height", "size")

    def __init__(self, extent: int, anchor: str | None) -> None:
        self.extent = extent
        self.anchor = anchor
        self.size = 1
        self.height = 1
        self._items: list[Node] = []

    def take(self, node: Node) -> None:
        """Add an item."""
        self._items.append(node)

    def finish(self, source: Source) -> Node:
        """Return the list."""
        return SequenceNode(items=tuple(self._items), origin=source, extent=self.extent)


class _Map:
    """A map whose end has not been seen; keys and values come in turn."""

    __slots__ = ("_entries", "_key", "anchor", "extent", "height", "size")

    def __init__(self, extent: int, anchor: str | None) -> None:
        self.extent = extent
        self.anchor = anchor
        self.size = 1
        self.height = 1
        self._entries: dict[str, Entry] = {}
        self._key: ScalarNode | None = None

    def take(self, node: Node) -> None:
        """Add a key, or the value of the last one; raise `DocumentError` for what cannot be a key, and for one that is there."""
        key = self._key
        if key is not None:
            self._entries[key.text] = Entry(key=key, value=node)
            self._key = None
            return
        if not isinstance(node, ScalarNode):
            raise DocumentError(
                "a key must be a single word or text, not a list or a map",
                slug="document/key",
                span=node.span,
                hint="quote the key if the brackets belong to it",
            )
        if (first := self._entries.get(node.text)) is not None:
            raise DocumentError(
                f"the key `{node.text}` appears twice in one map",
                slug="document/duplicate-key",
                span=node.span,
                related=((first.key.span, "it is given here first"),),
                hint="keep one of the two",
            )
        self._key = node

    def finish(self, source: Source) -> Node:
        """Return the map."""
        return MappingNode(entries=tuple(self._entries.values()), origin=source, extent=self.extent)


def _compose(source: Source, loader: _Loader = _LOADER, *, max_nodes: int = MAX_NODES) -> Node | None:
    composer = _Composer(source, max_nodes)
    try:
        with _parser(source, loader) as parser, _without_collections():
            for event in iter(parser.get_event, None):
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
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()  # the nodes count as old now: nobody looks at all of them as soon as the next object is made
        gc.enable()


@contextmanager
def _parser(source: Source, loader: _Loader) -> Iterator[yaml.SafeLoader | yaml.CSafeLoader]:
    """Yield the parser of a text; asking it for its events takes half of the time of `yaml.parse`."""
    parser = loader(source.text)
    try:
        yield parser
    finally:
        parser.dispose()


class _Composer:
    """The state of one reading; `root` is the document once all events were taken."""

    def __init__(self, source: Source, max_nodes: int) -> None:
        self.root: Node | None = None
        self._max_nodes = max_nodes
        self._source = source
        self._open: list[_List | _Map] = []
        self._anchors: dict[str, _Built | None] = {}
        self._texts: dict[str, str] = {}
        self._documents = 0
        self._nodes = 0
        self._aliased_nodes = 0

    def take(self, event: yaml.Event) -> None:
        """Advance by one event."""
        if isinstance(event, yaml.ScalarEvent):
            text = self._shared(event.value)
            node = ScalarNode(value=self._value(event, text), text=text, origin=self._source, extent=_extent(event))
            self._add(node, event.anchor, 1, 0)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self._open.pop()
            self._add(ended.finish(self._source), ended.anchor, ended.size, ended.height)
        elif isinstance(event, yaml.AliasEvent):
            built = self._aliased(event)
            self._add(built.node, None, built.size, built.height)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(
                    "more-documents", "the file holds more than one YAML document", event, "remove the line `---` and what follows"
                )

    def _shared(self, text: str) -> str:
        """Return the same object for equal texts: keys, and words such as `script`, stand there again and again."""
        found = self._texts.get(text)
        if found is not None:
            return found
        if len(self._texts) < _SHARED_TEXTS:
            self._texts[text] = text
        return text

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._refuse("tag", f"the tag `{_short_tag(event.tag)}` means nothing here", event, "remove the tag")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        kind = _Map if isinstance(event, yaml.MappingStartEvent) else _List
        self._open.append(kind(_extent(event), event.anchor))
        self._check_depth(len(self._open), event)

    def _add(self, node: Node, anchor: str | None, size: int, height: int) -> None:
        """Put a node where it belongs; `size` nodes are in it, aliases written out, and `height` levels."""
        if anchor is not None:
            self._anchors[anchor] = _Built(node, size, height)
        self._nodes += 1
        if self._nodes > self._max_nodes:
            self._refuse_size(node)
        if not self._open:
            self.root = node
            return
        around = self._open[-1]
        around.size += size
        if height >= around.height:
            around.height = height + 1
        around.take(node)

    def _refuse_size(self, node: Node) -> NoReturn:
        raise DocumentError(
            "the document holds too many values",
            slug="document/too-large",
            detail=f"more than {self._max_nodes} values and keys",
            span=node.span,
            hint="divide it: canisters can have files of their own, which a pattern such as `canisters/*` finds",
        )

    def _value(self, event: yaml.ScalarEvent, text: str) -> ScalarValue:
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
        self._check_depth(len(self._open) + built.height, event)
        self._aliased_nodes += built.size
        if self._aliased_nodes > MAX_ALIASED_NODES:
            raise DocumentError(
                "the document is too large once its aliases are followed",
                slug="document/alias-bomb",
                detail=f"they stand for more than {MAX_ALIASED_NODES} values",
                span=self._span(event),
                hint="write the values out instead of nesting aliases",
            )
        return built

    def _check_depth(self, depth: int, event: yaml.Event) -> None:
        if depth > MAX_DEPTH:
            raise DocumentError(
                "lists and maps are nested too deeply",
                slug="document/too-deep",
                detail=f"more than {MAX_DEPTH} levels",
                span=self._span(event),
            )

    def _refuse(self, slug: str, summary: str, event: yaml.Event, hint: str) -> NoReturn:
        raise DocumentError(summary, slug=f"document/{slug}", span=self._span(event), hint=hint)

    def _span(self, event: yaml.Event) -> Span:
        return ScalarNode(value=None, text="", origin=self._source, extent=_extent(event)).span


def _extent(event: yaml.Event) -> int:
    """Return the extent of what an event is about: a whole scalar or alias, the start of a list or a map."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:  # only of events that were not parsed from a text
        return 0
    begins_more = isinstance(event, yaml.CollectionStartEvent)
    return extent_of(start.index, start.index if begins_more else end.index)


def _short_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG_PREFIX)}" if tag.startswith(_TAG_PREFIX) else tag
