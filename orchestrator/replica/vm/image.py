"""Committed main memory, apart from the instance that writes to it: what makes a trap leave no trace.

An image remembers the bytes as of the last commit. `CopyingImage` keeps a copy and compares blocks; it works
everywhere and takes time and space in proportion to the memory. `orchestrator.replica.vm.copy_on_write` has the
other one.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from orchestrator.replica.vm import native
from orchestrator.replica.vm.execution import MainMemory
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES

__all__ = ["BLOCK_BYTES", "ZERO_PAGE", "CopyingImage", "Image", "ImageFactory", "note_written"]

BLOCK_BYTES = 4096
"""What is saved together when a part of it was written to."""
ZERO_PAGE = bytes(WASM_PAGE_BYTES)
"""A page as it comes from the system."""


class Image(Protocol):
    """The bytes of a main memory as of the last commit.

    `unsaved` has the numbers of the blocks that were written to since it was last emptied, by whoever saves them;
    None stands for all.
    """

    unsaved: set[int] | None

    @property
    def size(self) -> int:
        """Return the size as of the last commit, in bytes."""
        ...

    def capture(self, memory: MainMemory) -> None:
        """Take a whole memory as the committed one; called once, on an image that is empty."""
        ...

    def attach(self, memory: MainMemory) -> None:
        """Put the committed bytes into a memory that is at least as large."""
        ...

    def commit(self, memory: MainMemory) -> None:
        """Take over what changed."""
        ...

    def restore(self, memory: MainMemory) -> None:
        """Undo what changed in a memory that did not grow."""
        ...

    def changes(self, memory: MainMemory) -> Iterator[tuple[int, int]]:
        """Yield offset and length of what changed since the last commit, growth included; zero pages may be left out."""
        ...

    def share(self) -> "Image":
        """Return an image of the same committed bytes; once it has been committed to, this one must not be used."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return committed bytes."""
        ...

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and content of the committed pages that are not zero."""
        ...

    def close(self) -> None:
        """Give the bytes back."""
        ...


ImageFactory = Callable[[], Image]
"""Makes an empty image."""


def note_written(unsaved: set[int] | None, offset: int, length: int) -> None:
    """Add the blocks of a range to those that are to be saved, unless all are."""
    if unsaved is not None:
        unsaved.update(range(offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES + 1))


class CopyingImage:
    """A copy of the memory. Commit and rollback compare it block by block and copy the blocks that differ."""

    def __init__(self, content: bytearray | None = None) -> None:
        self._content = bytearray() if content is None else content
        self.unsaved: set[int] | None = None

    @property
    def size(self) -> int:
        """Return the size as of the last commit, in bytes."""
        return len(self._content)

    def capture(self, memory: MainMemory) -> None:
        """Take a whole memory as the committed one."""
        self.commit(memory)

    def attach(self, memory: MainMemory) -> None:
        """Put the committed bytes into a memory that is at least as large."""
        if self._content:
            native.copy_bytes(memory.address(), native.buffer_address(self._content), len(self._content))

    def commit(self, memory: MainMemory) -> None:
        """Take over what changed."""
        size = memory.size()
        if size > len(self._content):
            self._content.extend(bytes(size - len(self._content)))
        for offset, length in self.changes(memory):
            native.copy_bytes(native.buffer_address(self._content) + offset, memory.address() + offset, length)
            note_written(self.unsaved, offset, length)

    def restore(self, memory: MainMemory) -> None:
        """Undo what changed in a memory that did not grow."""
        for offset, length in self.changes(memory):
            native.copy_bytes(memory.address() + offset, native.buffer_address(self._content) + offset, length)

    def changes(self, memory: MainMemory) -> Iterator[tuple[int, int]]:
        """Yield offset and length of the blocks that differ."""
        if not memory.size():
            return
        live, zero = memory.address(), native.zero_page_address()
        known = native.buffer_address(self._content) if self._content else 0
        for offset in range(0, memory.size(), WASM_PAGE_BYTES):
            expected = known + offset if offset < len(self._content) else zero
            if not native.blocks_equal(live + offset, expected, WASM_PAGE_BYTES):
                yield offset, WASM_PAGE_BYTES

    def share(self) -> "CopyingImage":
        """Return a copy."""
        copy = CopyingImage(bytearray(self._content))
        copy.unsaved = None if self.unsaved is None else set(self.unsaved)
        return copy

    def read(self, offset: int, length: int) -> bytes:
        """Return committed bytes."""
        return bytes(memoryview(self._content)[offset : offset + length])

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and content of the committed pages that are not zero."""
        for offset in range(0, len(self._content), WASM_PAGE_BYTES):
            page = bytes(memoryview(self._content)[offset : offset + WASM_PAGE_BYTES])
            if page != ZERO_PAGE:
                yield offset // WASM_PAGE_BYTES, page

    def close(self) -> None:
        """Give the bytes back."""
        self._content = bytearray()
