"""A canister in C, compiled by zig for both pointer widths: what a compiler makes of the bare system API runs."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_process import running_replica

SOURCE = Path(__file__).parent.parent / "cases" / "replica" / "raw.c"
COMPILE_LIMIT_SECONDS = 120
MAX_POLLS = 20_000
OPTIONS = ("-O1", "-nostdlib", "-Wl,--no-entry", "-Wl,--export-table")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaClient]:
    """Run one network for this file and return a client of it."""
    with running_replica(tmp_path_factory.mktemp("replica")) as replica, ReplicaClient(replica.url, replica.root_key) as made:
        yield made


@pytest.fixture(scope="module", params=["wasm32", "wasm64"])
def wasm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Compile the canister for one pointer width."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed: run `scripts/install --dev --toolchains`")
    module = tmp_path_factory.mktemp("c") / "raw.wasm"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{request.param}-freestanding", *OPTIONS, "-o", str(module), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMPILE_LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr
    return module.read_bytes()


@pytest.fixture
def canister(client: ReplicaClient, wasm: bytes) -> Principal:
    """Deploy the canister; it starts at 100 and adds the length of its argument."""
    made = client.create()
    client.install(made, wasm, arg=b"")
    return made


def state(client: ReplicaClient, canister: Principal) -> list[int]:
    """Return the count, what cleanup added, and how often the timer fired."""
    reply = client.query(canister, "get", b"")
    return [int.from_bytes(reply[start : start + 8], "little") for start in (0, 8, 16)]


def rejection(run: Callable[[], object]) -> str:
    """Return the words with which a call is rejected."""
    with pytest.raises(CallRejectedError) as caught:
        run()
    return f"{caught.value.error_code} {caught.value.message}"


def test_updates_queries_and_arguments(client: ReplicaClient, canister: Principal) -> None:
    """An update counts, a query reads, arguments and the caller arrive whole."""
    assert client.call(canister, "inc", b"") == (101).to_bytes(8, "little")
    assert state(client, canister) == [101, 0, 0]
    argument = bytes(range(256)) * 200
    assert client.query(canister, "echo", argument) == argument
    assert client.query(canister, "caller", b"") == client.identity.principal.raw


def test_traps_undo(client: ReplicaClient, canister: Principal) -> None:
    """A called trap and an access outside memory leave the count as it was."""
    assert "failed on purpose" in rejection(lambda: client.call(canister, "fail", b""))
    assert rejection(lambda: client.call(canister, "overrun", b"")).startswith("IC0502")
    assert state(client, canister) == [100, 0, 0]


def test_calls_come_back(client: ReplicaClient, canister: Principal, wasm: bytes) -> None:
    """Function pointers are callbacks: reply, reject, and cleanup after a trapping one."""
    other = client.create()
    client.install(other, wasm, arg=b"")
    callee = bytes([len(other.raw)]) + other.raw
    assert client.call(canister, "call", callee + b"inc") == (101).to_bytes(8, "little")
    assert state(client, canister) == [115, 0, 0]
    assert "failed on purpose" in rejection(lambda: client.call(canister, "call", callee + b"fail"))
    assert state(client, canister) == [125, 0, 0]
    assert "the callback fails" in rejection(lambda: client.call(canister, "call", callee + b"get"))
    assert state(client, canister) == [135, 7, 0]


def test_timers_fire(client: ReplicaClient, canister: Principal) -> None:
    """The timer's function runs by itself, once."""
    client.call(canister, "later", b"")
    assert next(found for found in (state(client, canister) for _ in range(MAX_POLLS)) if found[2]) == [100, 0, 1]


def test_upgrades_save_in_stable_memory(client: ReplicaClient, canister: Principal, wasm: bytes) -> None:
    """The count goes through stable memory; a refused upgrade keeps the memory too."""
    client.call(canister, "inc", b"")
    client.call(canister, "call", bytes([len(canister.raw)]) + canister.raw + b"inc")
    before = state(client, canister)
    upgrade = Variant("upgrade", None)
    assert "refused by post_upgrade" in rejection(lambda: client.install(canister, wasm, mode=upgrade, arg=b"no"))
    assert state(client, canister) == before
    client.install(canister, wasm, mode=upgrade, arg=b"")
    assert state(client, canister) == [before[0], 0, 0]
