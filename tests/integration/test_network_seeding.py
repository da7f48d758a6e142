"""Accounts on networks where the anonymous identity has everything."""

import logging
from pathlib import Path

import pytest

from orchestrator.network.access import NetworkAccess
from orchestrator.network.seeding import seed_accounts
from orchestrator.protocol.keys import Ed25519Identity
from orchestrator.replica.system.ids import ICP_LEDGER_ID
from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import running_replica
from tests.support.system_client import SystemClient

ANONYMOUS = "2vxsx-fae"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio."""
    return "asyncio"


async def test_empty_accounts_get_their_part_once(tmp_path: Path) -> None:
    """An identity without anything gets ICP and cycles from the anonymous one; a second time there is nothing to give."""
    identity = Ed25519Identity.generate()
    accounts = [str(identity.principal)]
    with running_replica(tmp_path, arguments=["--account", ANONYMOUS]) as replica:
        access = NetworkAccess(
            name="local", launcher="pocket-ic", api_url=replica.url, gateway_url=None, root_key=replica.root_key, managed=True
        )
        first = await seed_accounts(access, accounts, icp=5_000_000, cycles=7_000_000_000)
        again = await seed_accounts(access, accounts, icp=5_000_000, cycles=7_000_000_000)
        with ReplicaClient(replica.url, replica.root_key, identity) as client:
            system = SystemClient(client)
            balances = (system.balance(ICP_LEDGER_ID), system.cycles())

    assert (first, again) == (2, 0)
    assert balances == (5_000_000, 7_000_000_000)


async def test_network_without_ledgers_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """A network that does not answer, or has no ledgers, is no failure: nothing depends on the gifts, and nobody is warned."""
    access = NetworkAccess(name="x", launcher="docker", api_url="http://127.0.0.1:1", gateway_url=None, root_key=b"", managed=True)

    assert await seed_accounts(access, [ANONYMOUS], seconds=0.3) == 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
