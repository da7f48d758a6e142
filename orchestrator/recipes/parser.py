"""Template text to a `Template`: tags put together to blocks, and the white space that belongs to them.

The dialect is that of the Rust crate handlebars 6.4 as icp-cli sets it up. A tag that stands alone on its
line (a block's tags, `else`, a comment, a partial) takes the line with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from orchestrator.errors import RecipeError, Span
from orchestrator.recipes.expressions import Head, Scanner
from orchestrator.recipes.tags import MAX_NESTING, Tag, closes, read_tags
from orchestrator.recipes.template import Block, Call, Decoration, Inline, Node, Origin, Output, Partial, Place, Template, Text
from orchestrator.recipes.whitespace import (
    BLANKS,
    GRAMMAR_SPACE,
    WHITE_SPACE,
    ends_with_empty_line,
    is_alone,
    trailing_blanks,
    unescape,
    without_line,
)

__all__ = ["MAX_NESTING", "MAX_TEMPLATE_CHARACTERS", "parse_template"]

MAX_TEMPLATE_CHARACTERS = 4 * 1024 * 1024
"""A longer template is refused."""
_KEPT_TEMPLATES = 8
"""Templates whose parsed form is kept: a recipe of many canisters is parsed once."""


def parse_template(text: str, path: Path, *, related: Sequence[tuple[Span, str]] = ()) -> Template:
    """Parse a template; raise `RecipeError` at the tag that is wrong, with the `related` places."""
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        first = Place(line=1, column=1, length=1)
        detail = f"more than {MAX_TEMPLATE_CHARACTERS} characters"
        raise _origin("", path, related).error("too-large", "the template is too large", first, detail=detail)
    if not related:
        return _parse(text, path)
    try:
        template = _parse(text, path)
    except RecipeError:
        return _Parser(text, _origin(text, path, related)).parse()  # to say the same with the places of this use
    return replace(template, origin=replace(template.origin, related=tuple(related)))


@lru_cache(maxsize=_KEPT_TEMPLATES)
def _parse(text: str, path: Path) -> Template:
    return _Parser(text, _origin(text, path, ())).parse()


def _origin(text: str, path: Path, related: Sequence[tuple[Span, str]]) -> Origin:
    return Origin(path=path, lines=tuple(line.removesuffix("\r") for line in text.split("\n")), related=tuple(related))


@dataclass(slots=True)
class _Open:
    """A block whose closing tag has not been seen; `chained` blocks (`else if`) close with their parent.

    A node that is None is a comment: it writes nothing, and white space before it is out of a later tag's reach.
    """

    tag: Tag
    head: Head
    place: Place
    indents: bool
    chained: bool = False
    body: list[Node | None] = field(default_factory=list)
    otherwise: list[Node | None] | None = None


class _Parser:
    """The state of one parse: the nodes so far, the open blocks, and what the last tag does to the text after it."""

    def __init__(self, text: str, origin: Origin) -> None:
        self._text = text
        self._origin = origin
        self._scanner = Scanner(text, origin)
        self._root: list[Node | None] = []
        self._open: list[_Open] = []
        self._position = 0
        self._trims_space = False
        self._trims_line = False

    def parse(self) -> Template:
        """Return the template."""
        for tag in read_tags(self._scanner):
            if tag.kind == "raw text":
                self._nodes().append(self._written(tag.start, tag.end))
                self._position = tag.end
                continue
            self._take_text(tag.start)
            self._position = tag.end
            if tag.kind == "comment":
                self._trims_line = self._take_line(tag)
                self._nodes().append(None)
                continue
            if tag.before:
                self._strip_end(WHITE_SPACE)
            self._trims_space = tag.after
            self._take(tag)
        if self._scanner.fault is not None:
            raise self._scanner.fault
        self._take_text(len(self._text))
        return Template(body=_finished(self._root), origin=self._origin)

    def _take(self, tag: Tag) -> None:
        head = tag.head
        match tag.kind:
            case "output" if head is not None:
                self._nodes().append(Output(expression=head.expression(), place=self._place(tag), computed=isinstance(head.name, Call)))
            case "block" | "decorator block" | "partial block" if head is not None:
                self._trims_line = self._take_line(tag)
                self._open.append(_Open(tag=tag, head=head, place=self._place(tag), indents=self._trims_line and not tag.before))
            case "else" | "else block" if head is not None:
                self._trims_line = self._take_line(tag)
                self._open[-1].otherwise = []
                if tag.kind == "else block":
                    indents = self._trims_line and not tag.before
                    self._open.append(_Open(tag=tag, head=head, place=self._place(tag), indents=indents, chained=True))
            case "close":
                self._trims_line = self._take_line(tag)
                self._close(tag)
            case "partial" if head is not None:
                self._trims_line = self._take_line(tag)
                self._nodes().append(self._partial(tag, head, indents=self._trims_line and not tag.before, body=None))
            case "decorator" if head is not None:
                self._trims_line = self._take_line(tag)
                self._nodes().append(Decoration(reason=_decoration(head, has_body=False), place=self._place(tag)))

    def _close(self, tag: Tag) -> None:
        while self._open[-1].chained:
            self._finish()
        block = self._open[-1]
        if not closes(tag, block.tag):
            raise self._origin.error(
                "template-syntax",
                f"`{block.head.written}` is open here, and `{tag.name}` is closed",
                self._place(tag),
                hint=f"close it with {{{{/{block.head.written}}}}} first",
                notes=((block.place, "it begins here"),),
            )
        self._finish()

    def _finish(self) -> None:
        block = self._open.pop()
        body = _finished(block.body)
        node: Node
        if block.tag.kind == "partial block":
            node = self._partial(block.tag, block.head, indents=block.indents, body=body)
        elif block.tag.kind == "decorator block":
            node = self._decorated(block, body)
        else:
            call = Call(name=block.head.written or "", parameters=block.head.parameters, options=block.head.options)
            otherwise = _finished(block.otherwise) if block.otherwise is not None else None
            names = block.head.names
            node = Block(call=call, body=body, otherwise=otherwise, names=names, place=block.place, indents=block.indents)
        self._nodes().append(node)

    def _decorated(self, block: _Open, body: tuple[Node, ...]) -> Node:
        if block.head.written == "inline" and block.head.parameters:
            return Inline(name=block.head.parameters[0], body=body, place=block.place)
        return Decoration(reason=_decoration(block.head, has_body=True), place=block.place)

    def _partial(self, tag: Tag, head: Head, *, indents: bool, body: tuple[Node, ...] | None) -> Partial:
        return Partial(
            name=head.name,
            context=head.parameters[0] if head.parameters else None,
            others=head.parameters[1:],
            options=head.options,
            indent="" if tag.before or body is not None else trailing_blanks(self._text, tag.start),
            place=self._place(tag),
            body=body,
            indents=indents,
        )

    def _nodes(self) -> list[Node | None]:
        if not self._open:
            return self._root
        block = self._open[-1]
        return block.body if block.otherwise is None else block.otherwise

    def _take_text(self, end: int) -> None:
        """Put the text before a tag away, without what the tag before it takes."""
        start = self._position
        if start == end:
            return
        blank = not self._text[start:end].strip(GRAMMAR_SPACE)
        if blank and self._trims_space:
            return
        self._nodes().append(self._written(start, end))
        self._trims_line = False

    def _written(self, start: int, end: int) -> Text:
        text = self._text[start:end]
        kept = text.lstrip(WHITE_SPACE) if self._trims_space else without_line(text) if self._trims_line else text
        line = self._scanner.line_of(start + len(text) - len(kept))
        return Text(text=unescape(kept, before_tag=end < len(self._text)), line=line)

    def _take_line(self, tag: Tag) -> bool:
        """Say whether a tag is alone on its line; the blanks before it are dropped then."""
        if not is_alone(self._text, tag.end):
            return False
        leading = ends_with_empty_line(self._text, tag.start)
        if leading:
            self._strip_end(BLANKS)
        return leading

    def _strip_end(self, characters: str) -> None:
        nodes = self._nodes()
        if nodes and isinstance(last := nodes[-1], Text):
            nodes[-1] = replace(last, text=last.text.rstrip(characters))

    def _place(self, tag: Tag) -> Place:
        return self._scanner.place(tag.start, tag.end - tag.start)


def _finished(nodes: list[Node | None]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node is not None and not (isinstance(node, Text) and not node.text))


def _decoration(head: Head, *, has_body: bool) -> str:
    if head.written != "inline":
        return f"there is no decorator `{head.written}`"
    return "`inline` needs the name of the partial" if has_body else "`inline` is a block: it has a body and a closing tag"
