"""Motoko's features on the embedded network, compiled by its compiler: each relies on another part of the system API."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from orchestrator.candid import Interface, Variant, decode, encode, parse_interface
from orchestrator.core.principal import Principal
from orchestrator.protocol.hash_tree import Found
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.replica_process import running_replica

CASES = Path(__file__).parent.parent / "cases" / "replica"
KEEP = Variant("upgrade", {"skip_pre_upgrade": None, "wasm_memory_persistence": Variant("keep")})
REPLACE = Variant("upgrade", {"skip_pre_upgrade": None, "wasm_memory_persistence": Variant("replace")})
TRILLION = 10**12
MAX_POLLS = 20_000

pytestmark = [pytest.mark.npm, pytest.mark.slow]


class Actor:
    """A deployed Motoko actor that is called by its own interface."""

    def __init__(self, client: ReplicaClient, canister: Principal) -> None:
        self.client, self.id = client, canister

    def interface(self) -> Interface:
        """Return the interface that the compiler put into the module."""
        path = [b"canister", self.id.raw, b"metadata", b"candid:service"]
        found = self.client.certificate([path], self.id).lookup(path)
        assert isinstance(found, Found)
        return parse_interface(found.value.decode())

    def __call__(self, method: str, *values: object) -> object:
        """Call a method, as its interface says, and return its result or None."""
        service = self.interface().service
        assert service is not None
        signature = service.methods[method]
        send = self.client.query if "query" in signature.annotations else self.client.call
        results = decode(send(self.id, method, encode(signature.arguments, list(values))), signature.results)
        return results[0] if results else None

    def upgrade(self, wasm: bytes, mode: Variant = KEEP) -> None:
        """Install another module in place of this one."""
        self.client.install(self.id, wasm, mode=mode)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaClient]:
    """Run one network for this file and return a client of it."""
    with running_replica(tmp_path_factory.mktemp("replica")) as replica, ReplicaClient(replica.url, replica.root_key) as made:
        yield made


@pytest.fixture(scope="module")
def features(compile_actor: Callable[[str], bytes]) -> bytes:
    """Compile the actor that has every feature."""
    return compile_actor((CASES / "Features.mo").read_text(encoding="utf-8"))


def deploy(client: ReplicaClient, wasm: bytes) -> Actor:
    """Create a canister and install an actor."""
    canister = client.create()
    client.install(canister, wasm)
    return Actor(client, canister)


@pytest.fixture
def one(client: ReplicaClient, features: bytes) -> Actor:
    """Deploy an actor."""
    return deploy(client, features)


@pytest.fixture
def two(client: ReplicaClient, features: bytes) -> Actor:
    """Deploy another."""
    return deploy(client, features)


def poll(actor: Actor, accept: Callable[[list[int]], bool]) -> list[int]:
    """Query until what the actor tells is as wanted."""
    seen = (cast("list[int]", actor("get")) for _ in range(MAX_POLLS))
    return next(found for found in seen if accept(found))


def test_every_failure_is_caught_with_its_code(one: Actor, two: Actor) -> None:
    """try/catch sees trap, reject, missing method and missing canister apart; finally runs every time."""
    trap, reject, missing, nobody = cast("list[str]", one("caught", two.id))
    assert trap.startswith("#canister_error IC0503: Error from Canister")
    assert "assertion failed" in trap
    assert reject == "#canister_reject I will not"
    assert missing.startswith("#canister_error IC0536")
    assert nobody.startswith("#destination_invalid IC0301")
    assert (one("get"), two("get")) == ([0, 3, 0], [1, 0, 0])


def test_each_await_is_a_commit_point(one: Actor, two: Actor) -> None:
    """A trap undoes what came after the last await, and `finally` still runs."""
    with pytest.raises(CallRejectedError, match="after the last await") as caught:
        one("commits", two.id)
    assert (caught.value.code, caught.value.error_code) == (5, "IC0503")
    assert (one("get"), two("get")) == ([111, 100, 0], [111, 0, 0])


def test_calls_are_awaited_in_every_way(one: Actor, two: Actor) -> None:
    """Parallel calls, `await?` twice, `await*` and a bounded wait give the results in order."""
    assert one("awaits", two.id) == [1, 2, 3, 4, 4, 50, 6]


@pytest.mark.slow
def test_a_bounded_wait_ends(one: Actor) -> None:
    """A caller that waited long enough gets `#system_unknown`, and the callee may go on or end."""
    assert cast("str", one("timesOut")).startswith("#system_unknown IC0601")
    one("giveUp")
    one.client.manage("stop_canister", {"canister_id": one.id})
    assert one.client.status(one.id)["status"] == Variant("stopped")


def test_cycles_are_paid_refunded_and_burned(one: Actor, two: Actor) -> None:
    """The callee takes what it wants, the rest is back when the callback runs."""
    accepted, refunded, spent = cast("list[int]", one("pay", two.id, 10 * TRILLION, 4 * TRILLION))
    assert (accepted, refunded) == (4 * TRILLION, 6 * TRILLION)
    assert 4 * TRILLION <= spent < 4 * TRILLION + TRILLION // 10
    assert one("burn", TRILLION) == TRILLION


def test_actors_make_canisters(one: Actor, features: bytes) -> None:
    """An actor creates a canister with cycles, installs it, calls it, tops it up, stops and deletes it."""
    answer, states, cycles = cast("list[int]", one("spawn", features))
    assert (answer, states) == (5, 1)
    assert 3 * TRILLION < cycles <= 4 * TRILLION


def test_timers_recur_until_they_are_cancelled(one: Actor, two: Actor) -> None:
    """A recurring timer ticks; cancelled it stops; one that traps changes nothing; one may call."""
    one("tick")
    assert poll(one, lambda found: found[2] >= 3)[2] < 1_000
    one("stopTicking")
    one("tickAndTrap")
    one("tickElsewhere", two.id)
    assert poll(two, lambda found: found[0] > 0)[0] == 7
    assert cast("list[int]", one("get"))[2] < 1_000


def test_certified_data_and_regions(one: Actor, features: bytes) -> None:
    """A query has the certificate of what was set; a region keeps its bytes, also across an upgrade."""
    one("certify", b"certified words")
    certificate = one("certificate")
    assert isinstance(certificate, bytes)
    one.client.verify(certificate)
    assert b"certified words" in certificate
    assert one("store", b"in a region") == 3
    one.upgrade(features)
    assert one("load", 11) == b"in a region"


def test_randomness_counters_and_functions(one: Actor) -> None:
    """Random bytes differ, instructions are counted, functions are passed, one-way calls run, the caller is known."""
    assert one("random") is True
    assert one("counted") is True
    assert one("passesFunctions") == 1
    one("oneway")
    assert poll(one, lambda found: found[0] == 2) == [2, 0, 0]
    assert one("whoami") == one.client.identity.principal


def test_large_replies_and_much_garbage(one: Actor, two: Actor) -> None:
    """Nearly 2 MiB are replied, to users and to canisters; a query may reply more; garbage is collected."""
    size = 2 * 1024 * 1024 - 100
    assert len(cast("bytes", one("large", size))) == size
    assert one("largeFrom", two.id, size) == size
    with pytest.raises(CallRejectedError, match="application payload size"):
        one("largeFrom", two.id, size + 1_000)
    assert one("churn", 20) == 100_018
    assert one("get") == [0, 0, 0]


def test_deep_recursion_is_a_trap(one: Actor) -> None:
    """What mainnet's stack holds runs; endless depth traps, and the actor lives on."""
    assert one("recurse", 10_000) == 10_000
    with pytest.raises(CallRejectedError, match="stack overflow"):
        one("recurse", 50_000_000)
    assert one("add", 1) == 1


FIRST = """persistent actor { var count = 0; transient var steps = 5;
  public func inc() : async Nat { count += 1; steps += 1; count };
  public query func get() : async [Int] { [count, steps] } }"""
SECOND = """persistent actor { var count : Int = 0; var added = 7; transient var steps = 6;
  public query func get() : async [Int] { [count, added, steps] } }"""
INCOMPATIBLE = 'persistent actor { var count = "none"; public query func get() : async Text { count } }'
MIGRATING = """import Int "mo:core/Int";
(with migration = func (old : { var count : Nat }) : { var label_ : Text } { { var label_ = "was " # Int.toText(old.count) } })
persistent actor { var label_ = ""; public query func get() : async Text { label_ } }"""
TRAPPING = """import Prim "mo:prim";
persistent actor { var count = 0; public query func get() : async [Int] { [count] };
  system func postupgrade() { count += 100; Prim.trap "no upgrade today" } }"""


@pytest.mark.slow
def test_variables_survive_upgrades(client: ReplicaClient, compile_actor: Callable[[str], bytes]) -> None:
    """Compatible code keeps what is not transient and adds variables; incompatible code is refused and harms nothing."""
    actor = deploy(client, compile_actor(FIRST))
    actor("inc")
    actor.upgrade(compile_actor(FIRST))
    assert actor("get") == [1, 5]
    for text, words in ((INCOMPATIBLE, "incompatible"), (TRAPPING, "no upgrade today")):
        with pytest.raises(CallRejectedError, match=words):
            actor.upgrade(compile_actor(text))
        assert actor("get") == [1, 5]
    assert actor("inc") == 2
    actor.upgrade(compile_actor(SECOND))
    assert actor("get") == [2, 7, 6]
    actor.upgrade(compile_actor(FIRST), Variant("reinstall"))
    assert actor("get") == [0, 5]


@pytest.mark.slow
def test_a_migration_function_runs(client: ReplicaClient, compile_actor: Callable[[str], bytes]) -> None:
    """It sees the old variables and makes the new ones."""
    actor = deploy(client, compile_actor(FIRST))
    actor("inc")
    actor.upgrade(compile_actor(MIGRATING))
    assert actor("get") == "was 1"


@pytest.mark.slow
def test_an_upgrade_may_forget(client: ReplicaClient, compile_actor: Callable[[str], bytes]) -> None:
    """With `replace` the variables begin anew; without an option such a module is not upgraded."""
    actor = deploy(client, compile_actor(FIRST))
    actor("inc")
    with pytest.raises(CallRejectedError, match="wasm_memory_persistence"):
        actor.upgrade(compile_actor(FIRST), Variant("upgrade", None))
    actor.upgrade(compile_actor(FIRST), REPLACE)
    assert actor("get") == [0, 5]


def test_system_functions_run(client: ReplicaClient, compile_actor: Callable[[str], bytes]) -> None:
    """Inspection refuses by method and by argument, heartbeats beat, upgrade hooks run and are kept."""
    wasm = compile_actor((CASES / "Inspecting.mo").read_text(encoding="utf-8"))
    actor = deploy(client, wasm)
    assert actor("say", "hello") == "hello"
    for method, values in (("say", ["forbidden"]), ("never", [])):
        with pytest.raises(CallRejectedError, match="refused"):
            actor(method, *values)
    beats = (cast("list[int]", actor("seen"))[0] for _ in range(MAX_POLLS))
    assert next((count for count in beats if count), 0) > 0
    actor.upgrade(wasm)
    assert cast("list[int]", actor("seen"))[1] == 11
