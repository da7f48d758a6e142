"""What was found in a project's files, as text and as JSON."""

import json
from pathlib import Path
from typing import Protocol

from orchestrator.core.addresses import path_text
from orchestrator.core.project import Project
from orchestrator.errors import Diagnostic, Span
from orchestrator.ui.errors import count_problems, diagnostic_to_json

__all__ = ["Findings", "problem_to_json", "render_valid", "validation_to_json"]

_SCHEMA = 1


class Findings(Protocol):
    """What checking a project has found; `unchecked` counts the files that a script makes first."""

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """Return errors and warnings, in the order of the files."""
        ...

    @property
    def unchecked(self) -> int:
        """Return how many files were not looked at."""
        ...

    @property
    def left(self) -> int:
        """Return how many problems are not among these, because there are too many."""
        ...

    @property
    def valid(self) -> bool:
        """Tell whether there are no errors."""
        ...


def render_valid(project: Project, found: Findings, *, base: Path) -> str:
    """Return that a project's files are in order, and what they describe."""
    manifest = project.manifest.relative_to(base) if project.manifest.is_relative_to(base) else project.manifest
    parts = (
        _count(len(project.canisters), "canister"),
        _count(len(project.networks), "network"),
        _count(len(project.environments), "environment"),
    )
    warned = f"; {count_problems(found.problems)}" if found.problems else ""
    warned += f", {found.left} more not shown" if found.left else ""
    unchecked = f"; {_count(found.unchecked, 'file')} not checked, because a script runs first" if found.unchecked else ""
    return f"`{manifest}` is valid: {', '.join(parts)}{warned}{unchecked}"


def validation_to_json(found: Findings, project: Project | None, *, manifest: Path | None) -> str:
    """Return what was found as one line of JSON; without a project that could be loaded there are no counts."""
    counts = {
        "manifest": None if manifest is None else str(manifest),
        "canisters": None if project is None else len(project.canisters),
        "networks": None if project is None else len(project.networks),
        "environments": None if project is None else len(project.environments),
    }
    problems = [problem_to_json(each) for each in found.problems]
    return json.dumps(
        {"schema": _SCHEMA, "valid": found.valid, **counts, "unchecked": found.unchecked, "problems": problems, "not_shown": found.left},
        ensure_ascii=False,
    )


def problem_to_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a problem in the shape that editors and code reviews want: the place's parts beside the words."""
    plain = diagnostic_to_json(diagnostic)
    return {
        **{key: plain[key] for key in ("slug", "severity", "summary")},
        **_place(diagnostic.span),
        "detail": plain["detail"],
        "hint": plain["hint"],
        "related": [{**_place(span), "note": note} for span, note in diagnostic.related],
    }


def _place(span: Span | None) -> dict[str, object]:
    """Return a place; lines and columns count from 1, columns and length in code points."""
    if span is None:
        return {"file": None, "line": None, "column": None, "length": None}
    return {"file": path_text(span.path), "line": span.line, "column": span.column, "length": span.length}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
