"""The funds of the user's identities on an embedded network of a project."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.agent.identity_files import IdentityFiles
from orchestrator.core.principal import Principal
from orchestrator.core.project import ManagedNetwork
from orchestrator.network.access import NetworkAccess
from orchestrator.network.manager import network_status, start_network, stop_network
from orchestrator.network.settings import NetworkSettings
from orchestrator.protocol.keys import Identity
from orchestrator.replica.system.ids import ICP_LEDGER_ID, PROXY_ID
from tests.support.replica_client import ReplicaClient
from tests.support.system_client import SystemClient

pytestmark = pytest.mark.anyio
TRILLION = 10**12
NETWORK = ManagedNetwork(name="local", port=0)


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[NetworkSettings]:
    """Return the settings of a machine whose user has an own folder of identities; what was started is stopped."""
    environ = {"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(tmp_path / "home"), "ICP_HOME": str(tmp_path / "icp")}
    made = NetworkSettings.from_environment(environ)
    yield made
    await stop_network(tmp_path, NETWORK, settings=made)


def funds(access: NetworkAccess, identity: Identity) -> tuple[int, int]:
    """Return the ICP, in e8s, and the cycles of an identity; whoever has some controls the proxy."""
    with ReplicaClient(access.api_url, access.root_key, identity) as client:
        system = SystemClient(client)
        assert (identity.principal in system.controllers(Principal(PROXY_ID))) == bool(system.cycles())
        return system.balance(ICP_LEDGER_ID), system.cycles()


async def test_identities_have_funds(tmp_path: Path, settings: NetworkSettings) -> None:
    """Those that exist when the network starts get theirs, a later one when it is started again; the proxy's id is told."""
    identities = IdentityFiles(tmp_path / "icp")
    early = identities.create("early")
    access = await start_network(tmp_path, NETWORK, settings=settings)
    late = identities.create("late")

    before = funds(access, late)
    await start_network(tmp_path, NETWORK, settings=settings)
    report = await network_status(tmp_path, NETWORK, settings=settings)

    assert before == (0, 0)
    assert funds(access, early) == funds(access, late) == (1_000_000 * 10**8, 1_000 * TRILLION)
    assert report.access is not None
    assert report.access.proxy_canister_id == str(Principal(PROXY_ID))


@pytest.mark.slow
async def test_a_damaged_list_of_identities_starts_no_less(tmp_path: Path, settings: NetworkSettings) -> None:
    """A network starts also where the list of identities cannot be read."""
    folder = tmp_path / "icp" / "identity"
    folder.mkdir(parents=True)
    (folder / "identity_list.json").write_text("{", encoding="utf-8")

    await start_network(tmp_path, NETWORK, settings=settings)

    assert (await network_status(tmp_path, NETWORK, settings=settings)).state == "running"
