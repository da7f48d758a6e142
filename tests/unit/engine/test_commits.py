"""Many tasks share a flush, and none goes on before its line is on the disk."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import anyio
import anyio.to_thread
import pytest

from orchestrator.engine.commits import Commits
from orchestrator.errors import StoreError
from orchestrator.store import Journal, load_records

pytestmark = pytest.mark.anyio


class SlowDisk(Journal):
    """A journal whose flushes end when the test says so."""

    def __init__(self, path: Path) -> None:
        """Take the place."""
        super().__init__(path)
        self.began, self.let_go = Event(), Event()
        self.flushes: list[int] = []

    def sync(self) -> None:
        """Remember how many lines a flush covers, and wait."""
        self.flushes.append(len(load_records(self.path)))
        self.began.set()
        assert self.let_go.wait(10), "the test lets go"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[SlowDisk]:
    """Open a journal on a slow disk."""
    with SlowDisk(tmp_path / "journal.jsonl") as journal:
        yield journal


async def test_one_flush_is_for_all_that_wait(slow: SlowDisk) -> None:
    """What is written while a flush is under way waits for the next, which is one for all of it."""
    commits = Commits(slow)
    gone_on: list[int] = []

    async def append(number: int) -> None:
        await commits.append({"number": number})
        gone_on.append(number)

    async with anyio.create_task_group() as group:
        group.start_soon(append, 0)
        await anyio.to_thread.run_sync(slow.began.wait)
        for number in range(1, 9):
            group.start_soon(append, number)
        await anyio.wait_all_tasks_blocked()
        assert gone_on == []
        slow.let_go.set()

    assert sorted(gone_on) == list(range(9))
    assert slow.flushes == [1, 9]


async def test_a_disk_that_fails_lets_nobody_go_on(tmp_path: Path) -> None:
    """Everybody whose line is not on the disk is told."""

    class Broken(Journal):
        def sync(self) -> None:
            raise StoreError("no space", slug="store/write")

    told: list[StoreError] = []
    with Broken(tmp_path / "journal.jsonl") as journal:
        commits = Commits(journal)

        async def append() -> None:
            try:
                await commits.append({"n": "1"})
            except StoreError as error:
                told.append(error)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(append)

    assert len(told) == 3
