"""The cache of downloads, with processes that are killed and processes that come at once."""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faulty_server import Answer, faulty_server
from tests.support.workspace import Workspace, workspace

pytestmark = pytest.mark.slow
BODY = os.urandom(3 << 20)
SHA256 = hashlib.sha256(BODY).hexdigest()
WAIT_SECONDS = 30.0


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return a project without canisters."""
    with workspace(tmp_path, manifest="canisters: []\n") as opened:
        yield opened


def use(project: Workspace, url: str) -> None:
    """Let the project have a module that is downloaded."""
    step = f"{{type: pre-built, url: '{url}', sha256: {SHA256}}}"
    project.write("icp.yaml", f"canisters:\n  - name: far\n    build:\n      steps: [{step}]\n")


def wait_for(path: Path, size: int) -> None:
    """Wait until a file has some bytes."""
    pause = threading.Event()
    for _ in range(int(WAIT_SECONDS / 0.01)):
        if path.exists() and path.stat().st_size >= size:
            return
        pause.wait(0.01)
    pytest.fail(f"{path} does not grow")


def test_a_killed_download_is_gone_on_with(project: Workspace, tmp_path: Path) -> None:
    """Killed in the middle, it leaves nothing that looks complete; the next run asks for the rest alone."""
    packages = tmp_path / "home" / "orchestrator" / "cache" / "packages"
    # One answer stops in the middle for as long as the client lives, the next one goes to the end.
    gate = threading.Event()
    first = Answer(body=BODY[: 2 << 20], etag='"1"', claimed=len(BODY), after=gate)
    with faulty_server(first, Answer(body=BODY, etag='"1"')) as server:
        use(project, server.url)
        victim = project.start("plugin", "cache", "fetch")
        wait_for(packages / "partial" / SHA256, 1 << 20)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        gate.set()
        listed = json.loads(project.succeed("plugin", "cache", "list", "--json").stdout)
        done = project.succeed("plugin", "cache", "fetch")

    assert listed["packages"] == []
    assert done.stdout == "Kept 1 download (3.0 MiB)\n"
    assert int(server.requests[1].headers["range"].removeprefix("bytes=").removesuffix("-")) >= 1 << 20
    assert hashlib.sha256((packages / "sha256" / SHA256).read_bytes()).hexdigest() == SHA256


def test_processes_download_once(project: Workspace) -> None:
    """Three runs at once make one request."""
    gate = threading.Event()
    with faulty_server(Answer(body=BODY, hold=gate)) as server:
        use(project, server.url)
        runs = [project.start("plugin", "cache", "fetch", "--json") for _ in range(3)]
        while not server.requests:
            gate.wait(0.01)
        gate.set()
        outputs = [run.communicate(timeout=WAIT_SECONDS) for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert [json.loads(stdout)["packages"][0]["sha256"] for stdout, _ in outputs] == [SHA256] * 3
    assert len(server.requests) == 1


def test_a_proxy_is_used(project: Workspace) -> None:
    """Downloads go through the proxy that the environment names, as other programs' do."""
    use(project, "http://far.test/module.wasm?token=hunter2")
    with faulty_server(Answer(body=BODY)) as proxy:
        project.variables["HTTP_PROXY"] = proxy.url.removesuffix("/plugin.wasm")
        done = project.succeed("plugin", "cache", "fetch")

    assert [request.target for request in proxy.requests] == ["http://far.test/module.wasm?token=hunter2"]
    assert "hunter2" not in done.stdout + done.stderr
