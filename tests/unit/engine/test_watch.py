"""A network that ends while it is used is noticed at once."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import Project
from orchestrator.engine.session import Session
from orchestrator.engine.watch import watched_network
from orchestrator.errors import BuildError, NetworkError, OrchestratorError, OutcomeUnknownError, TransportError
from orchestrator.network.access import NetworkAccess
from tests.support.memory_network import MemoryNetwork
from tests.support.projects import memory_session

pytestmark = pytest.mark.anyio


@pytest.fixture
def session(project: Project, network: MemoryNetwork) -> Session:
    """Return the session that uses the network."""
    return memory_session(project, network)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that stands for the network's."""
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as started:
        yield started
        started.kill()


def access_of(pid: int | None) -> NetworkAccess:
    """Return how to reach the network of this process."""
    url = "http://127.0.0.1:1"
    return NetworkAccess(name="local", launcher="embedded", api_url=url, gateway_url=url, root_key=b"", managed=True, pid=pid)


@pytest.mark.parametrize(("flying", "kind"), [([], NetworkError), ([b"one"], OutcomeUnknownError), ([b"one", b"two"], OutcomeUnknownError)])
async def test_waiting_ends_with_the_process(
    session: Session, process: subprocess.Popen[bytes], flying: list[bytes], kind: type[OrchestratorError]
) -> None:
    """What waits for a dead network's answer is cancelled; calls on their way make the outcome unknown."""

    async def wait_for_an_answer() -> None:
        async with watched_network(session, access_of(process.pid), flying):
            process.kill()
            await anyio.sleep_forever()

    with anyio.fail_after(30), pytest.raises(kind) as caught:
        await wait_for_an_answer()

    assert caught.value.slug == "network/ended"
    assert f"process {process.pid}" in str(caught.value.detail)
    assert ("may have taken effect" in str(caught.value.detail)) is bool(flying)


async def test_a_broken_connection_is_explained_by_a_dead_process(session: Session, process: subprocess.Popen[bytes]) -> None:
    """The transport may notice first; the reason is still the network's end."""
    process.kill()
    process.wait()

    with pytest.raises(NetworkError) as caught:
        async with watched_network(session, access_of(process.pid), ()):
            raise TransportError("refused")

    assert caught.value.slug == "network/ended"


async def test_errors_of_a_living_network_pass(session: Session, process: subprocess.Popen[bytes]) -> None:
    """What fails while the network lives is raised as it is, not in a group."""
    trouble = BuildError("no module")

    with pytest.raises(BuildError) as caught:
        async with watched_network(session, access_of(process.pid), [b"one"]):
            raise trouble

    assert caught.value is trouble


async def test_networks_of_others_are_not_watched(session: Session) -> None:
    """A network without a process of ours is used as it is."""
    trouble = TransportError("refused")

    with pytest.raises(TransportError) as caught:
        async with watched_network(session, access_of(None), ()):
            raise trouble

    assert caught.value is trouble
