"""What native canisters write to the disk: the entries that changed, whatever else there is."""

from pathlib import Path

from orchestrator.replica.storage import codec
from orchestrator.replica.storage.checkpoint import Checkpoints, StorageLimits, load_state
from orchestrator.replica.storage.directory import StateDirectory
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID
from orchestrator.replica.system.installing import restore_native
from orchestrator.replica.system.native import NativeInstance
from orchestrator.replica.system.token_ledger import TokenLedger
from orchestrator.replica.vm.interface import Changes
from tests.support.scripted_network import START_TIME, STRANGER
from tests.support.system_network import SystemNetwork, ok

LARGE = 10**9


def collected(instance: NativeInstance, *, whole: bool = False) -> Changes:
    """Return what an instance wants to have saved."""
    changes = instance.collect(whole=whole, max_bytes=LARGE)
    assert changes is not None
    return changes


def content(ledger: object) -> list[object]:
    """Return all that a ledger has, in its order."""
    assert isinstance(ledger, NativeInstance)
    return [(name, table.items()) for name, table in sorted(ledger.code.tables.items())]


def test_what_was_saved_is_not_saved_again() -> None:
    """A transfer adds a block and what it moved, however many blocks there are; together the parts are the whole."""
    network = SystemNetwork()
    ledger = network.instance(CYCLES_LEDGER_ID)
    assert ledger.collect(whole=False, max_bytes=LARGE) is None
    parts = dict(collected(ledger, whole=True).memory)

    sizes = []
    for number in range(20):
        ok(network.transfer(1, STRANGER, created_at_time=START_TIME + number))
        changes = collected(ledger).memory
        parts.update(changes)
        sizes.append(sum(map(len, changes.values())))

    assert max(sizes[1:]) - min(sizes[1:]) < 100
    assert collected(ledger).memory == {}
    again = restore_native(network.scripted.state.canisters[CYCLES_LEDGER_ID].wasm or b"", None, parts)
    assert content(again) == content(ledger)


def test_what_is_gone_stays_away() -> None:
    """Entries that were taken out, before or after they were saved, do not come back, and those put in again are newest."""
    network = SystemNetwork()
    ledger = network.instance(CYCLES_LEDGER_ID)
    balances = ledger.code.tables["balances"]
    balances[b"old"], balances[b"back"] = 1, 2
    ledger.commit()
    parts = dict(collected(ledger, whole=True).memory)

    for key in (b"old", b"back"):
        balances.pop(key)
    balances[b"brief"] = 3
    ledger.commit()
    balances.pop(b"brief")
    ledger.commit()
    parts.update(collected(ledger).memory)
    balances[b"back"] = 4
    ledger.commit()
    balances[b"uncommitted"] = 5
    parts.update(collected(ledger).memory)
    ledger.rollback()

    again = restore_native(network.scripted.state.canisters[CYCLES_LEDGER_ID].wasm or b"", None, parts)
    assert content(again) == content(ledger)
    assert list(balances)[-1] == b"back"


def test_ledgers_come_back_from_a_folder_and_a_journal(tmp_path: Path) -> None:
    """A ledger too large for the journal has a folder; what comes later is in the journal, and both are read together."""
    network = SystemNetwork()
    directory = StateDirectory(tmp_path)
    checkpoints = Checkpoints(network.scripted.replica, directory, limits=StorageLimits(inline=0))
    checkpoints.checkpoint()
    base = len(list(directory.memories.iterdir()))

    for _ in range(3):
        ok(network.transfer(7, STRANGER))
        checkpoints.checkpoint()
    loaded = load_state(directory, network.scripted.machine)

    assert loaded is not None
    instance = loaded.state.canisters[CYCLES_LEDGER_ID].instance
    assert content(instance) == content(network.instance(CYCLES_LEDGER_ID))
    assert len(list(directory.memories.iterdir())) == base > 0


def test_tables_that_were_saved_whole_are_read() -> None:
    """What was written before there were entries is read, and saved anew the next time."""
    network = SystemNetwork()
    ledger = network.instance(CYCLES_LEDGER_ID)
    wasm = network.scripted.state.canisters[CYCLES_LEDGER_ID].wasm or b""
    older = codec.dump({name: table.pack() for name, table in ledger.code.tables.items()})

    again = restore_native(wasm, None, older=older)

    assert isinstance(again, NativeInstance)
    assert isinstance(again.code, TokenLedger)
    again.settle()
    assert content(again) == content(ledger)
    assert again.collect(whole=False, max_bytes=LARGE) is None
    assert len(collected(again, whole=True).memory) > 0
