"""The manifest's reference page names every key that loads."""

import dataclasses
from pathlib import Path

import pytest

from orchestrator.core.project import ManagedNetwork, PluginStep
from orchestrator.manifest import canisters, environments, load, managed, networks, settings, steps

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "manifest.md"
KEYS = {
    "Top level": (*load._KEYS, *load._LATER_KEYS, "dependencies"),
    "Canister": (*canisters._KEYS, *canisters._LATER_KEYS),
    "Build steps": (*steps._SCRIPT_KEYS, *steps._PREBUILT_KEYS),
    "Sync steps": (*steps._SCRIPT_KEYS, *steps._PLUGIN_KEYS),
    "Settings": (*settings.SETTING_KEYS, *settings._LATER_KEYS),
    "Arguments": ("path", "value", "format"),
    "Recipe": ("type", "sha256", "configuration"),
    "Network": (*networks._MANAGED_KEYS, *networks._CONNECTED_KEYS),
    "Environment": (*environments._KEYS, *environments._LATER_KEYS, environments._APPROVERS),
}


def section(name: str) -> str:
    """Return a section of the page."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {name}\n")
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("name", KEYS)
def test_every_key_is_on_the_page(name: str) -> None:
    """A key that is read, or known to have no effect, is documented where it belongs."""
    text = section(name)
    assert [key for key in KEYS[name] if not any(f"{before}{key}{after}" in text for before in "`{ " for after in "`.:")] == []


def test_defaults_are_on_the_page() -> None:
    """The defaults of networks and plugin steps are those of the code."""
    network = ManagedNetwork(name="n")
    step = {field.name: field.default for field in dataclasses.fields(PluginStep)}

    assert f"| `gateway.bind` | IP address, `{network.bind}` |" in section("Network")
    assert f"| `gateway.port` | 0 to {managed.MAX_PORT}, {network.port} |" in section("Network")
    assert f"`dfx`; `{network.launcher}` |" in section("Network")
    assert f"`none` or `default`; `{step['proxy']}` |" in section("Sync steps")
    assert f"`always` or `changed`; `{step['run']}` |" in section("Sync steps")
