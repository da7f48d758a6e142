"""Fixtures of the conformance tests."""

from collections.abc import Iterator

import pytest

from tests.support.replica_client import ReplicaClient
from tests.support.replica_process import RunningReplica


@pytest.fixture(scope="module")
def network(replica: RunningReplica) -> Iterator[ReplicaClient]:
    """Return a client of the file's embedded network."""
    with ReplicaClient(replica.url, replica.root_key) as client:
        yield client
