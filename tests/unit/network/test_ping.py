"""Asking networks how they are."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import NetworkError
from orchestrator.network.ping import ping_network, wait_healthy

GATEWAY = Path(__file__).parents[2] / "support" / "fake_status.py"
pytestmark = pytest.mark.anyio


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Return the address of something that answers as a healthy network."""
    status = tmp_path / "gateway.json"
    options = ["--state-dir", str(tmp_path / "state"), "--bind", "127.0.0.1", "--port", "0", "--status-file", str(status)]
    with subprocess.Popen([sys.executable, str(GATEWAY), *options]) as process:
        while not status.exists():
            assert process.poll() is None
        yield f"http://127.0.0.1:{json.loads(status.read_text())['port']}"
        process.send_signal(signal.SIGTERM)


async def test_network_tells_how_it_is(url: str) -> None:
    """What a network says comes back as it is, at once where it is healthy."""
    once = await ping_network(url, seconds=5)
    healthy = await wait_healthy(url, seconds=5)

    assert once == healthy
    assert (once.health, once.version) == ("healthy", None)
    assert once.root_key is not None


async def test_waiting_has_an_end() -> None:
    """A network that never answers is given up after the time that was said, with the last reason."""
    with pytest.raises(NetworkError, match=r"is not healthy after 0\.2 s") as caught:
        await wait_healthy("http://127.0.0.1:1", seconds=0.2, pause=0.05)

    assert caught.value.slug == "network/unhealthy"
    assert "cannot reach http://127.0.0.1:1" in (caught.value.detail or "")
