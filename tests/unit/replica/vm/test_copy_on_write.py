"""Copy-on-write images: what is dirty, what is committed, what is given back."""

import gc
import mmap
import os
import pathlib
import resource

import pytest

from orchestrator.replica.vm import native
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


class MovableMemory:
    """A main memory that lies where the test says, as the engine may move one that outgrows its place."""

    def __init__(self, pages: int) -> None:
        self.buffer = mmap.mmap(-1, pages * WASM_PAGE_BYTES)

    def size(self) -> int:
        """Return the size in bytes."""
        return len(self.buffer)

    def address(self) -> int:
        """Return where the memory starts."""
        return native.buffer_address(self.buffer)

    def read(self, offset: int, length: int) -> bytes:
        """Copy bytes out."""
        return self.buffer[offset : offset + length]

    def write(self, offset: int, data: bytes) -> None:
        """Copy bytes in."""
        self.buffer[offset : offset + len(data)] = data

    def move(self, pages: int) -> None:
        """Grow to a size at another address, keeping the content."""
        old = self.buffer
        self.buffer = mmap.mmap(-1, pages * WASM_PAGE_BYTES)
        self.buffer[: len(old)] = old[:]


def test_memory_that_was_moved_while_growing_is_committed_whole() -> None:
    """After the engine has moved a memory, its changes are found, committed, and later ones rolled back."""
    image = choose_image("copy_on_write")()
    memory = MovableMemory(3)
    memory.write(10, b"first")
    memory.write(2 * WASM_PAGE_BYTES, b"third")
    image.capture(memory)
    shared = image.share()
    memory.move(5)
    memory.write(4 * WASM_PAGE_BYTES, b"fifth")
    assert [offset // WASM_PAGE_BYTES for offset, _ in image.changes(memory)] == [0, 2, 4]
    image.commit(memory)
    assert [(number, page[:15].strip(b"\0")) for number, page in image.pages()] == [(0, b"first"), (2, b"third"), (4, b"fifth")]
    memory.write(10, b"later")
    image.restore(memory)
    assert memory.read(10, 5) == b"first"
    assert [number for number, _ in shared.pages()] == [0, 2]
    image.close()
    shared.close()


def test_too_many_open_files_make_copies() -> None:
    """When no file can be opened any more, canisters go on with copied images, forks included."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    machine = WasmMachine(rollback="copy_on_write")
    loaded = machine.load(module(["debug_print"], BODY, pages=100))
    first = machine.instantiate(loaded)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        instances = [machine.instantiate(loaded), first.fork()]
        for instance in instances:
            send(instance, "scatter")
            instance.rollback()
            assert send(instance, "show").logs == [b"data", bytes(4)]
            instance.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    first.close()
