"""The official icp-cli beside this tool, on one project whose network is PocketIC: the stand-in, started by either.

That icp-cli takes the stand-in for its launcher, seeds accounts and installs its canisters there, is what says that the
stand-in is one.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.official_icp import icp_binary
from tests.support.programs import write_program
from tests.support.workspace import Workspace, workspace

TIMEOUT_SECONDS = 120
NETWORK = """\
networks:
  - name: local
    mode: managed
    launcher: pocket-ic
    gateway: {port: 0, domains: [site.test]}
    ii: true
    subnets: [application, system]
    artificial-delay-ms: 1
    bitcoind-addr: ["127.0.0.1:18444"]
"""
pytestmark = [pytest.mark.npm, pytest.mark.slow]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return the example, on a network that both tools run by the same launcher."""
    launcher = write_program(tmp_path / "bin", "icp-cli-network-launcher", "fake_pocket_ic.py", "launcher")
    with workspace(tmp_path, example="hello") as example:
        text = (example.directory / "icp.yaml").read_text(encoding="utf-8").partition("networks:")[0]
        example.write("icp.yaml", text + NETWORK)
        variables = {
            "ICP_CLI_NETWORK_LAUNCHER_PATH": str(launcher),
            "ICP_TELEMETRY_DISABLED": "1",
            "FAKE_GATEWAY": "replica",
            "FAKE_POCKET_IC_RECORD": str(tmp_path / "record.jsonl"),
        }
        both = replace(example, variables={**example.variables, **variables})
        yield both
        both.run("network", "stop")


def icp(project: Workspace, binary: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run icp-cli in the project."""
    return subprocess.run(
        [binary, *arguments],
        cwd=project.directory,
        env=project.variables,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT_SECONDS,
    )


def options(project: Workspace) -> list[list[str]]:
    """Return what the launcher was told each time, without the folders, which are each tool's own."""
    record = Path(project.variables["FAKE_POCKET_IC_RECORD"]).read_text(encoding="utf-8")
    told = [json.loads(line)["arguments"] for line in record.splitlines()]
    folders = {"--state-dir", "--status-dir"}
    return [[word for before, word in zip(["", *words], words, strict=False) if before not in folders] for words in told]


def test_launcher_is_told_the_same_by_both_tools(project: Workspace, npm_modules: Path) -> None:
    """For one manifest, the launcher gets the same options in the same order from icp-cli and from this tool."""
    binary = icp_binary(npm_modules)
    started = icp(project, binary, "network", "start", "--background")
    stopped = icp(project, binary, "network", "stop")
    project.succeed("network", "start")

    assert (started.returncode, stopped.returncode) == (0, 0), started.stderr + stopped.stderr
    theirs, ours = options(project)
    assert ours == theirs


def test_network_that_icp_cli_started_is_deployed_to(project: Workspace, npm_modules: Path) -> None:
    """Its network is found by its descriptor; ids and canisters are shared, and it is icp-cli that stops it."""
    binary = icp_binary(npm_modules)
    started = icp(project, binary, "network", "start", "--background")
    assert started.returncode == 0, started.stderr
    try:
        status = project.succeed("network", "status")
        project.succeed("deploy", "--env", "local")
        theirs = icp(project, binary, "canister", "status", "phrasebook", "--id-only")
        ours = json.loads(project.succeed("canister", "status", "phrasebook", "--json").stdout)
        refused = project.run("network", "stop")
    finally:
        stopped = icp(project, binary, "network", "stop")
    after = json.loads(project.succeed("network", "status", "--json").stdout)

    assert "Started By: icp-cli" in status.stdout
    assert theirs.stdout.strip() == ours["id"], theirs.stderr
    assert refused.exit_code == 1
    assert "run `icp network stop local`" in refused.stderr
    assert stopped.returncode == 0
    assert after["state"] == "stopped"
