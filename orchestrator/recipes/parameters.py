"""What a recipe takes: its parameters, as `recipe.yaml` beside the template declares them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from orchestrator.errors import Span

__all__ = [
    "PARAMETER_TYPES",
    "Parameter",
    "ParameterType",
    "RecipeDescription",
    "find_misfit",
    "list_parameters",
    "type_in_words",
    "walk_parameters",
]

ParameterType = Literal["string", "integer", "number", "boolean", "list", "map", "any"]
PARAMETER_TYPES: tuple[ParameterType, ...] = get_args(ParameterType)

_PLURALS: dict[ParameterType, str] = {
    "string": "strings",
    "integer": "integers",
    "number": "numbers",
    "boolean": "booleans",
    "list": "lists",
    "map": "maps",
    "any": "values",
}
_NOT_IN_LINES = re.compile("[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Line ends, control characters, and the others that no YAML text may have."""
_DESCRIPTION_COLUMNS = 72
"""Characters of a parameter's description that a list of parameters shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that a recipe takes.

    `default` is a plain value (None, bool, int, float, str, list, dict), None where there is none: a parameter that is
    neither required nor has a default is null in the template when it is not given. `choices` are the values it may
    have, empty for any. `items` is what each item of a list must be (its name is empty), `fields` are the keys of a
    map, empty for any. A string is one line without control characters unless it is `multiline`. Where it is given,
    the parameters in `requires` must be. `deprecated` says what to use instead. `span` is where it is declared.
    """

    name: str
    type: ParameterType = "any"
    required: bool = False
    default: object = None
    description: str = ""
    choices: tuple[object, ...] = ()
    items: "Parameter | None" = None
    fields: tuple["Parameter", ...] = ()
    multiline: bool = False
    requires: tuple[str, ...] = ()
    examples: tuple[object, ...] = ()
    deprecated: str | None = None
    span: Span | None = None

    def field(self, name: str) -> "Parameter | None":
        """Return the declaration of a key of this map, or None."""
        return next((each for each in self.fields if each.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeDescription:
    """A recipe in its own words; `path` is its file, `minimum_version` the oldest version of the tool that it works with.

    `summary` is one line, `description` as many as it likes, both Markdown. Of each group in `one_of`, exactly one
    parameter must be given.
    """

    name: str
    path: Path
    summary: str = ""
    description: str = ""
    minimum_version: str | None = None
    parameters: tuple[Parameter, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """Return the declaration of a parameter, or None."""
        return next((each for each in self.parameters if each.name == name), None)


def type_in_words(parameter: Parameter) -> str:
    """Return a type as a table shows it: `string`, `list of maps`."""
    if parameter.type == "list" and parameter.items is not None and parameter.items.type != "any":
        return f"list of {_PLURALS[parameter.items.type]}"
    return parameter.type


def find_misfit(parameter: Parameter, value: object) -> str | None:
    """Say what a value should have been (`must be …`), or return None where it fits; items and fields are not looked at."""
    if not _has_type(parameter.type, value):
        return f"must be {'an' if parameter.type == 'integer' else 'a'} {type_in_words(parameter)}"
    if isinstance(value, str) and parameter.type == "string" and not parameter.multiline and not _is_one_line(value):
        return "must be one line without control characters"
    if parameter.choices and not any(type(value) is type(each) and value == each for each in parameter.choices):
        return f"must be one of {', '.join(f'`{each}`' for each in parameter.choices)}"
    return None


def walk_parameters(description: RecipeDescription) -> Iterator[tuple[str, Parameter, str]]:
    """Return every parameter with its name and its presence in words; the keys of maps follow theirs, as `metadata[].name`."""
    for parameter in description.parameters:
        yield parameter.name, parameter, _presence(description, parameter)
        inner, prefix = parameter, parameter.name
        if parameter.items is not None:
            inner, prefix = parameter.items, f"{parameter.name}[]"
        for each in inner.fields:
            yield f"{prefix}.{each.name}", each, _presence(description, each)


def list_parameters(description: RecipeDescription) -> str:
    """Return what a recipe takes as lines: name, type, whether it must be given or its default, description."""
    if not description.parameters:
        return f"the recipe `{description.name}` takes no parameters"
    rows = [(name, type_in_words(each), presence, _first_words(each.description)) for name, each, presence in walk_parameters(description)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip() for row in rows]
    return "\n".join([f"the recipe `{description.name}` takes", *(f"  {line}" for line in lines)])


def _has_type(expected: ParameterType, value: object) -> bool:
    match expected:
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "map":
            return isinstance(value, dict)
    return True


def _is_one_line(text: str) -> bool:
    return _NOT_IN_LINES.search(text) is None


def _presence(description: RecipeDescription, parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    for group in description.one_of:
        if parameter.name in group:
            return f"or {' or '.join(f'`{name}`' for name in group if name != parameter.name)}"
    if parameter.default is None:
        return "optional"
    return f"default {json.dumps(parameter.default, ensure_ascii=False)}"


def _first_words(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _DESCRIPTION_COLUMNS else f"{line[: _DESCRIPTION_COLUMNS - 1].rstrip()}…"
