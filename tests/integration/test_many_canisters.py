"""More canisters than a process may have open files."""

import resource
import sys
from pathlib import Path

import pytest

from orchestrator.replica.daemon import MAX_OPEN_FILES
from tests.support.replica_client import ReplicaClient
from tests.support.replica_modules import counter
from tests.support.replica_process import running_replica, start_replica, stop_replica

ALLOWED = 64
CANISTERS = 70
EMPTY = b"DIDL\x00\x00"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot limit a process that runs")


def number(reply: bytes) -> int:
    """Return the counter's value."""
    return int.from_bytes(reply[-4:], "little")


@pytest.mark.slow
def test_a_network_outgrows_its_open_files(tmp_path: Path) -> None:
    """Canisters beyond the limit are created, run, undo and persist like those before it."""
    replica = start_replica(tmp_path)
    resource.prlimit(replica.process.pid, resource.RLIMIT_NOFILE, (ALLOWED, ALLOWED))
    with ReplicaClient(replica.url, replica.root_key) as client:
        canisters = [client.create() for _ in range(CANISTERS)]
        for canister in canisters:
            client.install(canister, counter())
        assert [number(client.call(canister, "inc", EMPTY)) for canister in canisters] == [101] * CANISTERS
        with pytest.raises(Exception, match="out of order"):
            client.call(canisters[-1], "inc_and_trap", EMPTY)
    assert stop_replica(replica) == 0
    with running_replica(tmp_path) as again, ReplicaClient(again.url, again.root_key) as client:
        assert [number(client.query(canister, "get", EMPTY)) for canister in canisters] == [101] * CANISTERS


def test_a_network_allows_itself_many_files(tmp_path: Path) -> None:
    """It raises the limit that it was started with as far as it may."""
    with running_replica(tmp_path) as replica:
        allowed, most = resource.prlimit(replica.process.pid, resource.RLIMIT_NOFILE)
        assert allowed == resource.RLIM_INFINITY or allowed >= min(MAX_OPEN_FILES, most)
