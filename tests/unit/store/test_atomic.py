"""Atomic writes."""

import stat
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.atomic import PRIVATE_MODE, PUBLIC_MODE, write_atomic


@pytest.mark.parametrize("mode", [PRIVATE_MODE, PUBLIC_MODE, 0o755])
def test_new_file_has_bytes_and_mode(tmp_path: Path, mode: int) -> None:
    """A written file holds exactly the bytes and the mode, and its parents are made."""
    path = tmp_path / "a" / "b" / "file"

    write_atomic(path, b"\x00new", mode)

    assert path.read_bytes() == b"\x00new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_overwrite_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Writing again replaces the content and leaves no temporary file."""
    path = tmp_path / "file"
    write_atomic(path, b"old")

    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_failed_write_keeps_the_target(tmp_path: Path) -> None:
    """When the rename fails, the target is untouched, the temporary file is gone, and the error names the path."""
    path = tmp_path / "target"
    path.mkdir()
    (path / "inside").write_bytes(b"kept")

    with pytest.raises(StoreError, match="cannot write") as caught:
        write_atomic(path, b"new")

    assert caught.value.slug == "store/write"
    assert str(path) in caught.value.summary
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]
    assert (path / "inside").read_bytes() == b"kept"


def test_parent_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    """A file in place of a folder gives a clear error, not a traceback."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreError, match="cannot make the folder") as caught:
        write_atomic(tmp_path / "file" / "below" / "x", b"")

    assert caught.value.hint
