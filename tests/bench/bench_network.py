"""The embedded network: start, latency, throughput, memory."""

import http.client
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import psutil

from orchestrator.agent.client import Client
from orchestrator.agent.management import Management
from orchestrator.agent.transport import HttpTransport
from orchestrator.candid import encode, types
from orchestrator.core.principal import Principal
from orchestrator.protocol.envelope import sign_call, sign_query
from orchestrator.protocol.keys import Ed25519Identity, Identity
from tests.bench.measuring import MEGABYTE, Row, milliseconds, percentile
from tests.support.replica_process import RunningReplica, running_replica
from tests.support.workspace import ROOT

STARTS = 7
CALLS = 400
CONCURRENT = 8
EXPIRY_NS = 240 * 10**9
WASM = ROOT / "examples" / "hello" / "phrasebook.wasm"
PHRASE = encode([types.record({"key": types.TEXT, "value": types.TEXT})], [{"key": "en", "value": "Hello"}])
KEY = encode([types.TEXT], ["en"])


def rows(folder: Path) -> Iterator[Row]:
    """Measure starting, then calls to the example's canister, one after another and several at once."""
    starts = []
    for number in range(STARTS):
        begin = time.perf_counter()
        with running_replica(folder / f"start-{number}") as replica:
            _wait_healthy(replica.port)
            starts.append(time.perf_counter() - begin)
            idle = psutil.Process(replica.process.pid).memory_info().rss
    yield Row(
        what="embedded network: process start to answered status",
        value=milliseconds(percentile(starts, 0.5)),
        peer=f"then {idle / MEGABYTE:.0f} MB of memory",
    )
    with running_replica(folder / "calls") as replica:
        yield from anyio.run(_calls, replica)
        resident = psutil.Process(replica.process.pid).memory_info().rss
        yield Row(what="embedded network: memory after the calls above", value=f"{resident / MEGABYTE:.0f} MB")


def _wait_healthy(port: int) -> None:
    """Ask for the status as a bare client would: a full HTTP library takes longer to set up than the network."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/api/v2/status")
    if b"healthy" not in connection.getresponse().read():
        raise RuntimeError("the network is not healthy")
    connection.close()


async def _calls(replica: RunningReplica) -> list[Row]:
    async with HttpTransport(replica.url) as transport:
        client = Client(transport, Ed25519Identity.generate(), replica.root_key)
        management = Management(client, client)
        canister = await management.provisional_create_canister()
        begin = time.perf_counter()
        await management.install_code(canister, WASM.read_bytes(), b"DIDL\0\0", mode="install")
        installed = time.perf_counter() - begin
        found = [Row(what="install a Motoko canister of 318 KB", value=milliseconds(installed))]
        for name, call in _methods(client, canister).items():
            found += await _measure(name, call)
        return [*found, *await anyio.to_thread.run_sync(_bare, replica.port, client.identity, canister)]


def _bare(port: int, identity: Identity, canister: Principal) -> list[Row]:
    """Measure the network alone: requests that are signed beforehand, over one connection, answers not verified."""
    expiry = time.time_ns() + EXPIRY_NS
    requests = {
        "update": ("/api/v4", "call", [sign_call(identity, canister, "put", PHRASE, expiry_ns=expiry).body for _ in range(CALLS)]),
        "query": ("/api/v3", "query", [sign_query(identity, canister, "get", KEY, expiry_ns=expiry).body for _ in range(CALLS)]),
    }
    found = []
    for name, (version, endpoint, bodies) in requests.items():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        taken = []
        for body in bodies:
            begin = time.perf_counter()
            connection.request("POST", f"{version}/canister/{canister}/{endpoint}", body, {"content-type": "application/cbor"})
            response = connection.getresponse()
            response.read()
            taken.append(time.perf_counter() - begin)
            if response.status != http.HTTPStatus.OK:
                raise RuntimeError(f"{name} was answered with {response.status}")
        connection.close()
        peer = f"p99 {milliseconds(percentile(taken, 0.99))}"
        found.append(Row(what=f"{name} over bare HTTP, signed beforehand: p50", value=milliseconds(percentile(taken, 0.5)), peer=peer))
    return found


def _methods(client: Client, canister: Principal) -> dict[str, Callable[[], Awaitable[bytes]]]:
    async def update() -> bytes:
        return await client.update(canister, "put", PHRASE)

    async def query() -> bytes:
        return await client.query(canister, "get", KEY)

    return {"update, certificate verified": update, "query, node signature verified": query}


async def _measure(name: str, call: Callable[[], Awaitable[bytes]]) -> list[Row]:
    await call()
    taken = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begin)

    async def some() -> None:
        for _ in range(CALLS // CONCURRENT):
            await call()

    begin = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(CONCURRENT):
            tasks.start_soon(some)
    rate = CALLS / (time.perf_counter() - begin)
    return [
        Row(what=f"{name}: p50", value=milliseconds(percentile(taken, 0.5)), peer=f"p99 {milliseconds(percentile(taken, 0.99))}"),
        Row(what=f"{name}: {CONCURRENT} at once", value=f"{rate:.0f} /s", peer="client and network share the CPUs"),
    ]
