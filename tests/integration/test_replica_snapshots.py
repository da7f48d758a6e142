"""Snapshots of the real process: taken and loaded by users and by canisters, and there again after kill -9."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.candid.types import NAT, TEXT, Vec
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from tests.support.replica_client import ReplicaClient
from tests.support.replica_modules import counter
from tests.support.replica_process import running_replica, start_replica
from tests.support.universal import Program
from tests.support.universal_client import deploy

NULL = b"DIDL\x00\x00"
PIECE = 1_000_000


def count(client: ReplicaClient, canister: Principal) -> int:
    """Call the counter and return what it says."""
    return int.from_bytes(client.call(canister, "inc", NULL)[-4:], "little")


def take(client: ReplicaClient, canister: Principal) -> dict[str, object]:
    """Take a snapshot and return what is told of it."""
    argument = {"canister_id": canister, "replace_snapshot": None, "uninstall_code": None, "sender_canister_version": None}
    return cast("dict[str, object]", client.manage("take_canister_snapshot", argument)[0])


def load(client: ReplicaClient, canister: Principal, snapshot: object) -> None:
    """Load a snapshot."""
    client.manage("load_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot, "sender_canister_version": None})


def download(client: ReplicaClient, canister: Principal, snapshot: object, kind: str, size: int) -> bytes:
    """Read a part of a snapshot piece by piece."""
    parts = []
    for offset in range(0, size, PIECE):
        piece = Variant(kind, {"offset": offset, "size": min(PIECE, size - offset)})
        argument = {"canister_id": canister, "snapshot_id": snapshot, "kind": piece}
        parts.append(cast("dict[str, bytes]", client.manage("read_canister_snapshot_data", argument)[0])["chunk"])
    return b"".join(parts)


@pytest.mark.slow
def test_a_snapshot_survives_a_kill_and_moves_to_another_network(tmp_path: Path) -> None:
    """What was saved is loaded after kill -9, and a network that never saw the canister makes one of the download."""
    killed = start_replica(tmp_path / "one")
    with ReplicaClient(killed.url, killed.root_key) as client:
        canister = client.create()
        client.install(canister, counter())
        assert count(client, canister) == 101
        snapshot = take(client, canister)["id"]
        assert count(client, canister) == 102
        url, headers = f"http://127.0.0.1:{killed.control_port}/checkpoint", {"authorization": f"Bearer {killed.control_token}"}
        assert client.http.post(url, headers=headers).status_code == 200
        identity = client.identity
        killed.process.kill()
        killed.process.wait(timeout=60)
    with running_replica(tmp_path / "one") as one, running_replica(tmp_path / "two") as two:  # noqa: SIM117 # the clients need their urls
        with ReplicaClient(one.url, one.root_key, identity) as client, ReplicaClient(two.url, two.root_key) as other:
            load(client, canister, snapshot)
            assert count(client, canister) == 102
            metadata = cast(
                "dict[str, object]", client.manage("read_canister_snapshot_metadata", {"canister_id": canister, "snapshot_id": snapshot})[0]
            )
            moved = other.create()
            wanted = (
                "wasm_module_size",
                "globals",
                "wasm_memory_size",
                "stable_memory_size",
                "certified_data",
                "global_timer",
                "on_low_wasm_memory_hook_status",
            )
            argument = {"canister_id": moved, "replace_snapshot": None, **{name: metadata[name] for name in wanted}}
            made = cast("dict[str, bytes]", other.manage("upload_canister_snapshot_metadata", argument)[0])["snapshot_id"]
            for kind, size in (("wasm_module", "wasm_module_size"), ("wasm_memory", "wasm_memory_size")):
                content = download(client, canister, snapshot, kind, cast("int", metadata[size]))
                argument = {"canister_id": moved, "snapshot_id": made, "kind": Variant(kind, {"offset": 0}), "chunk": content}
                other.manage("upload_canister_snapshot_data", argument)
            load(other, moved, made)
            assert count(other, moved) == 102


def test_a_canister_takes_and_lists_snapshots_of_itself(tmp_path: Path) -> None:
    """The management canister takes such calls from canisters too; what they load is their own past."""
    service = load_interface("management").service
    assert service is not None
    with running_replica(tmp_path) as replica, ReplicaClient(replica.url, replica.root_key) as client:
        keeper = deploy(client)
        kept = client.create(controllers=[keeper.id, client.identity.principal])
        client.install(kept, counter())

        def manage(method: str, argument: dict[str, object]) -> list[object]:
            arg = encode(service.methods[method].arguments, [argument])
            return decode(keeper.update(Program().send(MANAGEMENT_CANISTER, method, arg)), service.methods[method].results)

        taken = cast("dict[str, bytes]", manage("take_canister_snapshot", {"canister_id": kept, **dict.fromkeys(OPTIONAL)})[0])
        assert count(client, kept) == 101
        assert manage("list_canister_snapshots", {"canister_id": kept}) == [[taken]]
        manage("load_canister_snapshot", {"canister_id": kept, "snapshot_id": taken["id"], "sender_canister_version": None})
        assert count(client, kept) == 101
        manage("delete_canister_snapshot", {"canister_id": kept, "snapshot_id": taken["id"]})
        assert client.manage("list_canister_snapshots", {"canister_id": kept}) == [[]]
        history = cast("dict[str, list[dict[str, Variant]]]", manage("canister_info", {"canister_id": kept, "num_requested_changes": 1})[0])
        (change,) = history["recent_changes"]
        assert change["origin"] == Variant("from_canister", {"canister_id": keeper.id, "canister_version": None})
        assert change["details"].label == "load_snapshot"


OPTIONAL = ("replace_snapshot", "uninstall_code", "sender_canister_version")


COUNTER_ACTOR = """
persistent actor {
  var count : Nat = 0; var words : [Text] = [];
  transient var lost : Nat = 0;
  public func add(word : Text) : async Nat { count += 1; lost += 1; words := last(words, word); count };
  func last(old : [Text], word : Text) : [Text] {
    let n = old.size();
    if (n == 0) [word] else if (n == 1) [old[0], word] else [old[n - 2], old[n - 1], word]
  };
  public query func show() : async (Nat, [Text], Nat) { (count, words, lost) };
};
"""


@pytest.mark.npm
@pytest.mark.slow
def test_a_motoko_actor_goes_back_and_forth(compile_actor: Callable[[str], bytes], tmp_path: Path) -> None:
    """Heap, globals and stable memory of an actor with persistent main memory belong together; upgrades go on from there."""
    wasm = compile_actor(COUNTER_ACTOR)
    shown = [NAT, Vec(TEXT), NAT]
    keep = Variant("upgrade", {"skip_pre_upgrade": None, "wasm_memory_persistence": Variant("keep")})
    with running_replica(tmp_path) as replica, ReplicaClient(replica.url, replica.root_key) as client:
        canister = client.create()
        client.install(canister, wasm)

        def add(word: str) -> None:
            client.call(canister, "add", encode([TEXT], [word]))

        def show() -> list[object]:
            return decode(client.query(canister, "show", NULL), shown)

        add("one")
        add("two")
        early = take(client, canister)["id"]
        client.install(canister, wasm, mode=keep)
        add("three")
        late = take(client, canister)["id"]
        assert show() == [3, ["one", "two", "three"], 1]
        load(client, canister, early)
        assert show() == [2, ["one", "two"], 2]
        add("other")
        client.install(canister, wasm, mode=keep)
        assert show() == [3, ["one", "two", "other"], 0]
        load(client, canister, late)
        assert show() == [3, ["one", "two", "three"], 1]
