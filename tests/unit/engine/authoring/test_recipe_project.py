"""The recipe that `recipe new` writes: it works, and nothing is overwritten."""

from pathlib import Path

import pytest

from orchestrator.engine.authoring.plugin_templates import template_directory
from orchestrator.engine.authoring.recipe_cases import run_recipe_cases
from orchestrator.engine.authoring.recipe_files import open_recipe
from orchestrator.engine.authoring.recipe_lint import lint_recipe
from orchestrator.engine.authoring.recipe_project import MAX_NAME_CHARACTERS, write_recipe_project
from orchestrator.errors import UsageError


def test_a_new_recipe_passes_its_own_checks(tmp_path: Path) -> None:
    """It has a case that renders and one that fails, both pass, and there is nothing to find."""
    project = write_recipe_project(tmp_path / "site")
    recipe = open_recipe("site", tmp_path)
    report = run_recipe_cases(recipe)

    assert (project.name, recipe.description is not None and recipe.description.name) == ("site", "site")
    assert {case.result for case in report.cases} == {"passed"}
    assert {case.outcome for case in report.cases} == {"text", "error"}
    assert lint_recipe(recipe).findings == ()


def test_all_files_have_the_name_and_are_listed(tmp_path: Path) -> None:
    """No placeholder is left, and the list is what is there."""
    project = write_recipe_project(tmp_path / "x y", name="site")
    written = {path.relative_to(tmp_path / "x y").as_posix(): path.read_text(encoding="utf-8") for path in (tmp_path / "x y").rglob("*.*")}

    assert sorted(written) == sorted(project.files)
    assert not any("RECIPE_" in text for text in written.values())
    assert written["README.md"].startswith("# site\n")


def test_the_address_is_that_of_the_project(tmp_path: Path) -> None:
    """In a project the new recipe's address starts from there; elsewhere nobody knows it."""
    assert write_recipe_project(tmp_path / "site").address is None
    (tmp_path / "icp.yaml").write_text("", encoding="utf-8")
    assert write_recipe_project(tmp_path / "a" / "b").address == "./a/b"
    assert "          type: ./a/b\n" in (tmp_path / "a" / "b" / "README.md").read_text(encoding="utf-8")
    write_recipe_project(tmp_path / "a # b", name="c")
    assert '          type: "./a # b"\n' in (tmp_path / "a # b" / "README.md").read_text(encoding="utf-8")


def test_its_tool_is_named_where_it_is_missing() -> None:
    """Each script that runs `ic-wasm` looks for it first; metadata can be read by everybody, as its description says."""
    steps = (template_directory() / "recipe" / "recipe.hbs").read_text(encoding="utf-8").split("- type: script")
    with_tool = [step for step in steps if 'ic-wasm "$' in step]

    assert len(with_tool) == 2
    assert all("command -v ic-wasm > /dev/null ||" in step and "npm install -g @icp-sdk/ic-wasm" in step for step in with_tool)
    assert " -v public " in with_tool[1]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """One file in the way is enough; then nothing is written."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "recipe.yaml").write_text("mine", encoding="utf-8")

    with pytest.raises(UsageError) as caught:
        write_recipe_project(tmp_path / "site")
    assert caught.value.slug == "usage/files-in-the-way"
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["recipe.yaml"]


@pytest.mark.parametrize("name", ["Site", "a b", "", "-a", "a--b", "ä", "a" * (MAX_NAME_CHARACTERS + 1), "rust"])
def test_names_that_a_recipe_should_not_have(tmp_path: Path, name: str) -> None:
    """Those that no address could say, and those of bundled recipes."""
    with pytest.raises(UsageError) as caught:
        write_recipe_project(tmp_path / "site", name=name)
    assert caught.value.slug == "usage/recipe-name"
    assert not (tmp_path / "site").exists()
