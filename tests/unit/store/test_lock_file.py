"""The lock file: read and written without losing anything, by several at once, and never half understood."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.lock_file import MAX_LOCK_FILE_BYTES, LockFile, PinKind, Pins, pin_name

A, B = "a" * 64, "b" * 64
URL = "https://recipes.test/a.hbs"


@pytest.fixture
def file(tmp_path: Path) -> LockFile:
    """Return a lock file that is not there."""
    return LockFile(path=tmp_path / "orchestrator.lock", guard=tmp_path / "locks" / "recipes")


def test_no_file_has_no_pins(file: LockFile) -> None:
    """A project that uses nothing remote has no file, and gets none."""
    assert file.load() == Pins()
    file.replace(Pins(), was=Pins())
    assert not file.path.exists()


def test_a_file_is_sorted_a_line_each(file: LockFile) -> None:
    """What git compares changes where something changed, and nowhere else."""
    file.add("recipes", "@acme/b@v1", B)
    file.add("modules", URL, A.upper())
    file.add("recipes", "@acme/a@v1", A)

    assert file.path.read_text() == (
        "{\n"
        f'  "modules": {{\n    "{URL}": "{A}"\n  }},\n'
        f'  "recipes": {{\n    "@acme/a@v1": "{A}",\n    "@acme/b@v1": "{B}"\n  }},\n'
        '  "v": 1\n}\n'
    )


def test_the_first_pin_counts(file: LockFile) -> None:
    """Whoever comes second is told what is pinned; only who says so changes it."""
    assert file.add("recipes", URL, A) == A
    assert file.add("recipes", URL, B) == A
    file.put("recipes", URL, B)
    assert file.load().find("recipes", URL) == B
    assert file.load().find("plugins", URL) is None


def test_several_at_once_lose_nothing(file: LockFile) -> None:
    """Each of many writers at once finds its pin in the file afterwards."""
    kinds: tuple[PinKind, ...] = ("recipes", "plugins", "modules")
    names = [f"https://recipes.test/{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda index: file.add(kinds[index % 3], names[index], A), range(len(names))))

    pins = file.load()
    assert sorted(name for kind in kinds for name in pins.of(kind)) == sorted(names)


def test_what_changed_meanwhile_is_not_overwritten(file: LockFile) -> None:
    """A file that is put together slowly does not undo what another command pins."""
    before = file.load()
    file.add("recipes", URL, A)

    with pytest.raises(StoreError) as caught:
        file.replace(Pins(plugins={URL: B}), was=before)

    assert caught.value.slug == "pins/busy"
    assert file.load().plugins == {}


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("", "pins/damaged"),
        ("[]", "pins/damaged"),
        ("{", "pins/damaged"),
        ("{}", "pins/damaged"),
        ("\udcff", "pins/damaged"),
        ('{"v": true}', "pins/damaged"),
        ('{"v": 0}', "pins/damaged"),
        ('{"v": 2, "recipes": 1}', "pins/version"),
        ('{"v": 1, "recipes": []}', "pins/damaged"),
        ('{"v": 1, "recipes": {"a": null}}', "pins/damaged"),
        ('{"v": 1, "recipes": {"https://u:hunter2@x/?k=hunter2": "zz"}}', "pins/damaged"),
        ('{"v": 1, "recipes": {"a": "' + A + '", "a": "' + B + '"}}', "pins/damaged"),
        ('{"v": 1,\n<<<<<<< HEAD\n"recipes": {}\n=======\n>>>>>>> theirs\n}', "pins/merge-conflict"),
        ('{"v": 1,\r\n<<<<<<< HEAD\r\n}', "pins/merge-conflict"),
        ("[" * 100_000, "pins/damaged"),
    ],
    ids=[
        "empty",
        "list",
        "cut",
        "nothing",
        "no-text",
        "flag",
        "zero",
        "newer",
        "kind",
        "null",
        "hash",
        "twice",
        "conflict",
        "carriage-returns",
        "deep",
    ],
)
def test_what_cannot_be_understood_is_not_taken_for_nothing(file: LockFile, text: str, slug: str) -> None:
    """A damaged file is an error for readers and writers, names no secrets, and stays as it is."""
    data = text.encode("utf-8", "surrogateescape")
    file.path.write_bytes(data)

    for action in (file.load, lambda: file.add("recipes", URL, A), lambda: file.put("recipes", URL, A)):
        with pytest.raises(StoreError) as caught:
            action()
        assert caught.value.slug == slug
        assert "hunter2" not in f"{caught.value.summary}{caught.value.detail}"

    assert file.path.read_bytes() == data


def test_the_place_of_a_mistake(file: LockFile) -> None:
    """Whoever has edited the file by hand is shown where, without what an older file may hold; long lines are not shown."""
    file.path.write_text('{\n  "recipes": { "https://u:hunter2@x.test/a": 1, }\n}')
    with pytest.raises(StoreError) as caught:
        file.load()
    span = caught.value.span
    assert span is not None
    assert (span.path, span.line, span.text) == (file.path, 2, '  "recipes": { "https://***@x.test/a": 1, }')
    assert span.text[span.column - 1 :].startswith("}")

    file.path.write_text("{" + " " * 1000 + "x")
    with pytest.raises(StoreError) as caught:
        file.load()
    assert caught.value.span is not None
    assert caught.value.span.text == ""


def test_what_a_killed_writer_left_is_not_committed(file: LockFile) -> None:
    """A file that is cut off goes with the next change; other files stay."""
    file.path.with_name(".orchestrator.lock.4b9cf3936026.tmp").write_text('{"rec')
    file.path.with_name(".orchestrator.locks").write_text("mine")

    file.add("recipes", URL, A)

    assert sorted(path.name for path in file.path.parent.iterdir()) == [".orchestrator.locks", "locks", "orchestrator.lock"]


def test_a_link_stays_a_link(file: LockFile, tmp_path: Path) -> None:
    """Projects that share a lock file by a link go on sharing it."""
    shared = tmp_path / "shared.lock"
    shared.write_text('{"v": 1}')
    file.path.symlink_to(shared.name)

    file.add("recipes", URL, A)

    assert file.path.is_symlink()
    assert json.loads(shared.read_text())["recipes"] == {URL: A}


def test_the_same_twice_is_no_conflict(file: LockFile) -> None:
    """A merge that left an entry twice with one hash has one meaning."""
    file.path.write_text(f'{{"v": 1, "recipes": {{"a": "{A}", "a": "{A}"}}}}')

    assert file.load().recipes == {"a": A}


def test_what_is_no_lock_file_is_not_read_whole(file: LockFile) -> None:
    """A file that is larger than any lock file, or no file, is refused."""
    with file.path.open("wb") as opened:
        opened.truncate(MAX_LOCK_FILE_BYTES + 1)
    with pytest.raises(StoreError) as caught:
        file.load()
    assert caught.value.slug == "pins/damaged"

    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(StoreError) as caught:
        file.load()
    assert caught.value.slug == "pins/unreadable"


def test_secrets_of_addresses_are_not_written(file: LockFile) -> None:
    """Users, passwords and values of queries are left out; addresses that differ in their queries have their own pins."""
    secret, other = "https://me:hunter2@recipes.test/a.hbs?token=hunter2", "https://me:hunter2@recipes.test/a.hbs?token=hunter3"
    file.add("recipes", secret, A)
    file.add("recipes", other, B)

    pins = file.load()
    assert (pins.find("recipes", secret), pins.find("recipes", other)) == (A, B)
    assert "hunter" not in file.path.read_text()
    assert pin_name("@acme/a@v1") == "@acme/a@v1"


def test_older_files_have_addresses_as_they_are(file: LockFile) -> None:
    """An entry under the whole address counts, and is replaced by one without secrets."""
    address = "https://me:hunter2@recipes.test/a.hbs"
    file.path.write_text(json.dumps({"v": 1, "recipes": {address: A}}))
    assert file.load().find("recipes", address) == A

    file.put("recipes", address, B)

    assert file.load().recipes == {pin_name(address): B}
