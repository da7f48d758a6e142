"""Copy-on-write images: what is dirty, what is committed, what is given back."""

import gc
import os
import pathlib

import pytest

from orchestrator.replica.vm.copy_on_write import copy_on_write_works
from orchestrator.replica.vm.image import CopyingImage
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.machine import WasmMachine, choose_image
from tests.support.vm import module, send

pytestmark = pytest.mark.skipif(not copy_on_write_works(), reason="this system does not show which pages of a process are dirty")
BODY = """
(data (i32.const 0) "data")
(func (export "scatter") (local $i i32)
  (loop $l (i32.store (local.get $i) (i32.const -1)) (local.set $i (i32.add (local.get $i) (i32.const 8192))) (br_if $l (i32.lt_u (local.get $i) (i32.const 6553600)))))
(func (export "clear") (memory.fill (i32.const 0) (i32.const 0) (i32.const 6553600)))
(func (export "show") (call $debug_print (i32.const 0) (i32.const 4)) (call $debug_print (i32.const 6545408) (i32.const 4)))
"""


def open_files() -> int:
    """Return how many files of images this process has open, after those of forgotten instances are gone."""
    gc.collect()
    found = [str(path.readlink()) for path in pathlib.Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum("memfd:canister" in target for target in found)


def test_many_runs_of_dirty_pages_roll_back_and_commit() -> None:
    """800 separate dirty pages, more than are dropped one by one, are undone and kept."""
    machine = WasmMachine(rollback="copy_on_write")
    instance = machine.instantiate(machine.load(module(["debug_print"], BODY, pages=100)))
    send(instance, "scatter")
    instance.rollback()
    assert send(instance, "show").logs == [b"data", bytes(4)]
    send(instance, "scatter")
    instance.commit()
    send(instance, "clear")
    assert send(instance, "show").logs == [bytes(4), bytes(4)]
    instance.rollback()
    assert send(instance, "show").logs == [b"\xff" * 4, b"\xff" * 4]


def test_files_are_given_back() -> None:
    """A closed instance and a fork leave no open file behind."""
    machine = WasmMachine(rollback="copy_on_write")
    loaded = machine.load(module([], ""))
    machine.instantiate(loaded).close()
    before = open_files()
    for _ in range(5):
        instance = machine.instantiate(loaded)
        instance.fork().close()
        successor = machine.instantiate(loaded, previous=instance, keep_memory=True)
        instance.close()
        successor.close()
    assert open_files() == before


def test_auto_takes_copy_on_write_where_it_works() -> None:
    """`auto` is copy-on-write here; `copying` is what it says everywhere."""
    image = choose_image("auto")()
    assert not isinstance(image, CopyingImage)
    assert isinstance(choose_image("copying")(), CopyingImage)
    image.close()


def test_untouched_memory_takes_no_space() -> None:
    """A large memory of which two pages are written occupies the file by about those."""
    machine = WasmMachine(rollback="copy_on_write")
    instance = machine.instantiate(
        machine.load(module([], '(func (export "f") (i32.store (i32.const 60000000) (i32.const 1)))', pages=1000))
    )
    send(instance, "f")
    instance.commit()
    image = instance._image
    assert image.size == 1000 * WASM_PAGE_BYTES
    assert os.fstat(image.file).st_blocks * 512 <= 4 * WASM_PAGE_BYTES  # type: ignore[attr-defined]
    instance.close()
