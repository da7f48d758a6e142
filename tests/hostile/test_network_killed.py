"""A network that is killed again and again while it works: what it has promised holds, whenever that was."""

import contextlib
import random
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from orchestrator.core.principal import Principal
from orchestrator.protocol.keys import Identity
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_modules import threefold
from tests.support.replica_process import RunningReplica, start_replica

EMPTY = b"DIDL\x00\x00"
CYCLES = 100_000_000_000_000
ROUNDS = 6
CANISTERS = 3
MAX_OPERATIONS = 40
ENDED = (httpx.HTTPError, OSError, AssertionError)
"""What a client meets when the network is killed under it."""


class Promises:
    """What clients have been told: ids, counts that were answered, and counts that were answered before a checkpoint."""

    def __init__(self) -> None:
        self.created: list[Principal] = []
        self.answered: dict[Principal, int] = {}
        self.started: dict[Principal, int] = {}
        self.durable: dict[Principal, int] = {}


def numbers(reply: bytes) -> tuple[int, ...]:
    """Return the three counts."""
    return struct.unpack("<3I", reply)


class Load:
    """Two clients that work until the network is gone; `operations` counts what they have done."""

    def __init__(self, replica: RunningReplica, identity: Identity, promises: Promises) -> None:
        self.replica, self.identity, self.promises = replica, identity, promises
        self.progress = threading.Semaphore(0)
        self.threads = [threading.Thread(target=self._guarded, args=(work,)) for work in (self._count, self._create)]

    def _guarded(self, work: Callable[[ReplicaClient], None]) -> None:
        with ReplicaClient(self.replica.url, self.replica.root_key, self.identity) as client, contextlib.suppress(*ENDED):
            while True:
                work(client)
                self.progress.release()

    def _count(self, client: ReplicaClient) -> None:
        for canister in self.promises.created[:CANISTERS]:
            self.promises.started[canister] = self.promises.started.get(canister, 0) + 1
            self.promises.answered[canister] = numbers(client.call(canister, "add", EMPTY))[0]

    def _create(self, client: ReplicaClient) -> None:
        self.promises.created.append(client.create())

    def run_until_killed(self, operations: int) -> None:
        """Let both work, checkpoint half way through, and kill the network after some operations."""
        for thread in self.threads:
            thread.start()
        for number in range(operations):
            assert self.progress.acquire(timeout=60)
            if number == operations // 2:
                before = dict(self.promises.answered)
                headers = {"authorization": f"Bearer {self.replica.control_token}"}
                url = f"http://127.0.0.1:{self.replica.control_port}/checkpoint"
                assert httpx.post(url, json={}, headers=headers, timeout=60).status_code == 200
                self.promises.durable |= before
        self.replica.process.kill()
        self.replica.process.wait()
        for thread in self.threads:
            thread.join()


def check(client: ReplicaClient, promises: Promises) -> None:
    """Every id is known, every count is whole and within what was promised, and nobody has more cycles than were made."""
    for canister in promises.created:
        status = client.status(canister)
        cycles = status["cycles"]
        assert isinstance(cycles, int)
        assert 0 < cycles <= CYCLES
    for canister in promises.created[:CANISTERS]:
        counts = numbers(client.query(canister, "show", EMPTY))
        assert len(set(counts)) == 1, counts
        assert promises.durable.get(canister, 0) <= counts[0] <= promises.started.get(canister, 0)
        promises.started[canister] = promises.durable[canister] = promises.answered[canister] = counts[0]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.slow  # more than a dozen networks are started and killed
def test_promises_hold_over_any_number_of_kills(tmp_path: Path, seed: int) -> None:
    """Ids are never given out twice; what was answered before a checkpoint stays; a canister's state is of one time."""
    chance = random.Random(seed)  # noqa: S311 # a test's dice
    promises = Promises()
    identity: Identity | None = None
    for _ in range(ROUNDS):
        replica = start_replica(tmp_path)
        with ReplicaClient(replica.url, replica.root_key, identity) as client:
            identity = client.identity
            check(client, promises)
            while len(promises.created) < CANISTERS:
                promises.created.append(client.create())
                client.install(promises.created[-1], threefold())
        Load(replica, identity, promises).run_until_killed(chance.randrange(2, MAX_OPERATIONS))
        assert len(set(promises.created)) == len(promises.created)
    replica = start_replica(tmp_path)
    with ReplicaClient(replica.url, replica.root_key, identity) as client:
        check(client, promises)
        with pytest.raises(CallRejectedError):
            client.call(promises.created[0], "nothing", EMPTY)
    replica.process.kill()
    replica.process.wait()
