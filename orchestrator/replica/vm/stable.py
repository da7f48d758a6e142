"""Stable memory: 64-bit, sparse, with an undo log so that a message that traps leaves no trace."""

from collections.abc import Iterator, Mapping

from orchestrator.replica.vm.limits import MAX_STABLE_MEMORY_PAGES, WASM_PAGE_BYTES

__all__ = ["StableMemory", "changed_blocks"]


class StableMemory:
    """Pages of 64 KiB by index; a page that is absent holds zeroes.

    Invariant: a page object that a commit has left behind is never changed again. The first write of a message
    replaces it by a copy and remembers the old one, so forks share pages without copying them.
    `unsaved` has the pages that were committed since whoever saves them emptied it, as they were then; None: all pages.
    """

    def __init__(self, size: int = 0, pages: Mapping[int, bytearray] | None = None) -> None:
        self.size = size
        self._committed_size = size
        self._pages: dict[int, bytearray] = dict(pages or {})
        self._undo: dict[int, bytearray | None] = {}
        self.unsaved: dict[int, bytearray | None] | None = None

    @property
    def changed_pages(self) -> int:
        """Return how many pages were written to since the last commit."""
        return len(self._undo)

    def grow(self, pages: int) -> int:
        """Add zeroed pages and return the size before, in pages; -1 when the limit forbids it."""
        before = self.size
        if before + pages > MAX_STABLE_MEMORY_PAGES:
            return -1
        self.size = before + pages
        return before

    def fits(self, offset: int, length: int) -> bool:
        """Return whether the range lies within the memory."""
        return offset + length <= self.size * WASM_PAGE_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of a range that `fits`."""
        index, start = divmod(offset, WASM_PAGE_BYTES)
        if start + length <= WASM_PAGE_BYTES:
            page = self._pages.get(index)
            return bytes(length) if page is None else bytes(memoryview(page)[start : start + length])
        content = bytearray(length)
        for index, start, at, count in _pieces(offset, length):
            page = self._pages.get(index)
            if page is not None:
                content[at : at + count] = memoryview(page)[start : start + count]
        return bytes(content)

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes into a range that `fits`."""
        if not data:  # an empty range may begin at the very end, where there is no page
            return
        index, start = divmod(offset, WASM_PAGE_BYTES)
        if start + len(data) <= WASM_PAGE_BYTES:  # most writes are small
            self._own_page(index)[start : start + len(data)] = data
            return
        view = memoryview(data)
        for index, start, at, count in _pieces(offset, len(data)):
            self._own_page(index)[start : start + count] = view[at : at + count]

    def _own_page(self, index: int) -> bytearray:
        """Return a page that may be written to, after remembering what it was."""
        if index in self._undo:
            return self._pages[index]
        before = self._undo[index] = self._pages.get(index)
        page = self._pages[index] = bytearray(WASM_PAGE_BYTES) if before is None else bytearray(before)
        return page

    def commit(self) -> None:
        """Keep what was written since the last commit."""
        if self.unsaved is not None:
            for index, page in self._undo.items():
                self.unsaved.setdefault(index, page)
        self._undo = {}
        self._committed_size = self.size

    def rollback(self) -> None:
        """Undo what was written since the last commit."""
        for index, page in self._undo.items():
            if page is None:
                self._pages.pop(index, None)
            else:
                self._pages[index] = page
        self._undo = {}
        self.size = self._committed_size

    def written(self) -> dict[int, bytes]:
        """Return a copy of the pages that were written to since the last commit."""
        return {index: bytes(self._pages[index]) for index in self._undo}

    def rewrite(self, size: int, pages: Mapping[int, bytes]) -> None:
        """Set the size in pages, and pages as `written` returned them."""
        self.size = size
        for index, page in pages.items():
            self._own_page(index)[:] = page

    def fork(self, *, uncommitted: bool) -> "StableMemory":
        """Return a second memory that shares the pages: the committed state, with or without what came after.

        What came after stays uncommitted in the fork. The caller must roll this memory back before it is written
        to again, because the fork goes on writing to the uncommitted pages.
        """
        fork = StableMemory(self.size, self._pages)
        fork._undo = dict(self._undo)
        fork._committed_size = self._committed_size
        fork.unsaved = None if self.unsaved is None else dict(self.unsaved)
        if not uncommitted:
            fork.rollback()
        return fork

    def committed_pages(self) -> tuple[int, dict[int, bytearray]]:
        """Return the size in pages and the pages as of the last commit; the pages must not be changed."""
        pages = {index: self._undo.get(index, page) for index, page in self._pages.items()}
        return self._committed_size, {index: page for index, page in pages.items() if page is not None}


def changed_blocks(page: bytearray, before: bytearray | None, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield offset and content of the blocks of a page that are not as before; None stands for zeroes."""
    new, old = bytes(page), bytes(before or WASM_PAGE_BYTES)
    for start in range(0, WASM_PAGE_BYTES, block_bytes):
        block = new[start : start + block_bytes]
        if block != old[start : start + block_bytes]:
            yield start, block


def _pieces(offset: int, length: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut a range at page borders: page index, offset in the page, offset in the data, length."""
    at = 0
    while at < length:
        index, start = divmod(offset + at, WASM_PAGE_BYTES)
        count = min(WASM_PAGE_BYTES - start, length - at)
        yield index, start, at, count
        at += count
