"""The network's state on disk, cut off at every step of saving it: by the process's end, and by a disk that refuses."""

import errno
import itertools
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import OrchestratorError
from orchestrator.replica.storage.checkpoint import Checkpoints, StorageLimits, load_state
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.vm.interface import Reply
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.replica_modules import threefold
from tests.support.scripted_machine import ScriptedMachine
from tests.support.scripted_network import ScriptedNetwork

WATCHED = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "shutil.rmtree"})
WRITING = 1  # the flag O_WRONLY; opening to read changes nothing
MAX_STEPS = 1000
Counts = dict[bytes, bytes]


class KilledError(BaseException):
    """Raised at the step where the process ends: nothing may catch it."""


class Interference:
    """Ends, or refuses, what is done to files below a folder, from one step on. Steps are counted from 0."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.steps = 0
        self.first, self.last = MAX_STEPS, MAX_STEPS
        self.failure: Callable[[], BaseException] = KilledError

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Look at one of Python's audit events."""
        if self.root is None or event not in WATCHED or not str(arguments[0]).startswith(self.root):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & 3):
            return
        self.steps += 1
        if self.first <= self.steps - 1 <= self.last:
            raise self.failure()

    @contextmanager
    def at(self, root: Path, first: int, last: int, failure: Callable[[], BaseException]) -> Iterator[None]:
        """Interfere with what happens in the block."""
        self.root, self.steps, self.first, self.last, self.failure = str(root), 0, first, last, failure
        try:
            yield
        finally:
            self.root = None


INTERFERENCE = Interference()
sys.addaudithook(INTERFERENCE)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> WasmMachine:
    """Return a machine that compiles everything once."""
    return WasmMachine(cache_directory=tmp_path_factory.mktemp("compiled"))


FOLDERS = StorageLimits(journal=300_000, inline_memory=-1)
"""Every memory has a folder, and there is a new base now and then."""
INLINE = StorageLimits(journal=300_000)
"""Small memories are in the journal and the base."""
BOTH = pytest.mark.parametrize("limits", [FOLDERS, INLINE], ids=["folders", "inline"])


class Run:
    """A network that is saved now and then; `saved` and `saving` are what it was at the last save, and at the one under way."""

    def __init__(self, directory: StateDirectory, machine: WasmMachine, limits: StorageLimits = FOLDERS) -> None:
        self.directory, self.machine = directory, machine
        self.network = ScriptedNetwork(machine=cast("ScriptedMachine", machine))
        self.checkpoints = Checkpoints(self.network.replica, directory, limits=limits)
        self.saved: Counts | None = None
        self.saving: Counts | None = None
        self.refused = 0

    def save(self) -> None:
        """Save; a refusal is counted."""
        self.saving = counts(self.network)
        try:
            self.checkpoints.save_created() if self.network.state.created else self.checkpoints.checkpoint()
        except (OrchestratorError, OSError):
            self.refused += 1
        else:
            self.saved = self.saving

    def go(self) -> None:
        """Do a little of everything that a checkpoint can be about, and save after each."""
        network = self.network
        first = network.deploy(threefold())
        self.save()
        second = network.deploy(threefold())
        network.call(first, "add")
        self.save()
        network.call(second, "add")
        network.managed("upload_chunk", {"canister_id": first, "chunk": b"chunk"})
        self.save()
        network.call(first, "grow")
        network.managed("stop_canister", {"canister_id": second})
        network.managed("delete_canister", {"canister_id": second})
        self.save()
        for _ in range(3):
            network.call(first, "add")
            self.save()
        network.create()
        self.save()
        self.saving = counts(network)
        self.checkpoints.finish()
        self.saved = self.saving


def counts(network: ScriptedNetwork) -> Counts:
    """Return what each canister shows; nothing for one without code."""
    found = {}
    for canister_id, canister in network.state.canisters.items():
        if canister.instance is None:
            found[canister_id] = b""
            continue
        response = network.replica.query(canister_id, "show", b"", b"\x04")
        assert isinstance(response, Reply)
        assert len(set(struct.unpack("<3I", response.data))) == 1, "the three counts belong to different times"
        found[canister_id] = response.data
    return found


def load(directory: StateDirectory, machine: WasmMachine) -> tuple[ScriptedNetwork, Checkpoints]:
    """Bring back what is on the disk."""
    loaded = load_state(directory, machine)
    if loaded is None:
        network = ScriptedNetwork(machine=cast("ScriptedMachine", machine))
        return network, Checkpoints(network.replica, directory)
    network = ScriptedNetwork(machine=cast("ScriptedMachine", machine), state=loaded.state)
    return network, Checkpoints(network.replica, directory, loaded=loaded)


def check_goes_on(directory: StateDirectory, machine: WasmMachine, known: set[bytes]) -> None:
    """Check that the network that is loaded works, gives out new ids, and is saved again."""
    network, checkpoints = load(directory, machine)
    created = network.create()
    assert created.raw not in known
    for canister_id in list(network.state.canisters):
        network.call(Principal(canister_id), "add")
    checkpoints.checkpoint()
    again, _ = load(directory, machine)
    assert counts(again) == counts(network)
    assert set(again.state.requests.all()) == set(network.state.requests.all())


@BOTH
@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_step_the_state_is_the_one_before_or_the_one_after(
    tmp_path: Path, machine: WasmMachine, stride: int, limits: StorageLimits
) -> None:
    """Whatever step of saving is the last one, the state that is loaded is a whole one, and no id is given out again."""
    for step in itertools.count(0, stride):
        directory = StateDirectory(tmp_path / str(step))
        directory.root.mkdir()
        run = Run(directory, machine, limits)
        try:
            with INTERFERENCE.at(directory.root, step, MAX_STEPS, KilledError):
                run.go()
        except KilledError:
            network, _ = load(directory, machine)
            assert counts(network) in (run.saved or {}, run.saving), f"step {step}"
            check_goes_on(directory, machine, set(run.saved or {}))
        else:
            break
    assert step > 10
    network, _ = load(directory, machine)
    assert counts(network) == run.saved


def full_disk() -> OSError:
    """Make the error of a disk without room."""
    return OSError(errno.ENOSPC, "No space left on device")


@BOTH
@pytest.mark.parametrize("stride", [9, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("length", [1, 7], ids=["one step", "seven steps"])
def test_a_disk_that_is_full_for_a_while_loses_nothing(
    tmp_path: Path, machine: WasmMachine, length: int, stride: int, limits: StorageLimits
) -> None:
    """Saving that failed is made up for by the next one; in between the last good state is on the disk."""
    refused = 0
    for step in itertools.count(0, stride):
        directory = StateDirectory(tmp_path / str(step))
        directory.root.mkdir()
        run = Run(directory, machine, limits)
        with INTERFERENCE.at(directory.root, step, step + length - 1, full_disk):
            try:
                run.go()
            except (OrchestratorError, OSError):
                run.refused += 1
            if INTERFERENCE.steps <= step:
                break
        network, _ = load(directory, machine)
        assert counts(network) in (run.saved or {}, run.saving), f"step {step}"
        run.checkpoints.finish()
        refused += run.refused
        network, _ = load(directory, machine)
        assert counts(network) == counts(run.network), f"step {step}"
    assert refused > 0


@BOTH
def test_a_journal_that_is_cut_off_anywhere_gives_an_earlier_state(tmp_path: Path, machine: WasmMachine, limits: StorageLimits) -> None:
    """A frame that was not written to its end counts for nothing, and the next one takes its place."""
    directory = StateDirectory(tmp_path)
    run = Run(directory, machine, limits)
    canister = run.network.deploy(threefold())
    states = []
    for _ in range(3):
        run.network.call(canister, "add")
        run.save()
        states.append(counts(run.network))
    journal = next(tmp_path.glob("journal-*"))
    whole = journal.read_bytes()
    found = []
    for length in range(len(whole), -1, -509):
        journal.write_bytes(whole[:length])
        network, _ = load(directory, machine)
        found.append(counts(network))
    assert found[0] == states[-1]
    assert [state for state, _ in itertools.groupby(found) if state in states] == states[::-1]
    journal.write_bytes(whole[:-1])
    check_goes_on(directory, machine, set())


@pytest.mark.parametrize("name", ["state.cbor", "journal", "memory.pages", "stable.pages", "globals", "blob"])
@pytest.mark.parametrize("damage", ["deleted", "emptied", "cut", "changed"])
def test_damage_is_told(tmp_path: Path, machine: WasmMachine, name: str, damage: str) -> None:
    """A file that is damaged is an error with a hint, never a network with other canisters than it had."""
    directory = StateDirectory(tmp_path)
    run = Run(directory, machine)
    canister = run.network.deploy(threefold())
    for _ in range(3):
        run.network.call(canister, "add")
        run.save()
    before = counts(run.network)
    patterns = {"journal": "journal-*", "blob": "blobs/*", "state.cbor": "state.cbor"}
    path = next(tmp_path.glob(patterns.get(name, f"memories/*/{name}")))
    _damage(path, damage)
    if name == "journal" and damage in {"emptied", "cut"}:  # as after a power cut: an earlier state
        assert counts(load(directory, machine)[0]).keys() <= before.keys()
        return
    with pytest.raises(OrchestratorError) as raised:
        load(directory, machine)
    assert raised.value.slug == "replica/state-unreadable"
    assert "network reset" in (raised.value.hint or "")


def _damage(path: Path, damage: str) -> None:
    content = path.read_bytes()
    match damage:
        case "deleted":
            path.unlink()
        case "emptied":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "changed":
            middle = min(40, len(content) // 2)
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
