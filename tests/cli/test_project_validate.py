"""`orchestrator project validate`: everything that is wrong, as text and as JSON."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Command
from tests.support.projects import make_wasm
from tests.support.recipe_server import recipe_server

SCRIPT = "    build: { steps: [{ type: script, command: make }] }\n"


@pytest.fixture
def written(project: Path) -> Path:
    """Return the project with its module in place."""
    (project / "backend.wasm").write_bytes(make_wasm())
    return project


def problems(orchestrator: Command, *options: str) -> list[tuple[str, str]]:
    """Return slugs and severities of what is found."""
    answer = json.loads(orchestrator("project", "validate", "--json", *options).stdout)
    return [(each["slug"], each["severity"]) for each in answer["problems"]]


@pytest.mark.usefixtures("written")
def test_valid_project_is_said_to_be(orchestrator: Command) -> None:
    """A project without problems is summed up in one line, and nothing is on stdout."""
    done = orchestrator("project", "validate")

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "`icp.yaml` is valid: 1 canister, 3 networks, 3 environments\n"


def test_warnings_become_errors_when_strict(orchestrator: Command, written: Path) -> None:
    """A key that icp ignores is a warning, and an error with --strict."""
    manifest = written / "icp.yaml"
    manifest.write_text(manifest.read_text().replace("    network: test\n", "    network: test\n    netwrok: test\n"))

    lenient = orchestrator("project", "validate")
    strict = orchestrator("project", "validate", "--strict")

    assert lenient.exit_code == 0
    assert lenient.stderr.startswith("warning[manifest/")
    assert lenient.stderr.endswith("; 1 warning\n")
    assert strict.exit_code == 1
    assert strict.stderr.startswith("error[manifest/")
    assert "warning" not in strict.stderr


def test_environments_that_a_dependency_lacks_are_told(orchestrator: Command, written: Path) -> None:
    """They cannot be used; the others can."""
    (written / "lib").mkdir()
    (written / "lib" / "icp.yaml").write_text("canisters: []\n", encoding="utf-8")
    manifest = written / "icp.yaml"
    manifest.write_text(f"{manifest.read_text()}dependencies: [{{name: lib, path: lib}}]\n", encoding="utf-8")

    assert problems(orchestrator) == [("manifest/environment-not-defined", "warning")]
    assert orchestrator("plan", "--env", "staging").stderr.startswith("error[usage/environment-not-defined]")


@pytest.mark.parametrize("options", [(), ("--json",), ("--strict",)], ids=["text", "json", "strict"])
def test_a_project_of_a_workspace(orchestrator: Command, written: Path, options: tuple[str, ...]) -> None:
    """The whole workspace is checked, which one warning says; that is no mistake even with --strict."""
    (written / "lib").mkdir()
    (written / "lib" / "icp.yaml").write_text("environments: [{name: staging}]\n", encoding="utf-8")
    manifest = written / "icp.yaml"
    manifest.write_text(f"{manifest.read_text()}dependencies: [{{name: lib, path: lib}}]\n", encoding="utf-8")
    done = replace(orchestrator, directory=written / "lib")("project", "validate", *options)

    assert done.exit_code == 0
    assert done.stderr.count("warning[manifest/workspace]") == 1
    if options == ("--json",):
        answer = json.loads(done.stdout)
        assert (answer["manifest"], answer["problems"]) == (str(manifest), [])


def test_what_plugins_are_shown_is_checked(orchestrator: Command, written: Path) -> None:
    """A secret in a declared directory and what is not there are warnings; a path that never works is an error."""
    manifest = written / "icp.yaml"
    step = "    sync:\n      steps:\n        - type: plugin\n          path: later.wasm\n          dirs:\n            - dist\n            - later\n"
    manifest.write_text(manifest.read_text().replace("          path: backend.wasm\n", f"          path: backend.wasm\n{step}"))
    (written / "dist" / ".git").mkdir(parents=True)

    lenient = orchestrator("project", "validate")
    strict = orchestrator("project", "validate", "--strict")
    found = problems(orchestrator)
    manifest.write_text(manifest.read_text().replace("- later\n", '- "../\\e[31mup"\n'))
    broken = orchestrator("project", "validate")

    assert lenient.exit_code == 0
    assert "warning[plugin/private-contents]: plugin dir 'dist' holds .git, which the plugin can read" in lenient.stderr
    assert "icp.yaml:12:15" in lenient.stderr
    assert found == [("plugin/missing", "warning"), ("plugin/private-contents", "warning"), ("plugin/dir-missing", "warning")]
    assert strict.exit_code == 1
    assert "error[plugin/private-contents]" in strict.stderr
    assert broken.exit_code == 1
    assert "error[plugin/unsafe-path]: plugin dir '../\\x1b[31mup' is not a safe relative path" in broken.stderr
    assert "\x1b" not in broken.stderr


def test_json_has_every_problem_with_its_place(orchestrator: Command, project: Path) -> None:
    """One line on stdout says whether the project is valid, and what is wrong where; the exit status says it too."""
    (project / "icp.yaml").write_text(
        "canisters:\n  - name: a\n    buld: {}\n    settings:\n      environment_variables:\n        API_KEY: 1234567\n  - name: a\n"
        + SCRIPT
    )

    done = orchestrator("project", "validate", "--json")
    answer: dict[str, Any] = json.loads(done.stdout)

    assert (done.exit_code, done.stderr, done.stdout.count("\n")) == (1, "", 1)
    assert {key: answer[key] for key in ("schema", "valid", "manifest", "canisters", "unchecked")} == {
        "schema": 1,
        "valid": False,
        "manifest": str(project / "icp.yaml"),
        "canisters": None,
        "unchecked": 0,
    }
    assert [each["line"] for each in answer["problems"]] == [3, 6, 7]
    assert answer["problems"][0] == {
        "slug": "manifest/unknown-key",
        "severity": "error",
        "summary": "unknown key `buld` in canister `a`",
        "file": str(project / "icp.yaml"),
        "line": 3,
        "column": 5,
        "length": 4,
        "detail": None,
        "hint": "did you mean `build`?",
        "related": [],
    }
    assert answer["problems"][2]["related"] == [
        {"file": str(project / "icp.yaml"), "line": 2, "column": 11, "length": 1, "note": "the first one"}
    ]
    assert "1234567" not in done.stdout


@pytest.mark.usefixtures("written")
def test_json_of_a_valid_project(orchestrator: Command, written: Path) -> None:
    """A valid project has its counts, and no problems."""
    done = orchestrator("project", "validate", "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "schema": 1,
        "valid": True,
        "manifest": str(written / "icp.yaml"),
        "canisters": 1,
        "networks": 3,
        "environments": 3,
        "unchecked": 0,
        "problems": [],
        "not_shown": 0,
    }


def test_strict_json(orchestrator: Command, project: Path) -> None:
    """With --strict, warnings are errors in JSON too."""
    (project / "icp.yaml").write_text("canisters: []\n")

    assert problems(orchestrator) == [("manifest/no-canisters", "warning")]
    assert problems(orchestrator, "--strict") == [("manifest/no-canisters", "error")]
    assert orchestrator("project", "validate", "--strict", "--json").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        ('init_args: "(42, record { a = 1 }"', "manifest/invalid-candid"),
        ("init_args: hunter2-is-no-candid", "manifest/invalid-candid"),
        ("upgrade_args: { value: 4449zz, format: hex }", "manifest/invalid-hex"),
        ("upgrade_args: { value: '444', format: hex }", "manifest/invalid-hex"),
        ("upgrade_args: { value: '00ff', format: hex }", "manifest/invalid-hex"),
        ('init_args: "(42, \\"x\\", opt record { a = vec { 1; 2 } })"', None),
        ("init_args: { value: 4449444c0000, format: hex }", None),
    ],
    ids=["bracket", "word", "no-hex", "half-a-byte", "no-message", "candid", "hex"],
)
def test_arguments_are_read(orchestrator: Command, project: Path, arguments: str, slug: str | None) -> None:
    """Arguments that no interface could make right are errors at their place, which do not repeat them."""
    (project / "icp.yaml").write_text(f"canisters:\n  - name: a\n{SCRIPT}    {arguments}\n")

    done = orchestrator("project", "validate")

    assert done.exit_code == (0 if slug is None else 1)
    assert slug is None or f"error[{slug}]" in done.stderr
    assert "hunter2" not in done.stderr


def test_files_of_modules_are_looked_at(orchestrator: Command, written: Path) -> None:
    """A module with another hash and a file that is no module are errors, one that is not there is a warning."""
    (written / "page.wasm").write_text("<html>")
    step = "    build: {{ steps: [{{ type: pre-built, path: {}, sha256: {} }}] }}\n"
    right = hashlib.sha256(make_wasm()).hexdigest()
    page = hashlib.sha256(b"<html>").hexdigest()
    rows = [("backend.wasm", right), ("backend.wasm", "0" * 64), ("page.wasm", page), ("~/x.wasm", right)]
    canisters = "".join(f"  - name: c{index}\n{step.format(*row)}" for index, row in enumerate(rows))
    (written / "icp.yaml").write_text(f"canisters:\n{canisters}")

    done = orchestrator("project", "validate")

    assert problems(orchestrator) == [("build/checksum", "error"), ("build/not-wasm", "error"), ("build/missing-module", "warning")]
    assert "`~` means nothing here" in done.stderr
    assert done.stderr.endswith("error: the project is not valid (2 errors, 1 warning)\n")


def test_what_a_script_makes_is_not_checked(orchestrator: Command, project: Path) -> None:
    """Files behind a script are counted, because only the build can tell."""
    steps = "[{ type: script, command: make }, { type: pre-built, path: made.wasm }]"
    sync = "[{ type: plugin, path: made-too.wasm, dirs: [dist] }]"
    (project / "icp.yaml").write_text(f"canisters:\n  - name: a\n    build: {{ steps: {steps} }}\n    sync: {{ steps: {sync} }}\n")

    done = orchestrator("project", "validate")

    assert (done.exit_code, done.stderr) == (
        0,
        "`icp.yaml` is valid: 1 canister, 2 networks, 2 environments; 3 files not checked, because a script runs first\n",
    )


def test_plugins_are_looked_at(orchestrator: Command, written: Path) -> None:
    """A plugin that is no component is an error at its place."""
    step = "    sync: { steps: [{ type: plugin, path: backend.wasm }] }\n"
    manifest = written / "icp.yaml"
    manifest.write_text(manifest.read_text().replace("networks:\n", f"{step}networks:\n"))

    assert problems(orchestrator) == [("plugin/core-module", "error")]


def test_recipes_of_all_canisters_are_expanded(orchestrator: Command, project: Path) -> None:
    """What is wrong with each recipe is said at once, with the template's line; the others' files are still looked at."""
    (project / "good.hbs").write_text("build: { steps: [{ type: pre-built, path: nowhere.wasm }] }\n")
    (project / "bad.hbs").write_text("build:\n  steps:\n    - type: {{kind}}\n")
    (project / "icp.yaml").write_text(
        "canisters:\n"
        "  - { name: a, recipe: { type: ./bad.hbs, configuration: { kind: scrpt } } }\n"
        "  - { name: b, recipe: { type: ./bad.hbs } }\n"
        "  - { name: c, recipe: { type: ./good.hbs } }\n"
        "  - { name: d, recipe: { type: ./missing.hbs } }\n"
    )

    done = orchestrator("project", "validate")
    found = dict(problems(orchestrator))

    assert done.exit_code == 1
    assert found["manifest/unknown-step"] == "error"
    assert found["recipe/not-found"] == "error"
    assert found["build/missing-module"] == "warning"
    assert sum(severity == "error" for severity in found.values()) == len(found) - 1 == 3
    assert "bad.hbs:3:" in done.stderr


def test_offline_recipes_are_not_checked(orchestrator: Command, project: Path) -> None:
    """A remote recipe that is not at hand is a warning offline, and nothing is pinned."""
    (project / "icp.yaml").write_text('canisters:\n  - { name: a, recipe: { type: "@dfinity/rust@v3.2.0" } }\n')

    done = orchestrator("project", "validate", "--offline")

    assert done.exit_code == 0
    assert done.stderr.startswith("warning[recipe/offline]")
    assert not (project / "orchestrator.lock").exists()


def test_environment_can_be_chosen(orchestrator: Command, written: Path) -> None:
    """With --env only that environment's canisters are expanded; one without canisters is noted."""
    manifest = written / "icp.yaml"
    text = manifest.read_text().replace("networks:\n", "  - { name: b, recipe: { type: ./missing.hbs } }\nnetworks:\n")
    manifest.write_text(f"{text}    canisters: [backend]\n  - name: bare\n    network: test\n    canisters: []\n")

    assert problems(orchestrator, "--env", "staging") == []
    assert problems(orchestrator, "--env", "bare") == [("manifest/no-canisters", "warning")]
    assert ("recipe/not-found", "error") in problems(orchestrator)
    assert orchestrator("project", "validate", "--env", "nope").exit_code == 2


def test_no_project_is_a_problem_too(orchestrator: Command, project: Path) -> None:
    """Where there is no project, JSON says so as well."""
    (project / "icp.yaml").unlink()

    done = orchestrator("project", "validate", "--json")
    answer = json.loads(done.stdout)

    assert (done.exit_code, answer["valid"], answer["manifest"]) == (1, False, None)
    assert [(each["slug"], each["file"]) for each in answer["problems"]] == [("manifest/not-found", None)]
    assert "error[manifest/not-found]" in orchestrator("project", "validate").stderr


def test_what_could_be_read_is_checked_beside_what_could_not(orchestrator: Command, project: Path) -> None:
    """Mistakes in manifests, in files and in recipes come together, by file and line; what follows from another is not told."""
    (project / "bad.hbs").write_text("build:\n  steps:\n    - type: {{kind}}\n")
    (project / "lib").mkdir()
    (project / "lib" / "canister.yaml").write_text("name: lib\nbuild: [\n")
    (project / "icp.yaml").write_text(
        "canisters:\n"
        "  - { name: a, recipe: { type: ./bad.hbs } }\n"
        "  - { name: b, buld: {}, recipe: { type: ./missing.hbs } }\n"
        "  - { name: c, recipe: { tpye: ./bad.hbs }, init_args: '(42' }\n"
        "  - { name: d, build: { steps: [{ type: pre-built, path: nowhere.wasm }, { type: nonsense }] } }\n"
        "  - { name: e, build: { steps: [{ type: pre-built, path: nowhere.wasm }] }, depends_on: [lib] }\n"
        "  - lib\n"
        "  - nowhere\n"
        "environments:\n"
        "  - { name: staging, network: nowhere, canisters: [lib, a] }\n"
    )

    answer = json.loads(orchestrator("project", "validate", "--json").stdout)
    found = [(Path(each["file"]).name, each["line"], each["slug"]) for each in answer["problems"]]
    chosen = orchestrator("project", "validate", "--env", "staging")

    assert found == [
        ("bad.hbs", 3, "recipe/missing-value"),
        ("icp.yaml", 3, "manifest/unknown-key"),
        ("icp.yaml", 3, "recipe/not-found"),
        ("icp.yaml", 4, "manifest/missing-key"),
        ("icp.yaml", 4, "manifest/unknown-key"),
        ("icp.yaml", 4, "manifest/invalid-candid"),
        ("icp.yaml", 5, "manifest/unknown-step"),
        ("icp.yaml", 6, "build/missing-module"),
        ("icp.yaml", 8, "manifest/missing-file"),
        ("canister.yaml", 2, "document/bracket"),
    ]
    assert chosen.exit_code == 1
    assert "error[manifest/missing-file]" in chosen.stderr


def test_several_environments_can_be_chosen(orchestrator: Command, written: Path) -> None:
    """`--env` may be repeated; each must be there."""
    manifest = written / "icp.yaml"
    manifest.write_text(f"{manifest.read_text()}  - name: bare\n    network: test\n    canisters: []\n")

    assert problems(orchestrator, "-e", "staging", "--env", "bare") == [("manifest/no-canisters", "warning")]
    assert problems(orchestrator, "--env", "staging", "--environment", "local") == []
    assert orchestrator("project", "validate", "--env", "staging", "--env", "nope").exit_code == 2


def test_warnings_make_room_for_errors(orchestrator: Command, project: Path) -> None:
    """Of very many problems a hundred are told, the errors first, and how many are not."""
    odd = "".join(f"    odd{index}: 1\n" for index in range(120))
    (project / "icp.yaml").write_text(f"canisters:\n  - name: a\n{SCRIPT}environments:\n  - name: e\n{odd}  - name: f\n    network: none\n")

    answer = json.loads(orchestrator("project", "validate", "--json").stdout)
    text = orchestrator("project", "validate").stderr

    assert answer["not_shown"] == 21
    assert [each["line"] for each in answer["problems"]] == [*range(6, 105), 127]
    assert text.endswith("error: the project is not valid (1 error, 99 warnings)\n  21 more are not shown\n")


def test_failed_download_says_how_to_go_on(orchestrator: Command, project: Path) -> None:
    """A recipe that cannot be had is an error; the rest is checked beside it, and can be checked without it."""
    with recipe_server({}) as server:
        (project / "icp.yaml").write_text(
            f"canisters:\n  - {{ name: a, recipe: {{ type: '{server.url}/a.hbs' }} }}\n  - {{ name: b, recipe: {{ type: ./missing.hbs }} }}\n"
        )
        done = orchestrator("project", "validate")

    assert "error[recipe/not-found]" in done.stderr
    assert "error[recipe/download]" in done.stderr
    assert "`--offline` checks the rest and makes this a warning" in done.stderr
    assert ("recipe/offline", "warning") in problems(orchestrator, "--offline")


def test_what_an_unreadable_overlay_may_say_is_not_missed(orchestrator: Command, project: Path) -> None:
    """A canister whose build may stand in the file that cannot be read is not told to have none; a misspelt key is told once."""
    (project / "icp.yaml").write_text("canisters:\n  - name: a\n  - name: b\n    bulid: {}\n")
    (project / "orchestrator.yaml").write_text("canisters:\n  - name: a\n    build: {steps: [}\n")

    assert problems(orchestrator) == [("manifest/unknown-key", "error"), ("document/bracket", "error")]
    (project / "orchestrator.yaml").unlink()
    assert problems(orchestrator) == [("manifest/no-build", "error"), ("manifest/unknown-key", "error")]
