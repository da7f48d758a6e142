"""Checkpoints: what comes back is what was there, whenever the process ended."""

import stat
from dataclasses import fields
from pathlib import Path

import pytest

from orchestrator.errors import ReplicaError
from orchestrator.replica.state import ReplicaState
from orchestrator.replica.storage import codec
from orchestrator.replica.storage.checkpoint import Checkpoints, StorageLimits, load_state
from orchestrator.replica.storage.directory import StateDirectory, hold
from orchestrator.replica.storage.loading import STATE_FIELDS
from orchestrator.replica.vm.interface import Callback, Instance, Module, Reply
from orchestrator.replica.vm.snapshot import SnapshotError
from tests.support.scripted_machine import Function, Run, ScriptedMachine, answer
from tests.support.scripted_network import ScriptedNetwork


@pytest.fixture
def directory(tmp_path: Path) -> StateDirectory:
    """Return an empty state directory."""
    return StateDirectory(tmp_path)


FOLDERS = StorageLimits(inline_memory=-1)
"""Every memory has a folder of its own."""


def count(run: Run) -> None:
    """Count calls in memory and reply with the count."""
    before = run.memory.get("count", 0)
    assert isinstance(before, int)
    run.memory["count"] = before + 1
    run.reply(b"%d" % (before + 1))


def reopened(directory: StateDirectory, machine: ScriptedMachine) -> ScriptedNetwork:
    """Load the directory into a new network on the same machine."""
    loaded = load_state(directory, machine)
    assert loaded is not None
    return ScriptedNetwork(machine=machine, state=loaded.state)


def written(directory: StateDirectory) -> list[tuple[str, int, int]]:
    """Return name, inode and size of the files that a checkpoint writes."""
    files = [directory.state, *sorted(directory.root.glob("journal-*"))]
    return [(file.name, file.stat().st_ino, file.stat().st_size) for file in files]


def test_an_empty_directory_is_an_empty_state(directory: StateDirectory) -> None:
    """Nothing saved, nothing there."""
    assert load_state(directory, ScriptedMachine()) is None


def test_canisters_come_back(directory: StateDirectory) -> None:
    """Memory, settings, chunks, logs, history, requests and the id counter survive."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update count": count}))
    network.managed("update_settings", {"canister_id": canister, "settings": {"environment_variables": [{"name": "A", "value": "b"}]}})
    network.managed("upload_chunk", {"canister_id": canister, "chunk": b"chunk"})
    request = network.submit(canister, "count")
    network.run()
    network.canister(canister).log(1, b"line")
    Checkpoints(network.replica, directory).checkpoint()
    again = reopened(directory, network.machine)
    old, new = network.canister(canister), again.canister(canister)
    for name in ("settings", "cycles", "chunks", "logs", "history", "wasm", "module_hash", "version", "status", "certified_data"):
        assert getattr(new, name) == getattr(old, name), name
    assert again.response(request) == Reply(b"1")
    assert again.call(canister, "count") == Reply(b"2")
    assert again.create() != canister


def test_calls_under_way_go_on(directory: StateDirectory) -> None:
    """A queue, open contexts and callbacks are saved, and their requests get their answers."""
    network = ScriptedNetwork()
    callee = network.deploy(network.machine.module({"canister_update work": answer(b"pong")}))

    def go(run: Run) -> None:
        run.call(callee.raw, "work", on_reply=Callback(1, 5))

    callbacks: dict[int, Function] = {1: lambda run: run.reply(run.message.arg + b"%d" % run.environment)}
    caller = network.deploy(network.machine.module({"canister_update go": go}, functions=callbacks))
    request = network.submit(caller, "go")
    network.replica.run(1)
    assert network.response(request) is None
    Checkpoints(network.replica, directory).checkpoint()
    again = reopened(directory, network.machine)
    again.run()
    assert again.response(request) == Reply(b"pong5")


def test_only_changed_memories_are_written_again(directory: StateDirectory) -> None:
    """A second checkpoint keeps the memory of a canister that did nothing, and drops the old one of the other."""
    network = ScriptedNetwork()
    wasm = network.machine.module({"canister_update count": count})
    busy, idle = network.deploy(wasm), network.deploy(wasm)
    checkpoints = Checkpoints(network.replica, directory, limits=FOLDERS)
    checkpoints.checkpoint()
    before = {path.name for path in directory.memories.iterdir()}
    network.call(busy, "count")
    checkpoints.checkpoint()
    after = {path.name for path in directory.memories.iterdir()}
    assert len(after) == 2
    assert before & after == {name for name in before if name.startswith(idle.raw.hex())}


def test_a_loaded_memory_is_not_written_again(directory: StateDirectory) -> None:
    """After a restart the first checkpoint keeps the memories that it was loaded from."""
    network = ScriptedNetwork()
    wasm = network.machine.module({"canister_update count": count})
    busy, idle = network.deploy(wasm), network.deploy(wasm)
    Checkpoints(network.replica, directory, limits=FOLDERS).checkpoint()
    before = {path.name for path in directory.memories.iterdir()}
    loaded = load_state(directory, network.machine)
    assert loaded is not None
    again = ScriptedNetwork(machine=network.machine, state=loaded.state)
    checkpoints = Checkpoints(again.replica, directory, loaded=loaded, limits=FOLDERS)
    again.call(busy, "count")
    checkpoints.checkpoint()
    after = {path.name for path in directory.memories.iterdir()}
    assert before & after == {name for name in before if name.startswith(idle.raw.hex())}


def test_nothing_is_written_when_nothing_happened(directory: StateDirectory) -> None:
    """An idle network leaves its state file alone."""
    network = ScriptedNetwork()
    network.create()
    checkpoints = Checkpoints(network.replica, directory)
    checkpoints.checkpoint()
    before = written(directory)
    checkpoints.checkpoint()
    assert written(directory) == before


def test_a_created_id_is_saved_with_all_else(directory: StateDirectory) -> None:
    """Between checkpoints a new canister is durable, and so is what happened before: what was paid for it stays paid."""
    network = ScriptedNetwork()
    old = network.deploy(network.machine.module({"canister_update count": count}))
    checkpoints = Checkpoints(network.replica, directory)
    checkpoints.checkpoint()
    network.call(old, "count")
    new = network.create()
    checkpoints.save_created()
    again = reopened(directory, network.machine)
    assert new.raw in again.state.canisters
    assert again.call(old, "count") == Reply(b"2")
    assert again.create() not in {old, new}


def test_deleted_canisters_leave_nothing_behind(directory: StateDirectory) -> None:
    """Module and memory go with the last canister that used them."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update count": count}))
    checkpoints = Checkpoints(network.replica, directory, limits=FOLDERS)
    checkpoints.checkpoint()
    network.managed("stop_canister", {"canister_id": canister})
    network.managed("delete_canister", {"canister_id": canister})
    checkpoints.checkpoint()
    assert list(directory.memories.iterdir()) == []
    assert list(directory.blobs.iterdir()) == []


@pytest.mark.parametrize(
    "damage", [b"", b"rubbish", codec.dump(None).replace(b"av\x02", b"av\x07")], ids=["empty", "rubbish", "other-version"]
)
def test_a_damaged_state_is_refused_in_words(directory: StateDirectory, damage: bytes) -> None:
    """A state that cannot be read is an error that says so, never a half-loaded network."""
    directory.state.write_bytes(damage)
    with pytest.raises(ReplicaError, match="state"):
        load_state(directory, ScriptedMachine())


def test_a_state_names_only_known_classes(directory: StateDirectory) -> None:
    """A file cannot make the loader build anything else."""
    directory.state.write_bytes(codec.dump({"canisters": [{"@": "Path", "value": "/"}]}))
    with pytest.raises(ReplicaError):
        load_state(directory, ScriptedMachine())


def test_a_directory_has_one_network_at_a_time(tmp_path: Path) -> None:
    """A second process is refused while the first one holds the directory, and may have it afterwards."""
    with hold(tmp_path), pytest.raises(ReplicaError, match="another network"), hold(tmp_path):
        pytest.fail("two holders")
    with hold(tmp_path) as directory:
        assert directory.root == tmp_path


def test_the_identity_is_made_once_and_kept_secret(tmp_path: Path) -> None:
    """The second start reads the same id, root key and seeds; secrets are readable by their owner only."""
    with hold(tmp_path / "state") as directory:
        first, seeds = directory.load_identity(), directory.load_seeds()
        assert (directory.load_identity(), directory.load_seeds()) == (first, seeds)
        for name in ("root", "node"):
            assert stat.S_IMODE((directory.root / "keys" / name).stat().st_mode) == 0o600
    with hold(tmp_path / "other") as directory:
        other = directory.load_identity()
    assert other.instance_id != first.instance_id
    assert other.root_key != first.root_key


def test_a_state_without_identity_is_refused(directory: StateDirectory) -> None:
    """New keys are never made for an existing state."""
    directory.state.write_bytes(b"anything")
    with pytest.raises(ReplicaError, match="identity"):
        directory.load_identity()


class DamagedMachine(ScriptedMachine):
    """Finds every saved memory damaged."""

    def restore(self, module: Module, directory: Path) -> Instance:
        """Refuse."""
        raise SnapshotError(f"{directory.name} of {module.info.exports} is too short")


def test_a_damaged_memory_is_an_error_in_words(directory: StateDirectory) -> None:
    """The machine's own complaint becomes one about the state on disk."""
    network = ScriptedNetwork(machine=DamagedMachine())
    network.deploy(network.machine.module({"canister_update count": count}))
    Checkpoints(network.replica, directory, limits=FOLDERS).checkpoint()
    with pytest.raises(ReplicaError, match="cannot be read") as raised:
        load_state(directory, network.machine)
    assert "too short" in (raised.value.detail or "")


def test_no_field_of_the_state_is_forgotten() -> None:
    """Whatever is added to the state is saved, unless it is derived or has a place of its own."""
    elsewhere = {"canisters", "requests", "touched", "created"}
    assert {field.name for field in fields(ReplicaState) if field.init} - elsewhere == set(STATE_FIELDS)
