"""The cache stays out of version control."""

from pathlib import Path

from orchestrator.store.atomic import make_directory, write_atomic
from orchestrator.store.ignored import ignore_cache


def test_whoever_makes_the_cache_has_it_ignored(tmp_path: Path) -> None:
    """The first folder in a project's cache comes with a `.gitignore` for all of it, and nothing else does."""
    cache = tmp_path / ".orchestrator" / "cache"
    make_directory(cache / "networks" / "local")
    write_atomic(tmp_path / ".orchestrator" / "data" / "records.json", b"{}")

    assert (cache / ".gitignore").read_text() == "*\n"
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob(".gitignore")] == [Path(".orchestrator/cache/.gitignore")]
    assert list(cache.glob("*.tmp")) == []


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """What somebody wrote there is theirs, also when it is empty or a link to nothing."""
    for name, text in (("a", "locks\n"), ("b", "")):
        cache = tmp_path / name / ".orchestrator" / "cache"
        cache.mkdir(parents=True)
        (cache / ".gitignore").write_text(text)
        make_directory(cache / "logs")
        assert (cache / ".gitignore").read_text() == text

    cache = tmp_path / "c" / ".orchestrator" / "cache"
    cache.mkdir(parents=True)
    (cache / ".gitignore").symlink_to("nowhere")
    make_directory(cache)
    assert (cache / ".gitignore").is_symlink()


def test_a_cache_that_cannot_be_written_in_is_left_alone(tmp_path: Path) -> None:
    """Where the file cannot be made nothing is raised: a file stands where the folder should be."""
    (tmp_path / ".orchestrator").mkdir()
    (tmp_path / ".orchestrator" / "cache").write_text("")
    ignore_cache(tmp_path / ".orchestrator" / "cache" / "logs")
    assert (tmp_path / ".orchestrator" / "cache").read_text() == ""
