"""Places in files as text: where, the lines that lead there, and a caret below what is meant.

 --> icp.yaml:9:7
  |
2 |   - name: backend
  ...
8 |     build:
9 |       stpes: []
  |       ^^^^^
"""

from collections.abc import Iterator
from pathlib import Path

from orchestrator.core.addresses import is_address, path_text
from orchestrator.core.redaction import redact_span, redact_urls
from orchestrator.core.secret_lines import hide_secrets, shown_line
from orchestrator.errors import Span
from orchestrator.ui.style import PLAIN, Style, cell_width, harmless

__all__ = ["EXCERPT_COLUMNS", "render_excerpt", "render_note", "render_place"]

EXCERPT_COLUMNS = 120
"""A line that takes more columns, or more than the terminal has, is shown in part, around the caret."""
_LEAST_COLUMNS = 20
_CONTEXT_LINES = 2
_LOOKED_AT_LINES = 2_000
"""Lines above a place in which those that lead there are looked for."""
_TAB = "    "


def render_place(span: Span, base: Path) -> str:
    """Return `icp.yaml:9:13`, relative to `base` when the file is below it."""
    path = span.path.relative_to(base) if span.path.is_relative_to(base) and not is_address(span.path) else span.path
    return f"{path_text(path)}:{span.line}:{span.column}"


def render_excerpt(place: Span, *, base: Path, style: Style = PLAIN) -> Iterator[str]:
    """Yield a place, the lines that lead there, its line and the caret; what may be secret is masked."""
    gutter = " " * len(str(place.line))
    columns = _columns(gutter, style)
    yield f"{gutter}--> {style.paint('cyan', harmless(render_place(place, base)))}"
    if not place.text:
        return
    yield f"{gutter} |"
    before = 0
    for number in _leading_lines(place):
        if before and number > before + 1:
            yield f"{gutter} ..."
        yield f"{number:>{len(gutter)}} | {_head(redact_urls(shown_line(place.lines, number - 1, place.path)), columns)}".rstrip()
        before = number
    if before and place.line > before + 1:
        yield f"{gutter} ..."
    yield from _marked(place, gutter, style)


def render_note(place: Span, note: str, *, base: Path, style: Style = PLAIN) -> Iterator[str]:
    """Yield a further place in few lines: where and why, its line and the caret."""
    gutter = " " * len(str(place.line))
    yield f"{gutter}--> {style.paint('cyan', harmless(render_place(place, base)))}: {harmless(note)}"
    if place.text:
        yield from _marked(place, gutter, style)


def _marked(place: Span, gutter: str, style: Style) -> Iterator[str]:
    hidden = hide_secrets(place)
    span = redact_span(hidden) or hidden  # a URL of the line may have a password in it
    before, marked, after = _window(span, _columns(gutter, style))
    caret = " " * cell_width(before) + style.paint("red", "^" * max(1, cell_width(marked)))
    yield f"{place.line} | {before}{marked}{after}".rstrip()
    yield f"{gutter} | {caret}"


def _leading_lines(place: Span) -> list[int]:
    """Return the numbers of the lines that tell where a place is: the one above, and its nearest parent.

    A parent is a line with less indentation. If the line above is the parent, the other one is the parent's parent; where
    there are none, it is the line before. Empty lines and comments tell nothing.
    """
    lines, last = place.lines, place.line - 1
    if not 0 <= last < len(lines) or lines[last] != place.text:
        return []
    found: list[int] = []
    rest: list[int] = []
    for number, indentation, is_parent in _lines_above(lines, last):
        if not found or is_parent:
            found.append(number)
        elif not rest:
            rest.append(number)
        if len(found) == _CONTEXT_LINES or (indentation == 0 and found and rest):
            break
    return sorted((*found, *rest)[:_CONTEXT_LINES])


def _lines_above(lines: tuple[str, ...], last: int) -> Iterator[tuple[int, int, bool]]:
    """Yield the lines above line `last` (from 0) that tell something: number, least indentation so far, whether it is a parent's."""
    indentation = _indentation(lines[last])
    for index in range(last - 1, max(-1, last - 1 - _LOOKED_AT_LINES), -1):
        text = lines[index].strip()
        if text and not text.startswith("#"):
            is_parent = _indentation(lines[index]) < indentation
            indentation = min(indentation, _indentation(lines[index]))
            yield index + 1, indentation, is_parent


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _columns(gutter: str, style: Style) -> int:
    """Return how many columns a line may take beside its number."""
    there = EXCERPT_COLUMNS if style.columns is None else style.columns - len(gutter) - len(" | ")
    return max(_LEAST_COLUMNS, min(EXCERPT_COLUMNS, there))


def _window(span: Span, columns: int) -> tuple[str, str, str]:
    """Cut the line into what is before, at and after the span, so that all together is as wide as it may be."""
    start = min(span.column - 1, len(span.text))
    end = min(start + max(1, span.length), len(span.text))
    marked = _head(span.text[start:end], columns)
    room = columns - cell_width(marked)
    before, after = _tail(span.text[:start], room), _head(span.text[end:], room)
    wide = cell_width(before) + cell_width(after) > room
    behind = min(cell_width(after), max(room // 4, room - cell_width(before))) if wide else room
    return (_tail(before, room - behind), marked, _head(after, behind)) if wide else (before, marked, after)


def _head(text: str, columns: int) -> str:
    """Return a text as it is shown, its end left out where it is too wide."""
    shown = _visible(text[: columns + 1])
    if cell_width(shown) <= columns:
        return shown
    while shown and cell_width(shown) >= columns:
        shown = shown[:-1]
    return f"{shown}…" if columns else ""


def _tail(text: str, columns: int) -> str:
    """Return a text as it is shown, its beginning left out where it is too wide."""
    shown = _visible(text[max(0, len(text) - columns - 1) :])
    if cell_width(shown) <= columns:
        return shown
    while shown and cell_width(shown) >= columns:
        shown = shown[1:]
    return f"…{shown}" if columns else ""


def _visible(text: str) -> str:
    return harmless(text.replace("\t", _TAB))
