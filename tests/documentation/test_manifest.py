"""The manifest's reference page names every key that loads."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.project import ManagedNetwork, PluginStep
from orchestrator.manifest import managed
from orchestrator.manifest.json_schema import make_schema

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "manifest.md"
PARTS = {
    "Top level": ("",),
    "Dependencies": ("dependency",),
    "Canister": ("canister",),
    "Build steps": ("buildScript", "prebuilt"),
    "Sync steps": ("syncScript", "plugin"),
    "Settings": ("settings",),
    "Arguments": ("arguments",),
    "Recipe": ("recipe",),
    "Health checks": ("healthCheck",),
    "Network": ("network",),
    "Environment": ("environment",),
    "Approvers": ("approvers",),
    "Rollout": ("rollout", "stage"),
}
"""Sections of the page, and the parts of the schema whose keys they have."""


def section(name: str) -> str:
    """Return a section of the page."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {name}\n")
    return rest.partition("\n## ")[0]


def keys(name: str) -> set[str]:
    """Return the keys of a section: those of its parts, of maps in them, and of the forms that they may have."""
    schema: Any = make_schema("icp")
    return {key for part in PARTS[name] for key in _keys(schema["$defs"][part] if part else {**schema, "$defs": {}})}


def _keys(part: Any) -> set[str]:
    inner = [*part.get("properties", {}).values(), *part.get("anyOf", ())]
    return {*part.get("properties", ()), *(key for each in inner for key in _keys(each))}


@pytest.mark.parametrize("name", PARTS)
def test_every_key_is_on_the_page(name: str) -> None:
    """A key that is read, or known to have no effect, is documented where it belongs."""
    text = section(name)
    assert [key for key in sorted(keys(name)) if not any(f"{before}{key}{after}" in text for before in "`{ ." for after in "`.:")] == []


def test_every_part_of_the_schema_has_a_section() -> None:
    """Nothing that the schema defines is left out."""
    containers = {"build", "sync"}
    definitions: Any = make_schema("icp")["$defs"]

    assert set(definitions) - containers == {part for parts in PARTS.values() for part in parts if part}


def test_defaults_are_on_the_page() -> None:
    """The defaults of networks and plugin steps are those of the code."""
    network = ManagedNetwork(name="n")
    step = {field.name: field.default for field in dataclasses.fields(PluginStep)}

    assert f"| `gateway.bind` | IP address, `{network.bind}` |" in section("Network")
    assert f"| `gateway.port` | 0 to {managed.MAX_PORT}, {network.port} |" in section("Network")
    assert f"`dfx`; `{network.launcher}` |" in section("Network")
    assert f"`none` or `default`; `{step['proxy']}` |" in section("Sync steps")
    assert f"`always` or `changed`; `{step['run']}` |" in section("Sync steps")
