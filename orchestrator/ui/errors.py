"""Errors and warnings as text: what, where with the line and a caret, why, and what helps.

error[manifest/unknown-key]: the key `biuld` is not known
 --> icp.yaml:4:5
  |
4 |     biuld:
  |     ^^^^^
  a canister has the keys name, build, sync, …

hint: did you mean `build`?
"""

from collections.abc import Iterator
from pathlib import Path

from orchestrator.core.redaction import redact_span
from orchestrator.errors import Diagnostic, OrchestratorError, Span
from orchestrator.ui.style import PLAIN, Paint, Style, cell_width, harmless, harmless_block

__all__ = ["diagnostic_to_json", "error_to_json", "render_diagnostic", "render_error", "render_place"]

EXCERPT_COLUMNS = 120
"""A longer line is shown in part, around the caret."""
_TAB = "    "


def render_error(error: OrchestratorError, *, base: Path, style: Style = PLAIN) -> str:
    """Return every problem of an error, a blank line between them; paths are shown relative to `base`."""
    blocks = [render_diagnostic(diagnostic, base=base, style=style) for diagnostic in error.diagnostics]
    plain = len(blocks) == 1 and error.summary == error.diagnostics[0].summary and error.diagnostics[0].severity == "error"
    if not plain:
        blocks.append("\n".join([f"{style.paint('red', 'error')}: {harmless_block(error.summary)}", *_indented(error.detail)]))
        if error.hint:
            blocks.append(_hint(error.hint, style))
    return "\n\n".join(blocks)


def render_diagnostic(diagnostic: Diagnostic, *, base: Path, style: Style = PLAIN) -> str:
    """Return one problem as lines, without a final line end."""
    lines = [f"{_label(diagnostic, style)}: {harmless_block(diagnostic.summary)}"]
    if diagnostic.span is not None:
        lines += _excerpt(diagnostic.span, base=base, style=style, note=None)
    lines += _indented(diagnostic.detail)
    for span, note in diagnostic.related:
        lines += _excerpt(span, base=base, style=style, note=note)
    if diagnostic.hint:
        lines += ["", _hint(diagnostic.hint, style)]
    return "\n".join(lines)


def render_place(span: Span, base: Path) -> str:
    """Return `icp.yaml:9:13`, relative to `base` when the file is below it."""
    path = span.path.relative_to(base) if span.path.is_relative_to(base) else span.path
    return f"{path}:{span.line}:{span.column}"


def error_to_json(error: OrchestratorError) -> dict[str, object]:
    """Return an error as plain values."""
    return {
        "slug": error.slug,
        "summary": error.summary,
        "exit_code": int(error.exit_code),
        "diagnostics": [diagnostic_to_json(diagnostic) for diagnostic in error.diagnostics],
    }


def diagnostic_to_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Return one problem as plain values; places have `path`, `line` and `column`, counted from 1."""
    return {
        "slug": diagnostic.slug,
        "severity": diagnostic.severity,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "place": _place_to_json(diagnostic.span) if diagnostic.span else None,
        "related": [{**_place_to_json(span), "note": note} for span, note in diagnostic.related],
        "hint": diagnostic.hint,
    }


def _place_to_json(span: Span) -> dict[str, object]:
    return {"path": str(span.path), "line": span.line, "column": span.column}


def _label(diagnostic: Diagnostic, style: Style) -> str:
    colour: Paint = "red" if diagnostic.severity == "error" else "yellow"
    return style.paint(colour, diagnostic.severity) + style.paint("dim", f"[{diagnostic.slug}]")


def _indented(detail: str | None) -> list[str]:
    return [f"  {harmless(line)}".rstrip() for line in (detail or "").splitlines()]


def _hint(text: str, style: Style) -> str:
    """Return the hint; what it wants written comes in lines of its own, indented like a detail."""
    first, *more = text.splitlines() or [""]
    return "\n".join([f"{style.paint('cyan', 'hint')}: {harmless(first)}", *(f"  {harmless(line)}" for line in more)])


def _excerpt(place: Span, *, base: Path, style: Style, note: str | None) -> Iterator[str]:
    span = redact_span(place) or place  # a URL of the line may have a password in it
    number = str(span.line)
    gutter = " " * len(number)
    shown = style.paint("cyan", harmless(render_place(place, base)))
    yield f"{gutter}--> {shown}" + (f": {harmless(note)}" if note else "")
    if not span.text:
        return
    before, marked, after = _window(span)
    caret = " " * cell_width(before) + style.paint("red", "^" * max(1, cell_width(marked)))
    yield f"{gutter} |"
    yield f"{number} | {before}{marked}{after}".rstrip()
    yield f"{gutter} | {caret}"


def _window(span: Span) -> tuple[str, str, str]:
    """Cut the line into what is before, at and after the span, at most `EXCERPT_COLUMNS` characters in all."""
    start = min(span.column - 1, len(span.text))
    end = min(start + max(1, span.length), len(span.text), start + EXCERPT_COLUMNS)
    first = max(0, end - EXCERPT_COLUMNS)
    before, marked, after = span.text[first:start], span.text[start:end], span.text[end : first + EXCERPT_COLUMNS]
    if first:
        before = f"…{before[1:]}"
    if first + EXCERPT_COLUMNS < len(span.text):
        after = f"{after[:-1]}…" if after else after
    return _visible(before), _visible(marked), _visible(after)


def _visible(text: str) -> str:
    return harmless(text.replace("\t", _TAB))
