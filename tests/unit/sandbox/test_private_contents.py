"""What a declared directory should not hold."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import Span
from orchestrator.sandbox.declared import resolve_directory
from orchestrator.sandbox.private_contents import MAX_FINDINGS, find_private_contents
from orchestrator.sandbox.request import Preopen
from tests.support.deep_trees import LONG_NAME, LONG_PATH_LEVELS, deep_tree

SPAN = Span(path=Path("icp.yaml"), line=9, column=13, text="        dirs: [dist]")


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Return a declared directory."""
    (tmp_path / "dist" / "deep").mkdir(parents=True)
    (tmp_path / "dist" / "a.txt").touch()
    return tmp_path / "dist"


def summaries(directory: Path, guest: str = "dist") -> list[str]:
    """Return what is found."""
    return [found.summary for found in find_private_contents(Preopen(guest=guest, host=directory))]


def test_private_contents(dist: Path) -> None:
    """Secrets, history and tool state in a declared directory are warned of, wherever they are in it."""
    (dist / ".git" / "objects" / ".env").mkdir(parents=True)
    (dist / "deep" / ".env").touch()

    warnings = find_private_contents(Preopen(guest="dist", host=dist), SPAN)

    assert [(warning.summary, warning.slug, warning.severity, warning.span) for warning in warnings] == [
        ("plugin dir 'dist' holds .git, which the plugin can read", "plugin/private-contents", "warning", SPAN),
        ("plugin dir 'dist' holds deep/.env, which the plugin can read", "plugin/private-contents", "warning", SPAN),
    ]


def test_letter_case_hides_nothing(dist: Path) -> None:
    """Where a file system does not tell letter case apart, `.GIT` is `.git`."""
    (dist / ".Git").mkdir()

    assert summaries(dist) == ["plugin dir 'dist' holds .Git, which the plugin can read"]


@pytest.mark.parametrize("guest", [".git", "./.ICP/data", ".orchestrator/"])
def test_a_directory_that_is_private_itself(dist: Path, guest: str) -> None:
    """What was declared by its private name is warned of as well."""
    assert summaries(dist, guest) == [f"plugin dir '{guest}' is itself private, and the plugin can read it"]


def test_contents_that_keep_a_plugin_waiting(dist: Path) -> None:
    """A named pipe in a declared directory is warned of: a plugin that opens it waits for a writer."""
    os.mkfifo(dist / "deep" / "pipe")

    (warning,) = find_private_contents(Preopen(guest="dist", host=dist))

    assert warning.summary == "plugin dir 'dist' holds deep/pipe, a named pipe: a plugin that opens it waits until something writes to it"
    assert warning.slug == "plugin/named-pipe"


def test_nothing_to_warn_of(dist: Path) -> None:
    """An ordinary directory gives no warning, a missing one neither, and one that was replaced is not looked into."""
    checked = resolve_directory(dist.parent, "dist")
    (dist / ".env").touch()

    assert summaries(dist / "deep") == []
    assert summaries(dist / "gone") == []
    assert find_private_contents(replace(checked, inode=(0, 0))) == ()
    assert len(find_private_contents(checked)) == 1


def test_many_findings_are_counted(dist: Path) -> None:
    """A terminal is not flooded."""
    for number in range(MAX_FINDINGS + 5):
        (dist / f"{number:02}").mkdir()
        (dist / f"{number:02}" / ".env").touch()

    found = summaries(dist)

    assert len(found) == MAX_FINDINGS + 1
    assert found[-1] == "plugin dir 'dist' holds 5 more of the kind, in other places"


def test_names_that_are_no_text_can_be_shown(dist: Path) -> None:
    """A warning is text, whatever a file is called."""
    (dist / os.fsdecode(b"\xff") / ".git").mkdir(parents=True)

    (summary,) = summaries(dist)

    assert summary == "plugin dir 'dist' holds \ufffd/.git, which the plugin can read"
    assert summary.encode()


def test_depth_hides_nothing(dist: Path) -> None:
    """What is deeper than a path may be long is found, and told in a few words."""
    with deep_tree(dist, LONG_PATH_LEVELS, last=".env", name_length=LONG_NAME):
        (summary,) = summaries(dist)

    assert summary.endswith("/.env, which the plugin can read")
    assert len(summary) < 300


def test_a_large_directory_is_said_to_be_too_large(dist: Path) -> None:
    """The look ends after some entries, wherever they are, and says that it did."""
    for number in range(300):
        (dist / "deep" / str(number)).touch()

    (warning,) = find_private_contents(Preopen(guest="dist", host=dist), entries=301)

    assert warning.slug == "plugin/large-directory"
    assert warning.summary == "plugin dir 'dist' holds more than was looked at, which is 301 entries at most"
    assert find_private_contents(Preopen(guest="dist", host=dist), entries=302) == ()
