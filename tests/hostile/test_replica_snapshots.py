"""Uploaded snapshots that lie: damaged modules, sizes and globals that belong to nothing; refused or loaded, and nothing else."""

import random
from typing import cast

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Reply
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.replica_modules import counter
from tests.support.scripted_network import ScriptedNetwork

WASM = counter()
PAGE = 65_536
ROUNDS = 100
BUG = "IC0101"


@pytest.fixture(scope="module")
def network() -> ScriptedNetwork:
    """Return a network on the real machine."""
    return ScriptedNetwork(machine=WasmMachine())  # type: ignore[arg-type]  # any machine will do


def upload(network: ScriptedNetwork, canister: Principal, wasm: bytes, metadata: dict[str, object]) -> bytes | Rejection:
    """Upload a snapshot in place of the one before; returns its id, or why it was refused."""
    known = list(network.canister(canister).snapshots)
    base: dict[str, object] = {
        "wasm_module_size": len(wasm),
        "globals": [Variant("i32", 7)],
        "wasm_memory_size": PAGE,
        "stable_memory_size": 0,
        "certified_data": b"",
    }
    argument = {"canister_id": canister, "replace_snapshot": known[0] if known else None, **base, **metadata}
    response = network.manage("upload_canister_snapshot_metadata", argument)
    if isinstance(response, Rejection):
        return response
    snapshot = next(iter(network.canister(canister).snapshots))
    kind = Variant("wasm_module", {"offset": 0})
    network.managed("upload_canister_snapshot_data", {"canister_id": canister, "snapshot_id": snapshot, "kind": kind, "chunk": wasm})
    return snapshot


def load(network: ScriptedNetwork, canister: Principal, snapshot: bytes) -> object:
    """Load a snapshot."""
    return network.manage("load_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot})


def damage(chance: random.Random) -> bytes:
    """Return the module with a few bytes changed, lost or doubled."""
    raw = bytearray(WASM)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(8, len(raw))
        if chance.random() < 0.5:
            raw[at] = chance.randrange(256)
        else:
            raw[at : at + 1] = raw[at : at + 1] * chance.choice([0, 2])
    return bytes(raw)


def lie(chance: random.Random) -> dict[str, object]:
    """Return one or two fields of metadata that may fit or not."""
    numbers = (0, -1, 2**31 - 1, -(2**31))
    values = [
        Variant("i32", chance.choice(numbers)),
        Variant("i64", 2**63 - 1),
        Variant("f32", float("nan")),
        Variant("f64", float("-inf")),
        Variant("v128", 2**128 - 1),
    ]
    lies: dict[str, object] = {
        "globals": [chance.choice(values) for _ in range(chance.choice([0, 1, 1, 1, 2]))],
        "wasm_memory_size": chance.choice([0, 1, PAGE, PAGE, 3 * PAGE, 2**32, 2**63, 2**64 - PAGE]),
        "stable_memory_size": chance.choice([0, PAGE, 2**38, 2**64 - 1]),
        "certified_data": bytes(chance.choice([0, 32, 33])),
        "global_timer": chance.choice([None, Variant("inactive"), Variant("active", 1), Variant("active", 2**64 - 1)]),
        "on_low_wasm_memory_hook_status": chance.choice([None, Variant("condition_not_satisfied"), Variant("executed")]),
    }
    return {name: lies[name] for name in chance.sample(sorted(lies), chance.randint(1, 2))}


def test_whatever_is_uploaded_is_refused_or_loaded(network: ScriptedNetwork) -> None:
    """No lie breaks the network; a refused one leaves the canister as it was, and a true snapshot still loads."""
    canister = network.deploy(WASM)
    chance = random.Random(11)  # noqa: S311 - repeatable, not secret
    loaded = refused = 0
    for number in range(ROUNDS):
        before = network.canister(canister).version
        snapshot = upload(network, canister, damage(chance) if number % 2 else WASM, {} if number % 4 == 1 else lie(chance))
        response = load(network, canister, snapshot) if isinstance(snapshot, bytes) else snapshot
        if isinstance(response, Rejection):
            assert response.error_code != BUG, response
            assert network.canister(canister).version == before
            refused += 1
        else:
            assert network.canister(canister).version == before + 1
            called = network.call(canister, "inc", b"DIDL\x00\x00")
            assert not isinstance(called, Rejection) or called.error_code != BUG, called
            loaded += 1
    assert min(loaded, refused) > ROUNDS // 20
    good = cast("bytes", upload(network, canister, WASM, {}))
    assert isinstance(load(network, canister, good), Reply)
    answer = network.call(canister, "inc", b"DIDL\x00\x00")
    assert isinstance(answer, Reply)
    assert answer.data[-4:] == (8).to_bytes(4, "little")


@pytest.mark.parametrize("snapshot", [b"", b"\0" * 8, b"\xff" * 200, b"\0" * 8 + b"\x01" * 10], ids=["empty", "short", "long", "unknown"])
def test_ids_that_are_none_are_not_found(network: ScriptedNetwork, snapshot: bytes) -> None:
    """Neither loading nor deleting nor replacing takes what is no snapshot's id."""
    canister = network.deploy(WASM)
    for method in ("load_canister_snapshot", "delete_canister_snapshot", "read_canister_snapshot_metadata"):
        response = network.manage(method, {"canister_id": canister, "snapshot_id": snapshot})
        assert isinstance(response, Rejection)
        assert response.error_code == "IC0305"
    response = network.manage("take_canister_snapshot", {"canister_id": canister, "replace_snapshot": snapshot})
    assert isinstance(response, Rejection)
    assert response.error_code == "IC0305"
