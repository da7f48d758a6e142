"""Projects on networks of other programs, deployed for real: stand-ins for the programs, the embedded network behind them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.programs import write_program
from tests.support.workspace import Workspace, workspace

LAUNCHERS = {
    "dfx": "launcher: dfx",
    "pocket-ic": "launcher: pocket-ic\n    gateway: {port: 0}",
    "docker": 'image: any\n    port-mapping: ["0:4943"]',
}


@pytest.fixture(params=sorted(LAUNCHERS))
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """Return the example, on a network that another program runs."""
    launcher = request.param
    programs = tmp_path / "bin"
    write_program(programs, "dfx", "fake_dfx.py")
    write_program(programs, "icp-cli-network-launcher", "fake_pocket_ic.py", "launcher")
    write_program(programs, "docker", "fake_docker.py")
    with workspace(tmp_path, example="hello") as example:
        text = (example.directory / "icp.yaml").read_text(encoding="utf-8").partition("networks:")[0]
        example.write("icp.yaml", f"{text}networks:\n  - name: local\n    mode: managed\n    {LAUNCHERS[launcher]}\n")
        variables = {
            "PATH": f"{programs}:{example.variables['PATH']}",
            "FAKE_DOCKER_ROOT": str(tmp_path / "docker"),
            "FAKE_GATEWAY": "replica",
        }
        yielded = replace(example, variables={**example.variables, **variables})
        yield yielded
        yielded.run("network", "stop")


@pytest.mark.slow
def test_project_is_deployed_to_a_synced_canister(project: Workspace) -> None:
    """One command starts the network, creates, installs and syncs; a second one finds nothing to do.

    Canister ids are where icp-cli has those of its own networks, and gone after a reset.
    """
    first = project.succeed("deploy", "--env", "local")
    mapping = project.directory / ".icp" / "cache" / "mappings" / "local.ids.json"
    ids = json.loads(mapping.read_text(encoding="utf-8"))
    answer = project.succeed("canister", "call", "phrasebook", "greet", '("Ada", "gsw")')
    again = project.succeed("deploy", "--env", "local")
    status = json.loads(project.succeed("network", "status", "--json").stdout)
    stopped = project.succeed("network", "stop")
    after = json.loads(project.succeed("network", "status", "--json").stdout)
    reset = project.run("network", "reset")
    agreed = project.succeed("network", "reset", "--yes")
    kept = mapping.exists()
    anew = project.succeed("deploy", "--env", "local")

    assert "orchestrator network stop local" in first.stderr
    assert "Grüezi, Ada!" in answer.stdout
    assert "nothing" in (again.stdout + again.stderr).lower()
    assert status["state"] == "running"
    assert status["root_key"]
    assert "Network `local` stopped" in stopped.stderr
    assert after["state"] == "stopped"
    assert reset.exit_code == 1
    assert "canister `phrasebook`" in reset.stderr
    assert "is empty" in agreed.stderr
    assert (list(ids), kept) == (["phrasebook"], False)
    assert "phrasebook" in anew.stdout + anew.stderr
