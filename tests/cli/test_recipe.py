"""`orchestrator recipe …`: what authors and users of recipes type, and what they are told."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from orchestrator.cli.main import run
from orchestrator.cli.terminal import Terminal
from orchestrator.recipes import bundled_names
from tests.support.command import Command
from tests.support.recipe_server import recipe_server
from tests.support.recipes import write_recipe

TEMPLATE = """\
build:
  steps:
    - type: script
      command: cargo build -p {{package}} {{flag}}
    - type: pre-built
      url: https://example.com/a.wasm
"""
DESCRIPTION = """\
name: site
summary: Builds a site.
parameters:
  package:
    type: string
    required: true
    description: The package.
  unused:
    type: string
    description: Nothing.
"""


@pytest.fixture
def recipe(project: Path) -> Path:
    """Return the folder of a recipe with much to find."""
    write_recipe(project / "recipes" / "site", TEMPLATE, DESCRIPTION)
    return project / "recipes" / "site"


def plain(text: str, project: Path) -> str:
    """Return a text without what differs from machine to machine."""
    return re.sub("[0-9a-f]{64}", "SHA256", text.replace(str(project), "/project"))


def test_render_prints_the_text_and_nothing_else(orchestrator: Command, project: Path) -> None:
    """Byte for byte: control characters, a missing line end and text that is no YAML stay as they are."""
    write_recipe(project / "odd", "{{a}}\x1b[31m\r\n\ufeff: [{{b}}{{_.canister.name}}{{c.d}}{{_.x}}")
    (project / "values.yaml").write_text("a: 1\nb: [x, 'y']\nc: {d: old}\n", encoding="utf-8")

    done = orchestrator(
        *("recipe", "render", "odd", "--configuration", "values.yaml", "--set", "c.d=new", "--canister", "web", "--fact", "x=true")
    )

    assert (done.exit_code, done.stderr, done.stdout) == (0, "", "1\x1b[31m\r\n\ufeff: [[x, y]webnewtrue")


def test_render_writes_bytes(project: Path) -> None:
    """A stream of bytes gets UTF-8 and the template's own line ends, whatever the stream's encoding is."""
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii", newline="\r\n")
    Terminal(stdin=sys.stdin, stdout=stream, stderr=sys.stderr, environ={}, directory=project).guarded().write_verbatim("ä\n\x07")

    assert buffer.getvalue() == "ä\n\x07".encode()


def test_render_as_json(orchestrator: Command, recipe: Path) -> None:
    """One object: the text, the template's hash, and where each line comes from."""
    done = orchestrator("recipe", "render", str(recipe), "--set", "package=a", "--json")

    assert done.exit_code == 1  # `flag` is missing
    (recipe / "recipe.hbs").write_text(TEMPLATE.replace(" {{flag}}", ""), encoding="utf-8")
    value = json.loads(orchestrator("recipe", "render", str(recipe), "--set", "package=a", "--json").stdout)
    assert (value["schema"], value["lines"], value["template"]) == (1, [1, 2, 3, 4, 5, 6, 7], str(recipe / "recipe.hbs"))
    assert yaml.safe_load(value["text"])["build"]["steps"][0]["command"] == "cargo build -p a"


def test_render_tells_what_is_wrong(orchestrator: Command, recipe: Path, project: Path, snapshot: SnapshotAssertion) -> None:
    """What the recipe takes, where the template is wrong, and wrong options; stdout stays empty."""
    (project / "list.yaml").write_text("- a\n", encoding="utf-8")
    commands = [
        ("recipes/site",),
        ("recipes/site", "--set", "package=a"),
        ("recipes/site", "--set", "package=[a"),
        ("recipes/site", "--configuration", "list.yaml"),
        ("recipes/site", "--configuration", "nothing.yaml"),
        ("nothing",),
    ]
    ended = [orchestrator("recipe", "render", *words) for words in commands]

    assert [done.exit_code for done in ended] == [1, 1, 2, 2, 2, 2]
    assert [done.stdout for done in ended] == [""] * 6
    assert recipe.is_dir()
    assert plain("\n".join(done.stderr for done in ended), project) == snapshot


def test_lint(orchestrator: Command, recipe: Path, project: Path, snapshot: SnapshotAssertion) -> None:
    """Every finding with its place, and a line that counts; exit status 1 for an error."""
    done = orchestrator("recipe", "lint")
    value = json.loads(orchestrator("recipe", "lint", "--json").stdout)

    assert recipe.is_dir()
    assert (done.exit_code, done.stderr) == (1, "")
    assert plain(done.stdout, project) == snapshot
    assert (value["schema"], value["errors"], value["warnings"]) == (1, 6, 1)
    assert [finding["slug"] for finding in value["recipes"][0]["findings"]][:2] == ["recipe-lint/yaml-value", "recipe-lint/shell-quoting"]


def test_lint_fails_for_warnings_where_it_is_strict(orchestrator: Command, project: Path) -> None:
    """A warning alone is exit status 0."""
    write_recipe(project / "one", "build: {steps: [{type: pre-built, path: a.wasm}]}\n")

    assert [orchestrator("recipe", "lint", "one", *more).exit_code for more in ((), ("--strict",))] == [0, 1]


def test_new_is_a_recipe_that_works(orchestrator: Command, project: Path, snapshot: SnapshotAssertion) -> None:
    """What it says to type next works, and what it says to write into icp.yaml loads."""
    done = orchestrator("recipe", "new", "recipes/my-site")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == snapshot
    there = Command(directory=project / "recipes" / "my-site", environ=orchestrator.environ)
    for line in re.findall("^    orchestrator (.*)$", done.stdout, re.MULTILINE):
        assert there(*line.split()).exit_code == 0, line
    used = done.stdout.partition("project's folder:\n\n")[2]
    (project / "icp.yaml").write_text(f"canisters:\n  - name: backend\n{used}", encoding="utf-8")
    assert orchestrator("project", "validate").exit_code == 0


def test_new_overwrites_nothing(orchestrator: Command) -> None:
    """A second time in the same folder is a wrong command line."""
    first, second = orchestrator("recipe", "new", "one", "--json"), orchestrator("recipe", "new", "one")

    assert (first.exit_code, second.exit_code) == (0, 2)
    assert "recipe.hbs" in json.loads(first.stdout)["files"]
    assert second.stderr.startswith("error[usage/files-in-the-way]")


def test_cases(orchestrator: Command, project: Path, snapshot: SnapshotAssertion) -> None:
    """Differences are shown, `--update` takes them over, and then everything passes."""
    orchestrator("recipe", "new", "one")
    template = project / "one" / "recipe.hbs"
    template.write_text(template.read_text(encoding="utf-8").replace("cp ", "cp -- "), encoding="utf-8")
    failed, machine = orchestrator("recipe", "test", "one"), orchestrator("recipe", "test", "one", "--json")
    updated, passed = orchestrator("recipe", "test", "one", "--update"), orchestrator("recipe", "test", "one", "--case", "shrunk")

    assert [done.exit_code for done in (failed, machine, updated, passed)] == [1, 1, 0, 0]
    assert "\n".join(done.stdout for done in (failed, updated, passed)) == snapshot
    value = json.loads(machine.stdout)
    assert (value["schema"], value["result"]) == (1, "failed")
    assert [(case["name"], case["result"]) for case in value["recipes"][0]["cases"]] == [
        ("defaults", "failed"),
        ("module-is-missing", "passed"),
        ("shrunk", "failed"),
    ]


def test_broken_cases_cannot_be_written_down(orchestrator: Command, recipe: Path) -> None:
    """Where nothing but cases that cannot be read fails, `--update` is no help, and is not offered."""
    folder = recipe / "cases" / "broken"
    folder.mkdir(parents=True)
    (folder / "case.yaml").write_text("[]", encoding="utf-8")
    done = orchestrator("recipe", "test", str(recipe), "--case", "broken")

    assert (done.exit_code, "case.yaml:1:1: a case must be a map" in done.stdout, "--update" in done.stdout) == (1, True, False)


def test_a_configuration_that_is_no_text(orchestrator: Command, recipe: Path, project: Path) -> None:
    """What is not UTF-8 is called so; a terminal's stdin hands it on in disguise."""
    (project / "latin.yaml").write_bytes(b"package: \xe9")
    done = orchestrator("recipe", "render", str(recipe), "--configuration", "latin.yaml")
    stdout, stderr = io.StringIO(), io.StringIO()
    terminal = Terminal(stdin=io.StringIO("package: \udce9"), stdout=stdout, stderr=stderr, environ={}, directory=project)

    assert (done.exit_code, "it is not UTF-8 text" in done.stderr) == (2, True)
    assert run(["recipe", "render", str(recipe), "--configuration", "-"], terminal) == 2
    assert "it is not UTF-8 text" in stderr.getvalue()


def test_no_cases_are_an_error(orchestrator: Command, recipe: Path) -> None:
    """Nothing that was tested is no success."""
    done = orchestrator("recipe", "test", str(recipe))

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error[recipe-case/none]: there are no cases to test")


def test_show(orchestrator: Command, recipe: Path, project: Path, snapshot: SnapshotAssertion) -> None:
    """What a recipe is for and takes, and how a manifest uses it; a template alone says less."""
    (project / "bare.hbs").write_text("x", encoding="utf-8")
    ended = [orchestrator("recipe", "show", name) for name in ("recipes/site", "bare.hbs")]
    value = json.loads(orchestrator("recipe", "show", str(recipe), "--json").stdout)

    assert plain("\n".join(done.stdout for done in ended), project) == snapshot
    assert (value["name"], value["bundled"], value["remote"], value["summary"]) == ("site", False, False, "Builds a site.")
    assert [(each["name"], each["required"]) for each in value["parameters"]] == [("package", True), ("unused", False)]
    assert json.loads(orchestrator("recipe", "show", "bare.hbs", "--json").stdout)["parameters"] is None


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_recipes_are_shown(orchestrator: Command, name: str) -> None:
    """Each says what it takes; the example loads."""
    done = orchestrator("recipe", "show", name)

    assert done.exit_code == 0
    (canister,) = yaml.safe_load(done.stdout.partition("In icp.yaml:\n")[2])["canisters"]
    assert canister["recipe"]["type"] == name


def test_list(orchestrator: Command, recipe: Path, project: Path) -> None:
    """The bundled ones, and those of the project with what pins them."""
    (project / "icp.yaml").write_text(
        "canisters:\n"
        "  - {name: a, recipe: {type: './recipes/site', configuration: {package: x}}}\n"
        f"  - {{name: b, recipe: {{type: 'https://u:p@example.com/x.hbs', sha256: {'0' * 64}}}}}\n"
        "  - {name: c, recipe: {type: prebuilt, configuration: {path: x}}}\n",
        encoding="utf-8",
    )
    done, value = orchestrator("recipe", "list"), json.loads(orchestrator("recipe", "list", "--json").stdout)

    assert recipe.is_dir()
    assert done.stdout.partition("\n\n")[2].splitlines() == [
        "Used by this project",
        "  ./recipes/site                 a file                  a",
        "  https://***@example.com/x.hbs  pinned in the manifest  b",
        "  prebuilt                       bundled                 c",
    ]
    assert [each["name"] for each in value["bundled"]] == list(bundled_names())
    assert [(each["pinned_by"], each["canisters"]) for each in value["project"]] == [(None, ["a"]), ("manifest", ["b"]), (None, ["c"])]


def test_list_outside_of_a_project(orchestrator: Command, tmp_path: Path) -> None:
    """There is none of a project, and no complaint."""
    elsewhere = Command(directory=tmp_path, environ=orchestrator.environ)
    done = elsewhere("recipe", "list", "--json")

    assert (done.exit_code, done.stderr, json.loads(done.stdout)["project"]) == (0, "", None)


def test_a_recipe_behind_an_address(orchestrator: Command, project: Path) -> None:
    """It is shown with its hash and rendered; nothing is pinned, a changed one is refused where the project pins it."""
    with recipe_server({"/site.hbs": b"build: {steps: []} # {{_.canister.name}}"}) as server:
        address = f"{server.url}/site.hbs"
        shown, rendered = orchestrator("recipe", "show", address), orchestrator("recipe", "render", address, "--canister", "web")
        assert (shown.exit_code, rendered.exit_code, rendered.stdout) == (0, 0, "build: {steps: []} # web")
        sha256 = json.loads(orchestrator("recipe", "show", address, "--json").stdout)["sha256"]
        assert f"      sha256: {sha256}\n" in shown.stdout
        assert not (project / "orchestrator.lock").exists()

        pins = {"v": 1, "recipes": {address: "0" * 64}}
        (project / "orchestrator.lock").write_text(json.dumps(pins), encoding="utf-8")
        refused = orchestrator("recipe", "render", address)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith("error[recipe/checksum]")
