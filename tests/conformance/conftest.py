"""Fixtures of the conformance tests."""

from collections.abc import Iterator

import pytest

from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import running_replica


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaClient]:
    """Run one embedded network for the tests of a file and return a client of it."""
    with running_replica(tmp_path_factory.mktemp("replica")) as replica, ReplicaClient(replica.url, replica.root_key) as client:
        yield client
