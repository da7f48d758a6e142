"""Patterns of directories match what those of icp-cli 1.5.0 match, in the same order (but for `.`, which comes first here)."""

from pathlib import Path

import pytest

from orchestrator.manifest import patterns
from orchestrator.manifest.patterns import PatternError, find_directories, is_pattern

DIRECTORIES = ("c/b", "c/a/z", "c/.h", "c/B", "c/a-b", "c/n/deep", "c/n/.hid/in", "c/é", "other", "../out/o")
ALL = ["c/.h", "c/B", "c/a", "c/a-b", "c/b", "c/n", "c/é"]
BELOW = ["c/.h", "c/B", "c/a", "c/a/z", "c/a-b", "c/b", "c/n", "c/n/.hid", "c/n/.hid/in", "c/n/deep", "c/é"]
MATCHES = {
    "c/*": ALL,
    "./c/*/": ALL,
    "c//*": ALL,
    "c/**": BELOW,
    "c/**/**": BELOW,
    "c/**/*": BELOW,
    "**": ["c", *BELOW, "link", "link/o", "other"],
    "*": ["c", "link", "other"],
    "l*/*": ["link/o"],
    "link/**": ["link/o"],
    "**/o": ["link/o"],
    "c/**/deep": ["c/n/deep"],
    "**/z/**": [],
    "c/.*": ["c", "c/..", "c/.h"],
    "c/.?": ["c/..", "c/.h"],
    "c/?h": ["c/.h"],
    "c/[.]h": ["c/.h"],
    "c/?": ["c/B", "c/a", "c/b", "c/n", "c/é"],
    "c/[ab]": ["c/a", "c/b"],
    "c/[a-c]": ["c/a", "c/b"],
    "c/[!a]": ["c/B", "c/b", "c/n", "c/é"],
    "c/[^a]": ["c/a"],
    "c/[]a]": ["c/a"],
    "c/[!]a]": ["c/B", "c/b", "c/n", "c/é"],
    "c/[z-a]": [],
    "c/[é]": ["c/é"],
    "C*/a": [],
    "c/{a,b}": [],
    "c/a]*": [],
    "c/*/z/..": ["c/a/z/.."],
    "nothing/*": [],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with others below it, and a link to one that is not; nobody changes it."""
    return make_base(tmp_path_factory.mktemp("patterns"))


def make_base(directory: Path) -> Path:
    """Make such a directory."""
    base = directory / "base"
    for name in DIRECTORIES:
        (base / name).mkdir(parents=True)
    (base / "link").symlink_to("../out")
    (base / "c" / "file").touch()
    return base


@pytest.mark.parametrize("pattern", MATCHES)
def test_what_matches(base: Path, pattern: str) -> None:
    """Directories only, hidden ones too, links followed."""
    assert [str(found.relative_to(base)) for found in find_directories(base, pattern)] == MATCHES[pattern]


@pytest.mark.parametrize("pattern", ["c/a**", "c/***", "c/[a", "c/[", "c/[]", "c/[!]", "**a/b"])
def test_what_is_no_pattern(base: Path, pattern: str) -> None:
    """It is refused, and not taken for a name."""
    with pytest.raises(PatternError):
        find_directories(base, pattern)


def test_absolute_patterns(base: Path) -> None:
    """They start where they say."""
    assert find_directories(Path("/nowhere"), f"{base}/other*") == [base / "other"]
    assert [is_pattern(text) for text in ("a", "a*", "a?", "[a]", "{a}")] == [False, True, True, True, True]


def test_links_that_lead_back(tmp_path: Path) -> None:
    """Two of them, which would be followed for ever, end a walk where they are."""
    base = make_base(tmp_path)
    (base / "c" / "up").symlink_to("..")
    (base / "c" / "again").symlink_to("..")
    assert [str(found.relative_to(base)) for found in find_directories(base, "**/deep")] == ["c/n/deep"]
    (base / "self").symlink_to("self")
    assert base / "self" not in find_directories(base, "*")


@pytest.mark.slow
def test_a_pattern_has_a_limit(tmp_path: Path) -> None:
    """A `**` above very much is a mistake, and refused."""
    count = 300
    for index in range(count):
        (tmp_path / f"d{index}").mkdir()
        (tmp_path / f"l{index}").symlink_to("many")
    (tmp_path / "many").mkdir()
    for index in range(patterns.MAX_LOOKED_AT // count + 1):
        (tmp_path / "many" / f"f{index}").touch()
    with pytest.raises(PatternError, match="looks at more than 100,000"):
        find_directories(tmp_path, "**/x")
