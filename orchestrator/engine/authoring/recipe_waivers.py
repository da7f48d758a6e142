"""Findings that a recipe's author has looked at and allows.

`{{! lint: allow shell-quoting }}` in a template, or `# lint: allow unused-parameter` in a `recipe.yaml`, allows what is found on
its own line or on the next line that is no such comment.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orchestrator.errors import Diagnostic, Span
from orchestrator.recipes.template import Template

__all__ = ["apply_waivers"]

_WAIVER: Final = re.compile(r"lint:\s*allow\s+(?P<names>(?:recipe-lint/)?[a-z][a-z0-9-]*(?:[ ,]+(?:recipe-lint/)?[a-z][a-z0-9-]*)*)")
_IN_TEMPLATE: Final = re.compile(r"\{\{~?!(?:--)?\s*" + _WAIVER.pattern + r"\s*(?:--)?~?\}\}")
_IN_DESCRIPTION: Final = re.compile(r"#\s*" + _WAIVER.pattern)


@dataclass(slots=True)
class _Waiver:
    """A comment that allows findings of some names on some lines."""

    span: Span
    names: frozenset[str]
    lines: frozenset[int]
    used: set[str] = field(default_factory=set)

    def allows(self, finding: Diagnostic) -> bool:
        """Tell whether a finding is allowed, and remember that one was."""
        name = finding.slug.partition("/")[2]
        span = finding.span
        if span is None or span.path != self.span.path or span.line not in self.lines or name not in self.names:
            return False
        self.used.add(name)
        return True


def apply_waivers(findings: Sequence[Diagnostic], template: Template, description: Path | None) -> Iterator[Diagnostic]:
    """Yield what nobody allows, and the comments that allow what was not found."""
    waivers = list(_find(template.origin.path, template.origin.lines, _IN_TEMPLATE))
    if description is not None:
        waivers += _find(description, description.read_text(encoding="utf-8").split("\n"), _IN_DESCRIPTION)
    for finding in findings:
        allowing = [waiver for waiver in waivers if waiver.allows(finding)]  # each of them is of use
        if not allowing:
            yield finding
    for waiver in waivers:
        for name in sorted(waiver.names - waiver.used):
            yield Diagnostic(
                slug="recipe-lint/unused-waiver",
                summary=f"nothing called `{name}` is found here that could be allowed",
                severity="warning",
                span=waiver.span,
                hint="remove the comment; it allows what is on its own line and on the next one",
            )


def _find(path: Path, lines: Sequence[str], pattern: re.Pattern[str]) -> Iterator[_Waiver]:
    for number, line in enumerate(lines, 1):
        for match in pattern.finditer(line):
            following = next(
                (other for other in range(number + 1, len(lines) + 1) if not pattern.fullmatch(lines[other - 1].strip())), number
            )
            names = frozenset(name.removeprefix("recipe-lint/") for name in re.split("[ ,]+", match["names"]))
            span = Span(path=path, line=number, column=match.start() + 1, length=len(match.group()), text=line)
            yield _Waiver(span=span, names=names, lines=frozenset({number, following}))
