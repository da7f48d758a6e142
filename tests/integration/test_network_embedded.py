"""The embedded network, started for real by the command line."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import ConnectedNetwork
from orchestrator.network.manager import connect
from orchestrator.network.processes.process import load_birth
from tests.support.workspace import Workspace, workspace

MANIFEST = """\
networks:
  - name: local
    mode: managed
    gateway:
      port: 0
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return a project without canisters, whose network takes a free port."""
    with workspace(tmp_path, manifest=MANIFEST) as made:
        yield made


def status(project: Workspace) -> dict[str, object]:
    """Return what `network status --json` says."""
    value: dict[str, object] = json.loads(project.succeed("network", "status", "--json").stdout)
    return value


def test_network_lives_from_start_to_stop(project: Workspace) -> None:
    """`network start` gives a network that answers; `status` has every documented field; `stop` ends it."""
    before = status(project)

    started = project.succeed("network", "start")
    running = status(project)
    stopped = project.succeed("network", "stop")

    assert before["state"] == "stopped"
    assert list(running) == ["schema", "name", "launcher", "state", "api_url", "gateway_url", "root_key", "pid", "proxy_canister_id"]
    assert (running["schema"], running["name"], running["launcher"], running["state"]) == (1, "local", "embedded", "running")
    assert bytes.fromhex(str(running["root_key"])).startswith(b"\x30\x81\x82")
    assert f"(process {running['pid']})" in started.stderr
    assert started.stdout == ""
    assert stopped.stderr == f"Network `local` stopped (process {running['pid']})\n"
    assert status(project)["state"] == "stopped"


@pytest.mark.slow
def test_restart_keeps_the_root_key_and_reset_does_not(project: Workspace) -> None:
    """The state survives a restart; after a reset the network is another one."""
    project.succeed("network", "start")
    first = status(project)["root_key"]
    project.succeed("network", "stop")

    project.succeed("network", "start")
    second = status(project)["root_key"]
    project.succeed("network", "reset", "--yes")
    project.succeed("network", "start")

    assert second == first
    assert status(project)["root_key"] != first


@pytest.mark.slow
def test_killed_network_is_noticed_and_replaced(project: Workspace) -> None:
    """After a kill the network counts as stopped, and starting it makes a new process."""
    project.succeed("network", "start")
    pid = int(str(status(project)["pid"]))
    birth = load_birth(pid)
    os.kill(pid, signal.SIGKILL)
    while load_birth(pid) == birth:
        os.sched_yield()

    killed = status(project)
    project.succeed("network", "start")

    assert killed["state"] == "stopped"
    assert status(project)["pid"] != pid


@pytest.mark.slow
def test_simultaneous_starts_make_one_network(project: Workspace) -> None:
    """Commands started at the same time agree on one process."""
    started = [project.start("network", "start") for _ in range(3)]
    outputs = [process.communicate() for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], outputs
    pid = status(project)["pid"]
    assert all(f"(process {pid})" in errors for _, errors in outputs)


def test_port_of_another_project_is_named(project: Workspace, tmp_path: Path) -> None:
    """Two projects with one port: the second is told which project has it, and how to stop that network."""
    project.succeed("network", "start")
    port = str(status(project)["api_url"]).rpartition(":")[2]
    other = tmp_path / "other"
    other.mkdir()
    (other / "icp.yaml").write_text(MANIFEST.replace("port: 0", f"port: {port}"))

    done = project.run("network", "start", "--project", str(other))

    assert done.exit_code == 1
    assert f"error[network/port-taken]: port {port} is in use" in done.stderr
    assert f"the project at `{project.directory}`" in done.stderr
    assert f"orchestrator network stop local --project {project.directory}" in done.stderr


def test_port_of_a_stranger_is_refused(project: Workspace) -> None:
    """A port that another program has gives the same error without a name."""
    project.succeed("network", "start")
    port = str(status(project)["api_url"]).rpartition(":")[2]
    project.write("icp.yaml", MANIFEST.replace("port: 0", f"port: {port}").replace("name: local", "name: second"))
    for path in (Path(project.variables["ORCHESTRATOR_HOME"]) / "cache" / "ports").glob("*.json"):
        path.unlink()

    done = project.run("network", "start", "second")
    project.write("icp.yaml", MANIFEST)

    assert done.exit_code == 1
    assert f"error[network/port-taken]: port {port} is in use" in done.stderr
    assert "another program has it" in done.stderr


def test_fetched_root_key_is_the_networks(project: Workspace) -> None:
    """A connected network with `root-key: fetch` is asked for its key."""
    project.succeed("network", "start")
    facts = status(project)

    access = anyio.run(connect, project.directory, ConnectedNetwork(name="t", api_url=str(facts["api_url"]), root_key="fetch"))

    assert access.root_key.hex() == facts["root_key"]


def test_network_survives_its_starter(project: Workspace) -> None:
    """Ctrl-C for the command's process group does not reach the network that it started."""
    with project.start("network", "start") as process:
        process.communicate()
    group = process.pid

    with pytest.raises(ProcessLookupError):
        os.killpg(group, signal.SIGINT)
    done = subprocess.run(
        project.command("network", "status"), cwd=project.directory, env=project.variables, capture_output=True, check=True
    )

    assert b"State: running" in done.stdout
