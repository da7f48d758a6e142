"""Sparse bytes: what is written is read again, from memory and from files."""

import hashlib
from pathlib import Path

import pytest

from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.pages import Pages
from orchestrator.replica.vm.snapshot import SnapshotError

LENGTH = 3 * WASM_PAGE_BYTES + 17


def test_a_range_over_page_borders_is_read_as_it_was_written() -> None:
    """Bytes before and after stay zero."""
    pages = Pages(LENGTH)
    pages.write(WASM_PAGE_BYTES - 2, b"abcd")
    assert pages.read(WASM_PAGE_BYTES - 3, 6) == b"\0abcd\0"
    assert pages.read(2 * WASM_PAGE_BYTES, WASM_PAGE_BYTES + 17) == bytes(WASM_PAGE_BYTES + 17)


def test_only_pages_that_are_not_zero_are_stored() -> None:
    """A page of zeroes that was written costs nothing in a file."""
    pages = Pages(LENGTH)
    pages.write(0, bytes(WASM_PAGE_BYTES))
    pages.write(LENGTH - 1, b"z")
    assert [number for number, _ in pages.stored()] == [3]


def test_writing_leaves_shared_pages_alone() -> None:
    """A page that came from a running canister is copied before it changes."""
    shared = bytearray(WASM_PAGE_BYTES)
    Pages(LENGTH, {1: shared}).write(WASM_PAGE_BYTES, b"new")
    assert shared == bytes(WASM_PAGE_BYTES)


def test_settled_pages_are_read_from_the_file_and_can_be_changed(tmp_path: Path) -> None:
    """After `settle` the content is the same, and a write covers the file without changing it."""
    pages = Pages.of(bytes(range(256)) * 700)
    before = pages.read(0, pages.length)
    pages.save(tmp_path / "pages")
    pages.settle(tmp_path / "pages")
    assert pages.read(0, pages.length) == before
    pages.write(5, b"covered")
    assert pages.read(0, pages.length) == before[:5] + b"covered" + before[12:]
    assert Pages.load(tmp_path / "pages", pages.length).read(0, pages.length) == before


def test_the_digest_is_of_all_bytes() -> None:
    """Zeroes that are not stored count."""
    pages = Pages(LENGTH)
    pages.write(WASM_PAGE_BYTES, b"x")
    assert pages.digest() == hashlib.sha256(pages.read(0, LENGTH)).digest()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """What is no file of pages says so."""
    (tmp_path / "pages").write_bytes(b"nonsense")
    with pytest.raises(SnapshotError):
        Pages.load(tmp_path / "pages", 1)
