"""Walks through folders of any shape."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.sandbox.trees import TreeChangedError, TreeWalk
from tests.support.deep_trees import deep_tree

LEVELS = 1_100
"""More than Python recurses by default, and more than a path has room for."""


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a folder while the block lasts."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walked(path: Path, **options: object) -> list[str]:
    """Return where the entries are and what they are."""
    with opened(path) as root:
        walk = TreeWalk(root, **options)  # type: ignore[arg-type]  # the test's choice
        return [f"{walk.path_of(entry)} {entry.kind}" for entry in walk]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with something of each kind."""
    root = tmp_path / "tree"
    (root / "b" / "deep").mkdir(parents=True)
    (root / "a.txt").write_text("a", encoding="utf-8")
    (root / "b" / "deep" / "c.txt").write_text("c", encoding="utf-8")
    (root / "b" / "link").symlink_to("..")
    os.mkfifo(root / "pipe")
    return root


def test_everything_comes_once(tree: Path) -> None:
    """A folder's own entries come by name before those of its folders; links are not followed."""
    assert walked(tree) == ["a.txt file", "b folder", "pipe pipe", "b/deep folder", "b/link link", "b/deep/c.txt file"]


def test_closed_folders_and_enough_entries(tree: Path) -> None:
    """What need not be looked into is not, and a walk that had enough says that there was more."""
    assert walked(tree, closed={"deep"})[-1] == "b/link link"
    with opened(tree) as root:
        whole, part = TreeWalk(root, max_entries=6), TreeWalk(root, max_entries=4)

        assert (len(list(whole)), whole.is_complete) == (6, True)
        assert (len(list(part)), part.is_complete) == (4, False)


@pytest.mark.slow
def test_depth_sets_no_limit(tmp_path: Path) -> None:
    """A tree deeper than Python recurses, a path may be long, or files may be open, is walked to its end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with deep_tree(tmp_path, LEVELS, last="end"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        try:
            with opened(tmp_path) as root:
                walk = TreeWalk(root)
                last = [entry for entry in walk if entry.kind == "file"]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [(entry.name, entry.depth) for entry in last] == [("end", LEVELS + 1)]


def test_nothing_stays_open(tree: Path) -> None:
    """Descriptors are closed, also those of a walk that is left early."""
    before = len(list(Path("/dev/fd").iterdir()))
    walked(tree)
    with opened(tree) as root:
        entries = iter(TreeWalk(root))
        next(entries)
        entries.close()  # type: ignore[attr-defined]  # it is a generator

    assert len(list(Path("/dev/fd").iterdir())) == before


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """Any bytes are a name."""
    (tmp_path / os.fsdecode(b"\xff\xfe")).mkdir()
    (tmp_path / "e\u0301").touch()
    (tmp_path / "\u00e9").touch()

    assert len(walked(tmp_path)) == 3


def test_what_could_block_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipes and sockets are entries like others; a walk waits for nobody."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert walked(tmp_path) == ["pipe pipe", "socket other"]


def test_a_folder_that_is_moved_meanwhile_ends_the_walk(tmp_path: Path) -> None:
    """A walk never goes on above a folder that was moved out of the tree: it would read what nobody declared."""
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / "b").mkdir()
    (tmp_path / "secret").mkdir()
    with opened(tmp_path / "tree") as root:
        entries = iter(TreeWalk(root))
        seen = [next(entries).name, next(entries).name]
        (tmp_path / "tree" / "a" / "x").mkdir()
        seen.append(next(entries).name)
        (tmp_path / "tree" / "a").rename(tmp_path / "secret" / "a")
        with pytest.raises(TreeChangedError):
            seen += [entry.name for entry in entries]

    assert seen == ["a", "b", "x"]


def test_a_folder_that_becomes_a_link_is_not_entered(tmp_path: Path) -> None:
    """Between listing a folder and opening it, it may be replaced: a link there is not followed."""
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").touch()
    with opened(tmp_path / "tree") as root:
        entries = iter(TreeWalk(root))
        next(entries)
        (tmp_path / "tree" / "a").rmdir()
        (tmp_path / "tree" / "a").symlink_to(tmp_path / "secret")

        assert [(entry.name, entry.kind) for entry in entries] == [("a", "unreadable")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search everything")
def test_a_folder_that_may_only_be_listed(tree: Path) -> None:
    """It hides nothing of what comes after it, wherever it is; nothing in it can be opened by anybody who walks here."""
    (tree / "a" / "hidden").mkdir(parents=True)
    (tree / "a").chmod(0o600)
    try:
        found = walked(tree)
        assert [each for each in found if each.startswith("a ")] == ["a folder", "a unreadable"]
        assert found[-1] == "b/deep/c.txt file"
        assert walked(tree / "a") == ["hidden folder", "hidden unreadable"]
    finally:
        (tree / "a").chmod(0o700)
