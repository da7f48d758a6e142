"""The journal of a run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store import Journal, load_records, open_operations

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the journal's place, in a folder that is not there yet."""
    return tmp_path / "runs" / "r1" / "journal.jsonl"


def journal(path: Path) -> Journal:
    """Return a journal with a fixed clock."""
    return Journal(path, clock=lambda: NOON)


def test_records_come_back_in_order_with_their_time(path: Path) -> None:
    """What is appended is read again, oldest first, over several openings."""
    with journal(path) as first:
        first.append({"n": 1})
        first.append({"n": 2, "text": "é\n"})
    with journal(path) as second:
        second.append({"n": 3})

    time = "2026-11-22T12:00:00.000+00:00"
    assert load_records(path) == ({"time": time, "n": 1}, {"time": time, "n": 2, "text": "é\n"}, {"time": time, "n": 3})


def test_no_journal_means_no_records(path: Path) -> None:
    """A run without a journal has done nothing."""
    assert load_records(path) == ()


def test_record_is_on_the_disk_before_append_returns(path: Path) -> None:
    """Another reader sees a record as soon as it was appended, while the journal is still open."""
    with journal(path) as open_journal:
        open_journal.append({"n": 1})
        seen = load_records(path)

    assert [record["n"] for record in seen] == [1]


def test_a_record_that_is_not_durable_is_read_at_once(path: Path) -> None:
    """What was written outlives the process that wrote it, whether the disk has it or not."""
    with journal(path) as open_journal:
        open_journal.append({"n": 1}, durable=False)
        seen = load_records(path)
        open_journal.sync()

    assert [record["n"] for record in seen] == [1]


def test_a_name_that_is_no_text_is_kept(path: Path) -> None:
    """File names may hold bytes that are no UTF-8, and errors name them: they are written, and come back."""
    with journal(path) as open_journal:
        open_journal.append({"summary": "cannot read `a\udcffé`"})

    assert load_records(path)[0]["summary"] == "cannot read `a\udcffé`"


def test_open_operations_are_those_without_an_end(path: Path) -> None:
    """An operation that was begun and not finished is open; a finished one is not."""
    with journal(path) as written:
        done = written.begin({"kind": "install", "canister": "backend"})
        open_one = written.begin({"kind": "install", "canister": "frontend"})
        written.finish(done, {"result": "ok"})

    records = load_records(path)

    assert [record["phase"] for record in records] == ["before", "before", "after"]
    assert [record["operation"] for record in open_operations(records)] == [open_one]


@pytest.mark.parametrize("torn", [b"{", b'{"n": 2', b'{"n": 2, "t": "\xc3', b'"text'])
def test_torn_last_line_is_ignored_and_cut_off(path: Path, torn: bytes) -> None:
    """A last line that was not written whole is not read, and the next record starts on a line of its own."""
    with journal(path) as first:
        first.append({"n": 1})
    with path.open("ab") as file:
        file.write(torn)

    before = load_records(path)
    with journal(path) as second:
        second.append({"n": 3})

    assert [record["n"] for record in before] == [1]
    assert [record["n"] for record in load_records(path)] == [1, 3]


def test_whole_last_line_without_line_end_is_kept(path: Path) -> None:
    """A record whose line end was lost counts, and is not glued to the next."""
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"n": 1}')

    with journal(path) as resumed:
        resumed.append({"n": 2})

    assert [record["n"] for record in load_records(path)] == [1, 2]


def test_damaged_line_in_the_middle_is_an_error(path: Path) -> None:
    """A damaged line before the last is reported with its number: it cannot be a torn write."""
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"n": 1}\nnonsense\n{"n": 3}\n')

    with pytest.raises(StoreError, match="damaged") as caught:
        load_records(path)

    assert caught.value.detail == "line 2 is not a JSON object"
    assert str(path) in caught.value.summary


def test_every_cut_of_a_journal_can_be_read_and_continued(path: Path) -> None:
    """Whatever byte the process was killed at: the whole records before it are read, and appending goes on."""
    with journal(path) as whole:
        for number in range(3):
            whole.append({"n": number})
    data = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(data) if byte == ord("\n")]

    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        expected = [n for n, end in enumerate(ends) if end - 1 <= cut]
        assert [record["n"] for record in load_records(path)] == expected
        with journal(path) as resumed:
            resumed.append({"n": "next"})
        assert [record["n"] for record in load_records(path)] == [*expected, "next"]
