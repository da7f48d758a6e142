"""State as files: the pages of a memory that are not zero; globals are a file of 16 bytes each.

A page file is little-endian: magic, version, pages in all, pages stored; their numbers; their contents.
"""

import struct
from collections.abc import Iterable, Iterator, KeysView
from pathlib import Path

from orchestrator.replica.vm.limits import WASM_PAGE_BYTES

__all__ = ["GLOBALS_FILE", "MEMORY_FILE", "STABLE_FILE", "PageFile", "SnapshotError", "read_pages", "write_pages"]

MEMORY_FILE = "memory.pages"
STABLE_FILE = "stable.pages"
GLOBALS_FILE = "globals"

_MAGIC = b"ICPM"
_VERSION = 1
_HEADER = struct.Struct("<4sIQQ")


class SnapshotError(Exception):
    """Raised when a file of saved state is damaged or of another version."""


def write_pages(path: Path, size: int, pages: Iterable[tuple[int, bytes]]) -> None:
    """Write a memory of `size` pages of which only some are stored. The numbers come after the pages."""
    numbers: list[int] = []
    with path.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, _VERSION, size, 0))
        for number, page in pages:
            numbers.append(number)
            file.write(page)
        file.write(struct.pack(f"<{len(numbers)}Q", *numbers))
        file.seek(0)
        file.write(_HEADER.pack(_MAGIC, _VERSION, size, len(numbers)))


def read_pages(path: Path) -> tuple[int, Iterator[tuple[int, bytes]]]:
    """Return the size in pages and the stored pages, read as they are taken; raises `SnapshotError`."""
    size, numbers = _read_numbers(path)
    return size, _iterate(path, numbers)


class PageFile:
    """A file of pages, read page by page; raises `SnapshotError` when it is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places = {number: place for place, number in enumerate(_read_numbers(path)[1])}

    def numbers(self) -> KeysView[int]:
        """Return the numbers of the stored pages."""
        return self._places.keys()

    def read(self, number: int) -> bytes | None:
        """Return a page, or None when it is not stored."""
        place = self._places.get(number)
        if place is None:
            return None
        with self._path.open("rb") as file:
            file.seek(_HEADER.size + place * WASM_PAGE_BYTES)
            return file.read(WASM_PAGE_BYTES)


def _read_numbers(path: Path) -> tuple[int, tuple[int, ...]]:
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) != _HEADER.size:
            raise SnapshotError(f"{path.name} is too short")
        magic, version, size, count = _HEADER.unpack(header)
        if magic != _MAGIC or version != _VERSION:
            raise SnapshotError(f"{path.name} is not a file of pages that this version reads")
        if path.stat().st_size != _HEADER.size + count * (WASM_PAGE_BYTES + 8):
            raise SnapshotError(f"{path.name} has another length than its header says")
        file.seek(_HEADER.size + count * WASM_PAGE_BYTES)
        numbers = struct.unpack(f"<{count}Q", file.read(count * 8))
    if any(number >= size for number in numbers):
        raise SnapshotError(f"{path.name} stores a page outside of the memory")
    return size, numbers


def _iterate(path: Path, numbers: tuple[int, ...]) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        file.seek(_HEADER.size)
        for number in numbers:
            yield number, file.read(WASM_PAGE_BYTES)
