"""White space around tags, and backslashes before them: what belongs to a tag, and what is text."""

import re

__all__ = [
    "BLANKS",
    "GRAMMAR_SPACE",
    "WHITE_SPACE",
    "ends_with_empty_line",
    "is_alone",
    "trailing_blanks",
    "unescape",
    "without_line",
]

BLANKS = " \t"
"""What indents a line."""
GRAMMAR_SPACE = " \t\n\r"
"""What may stand anywhere in a tag, and between two tags."""
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What `~` takes away: Unicode's White_Space."""

_BLANK_LINE_END = re.compile("[ \t]*+(?:[\n\r]|(?P<end>\\Z))")
_ESCAPE = re.compile(r"(?<!\\)\\(\{\{(?:\{\{)?+)|(?<!\\)\\(\\++)(?=\{\{)")


def is_alone(text: str, end: int) -> bool:
    """Say whether nothing but blanks stands between a tag's end and the end of its line; at the end, not even blanks."""
    match = _BLANK_LINE_END.match(text, end)
    return match is not None and (match.end("end") < 0 or end == len(text))


def ends_with_empty_line(text: str, end: int) -> bool:
    """Say whether nothing but blanks stands between the start of a line and a position."""
    while end > 0 and text[end - 1] in BLANKS:
        end -= 1
    return end == 0 or text[end - 1] in "\n\r"


def trailing_blanks(text: str, end: int) -> str:
    """Return the blanks before a position."""
    start = end
    while start > 0 and text[start - 1] in BLANKS:
        start -= 1
    return text[start:end]


def without_line(text: str) -> str:
    """Return a text without the blanks it starts with and the line end after them."""
    text = text.lstrip(BLANKS)
    return text[2:] if text.startswith("\r\n") else text.removeprefix("\n")


def unescape(text: str, *, before_tag: bool) -> str:
    """Return a text without the backslashes that keep braces from being a tag; those before a tag lose one, too."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(r"\1\2", f"{text}{{{{")[:-2] if before_tag else _ESCAPE.sub(r"\1\2", text)
