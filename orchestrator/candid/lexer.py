"""Candid text to tokens, for .did files and for text values.

Source: the Candid specification, section "Core Grammar"; number and string forms are those that DFINITY's parser
takes. A token knows its place; every complaint becomes a `CandidSyntaxError` with the line and a caret.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.errors import CandidSyntaxError, Span

__all__ = ["RESERVED_WORDS", "Source", "Token", "tokenize"]

RESERVED_WORDS: Final = frozenset(
    [
        "null",
        "vec",
        "record",
        "variant",
        "func",
        "service",
        "oneway",
        "query",
        "composite_query",
        "blob",
        "type",
        "import",
        "opt",
        "principal",
        "true",
        "false",
    ]
)
"""Words that are never names unless they are in quotes."""

_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*)+")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_TOKEN = re.compile(
    r"""(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<float>[0-9]+(?:\.[0-9]*)?[eE][+-]?[0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)
    |(?P<hex>0[xX][0-9a-fA-F][_0-9a-fA-F]*)
    |(?P<decimal>[0-9][_0-9]*)
    |(?P<mark>->|[=(){};,.:+-])""",
    re.VERBOSE | re.ASCII,
)
_STRING_PART = re.compile(r'[^\\"]+|\\u\{([0-9a-fA-F][_0-9a-fA-F]*)\}|\\([0-9a-fA-F]{2})|\\(.)|"', re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
_SURROGATES: Final = range(0xD800, 0xE000)
_MAX_CODE_POINT: Final = 0x10FFFF
_MAX_CODE_POINT_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Source:
    """A text, and where it comes from."""

    text: str
    path: Path

    def span(self, start: int, end: int) -> Span:
        """Return the place between two offsets (code points); only its first line is shown."""
        line_start = self.text.rfind("\n", 0, start) + 1
        line_end = self.text.find("\n", start)
        line = self.text[line_start : line_end if line_end >= 0 else len(self.text)].rstrip("\r")
        column = min(start - line_start, len(line))
        length = max(1, min(end - line_start, len(line)) - column)
        return Span(path=self.path, line=self.text.count("\n", 0, start) + 1, column=column + 1, length=length, text=line)

    def error(self, message: str, start: int, end: int, *, slug: str | None = None, hint: str | None = None) -> CandidSyntaxError:
        """Return the error that points at this place."""
        return CandidSyntaxError(message, slug=slug, span=self.span(start, end), hint=hint)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text. `kind` is `name`, `word` (a reserved one), `string`, `decimal`, `hex`, `float`, `mark` or `end`.

    `text` is what stands there, without `_` and `0x` for numbers; `data` is a string's content, escapes done.
    """

    kind: str
    text: str
    start: int
    end: int
    data: bytes = b""

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else "a string" if self.kind == "string" else f"`{self.text}`"


def _skip_comment(source: Source, start: int) -> int:
    """Return where the comment that opens here ends; comments nest."""
    depth, position = 0, start
    while True:
        edge = _COMMENT_EDGE.search(source.text, position)
        if edge is None:
            raise source.error("a comment is not closed", start, start + 2, hint="comments nest: every `/*` needs its `*/`")
        position = edge.end()
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return position


def _code_point(source: Source, digits: str, start: int, end: int) -> bytes:
    digits = digits.replace("_", "")
    number = int(digits, 16) if len(digits) <= _MAX_CODE_POINT_DIGITS else _MAX_CODE_POINT + 1
    if number > _MAX_CODE_POINT or number in _SURROGATES:
        raise source.error("this escape is no Unicode character", start, end)
    return chr(number).encode()


def _string(source: Source, start: int) -> Token:
    data = bytearray()
    position = start + 1
    while True:
        part = _STRING_PART.match(source.text, position)
        if part is None:
            raise source.error("a string is not closed", start, len(source.text))
        position = part.end()
        point, byte, short = part.groups()
        if part.group() == '"':
            return Token("string", source.text[start:position], start, position, bytes(data))
        if point is not None:
            data += _code_point(source, point, part.start(), position)
        elif byte is not None:
            data.append(int(byte, 16))
        elif short is not None:
            if short not in _ESCAPES:
                raise source.error(
                    f"`\\{short}` is not an escape", part.start(), position, hint=r"escapes are \n \r \t \\ \" \' \xx and \u{…}"
                )
            data += _ESCAPES[short].encode()
        else:
            data += _utf8(source, part.group(), part.start())


def _utf8(source: Source, text: str, start: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise source.error("the text is not valid Unicode", start, start + len(text)) from None


def _token(found: re.Match[str]) -> Token:
    kind, text = str(found.lastgroup), found.group()
    if kind == "hex":
        text = text[2:].replace("_", "")
    elif kind == "decimal":
        text = text.replace("_", "")
    elif kind == "name" and text in RESERVED_WORDS:
        kind = "word"
    return Token(kind, text, found.start(), found.end())


def tokenize(source: Source) -> list[Token]:
    """Return all tokens, the last of kind `end`; what is no token raises `CandidSyntaxError`."""
    text, position = source.text, 0
    tokens: list[Token] = []
    while True:
        space = _SPACE.match(text, position)
        if space is not None:
            position = space.end()
        if position == len(text):
            return [*tokens, Token("end", "", position, position)]
        if text.startswith("/*", position):
            position = _skip_comment(source, position)
            continue
        if text[position] == '"':
            token = _string(source, position)
        else:
            found = _TOKEN.match(text, position)
            if found is None:
                raise source.error(f"`{text[position]}` means nothing here", position, position + 1)
            token = _token(found)
        tokens.append(token)
        position = token.end
