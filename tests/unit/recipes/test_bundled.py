"""The bundled recipes: found by name, described, and rendering what their golden cases say."""

import re
import shlex
from pathlib import Path

import pytest

from orchestrator.core.project import ScriptStep
from orchestrator.engine.authoring.recipe_cases import run_recipe_cases
from orchestrator.engine.authoring.recipe_files import open_recipe
from orchestrator.manifest import load_steps
from orchestrator.recipes import bundled_names, find_bundled, load_description, parse_template, recipe_directory
from scripts.recipes.pages import ROOT, make_pages

NAMES = ("motoko", "prebuilt", "rust")
FINISH = "# Interface, metadata and size of the module"


def test_they_are_found_by_name() -> None:
    """A name is a folder with a template; anything else names none, however it is written."""
    assert bundled_names() == NAMES
    assert find_bundled("rust") == recipe_directory() / "rust" / "recipe.hbs"
    assert [find_bundled(name) for name in ("asset-canister", "", ".", "..", "../recipes/rust", "README.md", "Rust")] == [None] * 7


def test_they_are_found_in_a_wheel_and_in_a_checkout(tmp_path: Path) -> None:
    """The package's own data comes first, the folder beside the package second; without either it says so."""
    package = tmp_path / "orchestrator"
    package.mkdir()
    with pytest.raises(FileNotFoundError):
        recipe_directory(package)
    (tmp_path / "recipes").mkdir()
    assert recipe_directory(package) == tmp_path / "recipes"
    (package / "data" / "recipes").mkdir(parents=True)
    assert recipe_directory(package) == package / "data" / "recipes"


@pytest.mark.parametrize("name", NAMES)
def test_golden_cases(name: str) -> None:
    """Each case renders to the text it did, or is refused with the words it was; `recipe test NAME --update` changes them."""
    report = run_recipe_cases(open_recipe(name, ROOT))
    assert len(report.cases) >= 3
    assert {case.outcome for case in report.cases} == {"text", "error"}
    assert [(case.name, case.reason, case.difference) for case in report.cases if case.result != "passed"] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_described_and_used(name: str) -> None:
    """A recipe names itself, says what each parameter is for, and its template has each of them."""
    template = find_bundled(name)
    assert template is not None
    description = load_description(template)
    assert description is not None
    assert description.name == name
    assert description.summary.endswith(".")
    assert [each.name for each in description.parameters if not each.description.endswith(".")] == []
    text = template.read_text(encoding="utf-8")
    parse_template(text, template)
    tags = " ".join(re.findall(r"\{\{[#/]?(.*?)\}\}", text))
    assert [each.name for each in description.parameters if not re.search(rf"\b{each.name}\b", tags)] == []


def test_they_finish_a_module_alike() -> None:
    """What adds the interface and metadata is the same text in all of them: a fault is mended in each."""
    texts = [path.read_text(encoding="utf-8").partition(FINISH) for path in recipe_directory().glob("*/recipe.hbs")]
    assert all(found for _, found, _ in texts)
    assert len({after for _, _, after in texts}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_icp_cli_can_read_the_scripts(name: str) -> None:
    """Quotes come in pairs, those in comments and in other languages included: icp-cli refuses the script otherwise."""
    for expected in (recipe_directory() / name / "cases").glob("*/expected.yaml"):
        steps = load_steps(expected.read_text(encoding="utf-8"), expected, directory=expected.parent).build
        for step in steps:
            for command in step.commands if isinstance(step, ScriptStep) else ():
                assert shlex.split(command)


def test_the_pages_are_those_of_the_descriptions() -> None:
    """Each README, and the table of the reference, is what `scripts/recipe-docs` writes."""
    for path, text in make_pages().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path}: run scripts/recipe-docs"


def test_the_reference_names_them_all() -> None:
    """The reference links every recipe's page."""
    text = (ROOT / "docs" / "reference" / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"[{name}](../../recipes/{name}/README.md)" not in text] == []
