"""Main memory as a private mapping of a file in memory: Linux keeps track of what changes.

The committed bytes live in a memfd that is mapped privately over the engine's memory. A write makes a private copy
of one page; `/proc/self/pagemap` tells which pages those are. Rolling back drops them, committing writes them to the
file and drops them, and a second image of the same bytes costs nothing.
Source: Linux kernel documentation, "Examining Process Page Tables" (pagemap bits 61 to 63).
"""

import errno
import functools
import mmap
import os
import re
import sys
import weakref
from collections.abc import Iterator

from orchestrator.replica.vm import native
from orchestrator.replica.vm.execution import MainMemory
from orchestrator.replica.vm.image import ZERO_PAGE, CopyingImage, Image, ImageFactory, note_written
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES

__all__ = ["RESERVED_FILES", "CopyOnWriteImage", "PageMap", "copy_on_write_works", "make_image_factory"]

_PAGE = mmap.PAGESIZE
_ENTRY_BYTES = 8
_DIRTY = re.compile(rb"[\x80-\x9f\xc0-\xdf\x40-\x5f]+")
"""Top bytes of entries of private pages: present (bit 63) or swapped (62), and not of a file (61)."""

RESERVED_FILES = 256
"""Open files that images leave to connections and to what saves the state; at most half of what may be open."""

_MAX_SINGLE_DISCARDS = 256
"""Runs of dirty pages above which one call for the whole memory is cheaper than one for each."""


class PageMap:
    """The page table of this process, open for reading; raises OSError where the system does not show it."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)

    def dirty_runs(self, address: int, length: int) -> list[tuple[int, int]]:
        """Return offset and length of the runs of pages that were written to since they were mapped."""
        entries = os.pread(self._file, length // _PAGE * _ENTRY_BYTES, address // _PAGE * _ENTRY_BYTES)
        if len(entries) != length // _PAGE * _ENTRY_BYTES:
            raise OSError("the page table of this process cannot be read")
        top = entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES]
        return [(found.start() * _PAGE, (found.end() - found.start()) * _PAGE) for found in _DIRTY.finditer(top)]


class CopyOnWriteImage:
    """Committed bytes in a memfd. `_mapped` is where the file lies over a memory, None before `attach`."""

    def __init__(self, page_map: PageMap, file: int, size: int = 0) -> None:
        self._page_map = page_map
        self._file = file
        self._give_back = weakref.finalize(self, os.close, file)
        self._size = size
        self._mapped: int | None = None
        self.unsaved: set[int] | None = None

    @property
    def size(self) -> int:
        """Return the size as of the last commit, in bytes."""
        return self._size

    @property
    def file(self) -> int:
        """Return the file descriptor; raises when the image has been closed."""
        if not self._give_back.alive:
            raise RuntimeError("the image of a canister's memory has been closed")
        return self._file

    def capture(self, memory: MainMemory) -> None:
        """Take a whole memory as the committed one."""
        self._grow(memory)

    def attach(self, memory: MainMemory) -> None:
        """Put the committed bytes into a memory that is at least as large."""
        self._mapped = memory.address()
        if self._size:
            native.map_private(self._mapped, self._size, self.file, 0)

    def commit(self, memory: MainMemory) -> None:
        """Take over what changed."""
        address = memory.address()
        if address != self._mapped:  # the engine moved the memory while it grew: nothing of it is mapped any more
            self._give_back()
            self._file, self._size, self.unsaved = _new_file(), 0, None
            self._give_back = weakref.finalize(self, os.close, self._file)
        runs = self._page_map.dirty_runs(address, self._size) if self._size else []
        for offset, length in runs:
            native.write_file_from_memory(self.file, address + offset, length, offset)
            note_written(self.unsaved, offset, length)
        self._discard(address, runs)
        if memory.size() > self._size:
            self._grow(memory)

    def restore(self, memory: MainMemory) -> None:
        """Undo what changed in a memory that did not grow."""
        if self._size:
            address = memory.address()
            self._discard(address, self._page_map.dirty_runs(address, self._size))

    def changes(self, memory: MainMemory) -> Iterator[tuple[int, int]]:
        """Yield offset and length of what changed since the last commit."""
        address = memory.address()
        known = self._size if address == self._mapped else 0
        if known:
            yield from self._page_map.dirty_runs(address, known)
        yield from self._grown(memory, known)

    def share(self) -> Image:
        """Return an image of the same file, or a copy when there are too many open files."""
        image: Image
        try:
            image = CopyOnWriteImage(self._page_map, _spare(os.dup(self.file)), self._size)
        except OSError:
            image = CopyingImage(bytearray(os.pread(self.file, self._size, 0)))
        image.unsaved = None if self.unsaved is None else set(self.unsaved)
        return image

    def read(self, offset: int, length: int) -> bytes:
        """Return committed bytes."""
        return os.pread(self.file, length, offset)

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and content of the committed pages that are not zero."""
        offset = 0
        while offset < self._size:
            try:
                offset = os.lseek(self.file, offset, os.SEEK_DATA) // WASM_PAGE_BYTES * WASM_PAGE_BYTES
            except OSError:  # no data after this point
                return
            page = os.pread(self.file, WASM_PAGE_BYTES, offset)
            if page != ZERO_PAGE:
                yield offset // WASM_PAGE_BYTES, page
            offset += WASM_PAGE_BYTES

    def close(self) -> None:
        """Give the bytes back."""
        self._give_back()

    def _grow(self, memory: MainMemory) -> None:
        """Take over the part of the memory after the committed one, and map the file there."""
        address, size = memory.address(), memory.size()
        os.ftruncate(self.file, size)
        for offset, length in self._grown(memory, self._size):
            native.write_file_from_memory(self.file, address + offset, length, offset)
            note_written(self.unsaved, offset, length)
        if size > self._size:
            native.map_private(address + self._size, size - self._size, self.file, self._size)
        self._mapped, self._size = address, size

    def _grown(self, memory: MainMemory, known: int) -> Iterator[tuple[int, int]]:
        """Yield what was written to from an offset on, the size of what is committed.

        What a memory has grown by comes from the system untouched, so the page table tells; what it begins with may
        come from a file of the engine's, so nothing does but looking at it.
        """
        if not known:
            yield from _written_pages(memory, 0)
            return
        for offset, length in self._page_map.dirty_runs(memory.address() + known, memory.size() - known):
            yield known + offset, length

    def _discard(self, address: int, runs: list[tuple[int, int]]) -> None:
        if len(runs) > _MAX_SINGLE_DISCARDS:
            native.discard_private_pages(address, self._size)
            return
        for offset, length in runs:
            native.discard_private_pages(address + offset, length)


@functools.cache
def copy_on_write_works() -> bool:
    """Try everything that an image needs once; some sandboxes and kernels lack a part of it."""
    if sys.platform != "linux":
        return False
    try:
        return _try_page_map()
    except OSError:
        return False


def make_image_factory() -> ImageFactory:
    """Return what makes empty images; raises OSError when the system lacks what they need.

    An image takes an open file. Where few more can be opened, further images are copies.
    """
    page_map = PageMap()

    def make() -> Image:
        try:
            return CopyOnWriteImage(page_map, _spare(_new_file()))
        except OSError:
            return CopyingImage()

    return make


def _new_file() -> int:
    return os.memfd_create("canister", os.MFD_CLOEXEC)


def _spare(file: int) -> int:
    """Return an open file unless there are too many: the system gives the lowest number that is free."""
    import resource  # not on every system, but wherever such files are

    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed != resource.RLIM_INFINITY and file >= max(allowed - RESERVED_FILES, allowed // 2):
        os.close(file)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return file


def _try_page_map() -> bool:
    page_map = PageMap()
    file = _new_file()
    try:
        os.ftruncate(file, 4 * _PAGE)
        os.pwrite(file, b"before", _PAGE)
        with mmap.mmap(file, 4 * _PAGE, flags=mmap.MAP_PRIVATE) as view:
            address = native.buffer_address(view)
            first, view[_PAGE] = view[0], 1
            dirty = page_map.dirty_runs(address, 4 * _PAGE) == [(_PAGE, _PAGE)]
            native.discard_private_pages(address, 4 * _PAGE)
            return dirty and first == 0 and view[_PAGE : _PAGE + 6] == b"before"
    finally:
        os.close(file)


def _written_pages(memory: MainMemory, start: int) -> Iterator[tuple[int, int]]:
    """Yield the pages from an offset on that are not zero; reading untouched ones takes no memory."""
    address = memory.address()
    zero = native.zero_page_address()
    for offset in range(start, memory.size(), WASM_PAGE_BYTES):
        if not native.blocks_equal(address + offset, zero, WASM_PAGE_BYTES):
            yield offset, WASM_PAGE_BYTES
