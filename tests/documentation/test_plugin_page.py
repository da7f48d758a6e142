"""The page about testing plugins works as it stands, in the example that it names."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import Command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/test-a-sync-plugin.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    orchestrator (.+)$", PAGE, re.MULTILINE)
BLOCKS = [block.replace("\n    ", "\n") for block in re.findall(r"^    (import .*?)(?=^\S)", PAGE, re.MULTILINE | re.DOTALL)]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return a copy of the example."""
    return Path(shutil.copytree(ROOT / "examples/hello", tmp_path / "hello", ignore=shutil.ignore_patterns(".orchestrator", ".icp")))


def test_the_commands_of_the_page_do_what_it_says(example: Path, tmp_path: Path) -> None:
    """Each line runs in the example; the one with a failing method fails, with the text that was given."""
    command = Command(directory=example, environ={"ORCHESTRATOR_HOME": str(tmp_path / "own")})
    done = [command(*shlex.split(line)) for line in COMMANDS]

    assert [one.exit_code for one in done] == [0, 0, 1, 0, 0], "\n".join(str(one) for one in done)
    assert "it may:" in done[0].stdout
    assert '(opt "old")' in done[1].stdout
    assert "the book is full" in done[2].stderr


@pytest.mark.slow
def test_the_tests_of_the_page_pass(example: Path) -> None:
    """The file of the page passes with the fixture; the script prints its line."""
    tests, script = BLOCKS
    (example / "test_seed.py").write_text(tests, encoding="utf-8")
    (example / "script.py").write_text(script, encoding="utf-8")

    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=example, capture_output=True, text=True, check=False)
    printed = subprocess.run([sys.executable, "script.py"], cwd=example, capture_output=True, text=True, check=True).stdout

    assert "3 passed" in done.stdout, done.stdout
    assert re.fullmatch(r"ok \d+\n", printed)
