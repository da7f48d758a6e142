"""The real PocketIC, dfx and Docker, on machines that have them; everywhere else these tests say what is not installed."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, workspace

IMAGE = "ghcr.io/dfinity/icp-cli-network-launcher:12.0.0"
NETWORKS = {
    "launcher": "launcher: pocket-ic\n    gateway: {port: 0}",
    "server": "launcher: pocket-ic\n    gateway: {port: 0}",
    "dfx": "launcher: dfx",
    "docker": f'image: {IMAGE}\n    port-mapping: ["0:4943"]\n    rm-on-exit: true',
}
KEEPS_STATE = {"launcher", "server", "dfx"}
_KEPT = ("ICP_CLI_NETWORK_LAUNCHER_PATH", "POCKET_IC_BIN", "DOCKER_HOST")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def require(kind: str) -> None:
    """Skip the test where a program is not installed, or not running."""
    if kind == "launcher" and not (os.environ.get("ICP_CLI_NETWORK_LAUNCHER_PATH") or shutil.which("icp-cli-network-launcher")):
        pytest.skip("icp-cli-network-launcher is neither on PATH nor in ICP_CLI_NETWORK_LAUNCHER_PATH")
    if kind == "server" and not (os.environ.get("POCKET_IC_BIN") or shutil.which("pocket-ic")):
        pytest.skip("pocket-ic is neither on PATH nor in POCKET_IC_BIN")
    if kind == "dfx" and not shutil.which("dfx"):
        pytest.skip("dfx is not on PATH")
    if kind == "docker":
        if not shutil.which("docker"):
            pytest.skip("docker is not on PATH")
        if subprocess.run(["docker", "info"], check=False, capture_output=True).returncode != 0:
            pytest.skip("no Docker daemon runs")


@pytest.fixture(params=sorted(NETWORKS))
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Workspace]]:
    """Return the example on a network of a real program, in a home of its own."""
    kind: str = request.param
    require(kind)
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if kind == "server":
        variables.pop("ICP_CLI_NETWORK_LAUNCHER_PATH", None)
        variables["POCKET_IC_BIN"] = os.environ.get("POCKET_IC_BIN") or shutil.which("pocket-ic") or ""
    with workspace(tmp_path, example="hello") as example:
        text = (example.directory / "icp.yaml").read_text(encoding="utf-8").partition("networks:")[0]
        example.write("icp.yaml", f"{text}networks:\n  - name: local\n    mode: managed\n    {NETWORKS[kind]}\n")
        project = replace(example, variables={**example.variables, **variables})
        yield kind, project
        project.run("network", "reset", "--yes")


def test_example_is_deployed_and_outlives_a_stop(real: tuple[str, Workspace]) -> None:
    """The example is deployed, called and found unchanged; where the state is kept, the canister is there after a restart."""
    kind, project = real
    project.succeed("deploy", "--env", "local")
    answer = project.succeed("canister", "call", "phrasebook", "greet", '("Ada", "gsw")')
    again = project.succeed("deploy", "--env", "local")
    healthy = json.loads(project.succeed("network", "ping", "--wait-healthy", "--json").stdout)
    project.succeed("network", "stop")
    stopped = json.loads(project.succeed("network", "status", "--json").stdout)
    project.succeed("network", "start")
    after = project.run("canister", "call", "phrasebook", "greet", '("Ada", "gsw")')

    assert "Grüezi, Ada!" in answer.stdout
    assert "nothing" in (again.stdout + again.stderr).lower()
    assert healthy["health"] == "healthy"
    assert stopped["state"] == "stopped"
    assert (after.exit_code == 0) == (kind in KEEPS_STATE), str(after)
