"""Random lives of two canisters with snapshots, checkpoints and kills, against a model made of plain values."""

import copy
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.replica.rejects import Rejection
from orchestrator.replica.storage.checkpoint import Checkpoints, load_state
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.vm.interface import Reply
from tests.support.scripted_machine import Run, ScriptedMachine
from tests.support.scripted_network import ScriptedNetwork

MAX_SNAPSHOTS = 10
which = st.integers(0, 1)
choice = st.integers(0, 30)
steps = st.one_of(
    st.tuples(st.just("add"), which, choice),
    st.tuples(st.sampled_from(["take", "replace", "load", "load foreign", "delete", "take and uninstall", "chunk"]), which, choice),
    st.tuples(st.sampled_from(["checkpoint", "kill"]), which, choice),
)


@dataclass
class Life:
    """What a canister is: its number (None without code), its chunks, and its snapshots, oldest first."""

    number: int | None = 0
    chunks: frozenset[int] = frozenset()
    snapshots: list[tuple[bytes, int, frozenset[int]]] = field(default_factory=list)


def add(run: Run) -> None:
    """Add the argument to a number in memory and to one in stable memory, and reply with both."""
    amount = int(run.message.arg or b"0")
    for memory in (run.memory, run.stable):
        memory["number"] = cast("int", memory.get("number", 0)) + amount
    run.reply(f"{run.memory['number']} {run.stable['number']}".encode())


class World:
    """The network, its directory, and the model of both."""

    def __init__(self, folder: Path) -> None:
        self.directory = StateDirectory(folder)
        self.network = ScriptedNetwork(machine=ScriptedMachine())
        wasm = self.network.machine.module({"canister_update add": add})
        self.canisters = [self.network.deploy(wasm) for _ in range(2)]
        self.lives = [Life(), Life()]
        self.checkpoints = Checkpoints(self.network.replica, self.directory)
        self.saved: list[Life] = []
        self.checkpoint()

    def checkpoint(self) -> None:
        """Save, in the directory and in the model."""
        self.network.replica.activity += 1
        self.checkpoints.checkpoint()
        self.saved = copy.deepcopy(self.lives)

    def kill(self) -> None:
        """Forget everything since the last checkpoint."""
        loaded = load_state(self.directory, self.network.machine)
        assert loaded is not None
        self.network = ScriptedNetwork(machine=self.network.machine, state=loaded.state)
        self.checkpoints = Checkpoints(self.network.replica, self.directory, loaded=loaded)
        self.lives = copy.deepcopy(self.saved)

    def manage(self, method: str, canister: int, **argument: object) -> object:
        """Call the management canister about a canister; None for a reject."""
        response = self.network.manage(method, {"canister_id": self.canisters[canister], **argument})
        if isinstance(response, Rejection):
            return None
        return self.network.managed("list_canister_snapshots", {"canister_id": self.canisters[canister]})

    def add(self, canister: int, amount: int) -> None:
        """Call the canister."""
        life = self.lives[canister]
        response = self.network.call(self.canisters[canister], "add", b"%d" % amount)
        if life.number is None:
            assert isinstance(response, Rejection)
            return
        life.number += amount
        assert response == Reply(b"%d %d" % (life.number, life.number))

    def take(self, canister: int, index: int, *, replaces: bool = False, uninstalls: bool = False) -> None:
        """Take a snapshot, or be refused."""
        life = self.lives[canister]
        replaced = life.snapshots[index % len(life.snapshots)] if replaces and life.snapshots else None
        listed = self.manage(
            "take_canister_snapshot", canister, uninstall_code=uninstalls, replace_snapshot=replaced[0] if replaced else None
        )
        if life.number is None or (replaced is None and len(life.snapshots) == MAX_SNAPSHOTS):
            assert listed is None
            return
        if replaced is not None:
            life.snapshots.remove(replaced)
        new = cast("list[dict[str, bytes]]", listed)[-1]["id"]
        life.snapshots.append((new, life.number, life.chunks))
        if uninstalls:
            life.number, life.chunks = None, frozenset()

    def load(self, canister: int, index: int, *, source: int) -> None:
        """Load one of a canister's snapshots into a canister."""
        owner, life = self.lives[source], self.lives[canister]
        if not owner.snapshots:
            return
        snapshot, number, chunks = owner.snapshots[index % len(owner.snapshots)]
        assert self.manage("load_canister_snapshot", canister, snapshot_id=snapshot) is not None
        life.number, life.chunks = number, chunks

    def delete(self, canister: int, index: int) -> None:
        """Delete a snapshot."""
        life = self.lives[canister]
        if life.snapshots:
            snapshot = life.snapshots.pop(index % len(life.snapshots))[0]
            assert self.manage("delete_canister_snapshot", canister, snapshot_id=snapshot) is not None

    def chunk(self, canister: int, number: int) -> None:
        """Store a chunk."""
        assert self.manage("upload_chunk", canister, chunk=b"%d" % number) is not None
        self.lives[canister].chunks |= {number}

    def check(self) -> bool:
        """Compare what the network tells with the model; a difference fails the test."""
        for canister, life in zip(self.canisters, self.lives, strict=True):
            record = self.network.canister(canister)
            assert {int(chunk) for chunk in record.chunks.values()} == life.chunks
            listed = cast("list[dict[str, bytes]]", self.network.managed("list_canister_snapshots", {"canister_id": canister}))
            assert [entry["id"] for entry in listed] == [snapshot for snapshot, _, _ in life.snapshots]
        for index in range(2):
            self.add(index, 0)
        return True

    def step(self, name: str, canister: int, argument: int) -> None:
        """Do one thing."""
        actions = {
            "add": lambda: self.add(canister, argument),
            "take": lambda: self.take(canister, argument),
            "replace": lambda: self.take(canister, argument, replaces=True),
            "take and uninstall": lambda: self.take(canister, argument, uninstalls=True),
            "load": lambda: self.load(canister, argument, source=canister),
            "load foreign": lambda: self.load(canister, argument, source=1 - canister),
            "delete": lambda: self.delete(canister, argument),
            "chunk": lambda: self.chunk(canister, argument),
            "checkpoint": self.checkpoint,
            "kill": self.kill,
        }
        actions[name]()


def live(life: list[tuple[str, int, int]]) -> bool:
    """Live a life, and compare before and after a last kill."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for name, canister, argument in life:
            world.step(name, canister, argument)
        world.check()
        world.checkpoint()
        world.kill()
        return world.check()


@settings(max_examples=6)
@given(st.lists(steps, min_size=5, max_size=25))
def test_snapshots_bring_back_what_was_there(life: list[tuple[str, int, int]]) -> None:
    """Whatever happens in between, kills included, loading makes a canister what it was when the snapshot was taken."""
    assert live(life)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(steps, max_size=40))
def test_snapshots_bring_back_what_was_there_in_many_lives(life: list[tuple[str, int, int]]) -> None:
    """The same, longer and more often."""
    assert live(life)


def test_ten_is_the_limit() -> None:
    """The model's limit is reached, which random lives seldom do."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for number in range(MAX_SNAPSHOTS + 2):
            world.step("take", 0, number)
        assert len(world.lives[0].snapshots) == MAX_SNAPSHOTS
        assert world.check()
