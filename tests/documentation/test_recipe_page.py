"""The page about writing recipes works as it stands, and the reference has every finding."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml

import orchestrator
from orchestrator.engine.authoring import recipe_lint
from tests.documentation.test_code import block_with, blocks
from tests.support.command import Command
from tests.support.workspace import Completed

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/write-a-recipe.md"
REFERENCE = ROOT / "docs/reference/recipes.md"


class Reader:
    """Somebody who follows the page in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe = folder / "recipes" / "minify"
        self._type = Command(directory=folder, environ={"ORCHESTRATOR_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"})

    def types(self, line: str) -> Completed:
        """Run a line of the page; it succeeds."""
        done = self._type(*shlex.split(line)[1:])
        assert (done.exit_code, done.stderr) == (0, ""), line
        return done

    def appends(self, name: str, block: str, indent: int) -> None:
        """Write a block of the page at the end of a file of the recipe, as far to the right as it stands there."""
        path = self.recipe / name
        path.write_text(path.read_text(encoding="utf-8") + textwrap.indent(block, " " * indent), encoding="utf-8")


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Return a reader who has typed the first commands, in the folder of a project."""
    (tmp_path / "icp.yaml").write_text(block_with(PAGE, "canisters:"), encoding="utf-8")
    reader = Reader(tmp_path)
    for line in block_with(PAGE, "orchestrator recipe new").splitlines():
        reader.types(line)
    return reader


def test_the_page_can_be_followed(reader: Reader) -> None:
    """The commands work one after the other; the new parameter has its effect, and its case is kept to."""
    reader.appends("recipe.yaml", block_with(PAGE, "compress:\n  type"), 2)
    reader.appends("recipe.hbs", block_with(PAGE, "{{#if compress}}"), 4)
    (shown,) = re.findall(r"^`(orchestrator recipe render .*compress=true)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert "gzip -9n" in reader.types(shown).stdout

    case = reader.recipe / "cases" / "compressed"
    case.mkdir()
    (case / "case.yaml").write_text(block_with(PAGE, "compress: true"), encoding="utf-8")
    assert "updated compressed" in reader.types(block_with(PAGE, "--update").strip()).stdout
    assert "gzip -9n" in (case / "expected.yaml").read_text(encoding="utf-8")
    for verb in ("test", "lint --strict"):
        reader.types(f"orchestrator recipe {verb} recipes/minify")


def test_the_folder_has_what_the_page_says(reader: Reader) -> None:
    """Each row of the table is there."""
    rows = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert len(rows) == 4
    assert all(list(reader.recipe.glob(row.replace("NAME/", "*/case.yaml"))) for row in rows)


def test_what_lint_is_said_to_find_it_finds(reader: Reader) -> None:
    """The bad example is found, with both names; what the page recommends is not."""
    bad = block_with(PAGE, "command: cp {{module}}").strip()
    template = f"build:\n  steps:\n    - type: script\n      {bad}\n"
    (reader.recipe / "recipe.hbs").write_text(template, encoding="utf-8")
    report = recipe_lint.lint_recipe(orchestrator.open_recipe("recipes/minify", reader.folder))
    found = {finding.slug.removeprefix("recipe-lint/") for finding in report.findings}

    assert {"yaml-value", "shell-quoting"} <= found


def test_every_finding_is_in_the_reference() -> None:
    """What the code can find has a row, and no row is about something else."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "orchestrator/engine/authoring").glob("recipe_*.py")]
    named = {name for text in sources for name in re.findall(r'(?:_finding\(\s*|slug="recipe-lint/)"?([a-z-]+)"', text)}
    named |= {"yaml-value", "yaml-type", "shell-quoting", "unknown-helper", "helper-parameters"}
    table = REFERENCE.read_text(encoding="utf-8").partition("### What lint finds")[2].partition("Other names")[0]
    rows = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall("`([^`]+)`", row)}

    assert rows == named - {"not-utf-8"}


def test_python_of_the_reference_works(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines run as they stand, where the recipe is."""
    monkeypatch.chdir(reader.folder)
    (script,) = (block for block in blocks(REFERENCE) if "orchestrator.open_recipe" in block)

    printed: list[str] = []
    exec(compile(script, "script.py", "exec"), {"print": printed.append})  # noqa: S102  # our own page
    assert [list(yaml.safe_load(text)) for text in printed] == [["build"]]
