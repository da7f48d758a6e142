"""Snapshots moved out of a network and in again, on the real machine: every part, and every way to get it wrong."""

import hashlib
from collections.abc import Mapping
from typing import cast

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Reply
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.scripted_network import ScriptedNetwork
from tests.support.vm import module

NAMES = ["msg_reply", "msg_reply_data_append", "stable64_grow", "stable64_write", "stable64_read"]
BODY = """
(global $i32 (export "i32") (mut i32) (i32.const -5)) (global $i64 (mut i64) (i64.const 6)) (global $f32 (mut f32) (f32.const 1.5))
(global $f64 (mut f64) (f64.const -0.25)) (global $v128 (mut v128) (v128.const i64x2 7 8)) (global $shown (export "shown") i32 (i32.const 77))
(func (export "canister_init")
  (drop (call $stable64_grow (i64.const 2))) (i32.store8 (i32.const 100) (i32.const 9))
  (call $stable64_write (i64.const 65535) (i64.const 100) (i64.const 1)))
(func (export "canister_update change")
  (global.set $i32 (i32.add (global.get $i32) (i32.const 1))) (i32.store8 (i32.const 100) (i32.const 10))
  (drop (memory.grow (i32.const 1))) (call $stable64_write (i64.const 65535) (i64.const 100) (i64.const 1)) (call $msg_reply))
(func (export "canister_query show")
  (i32.store (i32.const 0) (global.get $i32)) (i32.store8 (i32.const 4) (i32.load8_u (i32.const 100)))
  (call $stable64_read (i64.const 5) (i64.const 65535) (i64.const 1))
  (i32.store8 (i32.const 6) (memory.size)) (call $msg_reply_data_append (i32.const 0) (i32.const 7)) (call $msg_reply))
"""
WASM = module(NAMES, BODY)
FRESH = (-5).to_bytes(4, "little", signed=True) + b"\x09\x09\x01"
GLOBALS = [
    Variant("i32", -5),
    Variant("i32", 77),
    Variant("i64", 6),
    Variant("f32", 1.5),
    Variant("f64", -0.25),
    Variant("v128", 7 + (8 << 64)),
]
EMPTY: dict[str, object] = {
    "wasm_module_size": 1,
    "globals": [],
    "wasm_memory_size": 0,
    "stable_memory_size": 0,
    "certified_data": b"",
    "global_timer": None,
    "on_low_wasm_memory_hook_status": None,
}


@pytest.fixture(scope="module")
def machine() -> WasmMachine:
    """Return a machine that knows the module."""
    made = WasmMachine()
    made.load(WASM)
    return made


@pytest.fixture
def network(machine: WasmMachine) -> ScriptedNetwork:
    """Return an empty network on the real machine."""
    return ScriptedNetwork(machine=machine)  # type: ignore[arg-type]  # any machine will do


@pytest.fixture
def canister(network: ScriptedNetwork) -> Principal:
    """Return a canister with something in all its parts."""
    made = network.deploy(WASM)
    network.canister(made).certified_data = b"certified"
    network.managed("upload_chunk", {"canister_id": made, "chunk": b"a chunk"})
    return made


def show(network: ScriptedNetwork, canister: Principal) -> bytes:
    """Return a global, a byte of each memory and the memory's pages."""
    response = network.replica.query(canister.raw, "show", b"", b"\x04")
    assert isinstance(response, Reply), response
    return response.data


def text(response: Response | None) -> str:
    """Return the error code and the message of a reject."""
    assert isinstance(response, Rejection), response
    return f"{response.error_code} {response.message}"


def take(network: ScriptedNetwork, canister: Principal) -> bytes:
    """Take a snapshot and return its id."""
    return cast("dict[str, bytes]", network.managed("take_canister_snapshot", {"canister_id": canister}))["id"]


def metadata_of(network: ScriptedNetwork, canister: Principal, snapshot: bytes) -> dict[str, object]:
    """Return a snapshot's metadata."""
    argument = {"canister_id": canister, "snapshot_id": snapshot}
    return cast("dict[str, object]", network.managed("read_canister_snapshot_metadata", argument))


def read(network: ScriptedNetwork, canister: Principal, snapshot: bytes, kind: Variant) -> bytes:
    """Return a piece of a snapshot."""
    argument = {"canister_id": canister, "snapshot_id": snapshot, "kind": kind}
    return cast("dict[str, bytes]", network.managed("read_canister_snapshot_data", argument))["chunk"]


def upload(network: ScriptedNetwork, canister: Principal, snapshot: bytes, kind: Variant, chunk: bytes) -> Response | None:
    """Write a piece of a snapshot."""
    argument = {"canister_id": canister, "snapshot_id": snapshot, "kind": kind, "chunk": chunk}
    return network.manage("upload_canister_snapshot_data", argument)


def announce(network: ScriptedNetwork, canister: Principal, metadata: Mapping[str, object]) -> bytes:
    """Upload metadata and return the new snapshot's id."""
    wanted = {name: value for name, value in metadata.items() if name in EMPTY}
    made = network.managed("upload_canister_snapshot_metadata", {"canister_id": canister, **EMPTY, **wanted})
    return cast("dict[str, bytes]", made)["snapshot_id"]


def copy_contents(network: ScriptedNetwork, source: tuple[Principal, bytes], target: tuple[Principal, bytes]) -> None:
    """Read all of a snapshot and upload it as another, in pieces that do not end at pages."""
    metadata = metadata_of(network, *source)
    for kind, size in (("wasm_module", "wasm_module_size"), ("wasm_memory", "wasm_memory_size"), ("stable_memory", "stable_memory_size")):
        total = cast("int", metadata[size])
        for offset in range(0, total, 50_000):
            piece = read(network, *source, Variant(kind, {"offset": offset, "size": min(50_000, total - offset)}))
            assert isinstance(upload(network, *target, Variant(kind, {"offset": offset}), piece), Reply)
    for chunk in cast("list[dict[str, bytes]]", metadata["wasm_chunk_store"]):
        piece = read(network, *source, Variant("wasm_chunk", chunk))
        assert isinstance(upload(network, *target, Variant("wasm_chunk"), piece), Reply)


def test_metadata_tells_every_part(network: ScriptedNetwork, canister: Principal) -> None:
    """Sizes, chunks, certified data and the globals: exported ones first, constants among them, then the other mutable ones."""
    metadata = metadata_of(network, canister, take(network, canister))
    assert metadata["globals"] == GLOBALS
    assert (metadata["wasm_module_size"], metadata["wasm_memory_size"], metadata["stable_memory_size"]) == (
        len(WASM),
        WASM_PAGE_BYTES,
        2 * WASM_PAGE_BYTES,
    )
    assert metadata["wasm_chunk_store"] == [{"hash": hashlib.sha256(b"a chunk").digest()}]
    assert (metadata["source"], metadata["certified_data"]) == (Variant("taken_from_canister"), b"certified")
    assert metadata["global_timer"] == Variant("inactive")


def test_a_snapshot_moves_to_another_canister_piece_by_piece(network: ScriptedNetwork, canister: Principal) -> None:
    """Downloaded and uploaded, it makes a canister with the same code, memories, globals, chunks and certified data."""
    snapshot = take(network, canister)
    other = network.create()
    metadata = metadata_of(network, canister, snapshot)
    changed = [Variant("i32", 41), *cast("list[Variant]", metadata["globals"])[1:]]
    uploaded = announce(network, other, {**metadata, "globals": changed, "global_timer": Variant("active", 2**62)})
    copy_contents(network, (canister, snapshot), (other, uploaded))
    assert network.manage("load_canister_snapshot", {"canister_id": other, "snapshot_id": uploaded}) == Reply(b"DIDL\x00\x00")
    assert show(network, other) == (41).to_bytes(4, "little") + FRESH[4:]
    record = network.canister(other)
    assert (record.certified_data, list(record.chunks.values()), record.global_timer) == (b"certified", [b"a chunk"], 2**62)
    assert metadata_of(network, other, take(network, other))["globals"] == changed


def test_the_instruction_counter_of_another_replica_is_passed_over(network: ScriptedNetwork, canister: Principal) -> None:
    """A replica that instruments modules lists its counter as a last global; such a snapshot loads like any other."""
    snapshot = take(network, canister)
    metadata = metadata_of(network, canister, snapshot)
    uploaded = announce(network, canister, {**metadata, "globals": [*GLOBALS, Variant("i64", 40_000_000_000)]})
    copy_contents(network, (canister, snapshot), (canister, uploaded))
    network.call(canister, "change")
    assert isinstance(network.manage("load_canister_snapshot", {"canister_id": canister, "snapshot_id": uploaded}), Reply)
    assert show(network, canister) == FRESH


def test_loading_shrinks_a_memory_that_grew(network: ScriptedNetwork, canister: Principal) -> None:
    """Size, content and globals are those of the snapshot, and the canister goes on from there."""
    snapshot = take(network, canister)
    network.call(canister, "change")
    assert show(network, canister) != FRESH
    network.managed("load_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot})
    assert show(network, canister) == FRESH
    assert isinstance(network.call(canister, "change"), Reply)


def test_what_was_not_uploaded_is_no_module(network: ScriptedNetwork, canister: Principal) -> None:
    """Loading is refused, and the canister is as it was."""
    snapshot = announce(network, canister, {"wasm_module_size": len(WASM)})
    response = network.manage("load_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot})
    assert text(response).startswith("IC0505")
    assert show(network, canister) == FRESH


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"globals": GLOBALS[:-1]}, "IC0408"),
        ({"globals": [Variant("i64", 1), *GLOBALS[1:]]}, "IC0408"),
        ({"wasm_memory_size": 0}, "IC0505"),
        ({"on_low_wasm_memory_hook_status": Variant("ready")}, "IC0408"),
    ],
    ids=["too few globals", "wrong type", "memory too small", "hook"],
)
def test_metadata_that_does_not_fit_the_module_is_found_at_loading(
    network: ScriptedNetwork, canister: Principal, change: dict[str, object], code: str
) -> None:
    """Globals, memory and the hook's state are checked against module and settings; a refusal changes nothing."""
    snapshot = take(network, canister)
    uploaded = announce(network, canister, {**metadata_of(network, canister, snapshot), **change})
    piece = read(network, canister, snapshot, Variant("wasm_module", {"offset": 0, "size": len(WASM)}))
    upload(network, canister, uploaded, Variant("wasm_module", {"offset": 0}), piece)
    version = network.canister(canister).version
    response = network.manage("load_canister_snapshot", {"canister_id": canister, "snapshot_id": uploaded})
    assert text(response).startswith(code)
    assert (show(network, canister), network.canister(canister).version) == (FRESH, version)


@pytest.mark.parametrize(
    "metadata",
    [
        {"wasm_module_size": 2**40},
        {"wasm_memory_size": 1},
        {"stable_memory_size": 2**60},
        {"certified_data": bytes(33)},
        {"globals": [Variant("v128", 1 << 128)]},
        {"globals": [Variant("i32", 1)] * 1001},
    ],
    ids=["module", "half a page", "stable memory", "certified data", "v128", "globals"],
)
def test_metadata_beyond_what_canisters_can_have_is_refused(
    network: ScriptedNetwork, canister: Principal, metadata: dict[str, object]
) -> None:
    """Nothing is kept of it."""
    response = network.manage("upload_canister_snapshot_metadata", {"canister_id": canister, **EMPTY, **metadata})
    assert text(response).startswith("IC0408")
    assert network.canister(canister).snapshots == {}


@pytest.mark.parametrize("kind", ["wasm_module", "wasm_memory", "stable_memory"])
def test_ranges_outside_are_refused(network: ScriptedNetwork, canister: Principal, kind: str) -> None:
    """Neither reading nor writing goes past the end, however large the offset."""
    taken = take(network, canister)
    uploaded = announce(network, canister, {"wasm_module_size": 5, "wasm_memory_size": 0, "stable_memory_size": 0})
    for offset, size in ((2**64 - 1, 1), (2**20, 0), (0, 2**20)):
        argument = {"canister_id": canister, "snapshot_id": taken, "kind": Variant(kind, {"offset": offset, "size": size})}
        assert text(network.manage("read_canister_snapshot_data", argument)).startswith("IC0408 Invalid subslice")
    assert text(upload(network, canister, uploaded, Variant(kind, {"offset": 3}), b"abc")).startswith("IC0408 Invalid subslice")


def test_one_message_reads_two_million_bytes_at_most(network: ScriptedNetwork, canister: Principal) -> None:
    """A reply has to carry them."""
    size = limits.MAX_SNAPSHOT_SLICE_BYTES + 1
    snapshot = announce(network, canister, {"stable_memory_size": 64 * WASM_PAGE_BYTES})
    argument = {"canister_id": canister, "snapshot_id": snapshot, "kind": Variant("stable_memory", {"offset": 0, "size": size})}
    assert "too large" in text(network.manage("read_canister_snapshot_data", argument))
    kind = Variant("stable_memory", {"offset": 1, "size": size - 1})
    assert read(network, canister, snapshot, kind) == bytes(size - 1)


def test_a_taken_snapshot_cannot_be_changed(network: ScriptedNetwork, canister: Principal) -> None:
    """Only uploaded ones take data."""
    response = upload(network, canister, take(network, canister), Variant("wasm_module", {"offset": 0}), b"x")
    assert text(response) == "IC0409 Only canister snapshots created by metadata upload can be mutated."


def test_chunks_of_a_snapshot_have_the_chunk_store_s_limits(network: ScriptedNetwork, canister: Principal) -> None:
    """One chunk has at most a mebibyte, and there are at most a hundred; a hash that is not there is an error."""
    snapshot = announce(network, canister, {})
    assert text(upload(network, canister, snapshot, Variant("wasm_chunk"), bytes(2**20 + 1))).startswith("IC0504")
    for number in range(limits.MAX_CHUNKS):
        network.canister(canister).snapshots[snapshot].chunks[bytes([number])] = b""
    assert text(upload(network, canister, snapshot, Variant("wasm_chunk"), b"more")).startswith("IC0504")
    argument = {"canister_id": canister, "snapshot_id": snapshot, "kind": Variant("wasm_chunk", {"hash": b"unknown"})}
    assert text(network.manage("read_canister_snapshot_data", argument)).startswith("IC0504")
