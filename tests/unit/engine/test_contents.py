"""The hash of a folder: what counts, what does not, and that nothing can make it wait or leave the folder."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.engine.contents import PARALLEL_BYTES, hash_folder
from orchestrator.errors import PluginRefusedError
from tests.support.deep_trees import LONG_NAME, LONG_PATH_LEVELS, deep_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file, a folder and a link."""
    folder = tmp_path / "site"
    (folder / "pages").mkdir(parents=True)
    (folder / "index.html").write_text("one")
    (folder / "pages" / "a.html").write_text("a")
    (folder / "latest").symlink_to("index.html")
    return folder


def relink(folder: Path) -> None:
    """Let the link lead elsewhere."""
    (folder / "latest").unlink()
    (folder / "latest").symlink_to("pages")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda folder: (folder / "index.html").write_text("two"),
    "nested": lambda folder: (folder / "pages" / "a.html").write_text("b"),
    "name": lambda folder: (folder / "index.html").rename(folder / "home.html"),
    "moved": lambda folder: (folder / "pages" / "a.html").rename(folder / "a.html"),
    "removed": lambda folder: (folder / "index.html").unlink(),
    "empty folder": lambda folder: (folder / "empty").mkdir(),
    "empty file": lambda folder: (folder / "empty").touch(),
    "link": relink,
    "pipe": lambda folder: os.mkfifo(folder / "pipe"),
    "large": lambda folder: (folder / "large").write_bytes(bytes(PARALLEL_BYTES)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_plugin_could_see_counts(folder: Path, change: str) -> None:
    """Contents, names, places, kinds and the texts of links change the hash."""
    before = hash_folder(folder)

    CHANGES[change](folder)

    assert hash_folder(folder) != before


def test_times_modes_and_order_do_not_count(folder: Path, tmp_path: Path) -> None:
    """Another folder with the same contents, made in another order, has the same hash."""
    other = tmp_path / "other"
    (other / "pages").mkdir(parents=True)
    (other / "pages" / "a.html").write_text("a")
    (other / "latest").symlink_to("index.html")
    (other / "index.html").write_text("one")
    (other / "index.html").chmod(0o700)
    os.utime(other / "index.html", (1, 1))

    assert hash_folder(other) == hash_folder(folder)


@pytest.mark.parametrize("size", [PARALLEL_BYTES, 3 * PARALLEL_BYTES + 1])
def test_large_files_count_to_the_last_byte(folder: Path, size: int) -> None:
    """Files that are hashed beside others are in the hash as a whole, each in its place."""
    for name in ("b", "c", "d"):
        (folder / name).write_bytes(bytes(size - 1) + name.encode())
    before = hash_folder(folder)
    again = hash_folder(folder)
    (folder / "c").write_bytes(bytes(size - 1) + b"d")
    (folder / "d").write_bytes(bytes(size - 1) + b"c")

    assert before == again
    assert hash_folder(folder) != before


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    """What lies behind a link is not read: neither a secret outside nor the endless zeros of a device."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("one")
    (folder / "out").symlink_to(outside)
    (folder / "zeros").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(folder)
    before = hash_folder(folder)

    (outside / "secret").write_text("two")

    assert hash_folder(folder) == before


def test_a_pipe_does_not_block(folder: Path) -> None:
    """A named pipe that nobody writes to is known by its kind; it is not opened."""
    os.mkfifo(folder / "pipe")

    assert hash_folder(folder) == hash_folder(folder)


def test_a_tree_deeper_than_any_path(folder: Path) -> None:
    """What is at the end of a path that is longer than the system takes counts."""
    hashes = set()
    for last in (None, "more"):
        with deep_tree(folder, LONG_PATH_LEVELS, last=last, name_length=LONG_NAME):
            hashes.add(hash_folder(folder))

    assert len(hashes) == 2


@pytest.mark.slow
def test_depth_has_no_limit(folder: Path) -> None:
    """Depth takes neither open files nor recursion."""
    hashes = set()
    for last in (None, "more"):
        with deep_tree(folder, 1100, last=last):
            hashes.add(hash_folder(folder))

    assert len(hashes) == 2


def test_odd_names_are_names(folder: Path) -> None:
    """Names that are no UTF-8, or hold line ends, count like others."""
    before = hash_folder(folder)
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\n"))).touch()

    assert hash_folder(folder) != before


def test_a_folder_that_is_gone_is_refused_in_words(tmp_path: Path) -> None:
    """Where there is nothing to read, the error names the folder."""
    with pytest.raises(PluginRefusedError, match="gone"):
        hash_folder(tmp_path / "gone")


def test_a_hash_that_nobody_waits_for_ends(folder: Path) -> None:
    """Once it is told to stop it reads no more."""
    stop = threading.Event()
    stop.set()

    assert hash_folder(folder, stop=stop) != hash_folder(folder)


def test_another_folder_in_its_place_is_not_hashed(folder: Path) -> None:
    """What was checked is what is hashed: a folder that was swapped meanwhile is refused."""
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    assert hash_folder(folder, identity=identity) == hash_folder(folder)
    folder.rename(folder.with_name("aside"))
    folder.mkdir()

    with pytest.raises(PluginRefusedError) as caught:
        hash_folder(folder, identity=identity)

    assert caught.value.detail == "another folder has taken the place of the one that was checked"


def test_a_canister_folder_that_is_a_link(folder: Path) -> None:
    """A folder may be reached by a link, as where the canister's own one is: what it leads to is hashed."""
    link = folder.with_name("link")
    link.symlink_to(folder.name)
    status = folder.stat()

    assert hash_folder(link, identity=(status.st_dev, status.st_ino)) == hash_folder(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search everything")
def test_a_folder_that_may_only_be_listed(folder: Path) -> None:
    """Where nothing can be opened, the names still count, and so does what comes after it."""
    hashes = set()
    for new in ("a/one", "a/two", "pages/z"):
        (folder / "a").mkdir(exist_ok=True)
        (folder / new).touch()
        (folder / "a").chmod(0o600)
        hashes.add(hash_folder(folder))
        (folder / "a").chmod(0o700)

    assert len(hashes) == 3
