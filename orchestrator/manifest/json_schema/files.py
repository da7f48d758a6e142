"""The schemas of whole files, by name."""

from collections.abc import Callable
from typing import Final, Literal, get_args

from orchestrator.manifest.json_schema import terms
from orchestrator.manifest.json_schema.canisters import CANISTER_NAME, canister, canister_definitions
from orchestrator.manifest.json_schema.environments import environment, environment_definitions
from orchestrator.manifest.json_schema.networks import network
from orchestrator.manifest.json_schema.recipes import recipe, recipe_definitions
from orchestrator.manifest.json_schema.terms import OWN, Schema

__all__ = ["SCHEMA_NAMES", "SchemaName", "make_schema", "schema_file"]

SchemaName = Literal["icp", "overlay", "canister", "network", "environment", "recipe"]
SCHEMA_NAMES: Final[tuple[SchemaName, ...]] = get_args(SchemaName)
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TITLES: Final[dict[SchemaName, str]] = {
    "icp": "icp.yaml",
    "overlay": "orchestrator.yaml",
    "canister": "canister.yaml",
    "network": "A network's file",
    "environment": "An environment's file",
    "recipe": "recipe.yaml",
}


def schema_file(name: SchemaName) -> str:
    """Return the name of the file that a schema is written to."""
    return f"{name}.schema.json"


def make_schema(name: SchemaName) -> Schema:
    """Return a schema as plain values, with everything that it refers to."""
    body = _MAKERS[name]()
    return {"$schema": _DIALECT, "$id": f"urn:orchestrator:schema:{name}", "title": _TITLES[name], **body, "$defs": _definitions(name)}


def _project(*, complete: bool) -> Schema:
    path = terms.text("The path of a file.")
    folder = terms.text("The path of a folder with a `canister.yaml`, or a pattern of such folders.", examples=["canisters/*"])
    properties: dict[str, Schema] = {
        "canisters": _section("The canisters of the project.", folder, "canister"),
        "networks": _section("Networks beside `local` and `ic`, which exist in every project.", path, "network"),
        "environments": _section("Environments beside `local` and `ic`, which exist in every project.", path, "environment"),
        "dependencies": terms.items("Other projects whose canisters this one uses.", terms.reference("dependency")),
        "registries": terms.entries(
            f"Recipe registries: names and their URL templates, with `{{name}}` and `{{version}}`. {OWN}", terms.text("A URL template.")
        ),
    }
    what = "A project." if complete else "What this tool adds to icp.yaml: the same shape, merged over it by name."
    return terms.mapping(what, properties, closed=True) | {"type": ["object", "null"]}


def _section(description: str, path: Schema, kind: str) -> Schema:
    return terms.items(description, {"anyOf": [path, terms.reference(kind)]}, default=[])


def _dependency(*, complete: bool) -> Schema:
    properties: dict[str, Schema] = {
        "name": terms.text("What this project calls it.", pattern=CANISTER_NAME),
        "path": terms.text("The folder of its icp.yaml."),
        "canisters": terms.items("Which of its canisters this project sees; all by default.", terms.text("The name of a canister.")),
    }
    return terms.mapping(
        "A project that this one depends on.", properties, required=["name", "path"] if complete else ["name"], closed=True
    )


_MAKERS: Final[dict[SchemaName, Callable[[], Schema]]] = {
    "icp": lambda: _project(complete=True),
    "overlay": lambda: _project(complete=False),
    "canister": canister,
    "network": network,
    "environment": environment,
    "recipe": recipe,
}


def _definitions(name: SchemaName) -> dict[str, Schema]:
    """Return the definitions that a schema needs, and no others."""
    if name == "network":
        return {}
    if name == "recipe":
        return recipe_definitions()
    shared = canister_definitions(complete=name != "overlay")
    if name == "canister":
        return shared
    of_environments = {**environment_definitions(), "settings": shared["settings"], "arguments": shared["arguments"]}
    if name == "environment":
        return of_environments
    complete = name == "icp"
    inner = {
        "canister": canister(complete=complete),
        "network": network(complete=complete),
        "environment": environment(),
        "dependency": _dependency(complete=complete),
    }
    return {**inner, **shared, **of_environments}
