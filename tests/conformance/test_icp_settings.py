"""Settings that this tool brings to canisters are what icp-cli 1.5.0 brings to them, and icp-cli shows them so.

Both tools act as one identity on one embedded network, which they are connected to.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import deploy, load_project, open_session, plan
from orchestrator.engine.session import Session
from tests.support.official_icp import OfficialIcp, icp_binary
from tests.support.projects import Recording
from tests.support.replica_modules import counter
from tests.support.replica_process import running_replica

pytestmark = [pytest.mark.npm, pytest.mark.slow, pytest.mark.anyio]
FRIEND = "rrkah-fqaaa-aaaaa-aaaaq-cai"
BUILD = "build: {steps: [{type: pre-built, path: counter.wasm}]}"
SPELLINGS = (
    f"snapshot_visibility: public, status_visibility: {{allowed_viewers: [{FRIEND}, 2vxsx-fae]}}, log_visibility: controllers",
    f"snapshot_visibility: {{allowed_viewers: []}}, status_visibility: public, log_visibility: {{allowed_viewers: [{FRIEND}]}}",
    'reserved_cycles_limit: "1.5t", memory_allocation: 1_5 mib, freezing_threshold: 3W, wasm_memory_limit: "1.5 GiB", compute_allocation: 0',
    'reserved_cycles_limit: 2_500B, memory_allocation: ".5kib", freezing_threshold: "1_0 D", wasm_memory_threshold: 512KB',
    'reserved_cycles_limit: "1e-3K", memory_allocation: "1e3", freezing_threshold: +1d, log_memory_limit: 8kib',
    'reserved_cycles_limit: "-0.0t", memory_allocation: "-_0 MiB", freezing_threshold: 0, environment_variables: {A: " x ", "": y}',
)
NETWORK = """
networks: [{{name: ours, mode: connected, url: "{url}", root-key: "{root_key}"}}]
environments: [{{name: first, network: ours}}, {{name: second, network: ours}}]
"""


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A project, icp-cli in it, and what names the network in a manifest."""

    icp: OfficialIcp
    network: str

    def write(self, *settings: str) -> None:
        """Write a project with a canister `a0`, `a1` … for each map of settings."""
        canisters = "".join(f"- {{name: a{index}, {BUILD}, settings: {{{each}}}}}\n" for index, each in enumerate(settings))
        (self.icp.folder / "icp.yaml").write_text(f"canisters:\n{canisters}{self.network}", encoding="utf-8")

    async def session(self, environment: str, recording: Recording | None = None) -> Session:
        """Load the project anew, as every command does."""
        environ = {"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(self.icp.home / "own"), "ICP_HOME": str(self.icp.home)}
        project = await load_project(self.icp.folder)
        return open_session(project, environment, verb="deploy", emit=recording or Recording(), environ=environ)

    def shown(self, environment: str, name: str) -> dict[str, Any]:
        """Return a canister's settings as icp-cli shows them, but for the ids that canisters are told."""
        found: dict[str, Any] = json.loads(self.icp.run("canister", "settings", "show", name, "--json", "-e", environment))
        variables = [each for each in found["environment_variables"] if not each["name"].startswith("PUBLIC_CANISTER_ID:")]
        return {**found, "environment_variables": sorted(variables, key=lambda each: str(each["name"]))}  # icp-cli sets them in any order


@pytest.fixture
def place(npm_modules: Path, tmp_path: Path) -> Iterator[Place]:
    """Run a network that knows icp-cli's identity, which is this tool's as well."""
    home, folder = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    folder.mkdir()
    (folder / "counter.wasm").write_bytes(counter())
    icp = OfficialIcp(binary=icp_binary(npm_modules), home=home, folder=home)
    principal = icp.create_identity("me")
    with running_replica(tmp_path / "network", arguments=["--account", principal]) as network:
        text = NETWORK.format(url=network.url, root_key=network.root_key.hex())
        yield Place(icp=replace(icp, folder=folder), network=text)


async def test_the_same_settings_in_every_spelling(place: Place) -> None:
    """What one tool deploys is what the other deploys, and after either, this tool finds no setting to change."""
    place.write(*SPELLINGS)

    await deploy(await place.session("first"))
    place.icp.run("deploy", "-e", "second")

    names = [f"a{index}" for index in range(len(SPELLINGS))]
    assert {name: place.shown("first", name) for name in names} == {name: place.shown("second", name) for name in names}
    assert not (await plan(await place.session("first"))).mutates
    after_icp = await plan(await place.session("second"))
    assert [change for change in after_icp.changes if change.action in {"create", "settings"}] == []
    shown = place.shown("first", "a0")
    assert (shown["snapshot_visibility"], sorted(shown["status_visibility"]["allowed_viewers"])) == ("public", ["2vxsx-fae", FRIEND])


async def test_exact_controllers(place: Place) -> None:
    """A controller that icp-cli added goes with `controllers_exact`, after a yes; who deploys stays, and icp-cli sees that."""
    place.write("controllers: []")
    await deploy(await place.session("first"))
    (me,) = place.shown("first", "a0")["controllers"]
    place.icp.run("canister", "settings", "update", "a0", "--add-controller", FRIEND, "-f", "-e", "first")
    await deploy(await place.session("first"))
    assert sorted(place.shown("first", "a0")["controllers"]) == sorted([me, FRIEND])
    place.write("controllers: [a0], controllers_exact: true")

    async def agree(_plan: object) -> bool:
        return True

    result = await deploy(await place.session("first"), consent=agree)

    assert [detail.field for change in result.destructive for detail in change.details if detail.after is None] == [f"controllers.{FRIEND}"]
    own = json.loads((place.icp.folder / ".icp" / "data" / "mappings" / "first.ids.json").read_text(encoding="utf-8"))["a0"]
    assert sorted(place.shown("first", "a0")["controllers"]) == sorted([me, own])
    recording = Recording()
    assert not (await deploy(await place.session("first", recording))).mutates
    assert [getattr(event, "slug", None) for event in recording.of("warning")] == ["deploy/own-controller"]
