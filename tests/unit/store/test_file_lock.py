"""Locks of files that cannot be written."""

import fcntl
import os
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.atomic import remove_file
from orchestrator.store.file_lock import acquire_lock, is_held, is_held_by_reading, open_lock
from orchestrator.store.json_file import change_json
from orchestrator.store.lock import EnvironmentLock


def test_a_lock_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    """The error names the file and what helps; whoever takes a lock gets the same one."""
    (tmp_path / "lock").mkdir()
    (tmp_path / ".ids.json.lock").mkdir()

    with pytest.raises(StoreError) as caught:
        acquire_lock(open_lock(tmp_path / "lock"))
    with pytest.raises(StoreError) as environment, EnvironmentLock(tmp_path / "lock", environment="local", command="deploy"):
        pass
    with pytest.raises(StoreError) as short:
        change_json(tmp_path / "ids.json", lambda document: document, hint="")

    assert {each.value.slug for each in (caught, environment, short)} == {"store/lock"}
    assert f"`{tmp_path / 'lock'}`" in str(caught.value)
    assert "chmod" in str(caught.value.hint)


def test_who_may_only_read_a_lock_still_learns_whether_it_is_held(tmp_path: Path) -> None:
    """The lock is seen by whoever may open its file for reading, and asking does not take it."""
    path = tmp_path / "lock"
    path.touch()
    assert not is_held_by_reading(path)
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_held_by_reading(path)
        assert is_held(path)
    assert not is_held_by_reading(path)
    assert not is_held_by_reading(tmp_path / "absent")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_lock_can_be_asked_about(tmp_path: Path) -> None:
    """A lock in a folder that was made read-only is free, and no error."""
    path = tmp_path / "lock"
    path.touch(mode=0o444)
    assert not is_held(path)


def test_a_file_that_cannot_be_deleted_is_said_so(tmp_path: Path) -> None:
    """The error names the file; one that is not there is no error."""
    remove_file(tmp_path / "absent")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError) as caught:
        remove_file(tmp_path / "folder")
    assert caught.value.slug == "store/write"
