"""A workspace that icp-cli 1.5.0 deploys and one that is deployed here: the same variables, controllers and files of ids."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.diamond import KEYS, write_diamond
from tests.support.official_icp import OfficialIcp, icp_binary
from tests.support.workspace import Workspace, workspace

pytestmark = [pytest.mark.npm, pytest.mark.slow]
CONNECTED = (
    '  - {{name: local, mode: managed, gateway: {{port: 0}}}}\n  - {{name: running, mode: connected, url: "{url}", root-key: "{key}"}}'
)
ENVIRONMENTS = "  - {name: theirs, network: running}"


@pytest.fixture
def project(npm_modules: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Deploy here to the embedded network, then make it one that icp-cli is connected to, with the same identity."""
    with workspace(tmp_path, manifest="") as made:
        home = Path(made.variables["ICP_HOME"])
        OfficialIcp(binary=icp_binary(npm_modules), home=home, folder=made.directory).create_identity("me")
        write_diamond(made.directory, networks="  - {name: local, mode: managed, gateway: {port: 0}}")
        made.succeed("deploy", "--env", "local")
        status = json.loads(made.succeed("network", "status", "--json").stdout)
        networks = CONNECTED.format(url=status["api_url"], key=status["root_key"])
        write_diamond(made.directory, networks=networks, environments=ENVIRONMENTS)
        yield made


def told(settings: dict[str, list[object]], ids: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Return a canister's variables and controllers, with keys for ids."""
    keys = {principal: key for key, principal in ids.items()}
    pairs = json.loads(json.dumps(settings["environment_variables"]))
    variables = {each["name"]: each["value"] for each in pairs} if isinstance(pairs, list) else pairs
    controllers = {keys.get(str(each), "somebody") for each in settings["controllers"]}
    return {name: keys[value] for name, value in variables.items()}, controllers


def test_both_deploy_the_same(npm_modules: Path, project: Workspace) -> None:
    """Keys in the file of ids, what canisters are told, who controls them, and what scripts see."""
    root = project.directory
    icp = OfficialIcp(binary=icp_binary(npm_modules), home=Path(project.variables["ICP_HOME"]), folder=root, options=("-e", "theirs"))
    icp.run("deploy")
    file = root / ".icp" / "data" / "mappings" / "theirs.ids.json"
    their_ids = json.loads(file.read_text(encoding="utf-8"))
    ours = {key: json.loads(project.succeed("canister", "status", key, "--json").stdout) for key in KEYS}
    our_ids = {key: status["id"] for key, status in ours.items()}
    theirs = {key: json.loads(icp.run("canister", "status", key, "--json")) for key in KEYS}

    assert sorted(their_ids) == sorted(KEYS)
    assert {key: told(status["settings"], our_ids) for key, status in ours.items()} == {
        key: told(status["settings"], their_ids) for key, status in theirs.items()
    }
    synced = [(root.parent / "mid" / f"{environment}.txt").read_text(encoding="utf-8") for environment in ("local", "theirs")]
    assert [line.split() for line in synced] == [[ids["../mid:core"], ids["../lib:core"]] for ids in (our_ids, their_ids)]
    # The same file serves here: nothing is created anew, and icp-cli finds what was written.
    plan = json.loads(project.run("plan", "--env", "theirs", "--json").stdout)
    assert "create" not in {change["action"] for change in plan["changes"]}
    assert re.findall(r"[a-z0-9-]+-cai", icp.run("canister", "status", "-i")) == [their_ids[key] for key in KEYS]
