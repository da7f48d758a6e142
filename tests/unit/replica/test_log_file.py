"""The log's file: bounded, and complete at its end."""

import logging
from pathlib import Path

from orchestrator.replica.log_file import LogHandler

MAX_BYTES = 1000


def write(handler: LogHandler, count: int) -> None:
    """Write numbered lines."""
    for number in range(count):
        handler.handle(logging.LogRecord("test", logging.INFO, "", 0, "line %d", (number,), None))


def test_a_long_log_is_two_files_of_bounded_size(tmp_path: Path) -> None:
    """The newest lines are in the file, those before in the one beside it, and nothing between is missing."""
    path = tmp_path / "replica.log"
    with path.open("a", encoding="utf-8") as stream:
        write(LogHandler(path, stream=stream, max_bytes=MAX_BYTES), 200)
    old, new = (tmp_path / "replica.log.1").read_text(encoding="utf-8"), path.read_text(encoding="utf-8")
    assert len(old) < MAX_BYTES * 2
    assert len(new) <= MAX_BYTES
    numbers = [int(line.rpartition(" ")[2]) for line in (old + new).splitlines()]
    assert numbers == list(range(numbers[0], 200))
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_is_gone_does_not_end_the_log(tmp_path: Path) -> None:
    """Where no other file can be made, the present one is emptied: it still does not fill the disk."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "replica.log"
    with path.open("a", encoding="utf-8") as stream:
        moved = folder.rename(tmp_path / "moved") / "replica.log"
        write(LogHandler(path, stream=stream, max_bytes=MAX_BYTES), 200)
    assert moved.stat().st_size <= MAX_BYTES
    assert moved.read_text(encoding="utf-8").endswith("line 199\n")


def test_without_a_path_nothing_is_exchanged(tmp_path: Path) -> None:
    """Whoever redirects standard error somewhere keeps all of it."""
    path = tmp_path / "all.log"
    with path.open("a", encoding="utf-8") as stream:
        write(LogHandler(stream=stream, max_bytes=MAX_BYTES), 200)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 200
