"""Our own deploy where canisters cost cycles: from the cycles ledger, and through a proxy canister, of a real network."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.agent.client import Client
from orchestrator.agent.cycles_ledger import CyclesLedger
from orchestrator.agent.transport import HttpTransport
from orchestrator.agent.values import CanisterSettings
from orchestrator.core.principal import Principal
from orchestrator.core.project import ManagedNetwork
from orchestrator.engine import call, deploy, load_project, open_session
from orchestrator.engine.session import Session
from orchestrator.errors import AgentError
from orchestrator.events import CanisterCreated
from orchestrator.network.manager import stop_network
from orchestrator.network.settings import NetworkSettings
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.protocol.pem import identity_to_pem
from orchestrator.replica.system.ids import PROXY_ID
from tests.support.projects import Recording
from tests.support.replica_client import ReplicaClient
from tests.support.replica_modules import counter
from tests.support.replica_process import RunningReplica, running_replica
from tests.support.system_client import SystemClient

pytestmark = pytest.mark.anyio
TRILLION = 10**12
FEE = 100_000_000
CREATED_AT = time.time_ns()
SETTINGS = CanisterSettings(freezing_threshold=86_400)
PROXY = Principal(PROXY_ID)
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
  - name: paid
    network: staging
  - name: proxied
    network: staging
    proxy: {proxy}
"""

LOCAL_MANIFEST = """\
canisters:
  - name: counter
    build:
      steps:
        - type: pre-built
          path: counter.wasm
networks:
  - {name: local, mode: managed, gateway: {port: 0}}
"""


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A project that is connected to a network, as an identity with funds there."""

    directory: Path
    system: SystemClient

    async def session(self, environment: str, recording: Recording | None = None) -> Session:
        """Return a session on one of the environments."""
        environ = {"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(self.directory / "home"), "ICP_HOME": str(self.directory / "icp")}
        project = await load_project(self.directory)
        identity_file = self.directory / "key.pem"
        return open_session(
            project, environment, verb="deploy", emit=recording or Recording(), environ=environ, identity_file=identity_file
        )


@pytest.fixture(scope="module")
def identity() -> Ed25519Identity:
    """Return the identity that pays."""
    return Ed25519Identity.generate()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, identity: Ed25519Identity) -> Iterator[RunningReplica]:
    """Run a network that knows the identity."""
    with running_replica(tmp_path_factory.mktemp("replica"), arguments=["--account", str(identity.principal)]) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, network: RunningReplica, identity: Ed25519Identity) -> Iterator[Site]:
    """Return a project of one counter."""
    manifest = MANIFEST.format(url=network.url, root_key=network.root_key.hex(), proxy=PROXY)
    (tmp_path / "icp.yaml").write_text(manifest, encoding="utf-8")
    (tmp_path / "counter.wasm").write_bytes(counter())
    (tmp_path / "key.pem").write_text(identity_to_pem(identity), encoding="utf-8")
    with ReplicaClient(network.url, network.root_key, identity) as client:
        yield Site(directory=tmp_path, system=SystemClient(client))


async def test_the_ledger_pays_for_a_new_canister(site: Site) -> None:
    """A deploy charges the account once; the canister runs and is the identity's; the second deploy costs nothing."""
    before = site.system.cycles()

    await deploy(await site.session("paid"))
    paid = before - site.system.cycles()
    await deploy(await site.session("paid"))

    assert paid == 2 * TRILLION + FEE
    assert before - site.system.cycles() == paid
    assert (await call(await site.session("paid"), "counter", "inc", "()")).text == "(101 : nat32)"


async def test_the_proxy_creates_and_controls(site: Site) -> None:
    """With a proxy in the environment nothing is taken from the account, and the proxy alone controls the canister."""
    before, recording = site.system.cycles(), Recording()

    await deploy(await site.session("proxied", recording))
    await deploy(await site.session("proxied", recording))

    created = recording.of("canister-created")[0]
    assert isinstance(created, CanisterCreated)
    assert site.system.controllers(Principal.from_text(created.id)) == [PROXY]
    assert site.system.cycles() == before
    assert (await call(await site.session("proxied"), "counter", "inc", "()")).text == "(101 : nat32)"


async def test_asking_again_is_safe(network: RunningReplica, identity: Ed25519Identity) -> None:
    """The same creation, sent by two clients, makes one canister, which both are told."""
    made = []
    for _ in range(2):
        async with HttpTransport(network.url) as transport:
            client = Client(transport, identity, network.root_key)
            made.append(await CyclesLedger(client, client).create_canister(cycles=TRILLION, created_at_ns=CREATED_AT, settings=SETTINGS))

    assert made[1] == replace(made[0], duplicate=True)


async def test_too_few_cycles_are_told(network: RunningReplica, identity: Ed25519Identity) -> None:
    """More cycles than the account has, and settings that creation refuses, are errors in words."""
    async with HttpTransport(network.url) as transport:
        client = Client(transport, identity, network.root_key)
        ledger = CyclesLedger(client, client)
        with pytest.raises(AgentError, match="insufficient cycles"):
            await ledger.create_canister(cycles=10**6 * TRILLION, created_at_ns=CREATED_AT)
        with pytest.raises(AgentError, match="was not created"):
            await ledger.create_canister(cycles=TRILLION, created_at_ns=CREATED_AT + 1, subnet_id=PROXY)


async def test_the_proxy_of_an_embedded_network_serves_any_identity(tmp_path: Path) -> None:
    """An identity that the network has never heard of deploys through the network's own proxy."""
    (tmp_path / "icp.yaml").write_text(LOCAL_MANIFEST, encoding="utf-8")
    (tmp_path / "counter.wasm").write_bytes(counter())
    (tmp_path / "key.pem").write_text(identity_to_pem(Ed25519Identity.generate()), encoding="utf-8")
    environ = {"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HOME": str(tmp_path / "home"), "ICP_HOME": str(tmp_path / "icp")}
    project = await load_project(tmp_path)
    try:
        session = open_session(
            project, verb="deploy", emit=Recording(), environ=environ, identity_file=tmp_path / "key.pem", proxy=str(PROXY)
        )
        await deploy(session)

        assert (await call(session, "counter", "inc", "()")).text == "(101 : nat32)"
    finally:
        await stop_network(tmp_path, ManagedNetwork(name="local", port=0), settings=NetworkSettings.from_environment(environ))
