"""A network whose process is killed while a deploy waits for its answer."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, workspace

# Much longer than the test may take: the call is certainly on its way when the network is killed.
_DELAY = "    artificial-delay-ms: 60000\n"
_NETWORK = "    mode: managed\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return the example on a network that takes a minute for each update call, running."""
    with workspace(tmp_path, example="hello") as made:
        manifest = (made.directory / "icp.yaml").read_text(encoding="utf-8")
        made.write("icp.yaml", manifest.replace(_NETWORK, _NETWORK + _DELAY))
        made.succeed("network", "start")
        yield made


@pytest.mark.slow
def test_a_deploy_says_so_at_once_and_the_next_one_ends_well(project: Workspace) -> None:
    """Exit 6 with the facts within seconds, instead of waiting until the request expires; then one deploy does it all."""
    pid = json.loads(project.succeed("network", "status", "--json").stdout)["pid"]
    process = project.start("deploy")
    while not any('"phase": "request"' in path.read_text() for path in project.directory.rglob("journal.jsonl")):
        assert process.poll() is None

    os.kill(pid, signal.SIGKILL)
    _, talk = process.communicate(timeout=30)

    assert process.returncode == 6, talk
    assert "error[network/ended]: the `local` network ended while it was used" in talk
    assert "a call was on the way and may have taken effect" in talk
    assert "Traceback" not in talk
    manifest = (project.directory / "icp.yaml").read_text(encoding="utf-8")
    project.write("icp.yaml", manifest.replace(_DELAY, ""))
    project.succeed("deploy")
    assert "Bonjour, Ada !" in project.succeed("canister", "call", "phrasebook", "greet", '("Ada", "fr")').stdout
