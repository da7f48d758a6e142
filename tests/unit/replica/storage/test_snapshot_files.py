"""Snapshots over a restart: they come back, unchanged ones are not written again, and deleted ones leave nothing."""

import shutil
from pathlib import Path
from typing import cast

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.errors import ReplicaError
from orchestrator.replica.storage.checkpoint import Checkpoints, load_state
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.vm.interface import Reply
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.replica_modules import counter
from tests.support.scripted_machine import Run, ScriptedMachine
from tests.support.scripted_network import ScriptedNetwork


def count(run: Run) -> None:
    """Count in memory and reply with the count."""
    number = cast("int", run.memory.get("count", 0)) + 1
    run.memory["count"] = number
    run.reply(b"%d" % number)


@pytest.fixture
def directory(tmp_path: Path) -> StateDirectory:
    """Return an empty state directory."""
    return StateDirectory(tmp_path)


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


@pytest.fixture
def canister(network: ScriptedNetwork) -> Principal:
    """Return a canister that counts, with a chunk."""
    made = network.deploy(network.machine.module({"canister_update count": count}))
    network.managed("upload_chunk", {"canister_id": made, "chunk": b"chunk"})
    return made


def take(network: ScriptedNetwork, canister: Principal, **options: object) -> bytes:
    """Take a snapshot and return its id."""
    return cast("dict[str, bytes]", network.managed("take_canister_snapshot", {"canister_id": canister, **options}))["id"]


def files(directory: StateDirectory) -> dict[str, int]:
    """Return the snapshots' files and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in directory.snapshots.iterdir()}


def save(network: ScriptedNetwork, checkpoints: Checkpoints) -> None:
    """Write a checkpoint in any case."""
    network.replica.activity += 1
    checkpoints.checkpoint()


def reopened(directory: StateDirectory, machine: ScriptedMachine) -> ScriptedNetwork:
    """Load the directory into a new network on the same machine."""
    loaded = load_state(directory, machine)
    assert loaded is not None
    return ScriptedNetwork(machine=machine, state=loaded.state)


def test_snapshots_come_back_after_a_restart(directory: StateDirectory, network: ScriptedNetwork, canister: Principal) -> None:
    """All they consist of is there, and they can be loaded."""
    network.canister(canister).certified_data = b"certified"
    snapshot = take(network, canister)
    network.call(canister, "count")
    network.managed("clear_chunk_store", {"canister_id": canister})
    before = network.managed("read_canister_snapshot_metadata", {"canister_id": canister, "snapshot_id": snapshot})
    Checkpoints(network.replica, directory).checkpoint()
    again = reopened(directory, network.machine)
    assert again.managed("read_canister_snapshot_metadata", {"canister_id": canister, "snapshot_id": snapshot}) == before
    again.managed("load_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot})
    assert again.call(canister, "count") == Reply(b"1")
    assert list(again.canister(canister).chunks.values()) == [b"chunk"]
    assert take(again, canister) != snapshot


def test_unchanged_snapshots_are_not_written_again(directory: StateDirectory, network: ScriptedNetwork, canister: Principal) -> None:
    """A checkpoint writes what is new; a restarted network does not write what it has read."""
    checkpoints = Checkpoints(network.replica, directory)
    take(network, canister)
    save(network, checkpoints)
    before = files(directory)
    network.call(canister, "count")
    save(network, checkpoints)
    again = reopened(directory, network.machine)
    save(again, Checkpoints(again.replica, directory))
    assert files(directory) == before


def test_deleted_and_replaced_snapshots_leave_no_files(directory: StateDirectory, network: ScriptedNetwork, canister: Principal) -> None:
    """After the next checkpoint, files and blobs that no snapshot needs are gone."""
    checkpoints = Checkpoints(network.replica, directory)
    first = take(network, canister)
    save(network, checkpoints)
    old = set(files(directory))
    second = take(network, canister, replace_snapshot=first)
    save(network, checkpoints)
    assert not old & set(files(directory))
    network.managed("clear_chunk_store", {"canister_id": canister})
    save(network, checkpoints)
    chunk = next(iter(network.canister(canister).snapshots[second].chunks)).hex()
    assert (directory.blobs / chunk).exists()
    network.managed("delete_canister_snapshot", {"canister_id": canister, "snapshot_id": second})
    save(network, checkpoints)
    assert files(directory) == {}
    assert not (directory.blobs / chunk).exists()


def test_an_upload_goes_on_after_a_restart(directory: StateDirectory, network: ScriptedNetwork, canister: Principal) -> None:
    """What was uploaded before and after is there, and only the part that changed was written."""
    argument = {"canister_id": canister, "wasm_module_size": 100_000, "wasm_memory_size": 65_536, "stable_memory_size": 0}
    argument |= {"globals": [], "certified_data": b""}
    made = network.managed("upload_canister_snapshot_metadata", argument)
    snapshot = cast("dict[str, bytes]", made)["snapshot_id"]

    def upload(where: ScriptedNetwork, offset: int, chunk: bytes) -> None:
        kind = Variant("wasm_module", {"offset": offset})
        where.managed("upload_canister_snapshot_data", {"canister_id": canister, "snapshot_id": snapshot, "kind": kind, "chunk": chunk})

    upload(network, 10, b"before")
    Checkpoints(network.replica, directory).checkpoint()
    again = reopened(directory, network.machine)
    upload(again, 99_990, b"after")
    before = files(directory)
    save(again, Checkpoints(again.replica, directory))
    assert len(files(directory).items() & before.items()) == 2
    module = again.canister(canister).snapshots[snapshot].module
    assert (module.read(10, 6), module.read(99_990, 5), module.length) == (b"before", b"after", 100_000)


def test_a_damaged_snapshot_is_told(directory: StateDirectory, network: ScriptedNetwork, canister: Principal) -> None:
    """A state whose files are cut short is not loaded as if they were whole."""
    take(network, canister)
    Checkpoints(network.replica, directory).checkpoint()
    for path in directory.snapshots.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReplicaError):
        load_state(directory, network.machine)


def test_a_loaded_snapshot_is_what_is_saved_next(directory: StateDirectory) -> None:
    """With the real machine: memory that grew and was written to goes back, on disk too, checkpoint by checkpoint."""
    machine = WasmMachine()
    network = ScriptedNetwork(machine=machine)  # type: ignore[arg-type]  # any machine will do
    canister = network.deploy(counter())
    checkpoints = Checkpoints(network.replica, directory)
    network.call(canister, "inc")
    snapshot = take(network, canister)
    counts = []
    for _ in range(3):
        save(network, checkpoints)
        network.call(canister, "inc")
        save(network, checkpoints)
        network.managed("load_canister_snapshot", {"canister_id": canister, "snapshot_id": snapshot})
        save(network, checkpoints)
        loaded = load_state(directory, machine)
        assert loaded is not None
        again = ScriptedNetwork(machine=machine, state=loaded.state)  # type: ignore[arg-type]  # any machine will do
        response = again.call(canister, "inc")
        assert isinstance(response, Reply)
        counts.append(int.from_bytes(response.data[-4:], "little"))
    assert counts == [102, 102, 102]


def test_a_snapshot_whose_files_were_deleted_is_given_up(directory: StateDirectory, network: ScriptedNetwork, canister: Principal) -> None:
    """A network whose folder was emptied saves the rest again; a state that could not be loaded would lose everything."""
    checkpoints = Checkpoints(network.replica, directory)
    take(network, canister)
    save(network, checkpoints)
    kept = take(network, canister)
    shutil.rmtree(directory.root)
    directory.root.mkdir()
    save(network, checkpoints)
    again = reopened(directory, network.machine)
    listed = cast("list[dict[str, bytes]]", again.managed("list_canister_snapshots", {"canister_id": canister}))
    assert [entry["id"] for entry in listed] == [kept]
    again.managed("load_canister_snapshot", {"canister_id": canister, "snapshot_id": kept})
    assert again.call(canister, "count") == Reply(b"1")
