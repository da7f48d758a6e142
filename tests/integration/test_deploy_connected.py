"""A project deployed to a network that somebody else runs: with a key, to ids that belong into version control."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.core.project import ManagedNetwork
from orchestrator.engine import call, deploy, load_project, open_session
from orchestrator.engine.session import Session
from orchestrator.errors import IdentityError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.manager import start_network, stop_network
from orchestrator.network.settings import NetworkSettings
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.protocol.pem import identity_to_pem
from tests.support.projects import Recording
from tests.support.replica_modules import counter

pytestmark = pytest.mark.anyio
MANIFEST = """\
canisters:
  - name: counter
    build:
      steps:
        - type: pre-built
          path: counter.wasm
networks:
  - name: staging
    mode: connected
    url: {url}
    root-key: {root_key}
environments:
  - name: staging
    network: staging
"""


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[NetworkAccess]:
    """Return a network that another project runs."""
    other, network = tmp_path / "other", ManagedNetwork(name="local", port=0)
    other.mkdir()
    settings = NetworkSettings.from_environment({"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(tmp_path / "home")})
    yield await start_network(other, network, settings=settings)
    await stop_network(other, network, settings=settings)


@pytest.fixture
async def directory(tmp_path: Path, elsewhere: NetworkAccess) -> Path:
    """Return a project that is connected to that network."""
    made = tmp_path / "project"
    made.mkdir()
    (made / "icp.yaml").write_text(MANIFEST.format(url=elsewhere.api_url, root_key=elsewhere.root_key.hex()))
    (made / "counter.wasm").write_bytes(counter())
    (tmp_path / "key.pem").write_text(identity_to_pem(Ed25519Identity.generate()))
    return made


async def session(directory: Path, recording: Recording | None = None, *, key: bool = True) -> Session:
    """Return a session on the connected environment."""
    environ = {"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(directory.parent / "home"), "ICP_HOME": str(directory.parent / "icp")}
    project = await load_project(directory)
    identity_file = directory.parent / "key.pem" if key else None
    return open_session(project, "staging", verb="deploy", emit=recording or Recording(), environ=environ, identity_file=identity_file)


async def test_a_deploy_with_a_key(directory: Path) -> None:
    """Canisters are created where there is no cycles ledger too; ids and records are where version control sees them."""
    await deploy(await session(directory))

    ids = json.loads((directory / ".icp" / "data" / "mappings" / "staging.ids.json").read_text())
    assert set(ids) == {"counter"}
    assert (directory / ".orchestrator" / "data" / "environments" / "staging" / "records.json").is_file()
    assert (await call(await session(directory), "counter", "get", "()")).text == "(100 : nat32)"
    recording = Recording()
    await deploy(await session(directory, recording))
    assert len(recording.of("nothing-changed")) == 1


async def test_nobody_deploys_as_nobody(directory: Path) -> None:
    """The anonymous identity changes nothing on a network that is not ours, and nothing was built for it."""
    recording = Recording()

    with pytest.raises(IdentityError) as caught:
        await deploy(await session(directory, recording, key=False))

    assert caught.value.slug == "identity/anonymous"
    assert recording.names == ["run-started", "run-finished"]
