"""Errors and warnings as text: what, where with the line and a caret, why, and what helps.

error[manifest/unknown-key]: the key `biuld` is not known
 --> icp.yaml:4:5
  |
3 |   - name: backend
4 |     biuld:
  |     ^^^^^
  a canister has the keys name, build, sync, …

hint: did you mean `build`?
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.core.addresses import path_text
from orchestrator.core.redaction import redact_urls
from orchestrator.core.secret_lines import MASK, hide_texts, secret_texts
from orchestrator.errors import Diagnostic, OrchestratorError, Span
from orchestrator.ui.excerpts import render_excerpt, render_note, render_place
from orchestrator.ui.style import PLAIN, Paint, Style, harmless, harmless_block

__all__ = ["count_problems", "diagnostic_to_json", "error_to_json", "mention_warnings", "render_diagnostic", "render_error", "render_place"]


def render_error(error: OrchestratorError, *, base: Path, style: Style = PLAIN) -> str:
    """Return every problem of an error, a blank line between them; paths are shown relative to `base`."""
    blocks = [render_diagnostic(diagnostic, base=base, style=style) for diagnostic in error.diagnostics]
    plain = len(blocks) == 1 and error.summary == error.diagnostics[0].summary and error.diagnostics[0].severity == "error"
    if not plain:
        counted = f" ({count_problems(error.diagnostics)})" if len(blocks) > 1 else ""
        blocks.append("\n".join([f"{style.paint('red', 'error')}: {harmless_block(error.summary)}{counted}", *_indented(error.detail)]))
        if error.hint:
            blocks.append(_hint(error.hint, style))
    return "\n\n".join(blocks)


def count_problems(diagnostics: Sequence[Diagnostic]) -> str:
    """Return how many errors and warnings there are: `2 errors, 1 warning`."""
    counts = {severity: sum(each.severity == severity for each in diagnostics) for severity in ("error", "warning")}
    return ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items() if count)


def mention_warnings(warnings: Sequence[Diagnostic], *, style: Style = PLAIN) -> str:
    """Return one line about warnings: what a single one says, else how many there are; and what shows them in full."""
    only, *more = warnings
    what = f"{len(warnings)} about the project" if more else harmless_block(_without_secrets(only).summary)
    label = style.paint("yellow", "warnings") if more else _label(only, style)
    return f"{label}: {what}; see `orchestrator project validate`"


def render_diagnostic(diagnostic: Diagnostic, *, base: Path, style: Style = PLAIN) -> str:
    """Return one problem as lines, without a final line end; what may be secret is masked."""
    diagnostic = _without_secrets(diagnostic)
    lines = [f"{_label(diagnostic, style)}: {harmless_block(diagnostic.summary)}"]
    if diagnostic.span is not None:
        lines += render_excerpt(diagnostic.span, base=base, style=style)
    lines += _indented(diagnostic.detail)
    for span, note in diagnostic.related:
        lines += render_note(span, note, base=base, style=style)
    if diagnostic.hint:
        lines += ["", _hint(diagnostic.hint, style)]
    return "\n".join(lines)


def error_to_json(error: OrchestratorError) -> dict[str, object]:
    """Return an error as plain values."""
    first, diagnostics = error.diagnostics[0], [diagnostic_to_json(diagnostic) for diagnostic in error.diagnostics]
    return {
        "slug": error.slug,
        "summary": diagnostics[0]["summary"] if error.summary == first.summary else error.summary,
        "exit_code": int(error.exit_code),
        "diagnostics": diagnostics,
    }


def diagnostic_to_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Return one problem as plain values; places have `path`, `line` and `column`, counted from 1."""
    diagnostic = _without_secrets(diagnostic)
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
    return {"path": path_text(span.path), "line": span.line, "column": span.column}


def _without_secrets(diagnostic: Diagnostic) -> Diagnostic:
    """Return a problem whose words do not repeat a secret that it points at, nor what is secret in a URL."""
    if diagnostic.span is None:
        return diagnostic
    touched = _longest_first(secret_texts(diagnostic.span))
    nearby = _longest_first(secret_texts(diagnostic.span, whole_line=True))
    if not nearby:
        return diagnostic
    summary, detail = (redact_urls(hide_texts(text, touched)) for text in (diagnostic.summary, diagnostic.detail or ""))
    hint = redact_urls(hide_texts(diagnostic.hint or "", nearby))  # hints repeat whole lines
    return replace(diagnostic, summary=summary, detail=detail or None, hint=hint.replace(f': "{MASK}"', "") or None)


def _longest_first(texts: Sequence[str]) -> list[str]:
    return sorted(texts, key=len, reverse=True)


def _label(diagnostic: Diagnostic, style: Style) -> str:
    colour: Paint = "red" if diagnostic.severity == "error" else "yellow"
    return style.paint(colour, diagnostic.severity) + style.paint("dim", f"[{diagnostic.slug}]")


def _indented(detail: str | None) -> list[str]:
    return [f"  {harmless(line)}".rstrip() for line in (detail or "").splitlines()]


def _hint(text: str, style: Style) -> str:
    """Return the hint; what it wants written comes in lines of its own, indented like a detail."""
    first, *more = text.splitlines() or [""]
    return "\n".join([f"{style.paint('cyan', 'hint')}: {harmless(first)}", *(f"  {harmless(line)}" for line in more)])
