"""Template text to its tags, in order: which there are, what they say, and which close which.

A tag that fits nothing is reported at the place up to which the text could be read.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.errors import RecipeError
from orchestrator.recipes.expressions import Head, Scanner, named
from orchestrator.recipes.template import Place

__all__ = ["MAX_NESTING", "Kind", "Tag", "closes", "read_tags"]

MAX_NESTING = 80
"""Blocks inside each other in a template; each `else if` is one more."""

Kind = Literal[
    "output", "block", "decorator block", "partial block", "else", "else block", "close", "raw text", "decorator", "partial", "comment"
]

_NOTHING = Head(name=named(""))
_RAW_STOP = re.compile(r"(?<!\\)\\\{\{(?:\{\{)?+|\{\{\{\{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag from `start` to `end`; `before` and `after` mark the `~` at its ends.

    `name` is that of a closing tag. The text of a raw block is a piece of its own, of kind `raw text`.
    """

    kind: Kind
    start: int
    end: int
    head: Head | None = None
    name: str | None = None
    before: bool = False
    after: bool = False


def closes(closing: Tag, opened: Tag) -> bool:
    """Say whether a closing tag names the block it closes; those of partials and decorators need not."""
    written = opened.head.written if opened.head is not None else None
    return closing.name == written or (not closing.name and opened.kind != "block")


def read_tags(scanner: Scanner) -> list[Tag]:
    """Return the tags of a scanner's text; raise `RecipeError` where one cannot be read."""
    return _TagReader(scanner).read()


class _TagReader:
    """The state of one reading: the tags so far, and the blocks that are open."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._text = scanner.text
        self._tags: list[Tag] = []
        self._open: list[Tag] = []
        self._with_else: list[bool] = []
        self._depths: list[int] = [0]
        self._crossed: tuple[Tag, Tag] | None = None
        self._no_long_end = False

    def read(self) -> list[Tag]:
        position = 0
        while (start := self._find(position)) >= 0:
            found = self._tag(start)
            for tag in found:
                self._note(tag)
            if not found:
                raise self._fault(start)
            position = found[-1].end
        if self._open:
            raise self._unclosed()
        return self._tags

    def _find(self, position: int) -> int:
        """Return where the next tag starts, past those that a backslash turns into text; -1 where there is none."""
        text = self._text
        begin = position
        while (start := text.find("{{", begin)) >= 0:
            slashes = 0
            while start - slashes > position and text[start - slashes - 1] == "\\":
                slashes += 1
            if slashes != 1:
                return start
            position = begin = start + (4 if text.startswith("{{{{", start) else 2)
        return -1

    def _note(self, tag: Tag) -> None:
        self._tags.append(tag)
        if tag.kind in {"block", "decorator block", "partial block"}:
            self._open.append(tag)
            self._with_else.append(False)
            self._depths.append(self._depths[-1] + 1)
        elif tag.kind == "close":
            opened = self._open.pop()
            self._with_else.pop()
            if self._crossed is None and not closes(tag, opened):
                self._crossed = (opened, tag)
            self._depths.pop()
        elif tag.kind == "else":
            self._with_else[-1] = True
        elif tag.kind == "else block":
            self._depths[-1] += 1
        if self._depths[-1] > MAX_NESTING:
            detail = f"more than {MAX_NESTING} levels"
            raise self._scanner.origin.error("too-deep", "blocks are nested too deeply", self._whole(tag), detail=detail)

    def _tag(self, start: int) -> tuple[Tag, ...]:
        text, scanner = self._text, self._scanner
        if text.startswith("{{{{", start):
            return self._raw(start)
        if text.startswith("{{{", start):
            tag = self._triple(start)
        elif text.startswith("{{!", start):
            tag = self._comment(start)
        else:
            position = scanner.space(start + 2)
            before = text.startswith("~", position)
            if before:
                position = scanner.space(position + 1)
            else:
                scanner.failed(position)
            tag = self._inside(start, position, before=before)
        return () if tag is None else (tag,)

    def _inside(self, start: int, position: int, *, before: bool) -> Tag | None:
        scanner = self._scanner
        scanner.failed(position)
        match self._text[position : position + 1]:
            case "#":
                return self._block(start, scanner.space(position + 1), before=before)
            case ">":
                return self._end("partial", start, scanner.partial(scanner.space(position + 1)), before=before)
            case "*":
                return self._end("decorator", start, scanner.line(scanner.space(position + 1)), before=before)
            case "/":
                return self._close(start, scanner.space(position + 1), before=before)
            case "&":
                return self._end("output", start, scanner.value(scanner.space(position + 1)), before=before)
            case "{":
                return self._end("output", start, scanner.output(scanner.space(position + 1)), "}", before=before)
        if (inverse := self._inverse(start, position, before=before)) is not None:
            return inverse if self._may_have_else() else None
        return self._end("output", start, scanner.output(position), before=before)

    def _block(self, start: int, position: int, *, before: bool) -> Tag | None:
        scanner = self._scanner
        sign = self._text[position : position + 1]
        inside = scanner.space(position + 1)
        if sign == "*":
            return self._end("decorator block", start, scanner.line(inside), before=before)
        if sign == ">":
            return self._end("partial block", start, scanner.partial(inside), before=before)
        return self._end("block", start, scanner.line(position), before=before)

    def _end(
        self, kind: Kind, start: int, head: tuple[Head, int] | None, brace: str = "", *, before: bool, closing: str = "}}"
    ) -> Tag | None:
        """Return the tag if its text ends as tags do; `brace` is what stands before its `~`."""
        if head is None:
            return None
        scanner, text = self._scanner, self._text
        position = scanner.space(head[1])
        if not text.startswith(brace, position):
            return None
        position = scanner.space(position + len(brace))
        after = text.startswith("~", position)
        if after:
            position = scanner.space(position + 1)
        else:
            scanner.failed(position)
        if not text.startswith(closing, position):
            return None
        return Tag(kind=kind, start=start, end=position + len(closing), head=head[0], before=before, after=after)

    def _triple(self, start: int) -> Tag | None:
        scanner = self._scanner
        position = scanner.space(start + 3)
        before = self._text.startswith("~", position)
        if before:
            position = scanner.space(position + 1)
        head = scanner.output(position)
        tag = self._end("output", start, head, before=before, closing="}}}")
        return tag or (None if before else self._end("output", start, head, "}", before=False))

    def _inverse(self, start: int, position: int, *, before: bool) -> Tag | None:
        """Read an `else`, with or without a block's name after it."""
        length = 4 if self._text.startswith("else", position) else 1 if self._text.startswith("^", position) else 0
        if not length:
            return None
        furthest = self._scanner.furthest
        inside = self._scanner.space(position + length)
        tag = self._end("else block", start, self._scanner.line(inside), before=before)
        if tag is None:
            tag = self._end("else", start, (_NOTHING, inside), before=before)
            if not self._may_have_else():
                self._scanner.furthest = max(furthest, inside if tag is not None and tag.after else position)
        return tag

    def _may_have_else(self) -> bool:
        return bool(self._open) and self._open[-1].kind == "block" and not self._with_else[-1]

    def _close(self, start: int, position: int, *, before: bool) -> Tag | None:
        if not self._open:
            return None
        reader = self._scanner.partial_name if self._open[-1].kind == "partial block" else self._scanner.name
        name, end = reader(position) or ("", position)
        tag = self._end("close", start, (_NOTHING, end), before=before)
        return None if tag is None else Tag(kind="close", start=start, end=tag.end, name=name, before=before, after=tag.after)

    def _comment(self, start: int) -> Tag | None:
        inside = self._scanner.space(start + 3)
        if self._text.startswith("--", inside) and not self._no_long_end:
            end = self._text.find("--}}", inside + 2)
            if end >= 0:
                return Tag(kind="comment", start=start, end=end + 4)
            self._no_long_end = True
        end = self._text.find("}}", start + 3)
        if end < 0:
            raise self._error("a comment is never closed", start + 2, hint="add `}}`", tag=start)
        return Tag(kind="comment", start=start, end=end + 2)

    def _raw(self, start: int) -> tuple[Tag, ...]:
        scanner, text = self._scanner, self._text
        position = scanner.space(start + 4)
        before = text.startswith("~", position)
        head = scanner.line(scanner.space(position + 1) if before else position)
        opening = self._end("block", start, head, before=before, closing="}}}}")
        if opening is None or opening.head is None:
            return ()
        begin = scanner.space(opening.end)
        stop = begin
        while (match := _RAW_STOP.search(text, stop)) and match.group().startswith("\\"):
            stop = match.end()
        if match is None:
            raise self._error(
                f"the raw block `{opening.head.written}` is never closed",
                len(text),
                hint=f"add {{{{{{{{/{opening.head.written}}}}}}}}}",
                tag=start,
            )
        content = Tag(kind="raw text", start=begin, end=match.start())
        closing = self._end_of_raw(match.start(), match.end())
        return () if closing is None else (opening, content, closing)

    def _end_of_raw(self, start: int, inside: int) -> Tag | None:
        """Read the closing tag of a raw block, whose braces go up to `inside`."""
        scanner, text = self._scanner, self._text
        position = scanner.space(inside)
        before = text.startswith("~", position)
        scanner.failed(start if before else position)
        position = scanner.space(position + 1) if before else position
        if not text.startswith("/", position):
            place = start if before else position
            raise self._error("a raw block holds `{{{{`, which only its closing tag may", place, hint="write `\\{{{{` for the text")
        position = scanner.space(position + 1)
        name, end = scanner.name(position) or ("", position)
        tag = self._end("close", start, (_NOTHING, end), before=before, closing="}}}}")
        return None if tag is None else replace(tag, name=name)

    def _fault(self, start: int) -> RecipeError:
        position = max(start, self._scanner.furthest)
        inside = self._text[start + 2 :].lstrip("~ \t\r\n")[:4]
        if inside.startswith(("else", "^")) and self._text[start:position].strip("{~ \t\r\n") == "":
            summary = "an `else` stands where no block can have one"
            return self._error(summary, position, hint="put it inside `{{#if}}`, `{{#unless}}`, `{{#each}}` or `{{#with}}`, once")
        if inside.startswith("/") and not self._open:
            return self._error("a closing tag closes nothing", position, hint="remove it, or add the opening tag")
        found = self._text[position : position + 1]
        detail = f"`{found}` cannot stand here" if found else "the template ends before the tag does"
        return self._error("the template has a tag that cannot be read", position, detail=detail, tag=start)

    def _unclosed(self) -> RecipeError:
        block = self._open[-1]
        if self._crossed is not None:
            opened, closing = self._crossed
            name = (opened.head.written if opened.head is not None else None) or ""
            return self._scanner.origin.error(
                "template-syntax",
                f"a block is never closed: `{{{{/{closing.name}}}}}` stands where `{name}` is open",
                self._scanner.place(len(self._text)),
                hint=f"close `{name}` first, with {{{{/{name}}}}}",
                notes=((self._whole(opened), f"`{name}` begins here"), (self._whole(closing), "what closes another one")),
            )
        name = (block.head.written if block.head is not None else None) or ""
        return self._error(f"the block `{name}` is never closed", len(self._text), hint=f"add {{{{/{name}}}}}", tag=block.start)

    def _whole(self, tag: Tag) -> Place:
        return self._scanner.place(tag.start, tag.end - tag.start)

    def _error(
        self, summary: str, position: int, *, detail: str | None = None, hint: str | None = None, tag: int | None = None
    ) -> RecipeError:
        place = self._scanner.place(position)
        begin = self._scanner.place(tag, 2) if tag is not None and tag != position else None
        related: tuple[tuple[Place, str], ...] = ((begin, "it begins here"),) if begin is not None else ()
        return self._scanner.origin.error("template-syntax", summary, place, detail=detail, hint=hint, notes=related)
