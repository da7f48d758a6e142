"""The artifact store."""

import hashlib
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store import ArtifactStore

MODULE = b"\0asm\1\0\0\0"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """Return an empty store."""
    return ArtifactStore(directory=tmp_path / "artifacts", index=tmp_path / "artifacts" / "latest" / "local.json")


def test_added_module_is_found_by_its_hash_and_is_the_latest(store: ArtifactStore) -> None:
    """Adding returns the SHA-256 of the bytes, by which they are read again."""
    sha256 = store.add("backend", MODULE)

    assert sha256 == hashlib.sha256(MODULE).hexdigest()
    assert store.load(sha256) == MODULE
    assert store.latest() == {"backend": sha256}


def test_later_module_takes_over_and_the_earlier_stays(store: ArtifactStore) -> None:
    """The latest module changes; the one before can still be read."""
    first = store.add("backend", MODULE)
    second = store.add("backend", MODULE + b"x")
    store.add("other", MODULE)

    assert store.latest() == {"backend": second, "other": first}
    assert store.load(first) == MODULE


def test_damaged_module_is_noticed_and_repaired_by_adding(store: ArtifactStore) -> None:
    """Bytes that are not what the name says are never handed out; adding the module again repairs the file."""
    sha256 = store.add("backend", MODULE)
    store.path(sha256).write_bytes(b"other")

    with pytest.raises(StoreError, match="is damaged"):
        store.load(sha256)
    store.add("backend", MODULE)

    assert store.load(sha256) == MODULE


def test_absent_module_names_the_command(store: ArtifactStore) -> None:
    """A module that is not there is an error that says how to get it."""
    with pytest.raises(StoreError, match="cannot be read") as caught:
        store.load("0" * 64)

    assert caught.value.hint == "run `orchestrator build`"


@pytest.mark.parametrize("sha256", ["", "0" * 63, "A" * 64, "../" + "0" * 61])
def test_hashes_are_hashes(store: ArtifactStore, sha256: str) -> None:
    """Only 64 lower-case hex digits name a module."""
    with pytest.raises(StoreError, match="not a SHA-256"):
        store.path(sha256)


def test_damaged_index_is_an_error(store: ArtifactStore) -> None:
    """An index whose values are not hashes is reported with its path."""
    store.index.parent.mkdir(parents=True)
    store.index.write_text('{"backend": 5}')

    with pytest.raises(StoreError, match="is damaged"):
        store.latest()
