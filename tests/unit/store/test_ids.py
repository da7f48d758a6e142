"""The canister id store."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import StoreError
from orchestrator.store import EnvironmentFiles, IdStore, open_ids

FIRST = Principal(b"\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01")
SECOND = Principal(b"\x00\x00\x00\x00\x00\x00\x00\x02\x01\x01")
ASSIGN_TEN = """
import sys
from pathlib import Path
from orchestrator.core.principal import Principal
from orchestrator.store import IdStore
store = IdStore(path=Path(sys.argv[1]), environment="local")
for number in range(10):
    store.assign(f"{sys.argv[2]}{number}", Principal(bytes([number, 1, 1])))
"""


@pytest.fixture
def store(tmp_path: Path) -> IdStore:
    """Return a store of a connected network, with no file yet."""
    return IdStore(path=tmp_path / "mappings" / "staging.ids.json", environment="staging")


def test_no_file_means_no_ids(store: IdStore) -> None:
    """An environment that was never deployed has no ids."""
    assert store.load() == {}


def test_file_is_the_one_icp_writes(store: IdStore) -> None:
    """The file is a pretty-printed object, sorted by name, name to principal text."""
    store.assign("frontend", SECOND)
    store.assign("backend", FIRST)

    assert json.loads(store.path.read_bytes()) == {"backend": str(FIRST), "frontend": str(SECOND)}
    assert store.path.read_text() == f'{{\n  "backend": "{FIRST}",\n  "frontend": "{SECOND}"\n}}\n'
    assert store.load() == {"backend": FIRST, "frontend": SECOND}


def test_assigning_the_same_again_changes_nothing(store: IdStore) -> None:
    """A repeated assignment is not written again: a resumed run may repeat it."""
    store.assign("backend", FIRST)
    before = store.path.stat().st_ino

    store.assign("backend", FIRST)

    assert store.path.stat().st_ino == before


def test_another_principal_for_a_name_is_refused(store: IdStore) -> None:
    """An id is never overwritten: the message has both ids."""
    store.assign("backend", FIRST)

    with pytest.raises(StoreError, match="already registered") as caught:
        store.assign("backend", SECOND)

    assert caught.value.slug == "store/id-taken"
    assert caught.value.detail == f"its id is {FIRST}, not {SECOND}"
    assert store.load() == {"backend": FIRST}


def test_removed_name_is_gone(store: IdStore) -> None:
    """A removed id can be assigned anew; removing an unknown name changes nothing."""
    store.assign("backend", FIRST)
    store.remove("nobody")

    store.remove("backend")

    assert store.load() == {}
    store.assign("backend", SECOND)
    assert store.load() == {"backend": SECOND}


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "not JSON"),
        (b'{"a": ', "not JSON"),
        (b"[1]", "expected a JSON object, found list"),
        (b'{"a": 5}', "the id of `a` is not a text"),
        (b'{"a": "nonsense"}', "the id of `a`"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_damaged_file_is_an_error_with_path_and_hint(store: IdStore, content: bytes, detail: str) -> None:
    """A damaged file is reported with its path and what to do, and is not written over."""
    store.path.parent.mkdir()
    store.path.write_bytes(content)

    with pytest.raises(StoreError, match="is damaged") as caught:
        store.assign("backend", FIRST)

    assert str(store.path) in caught.value.summary
    assert caught.value.detail is not None
    assert caught.value.detail.startswith(detail)
    assert caught.value.hint
    assert store.path.read_bytes() == content


def test_ids_of_the_same_instance_come_back(tmp_path: Path) -> None:
    """The embedded network's ids carry the instance and are read by the same instance."""
    store = IdStore(path=tmp_path / "local.json", environment="local", instance_id="aa")
    store.assign("backend", FIRST)

    assert store.load() == {"backend": FIRST}
    assert json.loads(store.path.read_bytes())["instance_id"] == "aa"


def test_ids_of_another_instance_are_never_used(tmp_path: Path) -> None:
    """Ids of a network that is gone are an error that names the command, for reading and for writing."""
    path = tmp_path / "local.json"
    IdStore(path=path, environment="local", instance_id="aa").assign("backend", FIRST)
    other = IdStore(path=path, environment="local", instance_id="bb")

    with pytest.raises(StoreError, match="another instance") as caught:
        other.load()
    with pytest.raises(StoreError, match="another instance"):
        other.assign("frontend", SECOND)

    assert caught.value.slug == "store/other-instance"
    assert caught.value.hint is not None
    assert "orchestrator network reset --env local" in caught.value.hint
    assert json.loads(path.read_bytes())["instance_id"] == "aa"


def test_two_processes_lose_no_update(store: IdStore) -> None:
    """Processes that assign at the same time keep each other's ids."""
    arguments = [sys.executable, "-c", ASSIGN_TEN, str(store.path)]

    with subprocess.Popen([*arguments, "a"]) as first, subprocess.Popen([*arguments, "b"]) as second:
        codes = (first.wait(), second.wait())

    assert codes == (0, 0)
    assert len(store.load()) == 20


def test_ids_in_icp_clis_file_count_for_the_instance_they_were_written_for(tmp_path: Path) -> None:
    """Ids that a network's earlier instance had, or that somebody else wrote, are not used, and give way to new ones."""
    mapping = tmp_path / "local.ids.json"
    mapping.write_text(json.dumps({"stranger": str(SECOND)}))

    def tied(instance: str) -> IdStore:
        return IdStore(path=mapping, environment="local", tie=tmp_path / "tie.json", tied_to=instance)

    before = tied("aa").load()
    tied("aa").assign("backend", FIRST)
    tied("bb").remove("backend")
    same, other = tied("aa").load(), tied("bb").load()
    tied("bb").assign("frontend", SECOND)

    assert (before, same, other) == ({}, {"backend": FIRST}, {})
    assert (tied("aa").load(), tied("bb").load()) == ({}, {"frontend": SECOND})
    assert json.loads(mapping.read_bytes()) == {"frontend": str(SECOND)}


def test_only_instances_with_a_name_tie_ids(tmp_path: Path) -> None:
    """Connected networks have no tie, and neither have networks that icp-cli runs; the embedded one needs none."""
    files = EnvironmentFiles(ids=tmp_path / "i", records=tmp_path, runs=tmp_path, lock=tmp_path, artifacts=tmp_path, embedded=False)
    tied = replace(files, tie=tmp_path / "t")

    assert open_ids(files, "e", "aa") == IdStore(path=tmp_path / "i", environment="e")
    assert open_ids(tied, "e", None) == IdStore(path=tmp_path / "i", environment="e")
    assert open_ids(tied, "e", "aa") == IdStore(path=tmp_path / "i", environment="e", tie=tmp_path / "t", tied_to="aa")
    assert open_ids(replace(files, embedded=True), "e", "aa") == IdStore(path=tmp_path / "i", environment="e", instance_id="aa")
