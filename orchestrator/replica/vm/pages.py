"""Bytes of a snapshot: as many as there are, stored only where they are not zero, in memory or in a file.

What belongs to a snapshot must not cost memory for ever: once it has been saved, `settle` makes the file the place
where it is read from. Writing never changes a page in place, because pages are shared with running canisters.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from orchestrator.replica.vm.image import ZERO_PAGE
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.snapshot import PageFile, write_pages

__all__ = ["Page", "Pages"]

Page = bytes | bytearray


class Pages:
    """`length` bytes in pages of 64 KiB; a page that is absent holds zeroes.

    `saved_as` names the file with this content, for whoever saves it; None when there is none.
    """

    def __init__(self, length: int, pages: Mapping[int, Page] | None = None, *, file: PageFile | None = None) -> None:
        self.length = length
        self.saved_as: str | None = None
        self._own: dict[int, Page] = dict(pages or {})
        self._file = file

    @classmethod
    def of(cls, content: bytes) -> "Pages":
        """Return the pages of some bytes."""
        pages = cls(len(content))
        pages.write(0, content)
        return pages

    @classmethod
    def load(cls, path: Path, length: int) -> "Pages":
        """Return the pages that `save` wrote; raises `SnapshotError` when the file is damaged."""
        pages = cls(length, file=PageFile(path))
        pages.saved_as = path.name
        return pages

    @property
    def size(self) -> int:
        """Return the size in pages; the last one may be used in part."""
        return -(-self.length // WASM_PAGE_BYTES)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of a range that lies within."""
        content = bytearray(length)
        at = 0
        while at < length:
            number, start = divmod(offset + at, WASM_PAGE_BYTES)
            count = min(WASM_PAGE_BYTES - start, length - at)
            page = self._page(number)
            if page is not None:
                content[at : at + count] = memoryview(page)[start : start + count]
            at += count
        return bytes(content)

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes into a range that lies within."""
        at = 0
        while at < len(data):
            number, start = divmod(offset + at, WASM_PAGE_BYTES)
            count = min(WASM_PAGE_BYTES - start, len(data) - at)
            page = bytearray(self._page(number) or ZERO_PAGE)
            page[start : start + count] = memoryview(data)[at : at + count]
            self._own[number] = page
            at += count
        self.saved_as = None

    def stored(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and content of the pages that are not zero, in order."""
        numbers: Iterable[int] = self._own if self._file is None else self._own.keys() | self._file.numbers()
        for number in sorted(numbers):
            page = self._page(number)
            if page is not None and page != ZERO_PAGE:
                yield number, bytes(page)

    def digest(self) -> bytes:
        """Return the SHA-256 of all bytes."""
        hasher = hashlib.sha256()
        for number in range(self.size):
            hasher.update(self.read(number * WASM_PAGE_BYTES, min(WASM_PAGE_BYTES, self.length - number * WASM_PAGE_BYTES)))
        return hasher.digest()

    def save(self, path: Path) -> None:
        """Write the pages to a file."""
        write_pages(path, self.size, self.stored())

    def settle(self, path: Path) -> None:
        """Read from the file that `save` wrote from now on, which gives the memory back."""
        self._file, self.saved_as = PageFile(path), path.name
        self._own = {}

    def _page(self, number: int) -> Page | None:
        own = self._own.get(number)
        return own if own is not None or self._file is None else self._file.read(number)
