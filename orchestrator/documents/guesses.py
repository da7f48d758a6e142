"""Where a fault of YAML really is: the parser notices many long after the line that somebody has to mend.

Each guess looks at the lines around the place where a fault was noticed for one mistake that people make. A guess names no
text of the file but keys, because what stands in a file may be a secret.
"""

import re
from collections.abc import Callable
from typing import Final

from orchestrator.documents.source import Source
from orchestrator.errors import DocumentError, Span

__all__ = ["guess_fault"]

_MARKER = re.compile(r"(<{7}|={7}|>{7}|\|{7})(?= |$)")
_GLUED_KEY = re.compile(r"\s*(?:- +)*(?P<key>[A-Za-z_][\w-]*):(?P<value>[^\s:/].*)")
_GLUED_DASH = re.compile(r"\s*-(?P<key>[A-Za-z_][\w-]*):(?=\s|$)")
_KEY = re.compile(r"""\s*(?:- +)*(?P<key>[A-Za-z_][\w-]*): +(?=[^\s"'{\[|>&!])""")
_JSON_KEY = re.compile(r"""\s*"(?:[^"\\]|\\.)*"\s*:""")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'|#.*$')
_PLAIN_KEY = re.compile(r"\s*(?:- +)*(?P<key>[A-Za-z_][\w-]*):(?=\s|$)")
_NEAR_COLUMNS: Final = 3
_LINES_BACK: Final = 50
"""Lines above a fault in which its beginning is looked for."""


def guess_fault(slug: str, source: Source, noticed: Span) -> DocumentError | None:
    """Return what a fault most likely is, or None; `slug` is that of what the parser noticed, without `document/`."""
    for guess in _GUESSES:
        found = guess(slug, source, noticed.line - 1, noticed.column - 1)
        if found is not None:
            return found
    return None


def _merge(_slug: str, source: Source, _line: int, _column: int) -> DocumentError | None:
    """Look for lines that a version control system left in the file."""
    marked = [index for index, text in enumerate(source.lines) if _MARKER.match(text)]
    if not marked or not source.lines[marked[0]].startswith("<"):
        return None
    notes = {"=": "here the other version starts", ">": "here it ends", "|": "here the common version starts"}
    related = tuple((source.span(index, 0, 7), notes.get(source.lines[index][0], "another one")) for index in marked[1:3])
    return DocumentError(
        "the file has a merge conflict that nobody has resolved",
        slug="document/merge-conflict",
        span=source.span(marked[0], 0, 7),
        related=related,
        hint="keep one of the two versions, and remove the lines with `<<<<<<<`, `=======` and `>>>>>>>`",
    )


def _glued(slug: str, source: Source, line: int, _column: int) -> DocumentError | None:
    """Look for `key:value` and `-key:` in the line above, which are texts to YAML."""
    if slug not in {"colon", "indentation", "no-colon"}:
        return None
    for index in (line, line - 1):
        if not 0 <= index < len(source.lines):
            continue
        text = source.lines[index]
        if (dash := _GLUED_DASH.match(text)) is not None:
            column = text.index("-")
            return _missing_space(source, index, column, f"- {dash['key']}:", "`-`")
        key = _GLUED_KEY.match(text)
        if key is not None and (index < line or slug != "colon"):
            return _missing_space(source, index, key.end("key"), f"{key['key']}: …", "`:`")
    return None


def _missing_space(source: Source, line: int, column: int, wanted: str, mark: str) -> DocumentError:
    return DocumentError(
        f"a space is missing after {mark}", slug="document/colon", span=source.span(line, column), hint=f"write `{wanted}`, with a space"
    )


def _colon_in_text(slug: str, source: Source, line: int, column: int) -> DocumentError | None:
    """Look for a text after `key: ` that has a `: ` of its own."""
    text = source.lines[line] if line < len(source.lines) else ""
    key = _KEY.match(text)
    if slug != "colon" or key is None or key.end() > column:
        return None
    length = len(text.partition(" #")[0].rstrip()) - key.end()
    quote = "'" if '"' in text[key.end() :] else '"'
    return DocumentError(
        "a text with `: ` in it must be in quotes",
        slug="document/colon",
        span=source.span(line, key.end(), length),
        hint=f"write `{key['key']}: {quote}…{quote}`, with the whole text between the quotes",
    )


def _comma(slug: str, source: Source, line: int, column: int) -> DocumentError | None:
    """Look for a line of JSON before which a comma is missing."""
    text = source.lines[line] if line < len(source.lines) else ""
    if slug != "bracket" or text[:column].strip() or not _JSON_KEY.match(text):
        return None
    before = next((index for index in range(line - 1, -1, -1) if source.lines[index].strip()), None)
    if before is None:
        return None
    end = len(source.lines[before].rstrip())
    return DocumentError(
        "a comma is missing",
        slug="document/bracket",
        span=source.span(before, max(0, end - 1)),
        related=((source.span(line, column), "before this key"),),
        hint="write a `,` at the end of the line before; without `{`, `}` and commas it would be YAML, too",
    )


def _open_quote(slug: str, source: Source, line: int, column: int) -> DocumentError | None:
    """Look for a quote that was closed by accident, by the next quote of the file."""
    if slug not in {"indentation", "bracket", "content", "no-colon"} or line >= len(source.lines):
        return None
    before = source.lines[line][:column].rstrip()
    if not before or before[-1] not in "\"'":
        return None
    quote = before[-1]
    for index in range(line - 1, max(-1, line - 1 - _LINES_BACK), -1):
        rest = _QUOTED.sub(lambda found: " " * len(found.group()), source.lines[index])
        start = rest.rfind(quote)
        if start > 0 and rest[start - 1] in " :[{,":
            return DocumentError(
                "a quoted text is never closed",
                slug="document/quote",
                span=source.span(index, start),
                related=((source.span(line, len(before) - 1), "it ends here, where another one was to begin"),),
                hint=f"write the closing {quote} at the end of the text",
            )
    return None


def _indentation(slug: str, source: Source, line: int, column: int) -> DocumentError | None:
    """Look for a key above that starts nearly in the column of this one."""
    text = source.lines[line] if line < len(source.lines) else ""
    here = _PLAIN_KEY.match(text)
    if slug not in {"indentation", "colon"} or here is None or text[:column].strip():
        return None
    above = range(line - 1, max(-1, line - 1 - _LINES_BACK), -1)
    keys = [(index, found) for index in above if (found := _PLAIN_KEY.match(source.lines[index])) is not None]
    near = min(keys, key=lambda each: abs(each[1].start("key") - column), default=None)
    if near is None or not 0 < abs(near[1].start("key") - column) <= _NEAR_COLUMNS:
        return None
    index, found = near
    wanted = found.start("key")
    return DocumentError(
        "the indentation fits no line above",
        slug="document/indentation",
        span=source.span(line, column, len(here["key"])),
        related=((source.span(index, wanted, len(found["key"])), "the nearest key above"),),
        hint=f"put {wanted} spaces in front of `{here['key']}:`, as in front of `{found['key']}:`, if both belong to one map",
    )


def _anchor(slug: str, source: Source, line: int, column: int) -> DocumentError | None:
    """Point at the `*` or `&` itself."""
    if slug != "anchor" or line >= len(source.lines) or source.lines[line][column - 1 : column] not in {"*", "&"}:
        return None
    mark = source.lines[line][column - 1]
    return DocumentError(
        f"a text that starts with `{mark}` must be in quotes",
        slug="document/anchor",
        span=source.span(line, column - 1),
        hint=f'put the whole text in double quotes, such as "{mark}/src"; without them `{mark}` starts an alias or an anchor',
    )


_Guess = Callable[[str, Source, int, int], DocumentError | None]
_GUESSES: Final[tuple[_Guess, ...]] = (_merge, _open_quote, _glued, _colon_in_text, _comma, _anchor, _indentation)
