"""Compiled components on disk."""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import SandboxError
from orchestrator.sandbox.cache import ComponentCache, artifact_stem
from tests.support.components import component_that_returns_ok
from tests.support.plugin_runs import run_now

ROOT = Path(__file__).parents[3]


@pytest.fixture
def cache(tmp_path: Path) -> ComponentCache:
    """Return an empty cache."""
    cache = ComponentCache(tmp_path / "above" / "components")
    cache.prepare()
    return cache


def test_what_is_stored_is_found(cache: ComponentCache) -> None:
    """An artifact comes back under its stem, with the way its bytes take, and no other."""
    stored = cache.store("stem", b"native code", wrapped=True)

    found = cache.find("stem")

    assert found == stored
    assert found is not None
    assert found.path.read_bytes() == b"native code"
    assert cache.find("other") is None


def test_a_flipped_bit_is_noticed(cache: ComponentCache) -> None:
    """An artifact whose bytes changed is deleted and not found."""
    path = cache.store("stem", b"native code", wrapped=False).path
    path.write_bytes(b"native cod\x64")

    assert cache.find("stem") is None
    assert not path.exists()


def test_a_file_that_was_read_is_read_again_once_it_changes(cache: ComponentCache) -> None:
    """An artifact that has been verified is known as long as its times say that it is the same; then it is read again."""
    later = ComponentCache(cache.directory, clock=lambda: time.time() + 60)
    stored = cache.store("stem", b"native code", wrapped=False)
    status = stored.path.stat()
    assert later.find("stem") == stored

    # The same size and time of change of contents, as a careless restore leaves them: the system's own time differs.
    stored.path.write_bytes(b"native cod\x64")
    os.utime(stored.path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert later.find("stem") is None
    assert not stored.path.exists()


def test_the_last_use_is_kept(cache: ComponentCache) -> None:
    """An artifact that was last used long ago and is used again is the youngest, and is found the next time too."""
    stored = cache.store("stem", b"native code", wrapped=False)
    os.utime(stored.path, (0, 0))

    assert cache.find("stem") == stored
    assert stored.path.stat().st_mtime > time.time() - 60
    assert cache.find("stem") == stored


@pytest.mark.parametrize("rest", ["cwasm", "odd.cwasm", "0.odd.cwasm", "a.b.c.wrapped.cwasm"])
def test_a_name_that_is_no_artifacts(cache: ComponentCache, rest: str) -> None:
    """A file with a name that no artifact has is passed over, and the artifact beside it is found."""
    (cache.directory / f"stem.{rest}").write_bytes(b"?")
    stored = cache.store("stem", b"native code", wrapped=False)

    assert cache.find("stem") == stored


@pytest.mark.parametrize("make", [pytest.param(os.mkfifo, id="pipe"), pytest.param(os.mkdir, id="folder")])
def test_what_is_no_file_is_not_read(cache: ComponentCache, make: Callable[[Path], None]) -> None:
    """A pipe with an artifact's name keeps nobody waiting, and a folder is no artifact."""
    make(cache.directory / f"stem.{'0' * 64}.wrapped.cwasm")

    assert cache.find("stem") is None


def test_a_link_is_not_followed(cache: ComponentCache, tmp_path: Path) -> None:
    """An artifact is a file of the private directory, not one from elsewhere that a link names."""
    stored = cache.store("stem", b"native code", wrapped=True)
    stored.path.rename(tmp_path / "elsewhere")
    stored.path.symlink_to(tmp_path / "elsewhere")

    assert cache.find("stem") is None
    assert (tmp_path / "elsewhere").exists()


def test_a_flipped_bit_leads_to_a_new_compilation(tmp_path: Path) -> None:
    """A run with a damaged artifact compiles again; what is damaged never runs."""
    cache = tmp_path / "cache"
    run_now(component_that_returns_ok(), cache)
    (artifact,) = cache.glob("*.cwasm")
    data = bytearray(artifact.read_bytes())
    data[len(data) // 2] ^= 1
    artifact.write_bytes(data)

    result = run_now(component_that_returns_ok(), cache).result

    assert result.outcome == "ok"
    (artifact,) = cache.glob("*.cwasm")
    assert artifact.read_bytes() != data


def test_an_artifact_that_wasmtime_refuses_is_compiled_again(tmp_path: Path) -> None:
    """Whole bytes that are no artifact for this machine, as after a move, are replaced."""
    directory = tmp_path / "cache"
    cache = ComponentCache(directory)
    cache.prepare()
    component = component_that_returns_ok()
    run_now(component, directory)
    (good,) = directory.glob("*.cwasm")
    stem = good.name.split(".")[0]
    good.unlink()
    bad = cache.store(stem, b"\x7fELF made elsewhere", wrapped=True)

    assert run_now(component, directory).result.outcome == "ok"
    assert not bad.path.exists()


def test_the_directory_is_private(tmp_path: Path) -> None:
    """The directory is made for this user alone, and a wider one is narrowed."""
    directory = tmp_path / "wide"
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)

    ComponentCache(directory).prepare()
    ComponentCache(tmp_path / "new").prepare()

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_an_artifact_that_cannot_be_stored(tmp_path: Path) -> None:
    """When the compiled component cannot be written the run says so, and how to help; no process's traceback."""
    directory = tmp_path / "cache"
    run_now(component_that_returns_ok(), directory)
    (artifact,) = directory.glob("*.cwasm")
    artifact.unlink()
    artifact.mkdir()
    (artifact / "occupied").write_bytes(b"")

    result = run_now(component_that_returns_ok(), directory).result

    assert (result.outcome, result.slug) == ("refused", "plugin/cache-unusable")
    assert str(directory) in str(result.error)
    assert "Traceback" not in f"{result.error}{result.detail}"
    assert result.hint is not None
    assert not list(directory.glob(".new-*"))


def test_an_unusable_directory(tmp_path: Path) -> None:
    """A file where the directory should be is an error with a way out."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(SandboxError, match="cannot be used") as caught:
        ComponentCache(tmp_path / "file" / "below").prepare()

    assert caught.value.slug == "plugin/cache-unusable"
    assert caught.value.hint is not None


def test_storing_leaves_no_rest(cache: ComponentCache) -> None:
    """Nothing but the artifact is left, and storing it twice is storing it once."""
    cache.store("stem", b"code", wrapped=True)
    cache.store("stem", b"code", wrapped=True)

    assert len(list(cache.directory.iterdir())) == 1


def test_pruning_keeps_what_was_used_last(cache: ComponentCache) -> None:
    """The longest unused artifacts go first, and only as many as needed."""
    paths = [cache.store(f"s{number}", bytes([number]) * 100, wrapped=True).path for number in range(4)]
    for age, path in enumerate(paths):
        os.utime(path, (1000 - age, 1000 - age))

    cache.prune(most_bytes=250)

    assert [path.exists() for path in paths] == [True, True, False, False]


def test_pruning_takes_what_was_abandoned(cache: ComponentCache) -> None:
    """A file that a killed compiler left goes after a day; one that is being written stays."""
    old, new = cache.directory / ".new-old", cache.directory / ".new-new"
    old.write_bytes(b"")
    new.write_bytes(b"")
    os.utime(old, (1000, 1000))

    cache.prune()

    assert (old.exists(), new.exists()) == (False, True)


def test_the_key_depends_on_how() -> None:
    """The same component compiled another way is another artifact."""
    assert artifact_stem("00" * 32, wrap=True) != artifact_stem("00" * 32, wrap=False)
    assert artifact_stem("00" * 32, wrap=True) != artifact_stem("11" * 32, wrap=True)
    assert artifact_stem("00" * 32, wrap=True) == artifact_stem("00" * 32, wrap=True)


READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77
exec "$2" -c '
import sys
from pathlib import Path
from orchestrator.sandbox.cache import ComponentCache
cache = ComponentCache(Path(sys.argv[1]))
cache.prepare()
print(cache.find("stem"))
' "$1"
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="takes a file system of its own")
def test_a_file_system_that_is_only_read(cache: ComponentCache) -> None:
    """An artifact that nobody has used for long is found where its last use cannot be noted."""
    stored = cache.store("stem", b"native code", wrapped=True)
    os.utime(stored.path, (1000, 1000))

    command = ["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(cache.directory), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this system lets nobody mount anything")

    assert (done.stdout.strip(), done.stderr) == (str(stored), "")
