"""Configurations that a recipe allows, chosen so that together they reach what its template can render."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from orchestrator.core.project import RecipeReference
from orchestrator.engine.authoring.recipe_usage import Usage
from orchestrator.errors import RecipeError
from orchestrator.recipes import Parameter, RecipeDescription, check_configuration
from orchestrator.recipes.configuration import RESERVED_NAME

__all__ = ["SAMPLE", "Scenario", "complete", "complete_facts", "make_scenarios"]

SAMPLE: Final = "sample"
"""The text that stands for any other."""
MAX_SCENARIOS: Final = 80
"""Configurations that are tried at most."""
MAX_EXCHANGED: Final = 12
"""Optional parameters of which pairs are exchanged to find a configuration that is allowed."""
_PLAIN_SAMPLES: Final[Mapping[str, object]] = MappingProxyType({"boolean": True, "integer": 7, "number": 1.5})
_FACT_CHOICES: Final = (("network", "managed"), ("host", "batch"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One configuration, in words for a message, still without its texts: which parameters are given, and the values of some."""

    label: str
    given: frozenset[str]
    chosen: Mapping[str, object] = field(default_factory=dict)
    sparse: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)

    def values(self, parameters: Sequence[Parameter], text: str) -> dict[str, object]:
        """Return the configuration with `text` for everything that may be any such text."""
        return {
            each.name: self.chosen[each.name] if each.name in self.chosen else _value(each, text, sparse=self.sparse)
            for each in parameters
            if each.name in self.given
        }


def complete(declared: tuple[Parameter, ...], usage: Usage) -> tuple[Parameter, ...]:
    """Return declarations with what they leave open taken from what the template does, names that nobody declares included."""
    names = {each.name for each in declared}
    undeclared = [_infer(each) for name, each in usage.fields.items() if name not in names and name != RESERVED_NAME]
    return (*(_refine(each, usage.fields.get(each.name)) for each in declared), *undeclared)


def complete_facts(facts: Mapping[str, object], usage: Usage) -> dict[str, object]:
    """Return facts with something for each that the template asks for and is not told."""
    asked = usage.fields.get(RESERVED_NAME)
    added = {name: _value(_infer(each), SAMPLE, sparse=False) for name, each in asked.fields.items()} if asked is not None else {}
    return {**added, **facts}


def _refine(parameter: Parameter, usage: Usage | None) -> Parameter:
    if usage is None or parameter.choices:
        return parameter
    inferred = _infer(usage)
    if parameter.type == "any":
        return replace(inferred, required=parameter.required, default=parameter.default, multiline=parameter.multiline)
    if parameter.type == "list":
        items = parameter.items or inferred.items
        return replace(parameter, items=_refine(items, usage.items) if items is not None else None)
    if parameter.type == "map":
        return replace(parameter, fields=complete(parameter.fields, usage))
    return parameter


def make_scenarios(description: RecipeDescription, facts: Mapping[str, object]) -> tuple[Scenario, ...]:
    """Return allowed configurations: everything, what is required, each optional parameter left out or alone, each choice."""
    found: dict[tuple[object, ...], Scenario] = {}
    for wanted in itertools.islice(_wanted(description, facts), MAX_SCENARIOS):
        scenario = _allowed(wanted, description)
        if scenario is not None:
            key = (scenario.given, repr(sorted(scenario.chosen.items())), scenario.sparse, repr(scenario.facts))
            found.setdefault(key, scenario)
    return tuple(found.values())


def _wanted(description: RecipeDescription, facts: Mapping[str, object]) -> Iterator[Scenario]:
    everything = frozenset(each.name for each in description.parameters)
    required = frozenset(each.name for each in description.parameters if each.required)
    full = Scenario(label="with every parameter", given=everything, facts=facts)
    bare = Scenario(label="with what is required", given=required, facts=facts)
    yield from (full, bare, replace(full, label="with what lists of maps require", sparse=True))
    for parameter in description.parameters:
        name = parameter.name
        for value in _choices(parameter):
            for base in (full, bare):
                yield replace(base, label=f"with one value of `{name}`", given=base.given | {name}, chosen={name: value})
        if not parameter.required:
            yield replace(full, label=f"without `{name}`", given=everything - {name})
            yield replace(bare, label=f"with `{name}` alone", given=required | {name})
    for group, fact in _FACT_CHOICES:
        inner = facts.get(group)
        if isinstance(inner, Mapping) and isinstance(inner.get(fact), bool):
            changed = {**facts, group: {**inner, fact: not inner[fact]}}
            yield from (replace(base, label=f"where `_.{group}.{fact}` differs", facts=changed) for base in (full, bare))


def _choices(parameter: Parameter) -> Sequence[object]:
    if parameter.type == "boolean":
        return (True, False)
    return parameter.choices


def _allowed(scenario: Scenario, description: RecipeDescription) -> Scenario | None:
    """Return the scenario, or the nearest one that the description allows: one or two parameters more or less."""
    optional = [each.name for each in description.parameters if not each.required and each.name not in scenario.chosen]
    exchanged = [frozenset[str](), *(frozenset({name}) for name in optional)]
    if len(optional) <= MAX_EXCHANGED:
        exchanged += [frozenset(pair) for pair in itertools.combinations(optional, 2)]
    for names in exchanged:
        candidate = replace(scenario, given=scenario.given ^ names)
        try:
            _checked(candidate, description)
        except RecipeError:
            continue
        return candidate
    return None


def _checked(scenario: Scenario, description: RecipeDescription) -> Mapping[str, object]:
    values = scenario.values(description.parameters, SAMPLE)
    return check_configuration(description, RecipeReference(address=description.name, configuration=values)).values


def _value(parameter: Parameter, text: str, *, sparse: bool, depth: int = 0) -> object:
    if parameter.choices:
        return parameter.choices[0]
    if parameter.type in _PLAIN_SAMPLES:
        return _PLAIN_SAMPLES[parameter.type]
    if parameter.type == "list":
        item = _value(parameter.items, text, sparse=sparse, depth=depth + 1) if parameter.items is not None else text
        return [item] if depth else [item, item]  # two of each in lists of lists of lists would be too many
    if parameter.type == "map":
        return _map_value(parameter, text, sparse=sparse, depth=depth)
    return _fitting(parameter, text)


def _map_value(parameter: Parameter, text: str, *, sparse: bool, depth: int) -> dict[str, object]:
    if not parameter.fields:
        return {text.partition("\n")[0]: _fitting(parameter, text), SAMPLE: SAMPLE}
    fields = (each for each in parameter.fields if each.required or not sparse)
    return {each.name: _value(each, text, sparse=sparse, depth=depth + 1) for each in fields}


def _fitting(parameter: Parameter, text: str) -> str:
    """Return a text, or another one where it has more lines than the parameter takes."""
    return SAMPLE if "\n" in text and not parameter.multiline else text


def _infer(usage: Usage) -> Parameter:
    name = usage.path.rpartition(".")[2].removesuffix("[]")
    if usage.items is not None and not usage.items.path.endswith("[][]"):
        return Parameter(name=name, type="list", required=usage.required, items=_infer(usage.items))
    if usage.fields:
        fields = tuple(map(_infer, usage.fields.values()))
        return Parameter(name=name, type="map", required=usage.required or any(each.required for each in fields), fields=fields)
    if usage.is_condition and not usage.is_written:
        return Parameter(name=name, type="boolean", required=usage.required)
    return Parameter(name=name, type="string", required=usage.required)
