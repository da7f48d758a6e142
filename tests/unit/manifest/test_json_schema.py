"""The JSON Schemas say what the readers accept, and know the same keys."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.manifest_keys import KNOWN_KEYS
from orchestrator.documents import load_yaml, parse_yaml, plain_value
from orchestrator.errors import DocumentError, ManifestError
from orchestrator.manifest import (
    canisters,
    containers,
    environments,
    health,
    load_project,
    managed,
    networks,
    rollout,
    settings,
    steps,
    workspace,
)
from orchestrator.manifest.json_schema import SCHEMA_NAMES, SchemaName, make_schema
from orchestrator.recipes import bundled, descriptions
from tests.conformance.manifests.slots import SLOTS, slot_cases
from tests.unit.manifest.test_vectors import REFUSED

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).parents[2] / "cases" / "manifest"
BUILD = "build: {steps: [{type: script, command: x}]}"
STRUCTURAL = frozenset(
    f"manifest/{slug}"
    for slug in (
        *("binary-value", "build-and-recipe", "invalid-amount", "invalid-hash", "invalid-name", "invalid-root-key", "invalid-url"),
        *("missing-key", "missing-name", "no-build", "no-build-steps", "reserved-name", "unknown-step", "unknown-variant"),
        *("unpinned-plugin", "wrong-type"),
    )
)
"""Reasons to refuse a manifest that a schema can see."""
INVISIBLE = frozenset({"A19 fractional bytes", "A20 float", "A51 null canisters"})
"""JSON Schema does not calculate, and knows no difference between 1000 and 1e3, nor between `null` and nothing at all."""


def faults(name: SchemaName, value: object) -> list[str]:
    """Return what a schema says against a value."""
    return [error.message for error in checker(name).iter_errors(value)]


@cache
def checker(name: SchemaName) -> Draft202012Validator:
    """Return what checks values by a schema."""
    return Draft202012Validator(make_schema(name))


def keys_of(name: SchemaName, *path: str) -> set[str]:
    """Return the keys of a schema, or of one of its parts."""
    part: Any = make_schema(name)
    for step in path:
        part = part[step]
    return set(part["properties"])


READ = {
    "icp.yaml": (("icp",), workspace._KEYS),
    "orchestrator.yaml": (("overlay",), workspace._KEYS),
    "dependency": (("icp", "$defs", "dependency"), workspace._DEPENDENCY_KEYS),
    "canister": (("canister",), canisters._KEYS),
    "build script": (("canister", "$defs", "buildScript"), (*steps._SCRIPT_KEYS, "inputs")),
    "sync script": (("canister", "$defs", "syncScript"), (*steps._SCRIPT_KEYS, "run")),
    "pre-built": (("canister", "$defs", "prebuilt"), steps._PREBUILT_KEYS),
    "plugin": (("canister", "$defs", "plugin"), steps._PLUGIN_KEYS),
    "settings": (("canister", "$defs", "settings"), settings.SETTING_KEYS),
    "recipe": (("canister", "$defs", "recipe"), ("type", "sha256", "configuration")),
    "health": (("canister", "$defs", "healthCheck"), health.HEALTH_KEYS),
    "network": (("network",), (*networks._MANAGED_KEYS, *networks._CONNECTED_KEYS)),
    "environment": (("environment",), environments._KEYS),
    "approvers": (("environment", "$defs", "approvers"), ("principals", "at_least", "not_starter")),
    "rollout": (("environment", "$defs", "rollout"), ("stages", "on_failure")),
    "stage": (("environment", "$defs", "stage"), rollout.STAGE_KEYS),
    "recipe.yaml": (("recipe",), descriptions._KEYS),
    "parameter": (("recipe", "$defs", "parameter", "anyOf", 1), descriptions._PARAMETER_KEYS),
}


@pytest.mark.parametrize("part", READ)
def test_reader_and_schema_know_the_same_keys(part: str) -> None:
    """A key that was added to a reader and not to its schema, or the reverse, is named."""
    path, read = READ[part]
    schema = keys_of(*path)  # type: ignore[arg-type]  # a name, then steps

    assert {"only in the reader": set(read) - schema, "only in the schema": schema - set(read)} == {
        "only in the reader": set(),
        "only in the schema": set(),
    }


def test_reports_show_the_values_of_known_keys_only() -> None:
    """What is shown around an error are values of keys that have no secrets; a key that was added has to be told to it."""
    secret = {"init_args", "upgrade_args", "environment_variables", "configuration", "environment", "args", "fields", "value"}
    known = {key for name in SCHEMA_NAMES for key, _ in _properties(make_schema(name))}

    assert {"missing": known - secret - KNOWN_KEYS, "too many": KNOWN_KEYS - known} == {"missing": set(), "too many": set()}


def test_choices_are_those_of_the_readers() -> None:
    """Words that a reader takes are those that the schema lists."""
    network: Any = make_schema("network")["properties"]
    environment: Any = make_schema("environment")["$defs"]

    assert [*managed.WRITTEN_LAUNCHERS, None] == network["launcher"]["enum"]
    assert list(managed._SUBNETS) == network["subnets"]["items"]["enum"]
    assert set(containers.CONTAINER_KEYS) < set(network)
    assert [*rollout._OUTCOMES, None] == environment["rollout"]["properties"]["on_failure"]["enum"]
    assert list(rollout._GATES) == environment["stage"]["properties"]["gates"]["items"]["anyOf"][0]["enum"]


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_schema_is_one_and_explains_every_key(name: SchemaName) -> None:
    """Each is a valid schema of its dialect with a title, and every key has a description for editors to show."""
    schema = make_schema(name)
    Draft202012Validator.check_schema(schema)

    assert {"$schema", "$id", "title", "description"} <= set(schema)
    definitions: Any = schema["$defs"]
    silent = [key for key, value in _properties(schema) if not _explained(value, definitions)]
    assert silent == []


def _properties(node: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, dict):
        described = node.get("properties") if "type" in node else None
        if isinstance(described, dict):
            yield from described.items()
        for value in node.values():
            yield from _properties(value)
    elif isinstance(node, list):
        for value in node:
            yield from _properties(value)


def _explained(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    if "description" in value:
        return True
    references = [each["$ref"] for each in (value, *value.get("anyOf", ())) if "$ref" in each]
    return any("description" in definitions[each.rpartition("/")[2]] for each in references)


EXAMPLES = sorted(path.relative_to(ROOT) for folder in ("examples", "templates") for path in (ROOT / folder).rglob("icp.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=str)
def test_examples_are_valid(path: Path) -> None:
    """The projects that ship with the tool have nothing that their schema refuses."""
    node = load_yaml(ROOT / path)
    assert node is not None
    assert faults("icp", plain_value(node)) == []


@pytest.mark.parametrize("name", sorted(bundled.bundled_names()))
def test_bundled_recipes_are_valid(name: str) -> None:
    """What the bundled recipes say about themselves fits their schema."""
    template = bundled.find_bundled(name)
    assert template is not None
    node = load_yaml(template.with_name("recipe.yaml"))
    assert node is not None
    assert faults("recipe", plain_value(node)) == []


ACCEPTED = {
    "empty": "",
    "null values": f"canisters: [{{name: a, {BUILD}, settings:, sync:, labels:}}]\nenvironments: [{{name: e, network:, canisters:}}]",
    "amounts": f"canisters: [{{name: a, {BUILD}, settings: {{memory_allocation: 1_000 KiB, freezing_threshold: 30D, "
    "reserved_cycles_limit: '1.5e3t', wasm_memory_limit: '.5gib', compute_allocation: 0}}]",
    "every step": "canisters: [{name: a, build: {steps: [{type: script, commands: []}, {type: pre-built, path: a, url: x, sha256: "
    + "A" * 64
    + "}]}, sync: {steps: [{type: script, command: x, run: changed}, {type: plugin, path: p, files: {a: b, c: [d]}, fields: {n: 1.5}}]}}]",
    "networks": "networks: [{name: 5, mode: managed, gateway: {port: 0}}, {name: n, mode: managed, image: i, port-mapping: ['0:1']},"
    " {name: c, mode: connected, api-url: http://x, root-key: fetch}]",
    "our own": f"canisters: [{{name: a, {BUILD}, labels: {{tier: edge, n: 1}}, health: [{{status: running}}, {{cycles: {{at_least: 1t}}}}]}}]\n"
    "environments: [{name: e, approvers: {principals: [aaaaa-aa]}, rollout: {stages: [{name: s, canisters: rest, gates: [health, {bake: 1m}]}]}}]",
    "unknown keys where icp ignores them": f"canisters: [{{name: a, {BUILD}, settings: {{x: 1}}}}]\nenvironments: [{{name: e, x: 1}}]",
}


@pytest.mark.parametrize(
    "name", [*ACCEPTED, *REFUSED, *sorted(str(path.relative_to(CASES).with_suffix("")) for path in CASES.rglob("*.yaml"))]
)
def test_schema_agrees_with_the_reader(name: str, tmp_path: Path) -> None:
    """What loads fits the schema; what is refused for its structure does not."""
    text = ACCEPTED.get(name) if name in ACCEPTED else REFUSED[name][0] if name in REFUSED else (CASES / f"{name}.yaml").read_text("utf-8")
    assert text is not None
    (tmp_path / "icp.yaml").write_text(text, encoding="utf-8")
    try:
        node = parse_yaml(text, tmp_path / "icp.yaml")
    except DocumentError:
        return  # no value that a schema could look at
    found = faults("icp", None if node is None else plain_value(node))
    try:
        load_project(tmp_path)
    except ManifestError as error:
        slugs = {each.slug for each in error.diagnostics if each.severity == "error"}
        assert name not in ACCEPTED, slugs
        assert found or not slugs & STRUCTURAL or name in INVISIBLE, slugs
    else:
        assert found == []


SILENT = ("image.", "managed.", "script.command+", "script.commands+")
"""Keys that nobody looks at because of others beside them: a schema is right to say that their values make no sense."""
UNSEEN = (
    *("gateway.port=80.0", 'canister.name="a\\n"', "document=null", "item.", "plugin.fields.entry=", "connected."),
    *("top.canisters=null", "top.networks=null", "top.environments=null", "top.dependencies=null"),
    *("environment.settings={a: null}", "environment.settings.entry=null", "environment.settings.other=null"),
)
"""What a schema cannot see, or cannot say: files, ports, line ends, 64-bit numbers, `canisters: null` beside `canisters:`."""

INCALCULABLE = frozenset(
    (
        *(".5", '".5"', ".inf", "1e3", "1e400", '"1e30"', '"1e38"', '"1e39"', '"0.0000000000001t"', '"18446744073709551616kb"'),
        *('"0e99999999999999999999"', '"340282366920938463463374607431768211455"', '"340282366920938463463374607431768211456"'),
    )
)
"""Numbers that are too large, or come out in fractions, or are whole for a schema although YAML has a fraction there."""


@pytest.mark.slow
@pytest.mark.parametrize("slot", SLOTS)
def test_schema_agrees_about_every_value_of_every_key(slot: str, tmp_path: Path) -> None:
    """What loads fits the schema; what is refused for its structure does not: for each key and values of every kind."""
    differences = []
    for number, (value, case) in enumerate(slot_cases(slot).items()):
        directory = tmp_path / str(number)
        directory.mkdir()
        for name, content in case.files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        verdict = _compare(checker("icp"), directory)
        if slot.startswith("settings.") and verdict == "lets pass" and value in INCALCULABLE:
            continue
        if verdict is not None and not f"{slot}={value}".startswith(
            UNSEEN if verdict == "lets pass" else (*SILENT, "plugin.fields.entry=")
        ):
            differences.append(f"the schema {verdict} {slot}={value}")
    assert differences == []


def _compare(schema: Draft202012Validator, directory: Path) -> str | None:
    """Return what the schema does wrongly with a project's manifest."""
    try:
        node = load_yaml(directory / "icp.yaml")
    except DocumentError:
        return None
    fits = schema.is_valid(None if node is None else plain_value(node))
    try:
        load_project(directory)
    except ManifestError as error:
        slugs = {each.slug for each in error.diagnostics if each.severity == "error"}
        return "lets pass" if fits and slugs & STRUCTURAL else None
    return None if fits else "refuses"


def test_overlay_need_not_be_whole() -> None:
    """An orchestrator.yaml adds keys to entries of icp.yaml: what is written there needs a name only."""
    node = parse_yaml("canisters: [{name: a, depends_on: [b]}]\nnetworks: [{name: local, launcher: dfx}]\n", Path("orchestrator.yaml"))
    assert node is not None
    assert faults("overlay", plain_value(node)) == []
    assert len(faults("icp", plain_value(node))) == 2


def test_overlay_may_add_to_steps_and_to_canisters_of_dependencies() -> None:
    """Steps without a type, keys of canisters, and dependencies without a path; a step with a type is whole."""
    added = "canisters: [{name: '../lib:core', sync: {steps: [{}, {name: seed, timeout: 5s}]}}]\ndependencies: [{name: lib, canisters: []}]"
    node = parse_yaml(added, Path("orchestrator.yaml"))
    assert node is not None
    assert faults("overlay", plain_value(node)) == []
    assert len(faults("icp", plain_value(node))) == 2
    broken = parse_yaml("canisters: [{name: a, sync: {steps: [{type: plugin, timeout: 5s}]}}]", Path("orchestrator.yaml"))
    assert broken is not None
    assert len(faults("overlay", plain_value(broken))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("canister", f"name: a\n{BUILD}\n"),
        ("network", "name: n\nmode: connected\nurl: https://example.org\nroot-key: mainnet\n"),
        ("environment", "name: e\nsettings: { a: { compute_allocation: 1 } }\n"),
    ],
    ids=["canister", "network", "environment"],
)
def test_files_of_their_own(name: SchemaName, text: str) -> None:
    """A canister, a network and an environment in a file of its own fit; a list does not."""
    node = parse_yaml(text, Path("x.yaml"))
    assert node is not None
    assert faults(name, plain_value(node)) == []
    assert faults(name, []) != []
