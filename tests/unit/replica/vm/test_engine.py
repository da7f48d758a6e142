"""Compilers: the fast one, the one behind it, and the cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

from orchestrator.replica.vm.engine import MAX_ARTIFACTS
from orchestrator.replica.vm.interface import MessageKind, Reply
from orchestrator.replica.vm.machine import WasmMachine
from orchestrator.replica.vm.probe import choose_engine, this_system, try_in_child
from tests.support.vm import module, send

ANSWER = module(
    ["msg_reply_data_append", "msg_reply"],
    '(data (i32.const 0) "yes") (func (export "canister_query q") (call $msg_reply_data_append (i32.const 0) (i32.const 3)) (call $msg_reply))',
)
BEST = choose_engine(None, system=this_system(), try_out=try_in_child)
TAIL_CALL = '(module (import "ic0" "msg_reply" (func $reply)) (func (export "canister_query q") (return_call $reply)))'


def answer(machine: WasmMachine, raw: bytes) -> object:
    """Return the response of a module's only method."""
    return send(machine.instantiate(machine.load(raw)), "canister_query q", kind=MessageKind.QUERY).response


@pytest.mark.skipif(BEST.compiler != "winch", reason="Winch is not used on this kind of machine")
def test_what_winch_lacks_goes_to_cranelift() -> None:
    """A module with tail calls, which Winch refuses, is compiled by Cranelift and runs."""
    machine = WasmMachine()
    loaded = machine.load(bytes(wasmtime.wat2wasm(TAIL_CALL)))
    assert (loaded.compiled.compiler, machine.load(ANSWER).compiled.compiler) == ("cranelift", "winch")
    assert send(machine.instantiate(loaded), "canister_query q", kind=MessageKind.QUERY).response == Reply(b"")


def test_instructions_are_counted_alike() -> None:
    """Both compilers count the same instructions for the same work, so limits do not depend on them."""
    raw = module(
        [],
        '(func (export "f") (local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000)))))',
    )
    counts = []
    for compiler in ("winch", "cranelift") if BEST.compiler == "winch" else ("cranelift", "cranelift"):
        machine = WasmMachine(compiler=compiler)
        counts.append(send(machine.instantiate(machine.load(raw)), "f").instructions)
    assert abs(counts[0] - counts[1]) <= 20
    assert counts[0] > 500_000


def test_compiled_code_is_kept_on_disk(tmp_path: Path) -> None:
    """A second machine takes what the first compiled, and both give the same answer."""
    cache = tmp_path / "cache"
    assert answer(WasmMachine(cache_directory=cache), ANSWER) == Reply(b"yes")
    (artifact,) = cache.iterdir()
    before = artifact.stat().st_mtime_ns
    assert answer(WasmMachine(cache_directory=cache), ANSWER) == Reply(b"yes")
    assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [before]


@pytest.mark.parametrize("damage", ["empty", "flipped", "cut", "other"])
def test_damaged_artifacts_are_compiled_anew(tmp_path: Path, damage: str) -> None:
    """An artifact that is not what was written is never handed to the engine, and is replaced."""
    assert answer(WasmMachine(cache_directory=tmp_path), ANSWER) == Reply(b"yes")
    (artifact,) = tmp_path.iterdir()
    good = artifact.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    artifact.write_bytes({"empty": b"", "flipped": bytes(flipped), "cut": good[:-1], "other": b"x" * 100}[damage])
    assert answer(WasmMachine(cache_directory=tmp_path), ANSWER) == Reply(b"yes")
    assert len(artifact.read_bytes()) == len(good)


def test_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    """Where the cache directory cannot be made, modules are compiled each time."""
    (tmp_path / "file").write_text("in the way")
    assert answer(WasmMachine(cache_directory=tmp_path / "file" / "cache"), ANSWER) == Reply(b"yes")


def test_the_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    """Beyond the limit the artifacts go that nobody used for the longest time, and what interrupted writing left; other files stay."""
    old = [tmp_path / f"{index}.cwasm" for index in range(MAX_ARTIFACTS + 5)]
    for index, path in enumerate([*old, tmp_path / "tmpleft"]):
        path.write_bytes(b"old")
        os.utime(path, (1000 + index, 1000 + index))
    os.utime(tmp_path / "tmpleft", (1, 1))
    (tmp_path / "engine.json").write_text("{}")
    assert answer(WasmMachine(cache_directory=tmp_path), ANSWER) == Reply(b"yes")
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == MAX_ARTIFACTS + 1
    assert "engine.json" in left
    assert not left & {"tmpleft", "0.cwasm", "5.cwasm"}
    assert old[-1].name in left


def test_canisters_fit_into_limited_address_space() -> None:
    """Where a process may use 6 GB of addresses (`ulimit -v`), twenty canisters are made that would reserve 4 GiB each."""
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000, 6_000_000_000))
from orchestrator.replica.vm.machine import WasmMachine
machine = WasmMachine()
module = machine.load(bytes.fromhex("{wasmtime.wat2wasm("(module (memory 300))").hex()}"))
instances = [machine.instantiate(module) for _ in range(20)]
assert all(instance.fork().memory_bytes == 300 * 65536 for instance in instances)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_canister_outlives_that_there_is_no_room_beside_it() -> None:
    """Where a second instance finds no address space, that is an error of its own, and the first one goes on and rolls back."""
    raw = module(
        ["msg_reply"],
        """(global $g (mut i32) (i32.const 0))
        (func (export "canister_update count") (global.set $g (i32.add (global.get $g) (i32.const 1)))
          (if (i32.eq (global.get $g) (i32.const 3)) (then (drop (memory.grow (i32.const 5))) (unreachable))) (call $msg_reply))""",
    )
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (6_500_000_000, 6_500_000_000))
from orchestrator.replica.vm.interface import CanisterView, InvalidModuleError, Message, MessageKind, Reply
from orchestrator.replica.vm.machine import WasmMachine
machine = WasmMachine(is_confined=False)
instance = machine.instantiate(machine.load(bytes.fromhex("{raw.hex()}")))
view = CanisterView(id=b"", controllers=frozenset(), cycles=0)
for number in range(4):
    outcome = instance.run("canister_update count", Message(kind=MessageKind.UPDATE, now=1), view)
    assert (outcome.response == Reply(b"")) == (number < 2), outcome
    instance.commit() if number < 2 else instance.rollback()
    assert instance.memory_bytes == 65536
    try:
        instance.fork()
    except InvalidModuleError as error:
        assert "no room" in str(error)
    else:
        raise AssertionError("there was room")
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
