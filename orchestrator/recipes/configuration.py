"""A recipe's configuration against what the recipe takes: everything that does not fit is said at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from orchestrator.core.project import RecipeReference
from orchestrator.errors import Diagnostic, RecipeError, Span
from orchestrator.recipes.parameters import Parameter, RecipeDescription, find_misfit, list_parameters

__all__ = ["RESERVED_NAME", "CheckedConfiguration", "check_configuration"]

RESERVED_NAME = "_"
"""The name under which a template finds what the tool tells it, such as `_.canister.name`."""

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedConfiguration:
    """The values that a template gets, defaults filled in, and what is odd about what was given."""

    values: Mapping[str, object]
    warnings: tuple[Diagnostic, ...] = ()


def check_configuration(description: RecipeDescription, reference: RecipeReference) -> CheckedConfiguration:
    """Fill in defaults; raise one `RecipeError` with all that is missing, unknown or of the wrong kind.

    A value that is null counts as not given. Values are never repeated in messages: they may be secret.
    """
    check = _Check(reference=reference)
    given = {name: value for name, value in reference.configuration.items() if name != RESERVED_NAME}
    values = check.take_map(description.parameters, given, ())
    check.compare(description)
    if check.problems:
        raise _error(description, sorted(check.problems, key=_place), listed=check.listed)
    return CheckedConfiguration(values=values, warnings=tuple(check.warnings))


def _error(description: RecipeDescription, problems: list[Diagnostic], *, listed: bool) -> RecipeError:
    """Return the error with all problems; the last one lists what the recipe takes, if that helps."""
    last = replace(problems[-1], detail=list_parameters(description)) if listed else problems[-1]
    if len(problems) == 1:
        return RecipeError(last.summary, slug=last.slug, detail=last.detail, span=last.span, hint=last.hint)
    return RecipeError(
        f"the configuration of the recipe `{description.name}` is not what it takes",
        slug="recipe/configuration",
        span=problems[0].span,
        diagnostics=[*problems[:-1], last],
    )


@dataclass(slots=True, kw_only=True)
class _Check:
    """What was found so far about one configuration; `listed` says that something is wrong with a parameter, not only within one."""

    reference: RecipeReference
    problems: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    meant: set[str] = field(default_factory=set)
    listed: bool = False

    def take_map(self, parameters: tuple[Parameter, ...], given: Mapping[str, object], path: _Path) -> dict[str, object]:
        """Return the values of a map whose keys are declared."""
        known = {each.name: each for each in parameters}
        missing = [each.name for each in parameters if each.required and given.get(each.name) is None]
        for name in given:
            if name not in known and (meant := self._unknown(name, parameters, missing, path)) in missing:
                missing.remove(meant)
        for name in missing:
            self._missing(known[name], path)
        return {name: self._value(parameter, given.get(name), (*path, name)) for name, parameter in known.items()}

    def compare(self, description: RecipeDescription) -> None:
        """Note parameters that exclude each other, or that lack another."""
        given = {name for name, value in self.reference.configuration.items() if value is not None}
        for group in description.one_of:
            present = [name for name in group if name in given]
            names = " or ".join(f"`{name}`" for name in group)
            if not present and not self.meant & set(group):
                self._problem("missing-parameter", f"the recipe needs {names}", (), f"add `{group[0]}:` under `configuration`")
            for name in present[1:]:
                self._problem("wrong-parameter", f"`{name}` and `{present[0]}` exclude each other", (name,), "keep one of the two")
        for parameter in description.parameters:
            for name in parameter.requires:
                if parameter.name in given and name not in given:
                    summary = f"`{parameter.name}` needs `{name}` beside it"
                    self._problem("missing-parameter", summary, (parameter.name,), f"add `{name}:` under `configuration`")

    def _value(self, parameter: Parameter, value: object, path: _Path) -> object:
        if value is None:
            return self._filled(parameter, parameter.default, path)
        if parameter.deprecated is not None:
            summary = f"the parameter `{_written(path)}` is deprecated"
            self.warnings.append(
                Diagnostic(slug="recipe/deprecated", summary=summary, severity="warning", span=self._span(path), hint=parameter.deprecated)
            )
        if (misfit := find_misfit(parameter, value)) is not None:
            self._misfit(parameter, value, misfit, path)
            return value
        return self._filled(parameter, value, path)

    def _filled(self, parameter: Parameter, value: object, path: _Path) -> object:
        """Return a value with the defaults of the items and keys in it."""
        if isinstance(value, list) and parameter.items is not None:
            return [self._item(parameter.items, item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, dict) and parameter.fields:
            return self.take_map(parameter.fields, value, path)
        return value

    def _item(self, parameter: Parameter, value: object, path: _Path) -> object:
        if value is None and parameter.type != "any":
            self._misfit(parameter, value, find_misfit(parameter, value) or "must have a value", path)
        return self._value(parameter, value, path)

    def _unknown(self, name: str, parameters: tuple[Parameter, ...], missing: list[str], path: _Path) -> str | None:
        """Note a key that is not declared; return the one that was meant, if any."""
        names = [each.name for each in parameters]
        close = get_close_matches(name, missing, n=1) or get_close_matches(name, names, n=1)
        needed = " (it is required)" if close and close[0] in missing else ""
        others = f"the keys here are {', '.join(f'`{each}`' for each in names)}" if names else "leave it out"
        self._problem(
            "unknown-parameter",
            f"the recipe takes no `{_written((*path, name))}`",
            (*path, name),
            f"did you mean `{close[0]}`?{needed}" if close else others,
        )
        self.meant.update(close if not path else ())
        return close[0] if close else None

    def _missing(self, parameter: Parameter, path: _Path) -> None:
        where = f"in `{_written(path)}`" if path else "under `configuration`"
        example = f", such as `{parameter.name}: {parameter.examples[0]}`" if parameter.examples else ""
        self._problem(
            "missing-parameter",
            f"the recipe needs `{_written((*path, parameter.name))}`",
            path,
            f"add `{parameter.name}:` {where}{example}",
        )

    def _misfit(self, parameter: Parameter, value: object, misfit: str, path: _Path) -> None:
        hint = None
        if parameter.type == "string" and isinstance(value, int | float):
            hint = "put it in double quotes"
        elif parameter.type == "boolean":
            hint = "write `true` or `false`"
        elif (
            parameter.type in {"integer", "number"}
            and isinstance(value, str)
            and value.strip().lstrip("+-").replace(".", "", 1).isdecimal()
        ):
            hint = "write it without quotes"
        elif parameter.type == "list" and not isinstance(value, dict | list):
            hint = f"write it as a list: `{path[-1]}: [...]`"
        elif parameter.choices and (close := get_close_matches(str(value), [str(each) for each in parameter.choices], n=1)):
            hint = f"did you mean `{close[0]}`?"
        self._problem("wrong-parameter", f"`{_written(path)}` {misfit}", path, hint)

    def _problem(self, slug: str, summary: str, path: _Path, hint: str | None) -> None:
        self.listed = self.listed or len(path) <= 1
        self.problems.append(Diagnostic(slug=f"recipe/{slug}", summary=summary, span=self._span(path), hint=hint))

    def _span(self, path: _Path) -> Span | None:
        """Return the place of a key, of what it stands in, or of the recipe."""
        spans = self.reference.configuration_spans
        return next((spans[path[:end]] for end in range(len(path), -1, -1) if path[:end] in spans), self.reference.span)


def _written(path: _Path) -> str:
    """Return `metadata[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return (diagnostic.span.line, diagnostic.span.column) if diagnostic.span is not None else (0, 0)
