"""Names in a template against those that its `recipe.yaml` declares, and helpers against those that there are."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from orchestrator.engine.authoring.recipe_usage import Usage, walk_calls
from orchestrator.errors import Diagnostic, RecipeError, Severity, Span
from orchestrator.recipes import Parameter, RecipeDescription, render_template
from orchestrator.recipes.bundled import TEMPLATE_NAME
from orchestrator.recipes.configuration import RESERVED_NAME
from orchestrator.recipes.descriptions import DESCRIPTION_NAME
from orchestrator.recipes.template import Block, Call, Literal, Origin, Output, Place, Template

__all__ = ["check_description", "check_facts", "check_helpers", "check_names", "find_wrong_call"]

_CANISTER_FACTS: Final = {"canister": {"name": ""}}
_WRONG_CALLS: Final = frozenset({"recipe/unknown-helper", "recipe/helper-parameters", "recipe/template-syntax"})


def check_names(usage: Usage, description: RecipeDescription, template: Template) -> Iterator[Diagnostic]:
    """Yield names that the template uses and nobody declares, and parameters that it never uses."""
    used = Usage(path="", fields={name: each for name, each in usage.fields.items() if name != RESERVED_NAME})
    yield from _compare(used, description.parameters, template, "", whole=bool(usage.places))


def _compare(usage: Usage, declared: tuple[Parameter, ...], template: Template, above: str, *, whole: bool) -> Iterator[Diagnostic]:
    names = [each.name for each in declared]
    for name, each in usage.fields.items():
        if name not in names:
            yield _undeclared(each, names, template, above)
    for parameter in declared:
        path = f"{above}{parameter.name}"
        found = usage.fields.get(parameter.name)
        if found is not None:
            yield from _compare_inside(found, parameter, template, path)
        elif not whole and parameter.deprecated is None:
            hint = "use it in the template, or leave it out here"
            yield _finding("unused-parameter", f"the template never uses `{path}`", parameter.span, "warning", hint=hint)


def _compare_inside(usage: Usage, parameter: Parameter, template: Template, path: str) -> Iterator[Diagnostic]:
    if parameter.type == "list" and parameter.items is not None and parameter.items.fields and usage.items is not None:
        yield from _compare(usage.items, parameter.items.fields, template, f"{path}[].", whole=bool(usage.items.places))
    elif parameter.type == "map" and parameter.fields and usage.fields:
        yield from _compare(usage, parameter.fields, template, f"{path}.", whole=usage.items is not None or usage.is_written)


def _undeclared(usage: Usage, names: list[str], template: Template, above: str) -> Diagnostic:
    name = usage.path.rpartition(".")[2]
    close = get_close_matches(name, names, n=1)
    span = next((template.origin.span(place) for place in _places(usage)), None)
    hint = f"did you mean `{close[0]}`?" if close else f"add `{name}:` below `{'fields' if above else 'parameters'}:` in recipe.yaml"
    return _finding("undeclared-parameter", f"recipe.yaml declares no `{above}{name}`", span, "error", hint=hint)


def _places(usage: Usage) -> Iterator[Place]:
    yield from usage.places
    for each in (*usage.fields.values(), *([usage.items] if usage.items is not None else [])):
        yield from _places(each)


def check_facts(usage: Usage, facts: Mapping[str, object], template: Template) -> Iterator[Diagnostic]:
    """Yield what the template asks for below `_` and is never told."""
    asked = usage.fields.get(RESERVED_NAME)
    if asked is not None:
        yield from _check_facts(asked, {**facts, **_CANISTER_FACTS}, template)


def _check_facts(usage: Usage, facts: Mapping[str, object], template: Template) -> Iterator[Diagnostic]:
    for name, each in usage.fields.items():
        known = facts.get(name)
        if isinstance(known, Mapping):
            yield from _check_facts(each, known, template)
        elif name not in facts:
            span = next((template.origin.span(place) for place in _places(each)), None)
            yield _finding(
                "unknown-fact", f"recipes are not told `{each.path}`", span, "error", hint="recipes of a project are told `_.canister.name`"
            )


def check_helpers(template: Template) -> Iterator[Diagnostic]:
    """Yield helpers that do not exist or lack parameters, in parts that no configuration reaches, too."""
    for call, place, is_block in walk_calls(template.body):
        error = find_wrong_call(call, place, template.origin, is_block=is_block)
        if error is not None:
            yield _finding(error.slug.partition("/")[2], error.summary, error.span, "error", detail=error.detail, hint=error.hint)


def find_wrong_call(call: Call, place: Place, origin: Origin, *, is_block: bool = False) -> RecipeError | None:
    """Return what is wrong with a call of a helper, whatever values it is given; None where that depends on these."""
    blank = Call(name=call.name, parameters=tuple(Literal(value="") for _ in call.parameters))
    node = Block(call=blank, body=(), otherwise=(), names=(), place=place) if is_block else Output(expression=blank, place=place)
    try:
        render_template(Template(body=(node,), origin=origin), {})
    except RecipeError as error:
        return error if error.slug in _WRONG_CALLS else None
    return None


def check_description(description: RecipeDescription | None, template: Template) -> Iterator[Diagnostic]:
    """Yield what a description leaves unsaid."""
    if description is None:
        first = Span(path=template.origin.path, line=1, column=1, text=template.origin.lines[0])
        if (unused := _find_unused(template.origin.path)) is not None:
            summary = f"`{unused.name}` beside it does not describe this template"
            hint = f"call it `{_beside(template.origin.path)}`, and give it `parameters:`"
            yield _finding("unused-description", summary, Span(path=unused, line=1, column=1), "warning", hint=hint)
            return
        hint = f"write `{_beside(template.origin.path)}` beside it, with `summary:` and `parameters:`"
        summary = "nothing says what the recipe takes: a misspelt name is not noticed, and there are no defaults"
        yield _finding("missing-description", summary, first, "warning", hint=hint)
        return
    if not description.summary:
        span = Span(path=description.path, line=1, column=1)
        yield _finding("missing-description", "the recipe has no `summary`", span, "warning", hint="say in one line what it is for")
    for parameter in description.parameters:
        if not parameter.description:
            hint = f"add `description:` below `{parameter.name}:`"
            yield _finding("missing-description", f"`{parameter.name}` has no description", parameter.span, "warning", hint=hint)


def _find_unused(template: Path) -> Path | None:
    """Return a file that looks like the description of a template that has none."""
    own, other = template.with_suffix(".yaml"), template.with_name(DESCRIPTION_NAME)
    if own.is_file():
        return own
    return other if other.is_file() and not template.with_name(TEMPLATE_NAME).exists() else None


def _beside(path: Path) -> str:
    return path.with_suffix(".yaml").name


def _finding(
    name: str, summary: str, span: Span | None, severity: Severity, *, detail: str | None = None, hint: str | None = None
) -> Diagnostic:
    return Diagnostic(slug=f"recipe-lint/{name}", summary=summary, severity=severity, span=span, detail=detail, hint=hint)
