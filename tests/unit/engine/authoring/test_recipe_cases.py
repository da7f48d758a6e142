"""Golden cases of recipes: what a configuration must render to, or the error that it must give."""

from pathlib import Path

import pytest

from orchestrator.engine.authoring.recipe_cases import cases_directory, check_cases_exist, run_recipe_cases
from orchestrator.engine.authoring.recipe_files import describe_recipe
from orchestrator.errors import RecipeError, UsageError
from orchestrator.recipes.authored import CaseReport
from tests.support.recipes import write_recipe

TEMPLATE = "build:\n  steps:\n    - type: script\n      command: make {{target}} # {{_.canister.name}} {{_.fast}}\n"
DESCRIPTION = "parameters:\n  target: {type: string, required: true}\n"
RENDERED = TEMPLATE.replace("{{target}}", "all").replace("{{_.canister.name}}", "web").replace("{{_.fast}}", "true")
INPUT = "configuration: {target: all}\ncanister: web\nfacts: {fast: true}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a recipe."""
    write_recipe(tmp_path / "one", TEMPLATE, DESCRIPTION)
    return tmp_path / "one"


def write(folder: Path, name: str, **files: str) -> None:
    """Write a case; `expected` is the text, `error` the error."""
    names = {"case": "case.yaml", "expected": "expected.yaml", "error": "expected-error.txt"}
    (folder / "cases" / name).mkdir(parents=True)
    for key, text in files.items():
        (folder / "cases" / name / names[key]).write_text(text, encoding="utf-8")


def run(folder: Path, *only: str, update: bool = False) -> dict[str, CaseReport]:
    """Run the cases of the recipe."""
    recipe = describe_recipe(write_recipe(folder, TEMPLATE))
    return {case.name: case for case in run_recipe_cases(recipe, only=only, update=update).cases}


def test_what_is_expected_passes(folder: Path) -> None:
    """The text byte for byte, with the canister's name and facts; or an error with its name, summary and hint."""
    write(folder, "text", case=INPUT, expected=RENDERED)
    write(folder, "error", error="recipe/missing-parameter: the recipe needs `target`\n  hint: add `target:` under `configuration`\n")

    assert [(case.name, case.result, case.outcome, case.expected) for case in run(folder).values()] == [
        ("error", "passed", "error", "error"),
        ("text", "passed", "text", "text"),
    ]


def test_differences_are_shown(folder: Path) -> None:
    """A unified difference: what was expected, what it gives; a missing line end is one, too."""
    write(folder, "text", case=INPUT, expected=RENDERED.replace("all", "most"))
    write(folder, "end", case=INPUT, expected=RENDERED.rstrip())
    reports = run(folder)

    assert reports["text"].difference[-2:] == (
        "-      command: make most # web true",
        "+      command: make all # web true",
    )
    assert reports["end"].difference[-2:] == (
        "-      command: make all # web true (no line end)",
        "+      command: make all # web true",
    )


def test_a_rendering_must_be_steps(folder: Path) -> None:
    """Text that is no steps is an error, although it renders."""
    write(folder, "broken", case="configuration: {target: 'a: b'}\nfacts: {fast: true}\n", expected="x\n")
    (case,) = run(folder).values()

    assert (case.result, case.outcome, case.reason) == ("failed", "error", "it should render, and fails")


def test_an_error_that_does_not_come_fails(folder: Path) -> None:
    """A case that should fail and renders says so."""
    write(folder, "fine", case=INPUT, error="recipe/missing-parameter: x\n")
    (case,) = run(folder).values()

    assert (case.result, case.reason) == ("failed", "it should fail, and renders")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"case": INPUT}, "nothing says what is expected: it has neither expected.yaml nor expected-error.txt"),
        ({"case": INPUT, "expected": "", "error": ""}, "it has both expected.yaml and expected-error.txt: delete one"),
        ({"case": "configuratoin: {}\n", "expected": ""}, "case.yaml:1:1: a case has no `configuratoin`; did you mean `configuration`?"),
        ({"case": "[a]\n", "expected": ""}, "case.yaml:1:1: a case must be a map, not a list"),
        ({"case": "canister: [a]\n", "expected": ""}, "case.yaml:1:11: `canister` must be text"),
        ({"case": "a: b: c\n", "expected": ""}, None),
    ],
)
def test_cases_that_cannot_be_run(folder: Path, files: dict[str, str], reason: str | None) -> None:
    """Each says what is wrong with it, and is left as it is by an update."""
    write(folder, "case", **files)
    before = sorted(path.name for path in (folder / "cases" / "case").iterdir())
    (case,) = run(folder).values()

    assert case.result == "failed"
    assert case.reason == reason if reason is not None else (case.reason or "").startswith("case.yaml:1:")
    if case.outcome is None:
        run(folder, update=True)
        assert sorted(path.name for path in (folder / "cases" / "case").iterdir()) == before


def test_update_writes_what_comes(folder: Path) -> None:
    """The text or the error is written down, the other one deleted, and an error where there was none is said."""
    write(folder, "text", case=INPUT, error="old\n")
    write(folder, "error", expected="old\n")
    write(folder, "same", case=INPUT, expected=RENDERED)
    reports = run(folder, update=True)

    assert {name: (case.result, case.reason) for name, case in reports.items()} == {
        "error": ("updated", "it expects an error now"),
        "same": ("passed", None),
        "text": ("updated", None),
    }
    assert sorted(str(path.relative_to(folder / "cases")) for path in (folder / "cases").rglob("expected*")) == [
        "error/expected-error.txt",
        "same/expected.yaml",
        "text/expected.yaml",
    ]
    assert {case.result for case in run(folder).values()} == {"passed"}


def test_cases_are_chosen_by_name(folder: Path) -> None:
    """Only those that are named run; a name that no case has is a wrong command line."""
    write(folder, "a", case=INPUT, expected=RENDERED)
    write(folder, "b", case=INPUT, expected=RENDERED)

    assert list(run(folder, "b")) == ["b"]
    with pytest.raises(UsageError, match="has no case `c`"):
        run(folder, "b", "c")


def test_a_template_beside_others_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Cases of `web.hbs` are in `web.cases`."""
    assert cases_directory(tmp_path / "web.hbs") == tmp_path / "web.cases"
    assert cases_directory(tmp_path / "web" / "recipe.hbs") == tmp_path / "web" / "cases"


def test_no_case_at_all_is_no_success(folder: Path) -> None:
    """It says where cases belong."""
    report = run_recipe_cases(write_recipe(folder, TEMPLATE))

    with pytest.raises(RecipeError) as caught:
        check_cases_exist([report])
    assert caught.value.hint == "write `cases/NAME/case.yaml` with a `configuration:`, and run this with `--update`"
