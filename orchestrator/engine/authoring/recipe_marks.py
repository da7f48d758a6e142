"""Rendering a template so that every value that it writes can be told from the template's own text.

Around what each tag writes come characters of Unicode's private use area. From that one rendering follow the text as it
is deployed, and the text with a harmless mark in place of each value: what the author meant to stand there.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.recipes import render_template
from orchestrator.recipes.template import Block, Call, Expression, Inline, Literal, Node, Output, Place, Template, Text

__all__ = ["MARK", "MARK_BETWEEN", "Instrumented", "MarkedText", "Written", "instrument", "render_marked"]

_OPEN, _NUMBERED, _LEVEL, _CLOSE = "\ue000", "\ue001", "\ue002", "\ue003"
_WRITTEN: Final = re.compile(f"{_OPEN}([0-9]+){_NUMBERED}([^{_CLOSE}]*){_CLOSE}")
MARK: Final = re.compile("\ue000[0-9]+\ue001")
"""What stands in place of a value."""
MARK_BETWEEN: Final = re.compile(f"({MARK.pattern})")
"""Splits a text into what stands between marks and, at every second place, the marks."""
_ESCAPED: Final = frozenset("'\"\\`$")
"""What templates replace in a value so that it can stand between quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Something that a tag wrote: which tag, and the text; then the same before each escaping that the tag does.

    `{{replace "'" "''" path}}` writes the path with its quotes doubled, and meant to hand on the path: it has two levels.
    """

    tag: int
    levels: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what was written."""
        return self.levels[0]

    @property
    def meant(self) -> str:
        """Return the value without any escaping."""
        return self.levels[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedText:
    """A rendering with the mark `marks[i]` where `written[i]` belongs; `lines` has the template's line of each line."""

    text: str
    written: Mapping[str, Written]
    lines: tuple[int, ...]

    def fill(self, tags: Collection[int] | None = None) -> str:
        """Return the text with what was written, or with that of some tags only."""
        return MARK.sub(lambda mark: self._value(mark.group(), tags), self.text)

    def _value(self, mark: str, tags: Collection[int] | None) -> str:
        written = self.written[mark]
        return written.text if tags is None or written.tag in tags else mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumented:
    """A template that tells what its tags write; `places[tag]` is where a tag stands."""

    template: Template
    places: tuple[Place, ...]


def instrument(template: Template) -> Instrumented | None:
    """Return the template with marks around its tags; None for one that has such characters itself."""
    if any(mark in line for line in template.origin.lines for mark in (_OPEN, _NUMBERED, _LEVEL, _CLOSE)):
        return None
    places: list[Place] = []
    body = tuple(_instrument(template.body, places))
    return Instrumented(template=replace(template, body=body), places=tuple(places))


def _instrument(nodes: Sequence[Node], places: list[Place]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, Output):
            line = node.place.line
            yield Text(text=f"{_OPEN}{len(places)}{_NUMBERED}", line=line)
            places.append(node.place)
            yield node
            for expression in _unwrapped(node.expression):
                yield Text(text=_LEVEL, line=line)
                yield replace(node, expression=expression)
            yield Text(text=_CLOSE, line=line)
        elif isinstance(node, Block):
            otherwise = tuple(_instrument(node.otherwise, places)) if node.otherwise is not None else None
            yield replace(node, body=tuple(_instrument(node.body, places)), otherwise=otherwise)
        elif isinstance(node, Inline):
            yield replace(node, body=tuple(_instrument(node.body, places)))
        else:
            yield node


def _unwrapped(expression: Expression) -> Iterator[Expression]:
    """Yield what an expression escapes, one escaping less each time."""
    while isinstance(expression, Call) and expression.name == "replace" and len(expression.parameters) >= 3:
        old, _, inner = expression.parameters[:3]
        if not (isinstance(old, Literal) and isinstance(old.value, str) and old.value in _ESCAPED):
            return
        expression = inner
        yield expression


def render_marked(instrumented: Instrumented, data: Mapping[str, object]) -> MarkedText:
    """Render; raises `RecipeError` as the template itself would."""
    rendered = render_template(instrumented.template, data)
    written: dict[str, Written] = {}
    kept: list[int] = []
    pieces: list[str] = []
    position = 0
    line = 0
    for match in _WRITTEN.finditer(rendered.text):
        before = rendered.text[position : match.start()]
        kept += rendered.lines[line : line + before.count("\n")]
        line += before.count("\n") + match.group().count("\n")
        mark = f"{_OPEN}{len(written)}{_NUMBERED}"
        written[mark] = Written(tag=int(match[1]), levels=tuple(match[2].split(_LEVEL)))
        pieces += (before, mark)
        position = match.end()
    pieces.append(rendered.text[position:])
    return MarkedText(text="".join(pieces), written=written, lines=(*kept, *rendered.lines[line:]))
