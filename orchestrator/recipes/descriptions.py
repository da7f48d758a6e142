"""`recipe.yaml`: a recipe in its own words, and the parameters that it takes."""

import re
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from orchestrator.core.version import __version__
from orchestrator.documents import MappingNode, Node, ScalarNode, SequenceNode, describe, load_yaml, plain_value
from orchestrator.errors import Diagnostic, DocumentError, RecipeError, Span
from orchestrator.recipes.bundled import TEMPLATE_NAME
from orchestrator.recipes.configuration import RESERVED_NAME
from orchestrator.recipes.parameters import PARAMETER_TYPES, Parameter, ParameterType, RecipeDescription, find_misfit

__all__ = ["DESCRIPTION_NAME", "description_path", "load_description"]

DESCRIPTION_NAME = "recipe.yaml"
"""The name of the description beside a template that is called `recipe.hbs`."""
_PARAMETERS_KEY = "parameters"
_KEYS = ("name", "summary", "description", "minimum_version", "one_of", _PARAMETERS_KEY)
_VALUE_KEYS = ("type", "required", "default", "choices", "items", "fields", "multiline")
_PARAMETER_KEYS = (*_VALUE_KEYS, "requires", "description", "examples", "deprecated")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_-]*")
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


def description_path(template: Path) -> Path:
    """Return where the description of a template is: `recipe.yaml` beside `recipe.hbs`, `NAME.yaml` beside `NAME.hbs`."""
    return template.with_suffix(".yaml")


def load_description(template: Path, *, version: str | None = None) -> RecipeDescription | None:
    """Read the description beside a template; None where there is none.

    A `NAME.yaml` beside `NAME.hbs` may be something else: it is a description if it has `parameters`. Raise
    `RecipeError` with everything that is wrong with it, or where it asks for a newer version of the tool.
    """
    path = description_path(template)
    surely = template.name == TEMPLATE_NAME
    try:
        node = load_yaml(path)
    except DocumentError as error:
        if error.slug == "document/unreadable" and not path.exists():
            return None
        if not surely:
            return None
        raise RecipeError("the recipe's description cannot be read", slug="recipe/description", diagnostics=error.diagnostics) from error
    if not surely and (not isinstance(node, MappingNode) or node.entry(_PARAMETERS_KEY) is None):
        return None
    reader = _Reader(path)
    description = reader.read(node, template)
    if reader.problems:
        problems = sorted(reader.problems, key=lambda each: (each.span.line, each.span.column) if each.span else (0, 0))
        first = problems[0]
        if len(problems) == 1:
            raise RecipeError(first.summary, slug=first.slug, detail=first.detail, span=first.span, hint=first.hint)
        raise RecipeError("the recipe's description is not valid", slug="recipe/description", diagnostics=problems)
    _check_version(description, node, version)
    return description


def _check_version(description: RecipeDescription, node: Node | None, version: str | None) -> None:
    needed = description.minimum_version
    present = version or __version__
    if needed is None or _parts(needed) <= _parts(present):
        return
    span = node.get("minimum_version") if isinstance(node, MappingNode) else None
    raise RecipeError(
        f"the recipe `{description.name}` needs version {needed} of orchestrator",
        slug="recipe/too-new",
        detail=f"this is version {present}",
        span=span.span if span is not None else None,
        hint="install a newer version: `pip install --upgrade icp-orchestrator`",
    )


def _parts(version: str) -> tuple[int, ...]:
    match = _VERSION.match(version)
    return tuple(map(int, match.groups())) if match else ()


class _Reader:
    """One reading of a description."""

    def __init__(self, path: Path) -> None:
        self.problems: list[Diagnostic] = []
        self._path = path

    def read(self, node: Node | None, template: Path) -> RecipeDescription:
        """Return what could be read."""
        name = template.parent.name if template.name == TEMPLATE_NAME else template.stem
        if not isinstance(node, MappingNode):
            span = node.span if node is not None else Span(path=self._path, line=1, column=1)
            self._problem("wrong-type", f"a recipe's description must be a map, not {describe(node) if node else 'nothing'}", span)
            return RecipeDescription(name=name, path=self._path)
        self._check_keys(node, _KEYS, "a recipe's description")
        version = self._text(node, "minimum_version")
        if version is not None and not _VERSION.fullmatch(version):
            self._problem("wrong-value", "`minimum_version` must be a version such as `0.1.0`", self._place(node, "minimum_version"))
            version = None
        parameters = self._parameters(node.get(_PARAMETERS_KEY), "`parameters`")
        return RecipeDescription(
            name=self._text(node, "name") or name,
            path=self._path,
            summary=self._text(node, "summary") or "",
            description=self._text(node, "description") or "",
            minimum_version=version,
            parameters=parameters,
            one_of=tuple(self._group(item, parameters) for item in self._values(node, "one_of")),
        )

    def _group(self, node: Node, parameters: tuple[Parameter, ...]) -> tuple[str, ...]:
        """Read a group of which one must be given: none of them is required, or has a default."""
        if not isinstance(node, SequenceNode):
            self._problem(
                "wrong-type", f"a group of `one_of` must be a list, not {describe(node)}", node.span, hint="write `- [path, url]`"
            )
            return ()
        known = {each.name: each for each in parameters}
        for item in node.items:
            parameter = known.get(str(plain_value(item)))
            if parameter is None:
                self._unknown_name(item, known)
            elif parameter.required or parameter.default is not None:
                self._problem("wrong-key", f"the parameter `{parameter.name}` is in `one_of`, and is required or has a default", item.span)
        return tuple(str(plain_value(item)) for item in node.items)

    def _unknown_name(self, node: Node, known: Iterable[str]) -> None:
        close = get_close_matches(str(plain_value(node)), list(known), n=1)
        self._problem(
            "wrong-value", f"there is no parameter `{plain_value(node)}`", node.span, hint=f"did you mean `{close[0]}`?" if close else None
        )

    def _parameters(self, node: Node | None, what: str) -> tuple[Parameter, ...]:
        if node is None:
            return ()
        if not isinstance(node, MappingNode):
            self._problem("wrong-type", f"{what} must be a map, not {describe(node)}", node.span, hint="write `NAME:` and below it `type:`")
            return ()
        found = []
        for entry in node.entries:
            if entry.name == RESERVED_NAME or not _NAME.fullmatch(entry.name):
                reason = "`_` is the tool's own" if entry.name == RESERVED_NAME else "letters, digits, `_` and `-`, no digit first"
                self._problem("invalid-name", f"`{entry.name}` cannot be the name of a parameter", entry.key.span, detail=reason)
            found.append(self._parameter(entry.name, entry.value, entry.key.span))
        names = [entry.name for entry in node.entries]
        for entry in node.entries:
            for item in self._values(entry.value, "requires") if isinstance(entry.value, MappingNode) else ():
                if plain_value(item) not in names:
                    self._unknown_name(item, names)
        return tuple(found)

    def _parameter(self, name: str, node: Node, span: Span) -> Parameter:
        """Read `{type: string, …}`, or the short form, which is the type alone."""
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return Parameter(name=name, type=self._type(node), span=span)
        if not isinstance(node, MappingNode):
            self._problem("wrong-type", f"{_called(name)} must be a map with `type`, not {describe(node)}", node.span)
            return Parameter(name=name, span=span)
        self._check_keys(node, _PARAMETER_KEYS, _called(name))
        items = node.get("items")
        parameter = Parameter(
            name=name,
            type=self._type(node.get("type")),
            required=self._flag(node, "required"),
            description=self._text(node, "description") or "",
            items=self._parameter("", items, items.span) if items is not None else None,
            fields=self._parameters(node.get("fields"), "`fields`"),
            multiline=self._flag(node, "multiline"),
            requires=tuple(str(plain_value(item)) for item in self._values(node, "requires")),
            deprecated=self._text(node, "deprecated"),
            span=span,
        )
        self._check_kind(parameter, node)
        return self._with_values(parameter, node)

    def _check_kind(self, parameter: Parameter, node: MappingNode) -> None:
        """Note keys that a type has no use for."""
        for key, kind in (("items", "list"), ("fields", "map"), ("multiline", "string")):
            if parameter.type != kind and node.entry(key) is not None:
                self._problem("wrong-key", f"{_called(parameter.name)} is no {kind}, and has `{key}`", self._place(node, key))
        if parameter.required and node.get("default") is not None:
            hint = "keep one of the two"
            self._problem(
                "wrong-key", f"{_called(parameter.name)} is required, and has a `default`", self._place(node, "default"), hint=hint
            )

    def _with_values(self, parameter: Parameter, node: MappingNode) -> Parameter:
        """Add the choices, the default and the examples, each of which must fit."""
        choices = self._values(node, "choices")
        for item in choices:
            self._check_value(parameter, item, "a choice")
        parameter = replace(parameter, choices=tuple(map(plain_value, choices)))
        examples = self._values(node, "examples")
        default = node.get("default")
        for item in examples:
            self._check_value(parameter, item, "an example")
        if default is not None:
            self._check_value(parameter, default, "the default")
        return replace(parameter, examples=tuple(map(plain_value, examples)), default=plain_value(default) if default is not None else None)

    def _check_value(self, parameter: Parameter, node: Node, what: str) -> None:
        misfit = find_misfit(parameter, plain_value(node))
        if misfit is not None:
            self._problem("wrong-value", f"{what} of {_called(parameter.name)} {misfit}", node.span)
        elif isinstance(node, SequenceNode) and parameter.items is not None:
            for item in node.items:
                self._check_value(parameter.items, item, f"an item of {what}")
        elif isinstance(node, MappingNode) and parameter.fields:
            self._check_fields(parameter, node, what)

    def _check_fields(self, parameter: Parameter, node: MappingNode, what: str) -> None:
        for entry in node.entries:
            field = parameter.field(entry.name)
            if field is None:
                self._unknown_name(entry.key, [each.name for each in parameter.fields])
            else:
                self._check_value(field, entry.value, what)
        for field in parameter.fields:
            if field.required and node.get(field.name) is None:
                self._problem("wrong-value", f"{what} of {_called(parameter.name)} has no `{field.name}`", node.span)

    def _type(self, node: Node | None) -> ParameterType:
        if node is None:
            return "any"
        text = plain_value(node)
        for each in PARAMETER_TYPES:
            if text == each:
                return each
        close = get_close_matches(str(text), PARAMETER_TYPES, n=1)
        types = ", ".join(f"`{each}`" for each in PARAMETER_TYPES)
        self._problem(
            "wrong-value", "this is not a type", node.span, hint=f"did you mean `{close[0]}`?" if close else f"the types are {types}"
        )
        return "any"

    def _values(self, node: MappingNode, key: str) -> tuple[Node, ...]:
        value = node.get(key)
        if value is None:
            return ()
        if isinstance(value, SequenceNode):
            return value.items
        self._problem("wrong-type", f"`{key}` must be a list, not {describe(value)}", value.span)
        return ()

    def _text(self, node: MappingNode, key: str) -> str | None:
        value = node.get(key)
        if value is None:
            return None
        if isinstance(value, ScalarNode) and isinstance(value.value, str):
            return value.value.strip()
        hint = "put it in double quotes" if isinstance(value, ScalarNode) else None
        self._problem("wrong-type", f"`{key}` must be text, not {describe(value)}", value.span, hint=hint)
        return None

    def _flag(self, node: MappingNode, key: str) -> bool:
        value = node.get(key)
        if value is None:
            return False
        if isinstance(value, ScalarNode) and isinstance(value.value, bool):
            return value.value
        self._problem("wrong-type", f"`{key}` must be `true` or `false`, not {describe(value)}", value.span)
        return False

    def _check_keys(self, node: MappingNode, known: Iterable[str], what: str) -> None:
        known = tuple(known)
        for entry in node.entries:
            if entry.name not in known:
                close = get_close_matches(entry.name, known, n=1)
                hint = f"did you mean `{close[0]}`?" if close else f"the keys here are {', '.join(f'`{each}`' for each in known)}"
                self._problem("unknown-key", f"unknown key `{entry.name}` in {what}", entry.key.span, hint=hint)

    def _place(self, node: MappingNode, key: str) -> Span:
        entry = node.entry(key)
        return entry.value.span if entry is not None else node.span

    def _problem(self, slug: str, summary: str, span: Span, *, detail: str | None = None, hint: str | None = None) -> None:
        self.problems.append(Diagnostic(slug=f"recipe/description-{slug}", summary=summary, span=span, detail=detail, hint=hint))


def _called(name: str) -> str:
    return f"the parameter `{name}`" if name else "`items`"
