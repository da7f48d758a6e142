"""Error reports as text, the same on every machine: what the tests compare with their snapshots."""

from pathlib import Path

from orchestrator.errors import Diagnostic, OrchestratorError, Span

__all__ = ["render_diagnostic", "render_error"]


def render_error(error: OrchestratorError, directory: Path) -> str:
    """Return the whole report; paths are relative to `directory`."""
    heading = f"{type(error).__name__} [{error.slug}]: {error.summary}"
    reports = [render_diagnostic(diagnostic, directory) for diagnostic in error.diagnostics]
    return "\n\n".join([heading, *reports])


def render_diagnostic(diagnostic: Diagnostic, directory: Path) -> str:
    """Return one problem: summary, place with caret, reason, further places, hint."""
    lines = [f"{diagnostic.severity}[{diagnostic.slug}]: {diagnostic.summary}"]
    if diagnostic.span is not None:
        lines += _excerpt(diagnostic.span, directory)
    if diagnostic.detail is not None:
        lines.append(f"  reason: {diagnostic.detail}".replace(str(directory), "PROJECT"))
    for span, note in diagnostic.related:
        lines.append(f"  note: {note}")
        lines += _excerpt(span, directory)
    if diagnostic.hint is not None:
        lines.append(f"  hint: {diagnostic.hint}")
    return "\n".join(lines)


def _excerpt(span: Span, directory: Path) -> list[str]:
    path = span.path.relative_to(directory) if span.path.is_relative_to(directory) else span.path
    place = f"  --> {path.as_posix()}:{span.line}:{span.column}"
    if not span.text:
        return [place]
    return [place, f"   | {span.text}", f"   | {' ' * (span.column - 1)}{'^' * span.length}"]
