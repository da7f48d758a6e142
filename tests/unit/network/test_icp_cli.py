"""Networks that icp-cli runs in the same project."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.manager import connect, network_status, reset_network, start_network, stop_network
from orchestrator.network.settings import NetworkSettings

MakeSettings = Callable[..., NetworkSettings]
GATEWAY = Path(__file__).parents[2] / "support" / "fake_status.py"
NETWORK = ManagedNetwork(name="local", launcher="pocket-ic", port=0)
APPLICATION = "lz3um-vp777-77777-aaaba-cai"
PROXY = "lqy7q-dh777-77777-aaaaq-cai"
pytestmark = pytest.mark.anyio


@pytest.fixture
def running(project: Path, tmp_path: Path) -> Iterator[dict[str, object]]:
    """Describe a network as icp-cli does, one that answers, and return its gateway."""
    status = tmp_path / "gateway.json"
    options = ["--state-dir", str(tmp_path / "state"), "--bind", "127.0.0.1", "--port", "0", "--status-file", str(status)]
    started = int(time.time())
    with subprocess.Popen([sys.executable, str(GATEWAY), *options]) as process:
        while not status.exists():
            assert process.poll() is None
        facts: dict[str, object] = json.loads(status.read_text())
        describe(project, facts, {"type": "pid", "pid": process.pid, "start-time": started})
        yield {**facts, "pid": process.pid}
        process.send_signal(signal.SIGTERM)


def describe(project: Path, gateway: dict[str, object], locator: dict[str, object]) -> None:
    """Write icp-cli's descriptor of the network `local`."""
    folder = project / ".icp" / "cache" / "networks" / "local"
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "v": "1",
        "id": "0b5b0d2c-5f0a-4d3a-9d57-3a1f6f0f6b3f",
        "project-dir": str(project),
        "network": "local",
        "network-dir": str(folder),
        "gateway": {"fixed": False, "port": gateway["port"], "host": "localhost", "ip": "127.0.0.1"},
        "child-locator": locator,
        "root-key": gateway["root_key"],
        "pocketic-config-port": 1,
        "pocketic-instance-id": 0,
        "candid-ui-canister-id": None,
        "proxy-canister-id": PROXY,
        "ii": False,
        "status-dir": str(folder),
        "use-friendly-domains": False,
    }
    (folder / "descriptor.json").write_text(json.dumps(document))
    said = {"v": "1", "gateway_port": gateway["port"], "root_key": gateway["root_key"], "default_effective_canister_id": APPLICATION}
    (folder / "status.json").write_text(json.dumps(said) + "\n")


async def test_network_of_icp_cli_is_used(project: Path, make_settings: MakeSettings, running: dict[str, object]) -> None:
    """Where PocketIC is asked for, the one that icp-cli runs is connected to, with its root key and its proxy canister."""
    settings = make_settings()

    access = await connect(project, NETWORK, settings=settings)
    report = await network_status(project, NETWORK, settings=settings)
    started = await start_network(project, NETWORK, settings=settings)

    assert access.api_url == f"http://127.0.0.1:{running['port']}"
    assert access.root_key.hex() == running["root_key"]
    assert (access.pid, access.owner, access.proxy_canister_id, access.instance_id) == (running["pid"], "icp-cli", PROXY, None)
    assert access.effective_canister_id == APPLICATION
    assert (report.state, report.owner) == ("running", "icp-cli")
    assert started == access


@pytest.mark.parametrize("verb", [stop_network, reset_network], ids=["stop", "reset"])
@pytest.mark.slow
async def test_network_of_icp_cli_is_not_ours_to_end(
    project: Path, make_settings: MakeSettings, running: dict[str, object], verb: Callable[..., Awaitable[object]]
) -> None:
    """Stop and reset name the command of icp-cli, and leave its network running."""
    settings = make_settings()
    with pytest.raises(NetworkError, match="was started by icp-cli") as caught:
        await verb(project, NETWORK, settings=settings)

    assert (caught.value.slug, caught.value.hint) == ("network/foreign", "run `icp network stop local`")
    assert (await network_status(project, NETWORK, settings=settings)).pid == running["pid"]


@pytest.mark.slow
async def test_embedded_network_is_another_one(project: Path, make_settings: MakeSettings, running: dict[str, object]) -> None:
    """The embedded network does not take icp-cli's for its own, and a port that this has is explained."""
    embedded = ManagedNetwork(name="local", port=int(str(running["port"])))
    settings = make_settings("port-taken")

    report = await network_status(project, embedded, settings=settings)
    with pytest.raises(NetworkError, match="is in use") as caught:
        await start_network(project, embedded, settings=settings)

    assert report.state == "stopped"
    assert caught.value.detail == "the `local` network that icp-cli has started in this project has it"
    assert "launcher: pocket-ic" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "locator",
    [
        {"type": "pid", "pid": 1, "start-time": 1},
        {"type": "pid", "pid": 999_999_999, "start-time": 0},
        {"type": "container", "id": "0" * 64, "socket": "/var/run/docker.sock", "rm-on-exit": True},
        {"type": "unknown"},
    ],
    ids=["pid-of-another", "dead", "container-without-docker", "odd"],
)
async def test_stale_descriptors_of_icp_cli_count_for_nothing(
    project: Path, make_settings: MakeSettings, locator: dict[str, object]
) -> None:
    """A descriptor that icp-cli left behind, or that makes no sense, is no network."""
    describe(project, {"port": 8000, "root_key": "00ff"}, locator)
    settings = make_settings()

    report = await network_status(project, NETWORK, settings=replace(settings, environ={**settings.environ, "PATH": "/nowhere"}))

    assert report.state == "stopped"
