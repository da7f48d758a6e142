"""The embedded network: start, latency, throughput, how both grow, large heaps and files, memory.

Requests are signed beforehand and sent by another process; nothing of the answers is verified, except in the
rows that say so. What a canister does here is next to nothing: the figures are the network's.
"""

import http.client
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import anyio
import psutil

from orchestrator.agent.client import Client
from orchestrator.agent.transport import HttpTransport
from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.protocol.envelope import SignedRequest, sign_call, sign_query, sign_read_state
from orchestrator.protocol.keys import AnonymousIdentity, Ed25519Identity, Identity
from tests.bench.load import Load, frame, run_load
from tests.bench.measuring import MEGABYTE, Row, milliseconds, percentile
from tests.support.large_modules import PAGE_BYTES, PART_BYTES, large_file, large_heap
from tests.support.replica_client import ReplicaClient
from tests.support.replica_modules import counter
from tests.support.replica_process import RunningReplica, running_replica

STARTS = 5
REQUESTS = 600
VERIFIED = 100
CONCURRENT = 8
EXPIRY_NS = 300 * 10**9
EMPTY = b"DIDL\0\0"
REQUEST_STEPS = (10, 1_000, 10_000, 100_000)
CANISTER_STEPS = (1, 100, 500)
FILL_CONNECTIONS = 16
FILL_CHUNK = 10_000
HEAP_PAGES = 4096
FILE_PARTS = 32


def rows(folder: Path) -> Iterator[Row]:
    """Measure one network after the other, each new."""
    yield from _starts(folder)
    with running_replica(folder / "calls") as replica, ReplicaClient(replica.url, replica.root_key) as client:
        network = _Network(replica, client)
        yield from _basics(network)
        yield from anyio.run(_verified, network)
        yield from _many_canisters(network)
        yield from _large(network)
    with running_replica(folder / "requests") as replica, ReplicaClient(replica.url, replica.root_key) as client:
        yield from _many_requests(_Network(replica, client))


@dataclass(slots=True)
class _Network:
    """A running network with its first canister, and who calls it."""

    replica: RunningReplica
    client: ReplicaClient
    identity: Identity = field(default_factory=Ed25519Identity.generate)
    canister: Principal = field(init=False)

    def __post_init__(self) -> None:
        self.canister = self.deploy(counter())

    def deploy(self, wasm: bytes) -> Principal:
        canister = self.client.create()
        self.client.install(canister, wasm)
        return canister

    def update(self, *, canister: Principal | None = None) -> bytes:
        target = canister or self.canister
        return frame(f"/api/v4/canister/{target}/call", sign_call(self.identity, target, "inc", EMPTY, expiry_ns=_expiry()).body)

    def query(self) -> bytes:
        request = sign_query(self.identity, self.canister, "get", EMPTY, expiry_ns=_expiry(), nonce=secrets.token_bytes(8))
        return frame(f"/api/v3/canister/{self.canister}/query", request.body)

    def read_state(self) -> bytes:
        return frame(f"/api/v3/canister/{self.canister}/read_state", sign_read_state(self.identity, [[b"time"]], expiry_ns=_expiry()).body)

    def load(self, make: Callable[[], bytes], *, requests: int = REQUESTS, connections: int = 1) -> Load:
        return run_load(self.replica.port, [make() for _ in range(requests)], connections=connections)

    def resident(self) -> str:
        return f"{psutil.Process(self.replica.process.pid).memory_info().rss / MEGABYTE:.0f} MB"


def _expiry() -> int:
    return time.time_ns() + EXPIRY_NS


def _p50(load: Load) -> dict[str, str]:
    return {"value": milliseconds(load.at(0.5)), "peer": f"p99 {milliseconds(load.at(0.99))}"}


def _starts(folder: Path) -> Iterator[Row]:
    starts, resident = [], []
    for number in range(STARTS):
        begin = time.perf_counter()
        with running_replica(folder / f"start-{number}") as replica:
            _wait_healthy(replica.port)
            starts.append(time.perf_counter() - begin)
            resident.append(psutil.Process(replica.process.pid).memory_info().rss)
    yield Row(
        what="embedded network: process start to answered status",
        value=milliseconds(percentile(starts, 0.5)),
        peer=f"then {percentile(resident, 0.5) / MEGABYTE:.0f} MB of memory",
    )


def _wait_healthy(port: int) -> None:
    """Ask for the status as a bare client would: a full HTTP library takes longer to set up than the network."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/api/v2/status")
    if b"healthy" not in connection.getresponse().read():
        raise RuntimeError("the network is not healthy")
    connection.close()


def _basics(network: _Network) -> Iterator[Row]:
    for name, make in {"update": network.update, "query": network.query, "read_state": network.read_state}.items():
        network.load(make, requests=REQUESTS // 10)
        yield Row(what=f"{name}, one after another: p50", **_p50(network.load(make)))
        load = network.load(make, connections=CONCURRENT)
        yield Row(what=f"{name}, {CONCURRENT} at once", value=f"{load.rate:.0f} /s", peer="the client's process has the other CPU")


async def _verified(network: _Network) -> list[Row]:
    """Measure what a client of this package sees, which verifies everything in the time it measures."""
    found = []
    async with HttpTransport(network.replica.url) as transport:
        client = Client(transport, network.identity, network.replica.root_key)
        for name, call, method in (
            ("update, certificate verified", client.update, "inc"),
            ("query, signature verified", client.query, "get"),
        ):
            taken = []
            for _ in range(VERIFIED):
                begin = time.perf_counter()
                await call(network.canister, method, EMPTY)
                taken.append(time.perf_counter() - begin)
            peer = f"p99 {milliseconds(percentile(taken, 0.99))}; most of it is the client's verifying"
            found.append(Row(what=f"{name}: p50", value=milliseconds(percentile(taken, 0.5)), peer=peer))
    return found


def _many_canisters(network: _Network) -> Iterator[Row]:
    canisters = [network.canister]
    for count in CANISTER_STEPS:
        begin = time.perf_counter()
        added = [network.deploy(counter()) for _ in range(count - len(canisters))]
        seconds = time.perf_counter() - begin
        canisters += added
        made = f"; creating and installing one took {milliseconds(seconds / len(added))}" if added else ""
        requests = [network.update(canister=canisters[number % count]) for number in range(REQUESTS)]
        load = run_load(network.replica.port, requests)
        peer = f"p99 {milliseconds(load.at(0.99))}; {network.resident()} of memory{made}"
        yield Row(what=f"update with {count} canister{'s' if count > 1 else ''}: p50", value=milliseconds(load.at(0.5)), peer=peer)


def _large(network: _Network) -> Iterator[Row]:
    heap = network.deploy(large_heap(HEAP_PAGES))
    kept = Variant("upgrade", {"skip_pre_upgrade": None, "wasm_memory_persistence": Variant("keep")})
    taken = []
    for _ in range(3):
        begin = time.perf_counter()
        network.client.install(heap, large_heap(HEAP_PAGES), mode=kept)
        taken.append(time.perf_counter() - begin)
    network.client.query(heap, "peek", b"")
    size = HEAP_PAGES * PAGE_BYTES / MEGABYTE
    yield Row(what=f"upgrade that keeps a heap of {size:.0f} MB", value=milliseconds(min(taken)), peer="best of 3")
    file = network.client.create()
    network.client.install(file, large_file(file, FILE_PARTS))
    seconds, received = min(_download(network.replica.port, file) for _ in range(3))
    if received != FILE_PARTS * PART_BYTES:
        raise RuntimeError(f"the gateway served {received} bytes")
    rate = received / MEGABYTE / seconds
    yield Row(
        what=f"file of {received / MEGABYTE:.0f} MB through the gateway", value=milliseconds(seconds), peer=f"{rate:.0f} MB/s; unverified"
    )


def _download(port: int, canister: Principal) -> tuple[float, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    begin = time.perf_counter()
    connection.request("GET", "/", headers={"host": f"{canister}.raw.localhost:{port}"})
    response = connection.getresponse()
    received = 0
    while part := response.read(1 << 20):
        received += len(part)
    connection.close()
    return time.perf_counter() - begin, received


def _many_requests(network: _Network) -> Iterator[Row]:
    """Let a network remember ever more requests, none of which has expired."""
    for before, count in pairwise((0, *REQUEST_STEPS)):
        rate = _fill(network, count - before - (REQUESTS if before else 0))
        load = network.load(network.update)
        filled = f", filled at {rate:.0f} /s" if rate else ""
        peer = f"p99 {milliseconds(load.at(0.99))}; {network.resident()} of memory{filled}"
        yield Row(what=f"update after {count:,} requests: p50", value=milliseconds(load.at(0.5)), peer=peer)


def _fill(network: _Network, count: int) -> float:
    """Send anonymous updates without asking for certificates; returns how many per second."""
    begin, sent = time.perf_counter(), 0
    while sent < count:
        some = min(FILL_CHUNK, count - sent)
        requests = [frame(f"/api/v2/canister/{network.canister}/call", _anonymous(network).body) for _ in range(some)]
        run_load(network.replica.port, requests, connections=FILL_CONNECTIONS, status=202)
        sent += some
    return sent / (time.perf_counter() - begin)


def _anonymous(network: _Network) -> SignedRequest:
    return sign_call(AnonymousIdentity(), network.canister, "inc", EMPTY, expiry_ns=_expiry())
