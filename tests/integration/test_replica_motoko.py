"""Motoko actors that call each other on the embedded network: what its compiler and library take for granted."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from orchestrator.candid import Variant, decode, encode
from orchestrator.candid.types import NAT, PRINCIPAL, Type
from orchestrator.core.principal import Principal
from orchestrator.protocol.hash_tree import Found
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_process import running_replica

SOURCE = Path(__file__).parent.parent / "cases" / "replica" / "Network.mo"
MAX_POLLS = 20_000

pytestmark = [pytest.mark.npm, pytest.mark.slow]


@pytest.fixture(scope="module")
def wasm(compile_actor: Callable[[str], bytes]) -> bytes:
    """Compile the actor once."""
    return compile_actor(SOURCE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaClient]:
    """Run one network for this file and return a client of it."""
    with running_replica(tmp_path_factory.mktemp("replica")) as replica, ReplicaClient(replica.url, replica.root_key) as made:
        yield made


def deploy(client: ReplicaClient, wasm: bytes) -> Principal:
    """Create a canister and install the actor."""
    canister = client.create()
    client.install(canister, wasm)
    return canister


def ask(client: ReplicaClient, canister: Principal, method: str, *values: object, query: bool = False) -> object:
    """Call a method whose arguments are naturals and principals, and whose result is one value or none."""
    types: list[Type] = [PRINCIPAL if isinstance(value, Principal) else NAT for value in values]
    send = client.query if query else client.call
    reply = decode(send(canister, method, encode(types, list(values))))
    return reply[0] if reply else None


def test_actors_await_each_other(client: ReplicaClient, wasm: bytes) -> None:
    """A call to another actor continues with its result, and both keep what they wrote."""
    one, two = deploy(client, wasm), deploy(client, wasm)
    assert ask(client, two, "add", 40) == 40
    assert ask(client, one, "addBoth", two, 2) == 44
    assert [ask(client, canister, "total", query=True) for canister in (one, two)] == [2, 42]


def test_an_actor_awaits_itself(client: ReplicaClient, wasm: bytes) -> None:
    """A call to oneself is a message of its own."""
    one = deploy(client, wasm)
    assert ask(client, one, "addBoth", one, 5) == 20


def test_a_trap_of_the_callee_is_caught(client: ReplicaClient, wasm: bytes) -> None:
    """The caller catches the error with its code and goes on; only the callee's changes are undone."""
    one, two = deploy(client, wasm), deploy(client, wasm)
    message = cast("str", ask(client, one, "tryPeer", two))
    assert message.startswith("IC0503: Error from Canister")
    assert "assertion failed" in message
    assert [ask(client, canister, "total", query=True) for canister in (one, two)] == [1, 0]


def test_a_trap_reaches_the_user(client: ReplicaClient, wasm: bytes) -> None:
    """The user sees the trap's text and code, and the state is as before."""
    one = deploy(client, wasm)
    with pytest.raises(CallRejectedError, match="assertion failed") as caught:
        ask(client, one, "fail")
    assert (caught.value.code, caught.value.error_code) == (5, "IC0503")
    assert ask(client, one, "total", query=True) == 0


def test_composite_queries_ask_other_actors(client: ReplicaClient, wasm: bytes) -> None:
    """A composite query adds up what another actor, or the same one, says."""
    one, two = deploy(client, wasm), deploy(client, wasm)
    ask(client, one, "add", 1)
    ask(client, two, "add", 2)
    assert ask(client, one, "sum", two, query=True) == 3
    assert ask(client, one, "sum", one, query=True) == 2


def test_actors_use_the_management_canister(client: ReplicaClient, wasm: bytes) -> None:
    """raw_rand answers canisters."""
    assert ask(client, deploy(client, wasm), "random") == 32


def test_timers_fire(client: ReplicaClient, wasm: bytes) -> None:
    """A timer set in an update runs soon after, without anybody calling."""
    one = deploy(client, wasm)
    ask(client, one, "later")
    ticked = (ask(client, one, "ticked", query=True) for _ in range(MAX_POLLS))
    assert next((count for count in ticked if count), None) == 1


def test_orthogonal_persistence_survives_an_upgrade(client: ReplicaClient, wasm: bytes) -> None:
    """With `keep` the actor's variables stay; without saying so the upgrade is refused and changes nothing."""
    one = deploy(client, wasm)
    ask(client, one, "add", 7)
    with pytest.raises(CallRejectedError, match="wasm_memory_persistence"):
        client.install(one, wasm, mode=Variant("upgrade"))
    keep = Variant("upgrade", {"skip_pre_upgrade": None, "wasm_memory_persistence": Variant("keep")})
    client.install(one, wasm, mode=keep)
    assert ask(client, one, "total", query=True) == 7


def test_candid_is_in_the_metadata(client: ReplicaClient, wasm: bytes) -> None:
    """The compiler's interface is certified public metadata."""
    one = deploy(client, wasm)
    path = [b"canister", one.raw, b"metadata", b"candid:service"]
    found = client.certificate([path], one).lookup(path)
    assert isinstance(found, Found)
    assert b"addBoth" in found.value
