"""What could go wrong with a recipe for some configuration: found by reading it and by rendering it; nothing is run."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.core.project import RecipeReference
from orchestrator.engine.authoring.recipe_marks import Instrumented, MarkedText, instrument, render_marked
from orchestrator.engine.authoring.recipe_names import check_description, check_facts, check_helpers, check_names
from orchestrator.engine.authoring.recipe_probing import CHARACTERS_PER_VALUE, MULTILINE_PROBES, PROBES, Failures, Harm, find_harm
from orchestrator.engine.authoring.recipe_rendering import DEFAULT_CANISTER
from orchestrator.engine.authoring.recipe_repairs import repair_template
from orchestrator.engine.authoring.recipe_scenarios import SAMPLE, Scenario, complete, complete_facts, make_scenarios
from orchestrator.engine.authoring.recipe_step_checks import check_steps
from orchestrator.engine.authoring.recipe_usage import Usage, find_usage
from orchestrator.engine.authoring.recipe_waivers import apply_waivers
from orchestrator.errors import Diagnostic, RecipeError, Severity
from orchestrator.recipes import RecipeDescription, check_configuration, load_description, parse_template
from orchestrator.recipes.authored import AuthoredRecipe, LintReport
from orchestrator.recipes.configuration import RESERVED_NAME
from orchestrator.recipes.template import Place, Template

__all__ = ["MAX_TRIED_CHARACTERS", "lint_recipe"]

MAX_TRIED_CHARACTERS: Final = 16 * 1024 * 1024
"""Characters that are rendered and read in all, before no further values are tried."""
_SIMPLE_TAG: Final = re.compile(r"\{\{[~{]?\s*([^\s{}~]+)\s*[~}]?\}\}")
_SCRIPT_HINT: Final = "write the script as a block (`command: |`), where YAML takes every line as it is"
_HARMS: Final[Mapping[Harm, tuple[Severity, str, str]]] = {
    "yaml-value": (
        "error",
        "a value that is written here can change the YAML around it",
        """put it in a block (`|`), or between single quotes as `'{{replace "'" "''" NAME}}'`""",
    ),
    "yaml-type": (
        "warning",
        "a text that is written here can become a number, a truth value or nothing",
        """put it between single quotes: `'{{replace "'" "''" NAME}}'`""",
    ),
    "shell-quoting": (
        "error",
        "the shell does not take a value that is written here as it is",
        """put it between single quotes: `'{{replace "'" "'\\\\''" NAME}}'`""",
    ),
}


def lint_recipe(recipe: AuthoredRecipe, *, most_characters: int = MAX_TRIED_CHARACTERS) -> LintReport:
    """Look for what could go wrong with a recipe; its description is read here, and need not be valid. Raises nothing."""
    return LintReport(name=recipe.name, path=recipe.path, findings=tuple(sorted(_lint(recipe, most_characters), key=_place)))


def _lint(recipe: AuthoredRecipe, most_characters: int) -> Iterator[Diagnostic]:
    try:
        template = parse_template(recipe.data.decode("utf-8-sig"), recipe.path)
    except RecipeError as error:
        yield from map(_renamed, error.diagnostics)
        return
    except UnicodeDecodeError:
        yield Diagnostic(slug="recipe-lint/not-utf-8", summary="the template is not UTF-8 text", detail=str(recipe.path))
        return
    found: list[Diagnostic] = []
    description = None
    try:
        description = load_description(recipe.path)
        found += check_description(description, template)
    except RecipeError as error:
        found += map(_renamed, error.diagnostics)
    found += check_helpers(template)
    usage = find_usage(template)
    found += check_facts(usage, recipe.default_facts, template)
    if description is not None:
        found += check_names(usage, description, template)
    known = {(each.slug, _place(each)) for each in found}
    found += (
        each
        for each in _Trial(recipe, repair_template(template), usage, description, most_characters).findings()
        if (each.slug, _place(each)) not in known
    )
    yield from apply_waivers(found, template, description.path if description is not None else None)


class _Trial:
    """A recipe rendered for many configurations."""

    def __init__(
        self, recipe: AuthoredRecipe, template: Template, usage: Usage, description: RecipeDescription | None, most_characters: int
    ) -> None:
        self._template = template
        self._most_characters = most_characters
        self._failures = Failures(left=most_characters)
        self._facts = complete_facts(recipe.default_facts, usage)
        known = description or RecipeDescription(name=recipe.name, path=recipe.path)
        self._description = replace(known, parameters=complete(known.parameters, usage))
        self._failed: dict[tuple[object, ...], Diagnostic] = {}

    def findings(self) -> Iterable[Diagnostic]:
        """Render, and yield what is wrong with what came of it."""
        instrumented = instrument(self._template)
        if instrumented is None:
            return ()
        scenarios = make_scenarios(self._description, self._facts)
        rendered = [(each, marked) for each in scenarios if (marked := self._render(instrumented, each, SAMPLE)) is not None]
        self._probe(instrumented, rendered)
        steps = check_steps([marked for _, marked in rendered], self._template.origin)
        return (*self._failed.values(), *steps, *self._harms(instrumented), *self._untried())

    def _untried(self) -> Iterator[Diagnostic]:
        if self._failures.left >= 0:
            return
        harms = [
            _HARMS[harm][1].replace("that is written here", "of it") for harm in sorted(self._failures.unnamed - set(self._failures.found))
        ]
        yield Diagnostic(
            slug="recipe-lint/not-all-tried",
            summary="the recipe renders to too much text to try every value",
            severity="error" if harms else "warning",
            span=self._template.origin.span(Place(line=1, column=1, length=1)),
            detail="; ".join(["what was read and rendered came to " + f"{self._most_characters:,} characters", *harms]),
            hint="look at a part of it, with the same kind of tags" if harms else None,
        )

    def _render(self, instrumented: Instrumented, scenario: Scenario, text: str) -> MarkedText | None:
        """Render; what fails with sample values is noted. None also where the description does not take the text, and at the limit."""
        if self._failures.left < 0:
            return None
        reference = RecipeReference(address="", configuration=scenario.values(self._description.parameters, text))
        try:
            values = check_configuration(self._description, reference).values
        except RecipeError:
            return None
        try:
            marked = render_marked(instrumented, {**values, RESERVED_NAME: {**scenario.facts, "canister": {"name": DEFAULT_CANISTER}}})
        except RecipeError as error:
            if text == SAMPLE:
                first = _renamed(error.diagnostics[0])
                detail = f"{scenario.label}; {first.detail}" if first.detail else scenario.label
                self._failed.setdefault((first.slug, _place(first)), replace(first, detail=detail))
            return None
        self._failures.spend(len(marked.text) + CHARACTERS_PER_VALUE * len(marked.written))
        return marked

    def _probe(self, instrumented: Instrumented, rendered: Sequence[tuple[Scenario, MarkedText]]) -> None:
        """Try every probe with as few configurations as it takes to reach every tag."""
        seen: set[int] = set()
        for scenario, sample in rendered:
            tags = {written.tag for written in sample.written.values()}
            if tags <= seen:
                continue
            seen |= tags
            for probe in (*PROBES, *MULTILINE_PROBES):
                marked = self._render(instrumented, scenario, probe)
                if marked is not None:
                    find_harm(marked, probe, self._failures)

    def _harms(self, instrumented: Instrumented) -> Iterator[Diagnostic]:
        failures = self._failures
        for harm, tags in failures.found.items():
            severity, summary, hint = _HARMS[harm]
            for tag, probes in tags.items():
                if harm == "yaml-type" and tag in failures.tags("yaml-value"):
                    continue
                span = self._template.origin.span(instrumented.places[tag])
                name = _SIMPLE_TAG.fullmatch(span.text[span.column - 1 : span.column - 1 + span.length])
                in_script = harm != "shell-quoting" and tag in failures.tags("shell-quoting")
                yield Diagnostic(
                    slug=f"recipe-lint/{harm}",
                    summary=summary,
                    severity=severity,
                    span=span,
                    detail=f"for example {json.dumps(probes[0], ensure_ascii=False)}",
                    hint=_SCRIPT_HINT if in_script else hint.replace("NAME", name[1]) if name is not None else hint,
                )


def _renamed(diagnostic: Diagnostic) -> Diagnostic:
    """Return a problem under the name that findings have."""
    return replace(diagnostic, slug=re.sub("^[^/]*", "recipe-lint", diagnostic.slug))


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return (str(span.path), span.line, span.column) if span is not None else ("", 0, 0)
