"""A whole project as text: YAML of the shape of icp-cli's `project show`, or one line of JSON.

What icp-cli shows stands first and in its words, nulls included. Keys of this tool's own follow where they are set.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from orchestrator.core.project import Arguments, Canister, Environment, Project, Settings
from orchestrator.core.units import Amount
from orchestrator.ui.shown_networks import show_network
from orchestrator.ui.shown_steps import show_step
from orchestrator.ui.shown_values import own_keys, plain
from orchestrator.ui.yaml_text import Shared, Tagged, render_yaml

__all__ = ["project_to_json", "render_project"]

_SETTINGS: Final = (
    *("log_visibility", "snapshot_visibility", "status_visibility", "compute_allocation", "memory_allocation", "freezing_threshold"),
    *("reserved_cycles_limit", "wasm_memory_limit", "wasm_memory_threshold", "log_memory_limit", "environment_variables"),
)
_CANISTER: Final = ("name", "directory", "build", "sync", "settings", "init_args", "upgrade_args", "recipe", "bindings")
_JSON: Final = "json"
_JSON_DEPTH: Final = 5
"""Maps inside each other down to a key of a canister of an environment: each of their entries is a part of its own."""


class _Placed(NamedTuple):
    """A canister's directory, and what it is."""

    directory: str
    entry: Mapping[str, object]


def render_project(project: Project, registry_recipes: Mapping[str, str]) -> Iterator[str]:
    """Return the lines of a project whose recipes are expanded, as YAML.

    `registry_recipes` are the addresses of the recipes that came from a registry, by canister.
    """
    return render_yaml(_project_data(project, registry_recipes))


def project_to_json(project: Project, registry_recipes: Mapping[str, str]) -> Iterator[str]:
    """Return one line of JSON in parts: what the YAML has, with amounts as decimal numbers in texts (bytes, seconds, cycles)."""
    yield from _json_parts({"schema": 1, **_project_data(project, registry_recipes)}, _JSON_DEPTH)
    yield "\n"


def _project_data(project: Project, registry_recipes: Mapping[str, str]) -> dict[str, object]:
    everything = Shared(value={canister.name: canister.name for canister in project.canisters})
    shared = {id(canister.bindings): Shared(value=canister.bindings) for canister in _all_canisters(project) if canister.bindings}

    def canisters(found: Iterable[Canister]) -> dict[str, object]:
        return {
            each.name: _Placed(
                str(each.directory), _canister_data(each, registry_recipes.get(each.name), shared.get(id(each.bindings), everything))
            )
            for each in found
        }

    def environment(each: Environment) -> dict[str, object]:
        shown = {"name": each.name, "network": show_network(each.network), "canisters": canisters(each.canisters)}
        return shown | own_keys(each, shown)

    missing = {name: members for name in project.environments if (members := plain(project.missing_environments.get(name)))}
    return {
        "dir": str(project.directory),
        "canisters": canisters(project.canisters),
        "networks": {name: show_network(network) for name, network in project.networks.items()},
        "environments": {name: environment(each) for name, each in project.environments.items()},
        **({"member_missing_envs": missing} if missing else {}),
        **({"registries": dict(project.registries)} if project.registries else {}),
    }


def _all_canisters(project: Project) -> Iterator[Canister]:
    yield from project.canisters
    for environment in project.environments.values():
        yield from environment.canisters


def _canister_data(canister: Canister, registry_recipe: str | None, bindings: Shared) -> dict[str, object]:
    return {
        "name": canister.name,
        "settings": _settings_data(canister.settings),
        "build": {"steps": [show_step(step) for step in canister.build]},
        "sync": {"steps": [show_step(step) for step in canister.sync]},
        "init_args": _arguments_data(canister.init_args),
        "upgrade_args": _arguments_data(canister.upgrade_args),
        "registry_recipe": registry_recipe,
        "bindings": bindings,
        **own_keys(canister, _CANISTER),
    }


def _settings_data(settings: Settings) -> dict[str, object]:
    shown: dict[str, object] = {}
    for name in _SETTINGS:
        value = getattr(settings, name, None)
        if name.endswith("visibility") and isinstance(value, tuple):
            value = {"allowed_viewers": list(value)}
        if name == "compute_allocation" and value is not None:
            value = Amount(value)
        if value is not None:
            shown[name] = plain(value)
    shown["controllers"] = plain(settings.controllers)
    return shown | own_keys(settings, shown)


def _arguments_data(arguments: Arguments | None) -> Tagged | None:
    if arguments is None:
        return None
    if isinstance(arguments.content, bytes):
        return Tagged(tag="Binary", value=list(arguments.content))
    return Tagged(tag="Text", value={"content": arguments.content, "format": arguments.format})


def _json_parts(value: object, depth: int) -> Iterator[str]:
    """Return JSON in parts: the entries of the outermost maps one by one, as a thousand canisters would fill the memory."""
    if isinstance(value, Shared):
        if _JSON not in value.lines:
            value.lines[_JSON] = (_dump(value.value),)
        yield from value.lines[_JSON]
        return
    value = _untagged(value)
    if not depth or not isinstance(value, Mapping):
        yield _dump(value)
        return
    yield "{"
    for index, (key, item) in enumerate(value.items()):
        yield f"{', ' if index else ''}{_dump(key)}: "
        yield from _json_parts(item, depth - 1)
    yield "}"


def _dump(value: object) -> str:
    plain_value = _json_value(value)
    text = json.dumps(plain_value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(plain_value)


def _json_value(value: object) -> object:
    """Return a value as JSON has it."""
    value = _untagged(value)
    match value:
        case Amount():
            return str(int(value))
        case Mapping():
            return {key: _json_value(item) for key, item in value.items()}
        case list():
            return [_json_value(item) for item in value]
    return value


def _untagged(value: object) -> object:
    match value:
        case _Placed(directory, entry):
            return {"dir": directory, **entry}
        case Tagged(tag="Binary", value=list() as numbers):
            return {"content": bytes(numbers).hex(), "format": "bin"}
        case Tagged(value=inner):
            return inner
    return value
