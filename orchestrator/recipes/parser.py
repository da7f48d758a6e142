"""Template text to a `Template`: tags, blocks, and the white space that belongs to them.

The dialect is that of the Rust crate handlebars 6.4 as icp-cli sets it up. A tag that stands alone on its
line (a block's tags, `else`, a comment, a partial) takes the line with it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import Span
from orchestrator.recipes.expressions import Cursor, parse_head, parse_names, parse_partial
from orchestrator.recipes.template import Block, Call, Expression, Inline, Lookup, Node, Origin, Output, Partial, Place, Template, Text

__all__ = ["MAX_NESTING", "MAX_TEMPLATE_CHARACTERS", "parse_template"]

MAX_TEMPLATE_CHARACTERS = 256 * 1024
"""A longer template is refused."""
MAX_NESTING = 40
"""Blocks inside each other."""

_ELSE = re.compile(r"\s*(?:else(?![A-Za-z0-9_$\-./=])|\^)")
_RAW_OPEN = re.compile(r"\{\{\{\{\s*([A-Za-z0-9_-]+)\s*\}\}\}\}\s*")
_BLANKS = " \t"


@dataclass(slots=True)
class _Open:
    """A block whose closing tag has not been seen; `chained` blocks (`else if`) close with their parent."""

    name: str
    call: Expression
    names: tuple[str, ...]
    place: Place
    kind: str
    chained: bool = False
    body: list[Node] = field(default_factory=list)
    otherwise: list[Node] | None = None


def parse_template(text: str, path: Path, *, related: Sequence[tuple[Span, str]] = ()) -> Template:
    """Parse a template; raise `RecipeError` at the tag that is wrong, with the `related` places."""
    origin = Origin(path=path, lines=tuple(line.removesuffix("\r") for line in text.split("\n")), related=tuple(related))
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        raise origin.error(
            "too-large",
            "the template is too large",
            Place(line=1, column=1, length=1),
            detail=f"more than {MAX_TEMPLATE_CHARACTERS} characters",
        )
    return Template(body=_Parser(text, origin).parse(), origin=origin)


class _Parser:
    """The state of one parse: the position, the text not yet written, and the open blocks."""

    def __init__(self, text: str, origin: Origin) -> None:
        self._text = text
        self._origin = origin
        self._root: list[Node] = []
        self._open: list[_Open] = []
        self._pending = ""
        self._pending_line = 1
        self._position = 0

    def parse(self) -> tuple[Node, ...]:
        """Return the template's nodes."""
        while (start := self._text.find("{{", self._position)) >= 0:
            before = self._text[self._position : start]
            slashes = len(before) - len(before.rstrip("\\"))
            self._pending += before[:-1] if slashes else before
            self._position = start
            if slashes == 1:
                self._pending += "{{"
                self._position = start + 2
            else:
                self._tag(start)
        self._pending += self._text[self._position :]
        self._flush()
        if self._open:
            block = self._open[-1]
            raise self._origin.error(
                "template-syntax", f"the block `{block.name}` is never closed", block.place, hint=f"add {{{{/{block.name}}}}}"
            )
        return tuple(self._root)

    def _tag(self, start: int) -> None:
        if self._text.startswith("{{{{", start) and (raw := _RAW_OPEN.match(self._text, start)):
            self._raw(raw, start)
        elif self._text.startswith("{{!", start):
            self._comment(start)
        else:
            self._expression(start)

    def _expression(self, start: int) -> None:
        cursor = Cursor(text=self._text, position=start + 2, start=start, origin=self._origin)
        closing = "}}"
        if cursor.at("{"):
            cursor.position += 1
            closing = "}}}"
        if cursor.at("~"):
            cursor.position += 1
            self._pending = self._pending.rstrip()
        if cursor.take(_ELSE):
            self._else(cursor)
        elif closing == "}}" and cursor.at("#"):
            self._block(cursor)
        elif closing == "}}" and cursor.at("/"):
            self._close(cursor)
        elif closing == "}}" and cursor.at(">"):
            self._partial(cursor)
        else:
            if cursor.at("&"):
                cursor.position += 1
            expression = parse_head(cursor)
            self._end(cursor, closing, alone=False)
            self._add(Output(expression=expression, place=self._place(start)))

    def _end(self, cursor: Cursor, closing: str = "}}", *, alone: bool = True) -> str:
        """Read the end of a tag; put away the text before it; return the blanks it was indented by, if alone."""
        cursor.skip_space()
        tilde = cursor.at("~")
        cursor.position += tilde
        if not cursor.at(closing):
            cursor.fail(f"`{closing}`")
        cursor.position += len(closing)
        self._position = cursor.position
        indent = self._take_line(cursor.start) if alone and not tilde else ""
        self._flush()
        if tilde:
            rest = self._text[self._position :]
            self._position += len(rest) - len(rest.lstrip())
        self._pending_line = self._text.count("\n", 0, self._position) + 1
        return indent

    def _take_line(self, start: int) -> str:
        """Where the tag from `start` to here is alone on its line, drop the rest of the line; return its indentation."""
        line_start = self._text.rfind("\n", 0, start) + 1
        line_end = self._text.find("\n", self._position)
        line_end = len(self._text) if line_end < 0 else line_end
        before = self._text[line_start:start]
        if before.strip(_BLANKS) or self._text[self._position : line_end].strip(_BLANKS + "\r"):
            return ""
        self._pending = self._pending.removesuffix(before)
        self._position = min(line_end + 1, len(self._text))
        return before

    def _flush(self) -> None:
        if self._pending:
            self._add(Text(text=self._pending, line=self._pending_line))
        self._pending = ""

    def _add(self, node: Node) -> None:
        if not self._open:
            self._root.append(node)
            return
        block = self._open[-1]
        (block.body if block.otherwise is None else block.otherwise).append(node)

    def _place(self, start: int) -> Place:
        cursor = Cursor(text=self._text, position=start, start=start, origin=self._origin)
        return cursor.place(length=self._position - start)

    def _comment(self, start: int) -> None:
        long = self._text.startswith("{{!--", start)
        closing = "--}}" if long else "}}"
        end = self._text.find(closing, start + (5 if long else 3))
        if end < 0:
            raise self._origin.error("template-syntax", "a comment is never closed", self._place(start), hint=f"add `{closing}`")
        self._position = end + len(closing)
        self._take_line(start)
        self._flush()
        self._pending_line = self._text.count("\n", 0, self._position) + 1

    def _raw(self, opening: re.Match[str], start: int) -> None:
        name = opening.group(1)
        closing = re.compile(r"\{\{\{\{/\s*" + re.escape(name) + r"\s*\}\}\}\}").search(self._text, opening.end())
        if closing is None:
            raise self._origin.error("template-syntax", f"the raw block `{name}` is never closed", self._place(start))
        if name != "raw":
            raise self._origin.error("unknown-helper", f"there is no raw block `{name}`", self._place(start), hint="the only one is `raw`")
        self._flush()
        line = self._text.count("\n", 0, opening.end()) + 1
        self._add(Text(text=self._text[opening.end() : closing.start()], line=line))
        self._position = closing.end()
        self._pending_line = self._text.count("\n", 0, self._position) + 1

    def _block(self, cursor: Cursor) -> None:
        cursor.position += 1
        kind = "block"
        if cursor.at("*") or cursor.at(">"):
            kind = "inline" if cursor.at("*") else "partial block"
            cursor.position += 1
        call, names = parse_head(cursor), parse_names(cursor)
        self._end(cursor)
        name = call.name if isinstance(call, Call) else call.text if isinstance(call, Lookup) else ""
        place = self._place(cursor.start)
        if kind == "partial block" or (
            kind == "inline" and not (name == "inline" and isinstance(call, Call) and len(call.parameters) == 1)
        ):
            raise self._origin.error("template-syntax", "partial blocks and decorators other than `inline` are not supported", place)
        if len(self._open) >= MAX_NESTING:
            raise self._origin.error("too-deep", "blocks are nested too deeply", place, detail=f"more than {MAX_NESTING} levels")
        self._open.append(_Open(name=name, call=call, names=names, place=place, kind=kind))

    def _else(self, cursor: Cursor) -> None:
        chained = None
        cursor.skip_space()
        if not (cursor.at("}}") or cursor.at("~")):
            chained = (parse_head(cursor), parse_names(cursor))
        self._end(cursor)
        place = self._place(cursor.start)
        if not self._open or self._open[-1].kind != "block" or self._open[-1].otherwise is not None:
            raise self._origin.error("template-syntax", "an `else` stands where no block can have one", place)
        self._open[-1].otherwise = []
        if chained is not None:
            call, names = chained
            if len(self._open) >= MAX_NESTING:
                raise self._origin.error("too-deep", "blocks are nested too deeply", place, detail=f"more than {MAX_NESTING} levels")
            name = call.name if isinstance(call, Call) else call.text if isinstance(call, Lookup) else ""
            self._open.append(_Open(name=name, call=call, names=names, place=place, kind="block", chained=True))

    def _close(self, cursor: Cursor) -> None:
        cursor.position += 1
        call = parse_head(cursor)
        self._end(cursor)
        name = call.text if isinstance(call, Lookup) else None
        while self._open and self._open[-1].chained:
            self._finish(self._open.pop())
        if not self._open or self._open[-1].name != name:
            opened = self._open[-1].name if self._open else None
            hint = f"close `{opened}` first, with {{{{/{opened}}}}}" if opened else "remove it, or add the opening tag"
            raise self._origin.error("template-syntax", "a closing tag closes nothing", self._place(cursor.start), hint=hint)
        self._finish(self._open.pop())

    def _finish(self, block: _Open) -> None:
        body = tuple(block.body)
        if block.kind == "inline" and isinstance(block.call, Call):
            self._add(Inline(name=block.call.parameters[0], body=body, place=block.place))
            return
        call = block.call if isinstance(block.call, Call) else Call(name=block.name)
        otherwise = tuple(block.otherwise) if block.otherwise is not None else None
        self._add(Block(call=call, body=body, otherwise=otherwise, names=block.names, place=block.place))

    def _partial(self, cursor: Cursor) -> None:
        cursor.position += 1
        name, context, options = parse_partial(cursor)
        indent = self._end(cursor)
        self._add(Partial(name=name, context=context, options=options, indent=indent, place=self._place(cursor.start)))
