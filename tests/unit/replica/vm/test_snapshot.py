"""Page files: what is written is read; what is damaged is refused."""

from pathlib import Path

import pytest

from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.snapshot import SnapshotError, read_pages, write_pages


def test_pages_survive_the_file(tmp_path: Path) -> None:
    """Size, numbers and contents come back; the file has just the stored pages."""
    pages = [(0, b"a" * WASM_PAGE_BYTES), (7_000_000, b"b" * WASM_PAGE_BYTES)]
    write_pages(tmp_path / "memory", 8_000_000, iter(pages))
    size, stored = read_pages(tmp_path / "memory")
    assert (size, list(stored)) == (8_000_000, pages)
    assert (tmp_path / "memory").stat().st_size < 3 * WASM_PAGE_BYTES


@pytest.mark.parametrize("damage", ["short", "magic", "cut", "outside"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    """A file that is cut, of another kind, or that names a page outside of the memory raises `SnapshotError`."""
    path = tmp_path / "memory"
    write_pages(path, 2, iter([(1 if damage != "outside" else 2, bytes(WASM_PAGE_BYTES))]))
    content = path.read_bytes()
    path.write_bytes({"short": content[:3], "magic": b"NOPE" + content[4:], "cut": content[:-1], "outside": content}[damage])
    with pytest.raises(SnapshotError, match="memory"):
        read_pages(path)
