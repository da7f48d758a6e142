"""Install records."""

from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store import InstallRecord, RecordStore

RECORD = InstallRecord(canister_id="aaaaa-aa", module_hash="00", argument_hash="11")


def test_written_record_is_read_again(tmp_path: Path) -> None:
    """A record that was written is there for another store of the same file."""
    path = tmp_path / "records" / "local.json"
    RecordStore(path=path).write("backend", RECORD)

    assert RecordStore(path=path).load() == {"backend": RECORD}


def test_removed_record_is_gone(tmp_path: Path) -> None:
    """After removing a canister nothing of it is left, and others stay."""
    store = RecordStore(path=tmp_path / "records.json")
    store.write("backend", RECORD)
    store.write("frontend", RECORD)

    store.remove("backend")

    assert store.load() == {"frontend": RECORD}


def test_records_of_another_instance_do_not_count(tmp_path: Path) -> None:
    """A fresh embedded network starts without records: the same ids mean other canisters."""
    path = tmp_path / "records.json"
    RecordStore(path=path, instance_id="aa").write("backend", RECORD)
    other = RecordStore(path=path, instance_id="bb")

    before = other.load()
    other.write("frontend", RECORD)

    assert before == {}
    assert other.load() == {"frontend": RECORD}


@pytest.mark.parametrize("content", ["{", "[]", '{"instance_id": null}', '{"instance_id": null, "canisters": {"a": {"module_hash": "0"}}}'])
def test_damaged_file_is_an_error_with_a_hint(tmp_path: Path, content: str) -> None:
    """A damaged file is a clear error that says what deleting it costs."""
    store = RecordStore(path=tmp_path / "records.json")
    store.path.write_text(content)

    with pytest.raises(StoreError, match="is damaged") as caught:
        store.load()

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("delete the file")
