"""What came of a recipe's cases, as text and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from orchestrator.ui.recipes import RECIPE_SCHEMA
from orchestrator.ui.style import PLAIN, Paint, Style, harmless

if TYPE_CHECKING:
    from orchestrator.recipes.authored import CaseReport, CaseResult, RecipeReport

__all__ = ["cases_to_json", "render_cases"]

MAX_SHOWN_LINES: Final = 60
"""Lines of one case's difference that are shown; `--json` has them all."""
_COLOURS: Final[dict["CaseResult", Paint]] = {"passed": "green", "failed": "red", "updated": "yellow"}
_INDENT: Final = " " * 10


def render_cases(reports: Sequence["RecipeReport"], *, style: Style = PLAIN) -> str:
    """Return each case with its result, the differences, and a last line that counts."""
    lines = [line for report in reports for line in _render_recipe(report, style)]
    counts = Counter(case.result for report in reports for case in report.cases)
    parts = [f"{counts[result]} {result}" for result in _COLOURS if counts[result]]
    number = counts.total()
    lines += ["", f"{number} case{'s' if number != 1 else ''}: {', '.join(parts)}"]
    if any(case.result == "failed" and case.difference for report in reports for case in report.cases):
        lines += ["", f"{style.paint('cyan', 'hint')}: where the new outcome is right, `orchestrator recipe test --update` writes it down"]
    return "\n".join(lines)


def _render_recipe(report: "RecipeReport", style: Style) -> Iterator[str]:
    yield style.paint("bold", harmless(report.name)) + ("" if report.cases else ": no cases")
    for case in report.cases:
        reason = f": {harmless(case.reason)}" if case.reason else ""
        yield f"  {style.paint(_COLOURS[case.result], f'{case.result:<7}')} {harmless(case.name)}{reason}"
        if case.result == "failed":
            yield from _render_difference(case, style)


def _render_difference(case: "CaseReport", style: Style) -> Iterator[str]:
    colours: dict[str, Paint] = {"+": "green", "-": "red", "@": "cyan"}
    for line in case.difference[:MAX_SHOWN_LINES]:
        shown = harmless(line)
        yield f"{_INDENT}{style.paint(colours[line[:1]], shown) if line[:1] in colours else shown}".rstrip()
    if len(case.difference) > MAX_SHOWN_LINES:
        yield f"{_INDENT}… {len(case.difference) - MAX_SHOWN_LINES} more lines; `--json` shows them"


def cases_to_json(reports: Sequence["RecipeReport"]) -> dict[str, object]:
    """Return all cases as plain values."""
    failed = sum(report.failed for report in reports)
    return {
        "schema": RECIPE_SCHEMA,
        "result": "failed" if failed else "passed",
        "recipes": [
            {"name": report.name, "template": str(report.path), "cases": [_case_to_json(case) for case in report.cases]}
            for report in reports
        ],
    }


def _case_to_json(case: "CaseReport") -> dict[str, object]:
    return {
        "name": case.name,
        "folder": str(case.folder),
        "result": case.result,
        "outcome": case.outcome,
        "expected": case.expected,
        "reason": case.reason,
        "difference": list(case.difference),
    }
