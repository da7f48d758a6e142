"""What was found wrong with recipes, as text and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.ui.errors import diagnostic_to_json, render_diagnostic
from orchestrator.ui.recipes import RECIPE_SCHEMA
from orchestrator.ui.style import PLAIN, Style, harmless

if TYPE_CHECKING:
    from orchestrator.recipes.authored import LintReport

__all__ = ["findings_to_json", "render_findings"]


def render_findings(reports: Sequence["LintReport"], *, base: Path, style: Style = PLAIN) -> str:
    """Return every finding, and a last line that counts."""
    blocks = [render_diagnostic(finding, base=base, style=style) for report in reports for finding in report.findings]
    errors = sum(report.errors for report in reports)
    warnings = sum(len(report.findings) for report in reports) - errors
    names = ", ".join(harmless(report.name) for report in reports)
    parts = [_count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    blocks.append(f"{names}: {', '.join(parts) or 'nothing found'}")
    return "\n\n".join(blocks)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def findings_to_json(reports: Sequence["LintReport"]) -> dict[str, object]:
    """Return all findings as plain values."""
    errors = sum(report.errors for report in reports)
    return {
        "schema": RECIPE_SCHEMA,
        "errors": errors,
        "warnings": sum(len(report.findings) for report in reports) - errors,
        "recipes": [
            {"name": report.name, "template": str(report.path), "findings": [diagnostic_to_json(finding) for finding in report.findings]}
            for report in reports
        ],
    }
