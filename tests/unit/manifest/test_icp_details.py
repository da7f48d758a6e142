"""Small things that icp-cli 1.5.0 decides in its own way, and manifests rely on."""

from pathlib import Path

import pytest

from orchestrator.core.project import ConnectedNetwork, Project, ScriptStep
from orchestrator.errors import ManifestError
from orchestrator.manifest import load_project

BUILD = "build: {steps: [{type: script, command: x}]}"


def load(directory: Path, text: str) -> Project:
    """Load a manifest."""
    (directory / "icp.yaml").write_text(text, encoding="utf-8")
    return load_project(directory)


def slugs(directory: Path, text: str) -> list[str]:
    """Return the problems of a manifest that is refused."""
    with pytest.raises(ManifestError) as caught:
        load(directory, text)
    return [each.slug for each in caught.value.diagnostics]


@pytest.mark.parametrize("keys", ["command: x, commands: [y]", "commands: [x], command: y"])
def test_the_first_of_two_ways_to_write_commands_is_run(tmp_path: Path, keys: str) -> None:
    """Which of `command` and `commands` counts is a matter of order; the other one is a warning."""
    project = load(tmp_path, f"canisters: [{{name: a, build: {{steps: [{{type: script, {keys}}}]}}}}]")

    assert project.canisters[0].build == (ScriptStep(commands=("x",), span=project.canisters[0].build[0].span),)
    assert [warning.slug for warning in project.warnings] == ["manifest/both-keys"]


def test_principals_may_be_written_in_capitals(tmp_path: Path) -> None:
    """Controllers and viewers are read whatever their case."""
    settings = "settings: {controllers: [AAAAA-AA], log_visibility: {allowed_viewers: [2VXSX-FAE]}}"
    read = load(tmp_path, f"canisters: [{{name: a, {BUILD}, {settings}}}]").canisters[0].settings

    assert read.controllers == ("aaaaa-aa",)
    assert [str(each) for each in read.log_visibility or ()] == ["2vxsx-fae"]


def test_lists_of_nothing(tmp_path: Path) -> None:
    """A section without anything below it is empty, as are viewers that are null; a section that is `null` is a mistake."""
    settings = "settings: {status_visibility: {allowed_viewers: null}}"

    assert load(tmp_path, "canisters:\nnetworks:\nenvironments:\n").canisters == ()
    assert load(tmp_path, f"canisters: [{{name: a, {BUILD}, {settings}}}]").canisters[0].settings.status_visibility == ()
    assert slugs(tmp_path, "canisters: null\n") == ["manifest/wrong-type"]


@pytest.mark.parametrize(
    ("keys", "slug"),
    [
        ("init_args: null", "wrong-type"),
        ("upgrade_args: ~", "wrong-type"),
        ("init_args: {value: x, format: null}", "wrong-type"),
        ("settings: {reserved_cycles_limit: 18446744073709551616}", "out-of-range"),
        ('settings: {freezing_threshold: "-0"}', "invalid-amount"),
    ],
)
def test_what_is_no_value_is_refused(tmp_path: Path, keys: str, slug: str) -> None:
    """Null is no argument, a number has 64 bits at most, and no duration is negative."""
    assert slugs(tmp_path, f"canisters: [{{name: a, {BUILD}, {keys}}}]") == [f"manifest/{slug}"]


@pytest.mark.parametrize(
    ("keys", "api", "gateway", "ignored"),
    [
        ("url: https://a.test", "https://a.test", "https://a.test", 0),
        ("url: HTTPS://a.test:0443/x/", "HTTPS://a.test:0443/x", "HTTPS://a.test:0443/x", 0),
        ("api-url: https://a.test", "https://a.test", None, 0),
        ("api-url: https://a.test, http-gateway-url: https://b.test", "https://a.test", "https://b.test", 0),
        ("api-url: https://a.test, url: https://b.test", "https://a.test", None, 1),
        ("url: https://a.test, http-gateway-url: https://b.test", "https://a.test", "https://a.test", 1),
    ],
)
def test_where_a_network_is_reached(tmp_path: Path, keys: str, api: str, gateway: str | None, ignored: int) -> None:
    """`url` is both addresses and stands alone; beside `api-url` it has no effect, and neither has a gateway beside it."""
    project = load(tmp_path, f"networks: [{{name: n, mode: connected, {keys}, root-key: mainnet}}]")
    network = project.networks["n"]

    assert isinstance(network, ConnectedNetwork)
    assert (network.api_url, network.gateway_url) == (api, gateway)
    assert [warning.slug for warning in project.warnings] == ["manifest/ignored-key"] * ignored


@pytest.mark.parametrize("url", ["https://", "https://x y", "https://x.y:99999", "https://x.y:port", "x.y", "ftp://x.y"])
def test_where_no_network_is_reached(tmp_path: Path, url: str) -> None:
    """A URL needs a host, a port that exists, and HTTP."""
    assert slugs(tmp_path, f'networks: [{{name: n, mode: connected, url: "{url}", root-key: mainnet}}]') == ["manifest/invalid-url"]
