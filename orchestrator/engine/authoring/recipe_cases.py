"""Golden cases of a recipe: a configuration, and the text or the error that it must give.

A case is a folder of `cases` beside `recipe.hbs` (of `NAME.cases` beside `NAME.hbs`). Its `case.yaml` has, all optional,
`configuration`, `canister` and `facts`; `expected.yaml` is the rendered text, or `expected-error.txt` the error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

from orchestrator.engine.authoring.recipe_rendering import DEFAULT_CANISTER, RecipeInput, render_recipe
from orchestrator.errors import Diagnostic, DocumentError, OrchestratorError, RecipeError, UsageError
from orchestrator.recipes.authored import AuthoredRecipe, CaseReport, OutcomeKind, RecipeReport

__all__ = ["MAX_EXPECTED_BYTES", "RecipeCase", "cases_directory", "check_cases_exist", "find_cases", "run_recipe_cases"]

CASE_FILE: Final = "case.yaml"
EXPECTED_TEXT: Final = "expected.yaml"
EXPECTED_ERROR: Final = "expected-error.txt"
MAX_EXPECTED_BYTES: Final = 64 * 1024 * 1024
"""The longest file with what a case expects: of every text that a recipe may render to."""
_KEYS: Final = ("configuration", "canister", "facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeCase:
    """A folder with a case; its name is the folder's."""

    folder: Path

    @property
    def name(self) -> str:
        """Return the case's name."""
        return self.folder.name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a case gives or must give, as the text of its file."""

    kind: OutcomeKind
    text: str

    @property
    def file(self) -> str:
        return EXPECTED_TEXT if self.kind == "text" else EXPECTED_ERROR


def cases_directory(template: Path) -> Path:
    """Return the folder that has a template's cases."""
    from orchestrator.recipes.bundled import TEMPLATE_NAME

    return template.parent / "cases" if template.name == TEMPLATE_NAME else template.with_suffix(".cases")


def find_cases(template: Path) -> tuple[RecipeCase, ...]:
    """Return the cases of a template by name."""
    directory = cases_directory(template)
    if not directory.is_dir():
        return ()
    return tuple(RecipeCase(folder=path) for path in sorted(directory.iterdir()) if path.is_dir() and not path.name.startswith("."))


def run_recipe_cases(recipe: AuthoredRecipe, *, only: Iterable[str] = (), update: bool = False) -> RecipeReport:
    """Run the cases of a recipe, or `only` those of these names; with `update` what they give is what is expected from now on.

    Nothing of what the recipe says is run. Raises `UsageError` for a name that no case has, `StoreError` where the disk refuses.
    """
    cases = find_cases(recipe.path)
    wanted = frozenset(only)
    if unknown := wanted - {case.name for case in cases}:
        names = ", ".join(case.name for case in cases) or "none"
        raise UsageError(f"the recipe `{recipe.name}` has no case `{min(unknown)}`", slug="usage/no-case", detail=f"it has {names}")
    reports = tuple(_run(recipe, case, update=update) for case in cases if not wanted or case.name in wanted)
    return RecipeReport(name=recipe.name, path=recipe.path, cases=reports)


def _run(recipe: AuthoredRecipe, case: RecipeCase, *, update: bool) -> CaseReport:
    try:
        expected = _read_expected(case)
        outcome = _outcome(recipe, case, _read_input(case))
    except (DocumentError, UsageError) as error:
        place = f"{error.span.path.name}:{error.span.line}:{error.span.column}: " if error.span is not None else ""
        return CaseReport(
            name=case.name, folder=case.folder, result="failed", outcome=None, expected=None, reason=f"{place}{error.summary}"
        )
    kind = expected.kind if expected is not None else None
    if outcome == expected:
        return CaseReport(name=case.name, folder=case.folder, result="passed", outcome=outcome.kind, expected=kind)
    if update:
        _write_expected(case, outcome)
    return CaseReport(
        name=case.name,
        folder=case.folder,
        result="updated" if update else "failed",
        outcome=outcome.kind,
        expected=kind,
        difference=tuple(_difference(expected, outcome)),
        reason=_reason(expected, outcome, update=update),
    )


def _reason(expected: _Outcome | None, outcome: _Outcome, *, update: bool) -> str | None:
    """Say what the lines of a difference do not say by themselves."""
    if update:
        return "it expects an error now" if outcome.kind == "error" and (expected is None or expected.kind == "text") else None
    if expected is None:
        return f"nothing says what is expected: it has neither {EXPECTED_TEXT} nor {EXPECTED_ERROR}"
    if expected.kind != outcome.kind:
        return "it should fail, and renders" if expected.kind == "error" else "it should render, and fails"
    return None


def _read_input(case: RecipeCase) -> RecipeInput:
    """Read `case.yaml`; raises `DocumentError` and `UsageError`."""
    from orchestrator.documents import MappingNode, describe, load_yaml, plain_value
    from orchestrator.manifest.problems import did_you_mean, listed

    path = case.folder / CASE_FILE
    node = load_yaml(path) if path.exists() else None
    if node is None:
        return RecipeInput()
    if not isinstance(node, MappingNode):
        raise UsageError(f"a case must be a map, not {describe(node)}", slug="recipe-case/wrong-type", span=node.span)
    values: dict[str, object] = {}
    for entry in node.entries:
        if entry.name not in _KEYS:
            hint = did_you_mean(entry.name, _KEYS) or f"a case has {listed(_KEYS)}"
            raise UsageError(f"a case has no `{entry.name}`; {hint}", slug="recipe-case/unknown-key", span=entry.key.span)
        value = plain_value(entry.value)
        wanted, word = (str, "text") if entry.name == "canister" else (dict, "a map")
        if value is not None and not isinstance(value, wanted):
            raise UsageError(f"`{entry.name}` must be {word}", slug="recipe-case/wrong-type", span=entry.value.span)
        if value is not None:
            values[entry.name] = value
    return RecipeInput(**{"canister": DEFAULT_CANISTER, **values})  # type: ignore[arg-type]  # each was looked at above


def _outcome(recipe: AuthoredRecipe, case: RecipeCase, given: RecipeInput) -> _Outcome:
    """Render, and load what came of it as steps; nothing of it is run."""
    from orchestrator.manifest import load_steps

    try:
        expansion = render_recipe(recipe, given)
        load_steps(expansion.text, expansion.path, directory=case.folder, related=expansion.related, shown=expansion.shown)
    except OrchestratorError as error:
        return _Outcome(kind="error", text="".join(map(_describe, error.diagnostics)))
    return _Outcome(kind="text", text=expansion.text)


def _describe(diagnostic: Diagnostic) -> str:
    """Return a problem as lines that are the same on every machine."""
    hint = "".join(f"  {line}\n" for line in f"hint: {diagnostic.hint}".splitlines()) if diagnostic.hint else ""
    return f"{diagnostic.slug}: {diagnostic.summary}\n{hint}"


def _read_expected(case: RecipeCase) -> _Outcome | None:
    from orchestrator.store.regular_file import read_regular

    text, error = case.folder / EXPECTED_TEXT, case.folder / EXPECTED_ERROR
    if text.exists() and error.exists():
        raise UsageError(f"it has both {EXPECTED_TEXT} and {EXPECTED_ERROR}: delete one", slug="recipe-case/both")
    if not text.exists() and not error.exists():
        return None
    kind: OutcomeKind = "text" if text.exists() else "error"
    try:
        data = read_regular(text if kind == "text" else error, MAX_EXPECTED_BYTES, follow_link=True)
        return _Outcome(kind=kind, text=data.decode("utf-8"))
    except (OSError, ValueError) as problem:
        reason = "it is not UTF-8 text" if isinstance(problem, UnicodeDecodeError) else getattr(problem, "strerror", None) or str(problem)
        raise UsageError(f"what it expects cannot be read: {reason}", slug="recipe-case/unreadable") from problem


def _write_expected(case: RecipeCase, outcome: _Outcome) -> None:
    from orchestrator.store.atomic import remove_file, write_atomic

    write_atomic(case.folder / outcome.file, outcome.text.encode())
    other = EXPECTED_ERROR if outcome.kind == "text" else EXPECTED_TEXT
    if (case.folder / other).exists():
        remove_file(case.folder / other)


def _difference(expected: _Outcome | None, outcome: _Outcome) -> Iterable[str]:
    """Return the lines of a unified difference; a last line without its end is marked as `diff` does."""
    before = _lines(expected.text) if expected is not None else []
    return unified_diff(before, _lines(outcome.text), expected.file if expected else "nothing", "what it gives", lineterm="")


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*lines, f"{last} (no line end)"] if last else lines


def check_cases_exist(reports: Iterable[RecipeReport]) -> None:
    """Raise `RecipeError` where there is no case at all: nothing that was tested is no success."""
    found = tuple(reports)
    if any(report.cases for report in found):
        return
    folder = cases_directory(found[0].path) if found else Path("cases")
    raise RecipeError(
        "there are no cases to test",
        slug="recipe-case/none",
        detail=f"a case is a folder in {folder}",
        hint=f"write `{folder.name}/NAME/{CASE_FILE}` with a `configuration:`, and run this with `--update`",
    )
