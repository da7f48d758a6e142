"""Recipes as their authors and users see them, and what is found out about them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestrator.errors import Diagnostic
from orchestrator.recipes.parameters import RecipeDescription

__all__ = ["AuthoredRecipe", "CaseReport", "CaseResult", "LintReport", "OutcomeKind", "RecipeReport", "UsedRecipe"]

OutcomeKind = Literal["text", "error"]
CaseResult = Literal["passed", "failed", "updated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoredRecipe:
    """A template and what its `recipe.yaml` says.

    `bundled` tells that it ships with the tool, `remote` that it came from another machine.
    `address` is what a manifest has as `type` for it; `warnings` are about finding it. `description` is None where there is no `recipe.yaml`.
    """

    name: str
    address: str
    path: Path
    data: bytes
    description: RecipeDescription | None = None
    bundled: bool = False
    remote: bool = False
    default_facts: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def sha256(self) -> str:
        """Return the hash that pins the template, lower-case hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRecipe:
    """A recipe that canisters of a project use, by the address that stands there; `sha256` is what it is pinned to, and by what."""

    address: str
    canisters: tuple[str, ...]
    sha256: str | None = None
    pinned_by: Literal["manifest", "lock"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """What came of a case: `outcome` is what it gave, `expected` what it should have, None where nothing says so.

    `difference` are the lines of a unified difference, empty where it passed; `reason` says what else is wrong or new.
    """

    name: str
    folder: Path
    result: CaseResult
    outcome: OutcomeKind | None
    expected: OutcomeKind | None
    difference: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeReport:
    """The cases of a recipe, by name."""

    name: str
    path: Path
    cases: tuple[CaseReport, ...]

    @property
    def failed(self) -> int:
        """Return how many cases failed."""
        return sum(case.result == "failed" for case in self.cases)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """What was found about a recipe, in the order of its files; every slug begins with `recipe-lint/`."""

    name: str
    path: Path
    findings: tuple[Diagnostic, ...]

    @property
    def errors(self) -> int:
        """Return how many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)
