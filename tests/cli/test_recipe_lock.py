"""`orchestrator recipe lock`, `--locked`, and what other commands do with recipes of other machines."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.projects import make_wasm
from tests.support.recipe_server import RecipeServer, recipe_server

MODULE = make_wasm("far")
TEMPLATE = b"build: { steps: [{ type: script, command: 'cp local.wasm \"$ICP_WASM_OUTPUT_PATH\"' }] }\n"
FAR = b"build: { steps: [{ type: pre-built, url: '{{ url }}' }] }\n"
MANIFEST = """\
registries:
  acme: "{url}/{{name}}/{{version}}/recipe.hbs"
canisters:
  - name: near
    recipe: {{ type: "@acme/script@v1" }}
  - name: far
    recipe: {{ type: "{url}/far.hbs?token=hunter2", configuration: {{ url: "{url}/far.wasm" }} }}
"""


def sha256(data: bytes) -> str:
    """Return a hash as the lock file has it."""
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def server(project: Path) -> Iterator[RecipeServer]:
    """Serve two recipes and a module, which the project uses."""
    with recipe_server({"/script/v1/recipe.hbs": TEMPLATE, "/far.hbs?token=hunter2": FAR, "/far.wasm": MODULE}) as running:
        (project / "icp.yaml").write_text(MANIFEST.format(url=running.url))
        (project / "local.wasm").write_bytes(make_wasm("near"))
        yield running


def pins(project: Path) -> dict[str, dict[str, str]]:
    """Return what is in the lock file."""
    document = json.loads((project / "orchestrator.lock").read_text())
    assert document.pop("v") == 1
    return document  # type: ignore[no-any-return]  # a lock file


def test_everything_remote_is_locked(orchestrator: Command, project: Path, server: RecipeServer) -> None:
    """Recipes and modules of all canisters are pinned, a line each, sorted, without secrets; then the file is up to date."""
    checked = orchestrator("recipe", "lock", "--check")
    assert (checked.exit_code, (project / "orchestrator.lock").exists()) == (3, False), str(checked)
    written = orchestrator("recipe", "lock")
    asked = len(server.asked)
    again = orchestrator("recipe", "lock", "--check")
    value = json.loads(orchestrator("recipe", "lock", "--json").stdout)

    assert written.exit_code == 0, str(written)
    assert written.stdout.endswith("3 changes written to orchestrator.lock\n")
    assert (again.exit_code, again.stdout) == (0, "orchestrator.lock is up to date: 3 pins\n")
    assert (value["written"], value["changes"], value["pins"]) == (False, [], 3)
    assert pins(project)["recipes"]["@acme/script@v1"] == sha256(TEMPLATE)
    assert pins(project)["modules"] == {f"{server.url}/far.wasm": sha256(MODULE)}
    assert len(server.asked) == asked
    text = (project / "orchestrator.lock").read_text() + written.stdout + written.stderr + checked.stdout
    assert "hunter2" not in text


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_the_first_build_pins_and_says_so(orchestrator: Command, project: Path) -> None:
    """An ordinary command pins what it uses, warns with the exact fix, and keeps pins that it does not use."""
    assert orchestrator("recipe", "lock").exit_code == 0
    kept = pins(project)
    (project / "orchestrator.lock").unlink()

    built = orchestrator("build", "near")

    assert built.exit_code == 0, str(built)
    assert "the recipe `@acme/script@v1` was not pinned; it runs 1 command of its own on this machine" in built.stderr
    assert f"write `sha256: {sha256(TEMPLATE)}` below its `type`" in built.stderr
    assert pins(project) == {"recipes": {"@acme/script@v1": sha256(TEMPLATE)}}
    assert orchestrator("build", "far").exit_code == 0
    assert pins(project) == kept
    silent = orchestrator("build")
    assert "was not pinned" not in silent.stderr


@pytest.mark.parametrize("how", ["option", pytest.param("variable", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("server")
def test_locked_refuses_what_is_not_pinned(orchestrator: Command, how: str) -> None:
    """With `--locked` nothing is asked and nothing is written; all recipes that are not pinned are named."""
    arguments, environ = (["--locked"], {}) if how == "option" else ([], {"ORCHESTRATOR_LOCKED": "1"})

    refused = orchestrator("build", *arguments, environ=environ)
    assert orchestrator("recipe", "lock").exit_code == 0
    built = orchestrator("build", *arguments, environ=environ)

    assert refused.exit_code == 1
    assert refused.stderr.count("error[pins/not-locked]") == 2
    assert "run `orchestrator recipe lock`, and commit `orchestrator.lock`" in refused.stderr
    assert "hunter2" not in refused.stderr
    assert built.exit_code == 0, str(built)


def test_a_variable_that_is_neither_yes_nor_no(orchestrator: Command) -> None:
    """Nobody's build is unlocked by a misspelling."""
    refused = orchestrator("build", environ={"ORCHESTRATOR_LOCKED": "maybe"})

    assert (refused.exit_code, "`ORCHESTRATOR_LOCKED` must be 1 or 0" in refused.stderr) == (2, True)


@pytest.mark.slow
def test_a_changed_recipe_is_refused_until_it_is_upgraded(
    orchestrator: Command, project: Path, server: RecipeServer, tmp_path: Path
) -> None:
    """On another machine other bytes are refused, with both hashes and the command that takes them; nothing is kept of them."""
    assert orchestrator("recipe", "lock").exit_code == 0
    before = pins(project)
    server.files["/script/v1/recipe.hbs"] = changed = TEMPLATE + b"# changed\n"
    other = Command(directory=project, environ={**orchestrator.environ, "ORCHESTRATOR_HOME": str(tmp_path / "other")})

    refused = other("build", "near")
    unknown = orchestrator("recipe", "lock", "--upgrade", "@acme/scrip@v1")
    upgraded = other("recipe", "lock", "--upgrade", "@acme/script@v1", "--json")

    assert refused.exit_code == 1
    assert f"expected SHA-256 {sha256(TEMPLATE)}" in refused.stderr
    assert f"found    SHA-256 {sha256(changed)}" in refused.stderr
    assert "orchestrator recipe lock --upgrade @acme/script@v1" in refused.stderr
    assert (unknown.exit_code, "nothing in the project uses `@acme/scrip@v1`" in unknown.stderr) == (2, True)
    change = {"kind": "recipes", "address": "@acme/script@v1", "before": sha256(TEMPLATE), "after": sha256(changed)}
    assert json.loads(upgraded.stdout)["changes"] == [change]
    assert pins(project)["modules"] == before["modules"]
    assert other("build", "near", "--locked").exit_code == 0


@pytest.mark.slow
def test_upgrading_everything(orchestrator: Command, project: Path, server: RecipeServer) -> None:
    """Without addresses all that the manifest does not pin itself is looked at anew, modules too."""
    assert orchestrator("recipe", "lock").exit_code == 0
    server.files["/far.wasm"] = make_wasm("newer")

    checked = orchestrator("recipe", "lock", "--upgrade", "--check")
    upgraded = orchestrator("recipe", "lock", "--upgrade")

    assert checked.exit_code == 3
    assert "~ modules" in upgraded.stdout
    assert pins(project)["modules"] == {f"{server.url}/far.wasm": sha256(make_wasm("newer"))}


def test_addresses_are_repeated_without_secrets(orchestrator: Command) -> None:
    """Addresses without `--upgrade` are a mistake; the hint can be pasted, and holds no password."""
    refused = orchestrator("recipe", "lock", "https://me:hunter2@recipes.test/a.hbs?token=hunter2", "@acme/script@v1")

    assert refused.exit_code == 2
    assert "run `orchestrator recipe lock --upgrade 'https://***@recipes.test/a.hbs?token=***#" in refused.stderr
    assert "' @acme/script@v1`" in refused.stderr
    assert "hunter2" not in refused.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_unused_pins_go(orchestrator: Command, project: Path) -> None:
    """What nothing uses any more is removed by `recipe lock`, but not when it looks at one environment only."""
    assert orchestrator("recipe", "lock").exit_code == 0
    text = (project / "icp.yaml").read_text()
    (project / "icp.yaml").write_text(text[: text.index("  - name: far")])

    one = orchestrator("recipe", "lock", "--env", "local")
    everything = orchestrator("recipe", "lock")

    assert one.stdout == "orchestrator.lock is up to date: 3 pins\n"
    assert "- modules" in everything.stdout
    assert list(pins(project)) == ["recipes"]


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.usefixtures("server")
def test_the_manifest_counts_before_the_lock_file(orchestrator: Command, project: Path, *, locked: bool) -> None:
    """A `sha256` that contradicts the lock file counts, and corrects it with a warning; with `--locked` it is an error."""
    stale = {"v": 1, "recipes": {"@acme/script@v1": "0" * 64}}
    (project / "orchestrator.lock").write_text(json.dumps(stale))
    text = (project / "icp.yaml").read_text().replace('"@acme/script@v1"', f'"@acme/script@v1", sha256: {sha256(TEMPLATE).upper()}')
    (project / "icp.yaml").write_text(text)

    built = orchestrator("build", "near", *(["--locked"] if locked else []))

    assert built.exit_code == (1 if locked else 0), str(built)
    assert f"{'error' if locked else 'warning'}[pins/contradiction]" in built.stderr
    assert pins(project)["recipes"]["@acme/script@v1"] == ("0" * 64 if locked else sha256(TEMPLATE))


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_protected_environment_uses_pins_only(orchestrator: Command, project: Path) -> None:
    """What goes to production was seen before."""
    with (project / "icp.yaml").open("a") as file:
        file.write("environments:\n  - { name: production, network: ic, protected: true }\n")

    refused = orchestrator("build", "near", "--env", "production")
    assert orchestrator("recipe", "lock").exit_code == 0
    built = orchestrator("build", "near", "--env", "production")

    assert "is not pinned, and environment `production` is protected" in refused.stderr
    assert (refused.exit_code, built.exit_code) == (1, 0)


@pytest.mark.slow
def test_offline_nothing_is_asked(orchestrator: Command, server: RecipeServer) -> None:
    """Without a connection what is kept is used; what is not kept is an error, and no server hears of it."""
    refused = orchestrator("build", "--offline")
    assert (refused.exit_code, server.asked) == (1, [])
    assert refused.stderr.count("error[recipe/offline]") == 2
    assert "hunter2" not in refused.stderr
    assert orchestrator("build").exit_code == 0
    asked = list(server.asked)

    built = orchestrator("build", "--offline", "--locked")

    assert built.exit_code == 0, str(built)
    assert server.asked == asked


@pytest.mark.usefixtures("server")
def test_a_merge_conflict_has_its_place(orchestrator: Command, project: Path) -> None:
    """A lock file that git could not merge is refused at the line of the first mark, and stays as it is."""
    conflict = '{\n  "recipes": {\n<<<<<<< HEAD\n    "a": "1"\n=======\n    "a": "2"\n>>>>>>> theirs\n  },\n  "v": 1\n}\n'
    (project / "orchestrator.lock").write_text(conflict)

    refused = orchestrator("build")

    assert refused.exit_code == 1
    assert "error[pins/merge-conflict]" in refused.stderr
    assert "orchestrator.lock:3:1" in refused.stderr
    assert (project / "orchestrator.lock").read_text() == conflict


@pytest.mark.slow
def test_a_broken_recipe_is_nobody_elses_problem(orchestrator: Command, server: RecipeServer) -> None:
    """Commands that do not need a recipe do not look at it."""
    del server.files["/far.hbs?token=hunter2"]

    built = orchestrator("build", "near")
    listed = orchestrator("canister", "list")
    status = orchestrator("network", "status", "local")
    broken = orchestrator("build")

    assert built.exit_code == 0, str(built)
    assert (listed.exit_code, listed.stdout.split()) == (0, ["near", "far"])
    assert "recipe" not in status.stderr
    assert broken.exit_code == 1
    assert "there is nothing at this address" in broken.stderr


def test_all_broken_recipes_are_told_at_once(orchestrator: Command, project: Path, server: RecipeServer) -> None:
    """Whoever mends one finds out about the others in the same run."""
    server.files.clear()

    broken = orchestrator("build")

    assert broken.exit_code == 1
    assert broken.stderr.count("error[recipe/download]") == 2
    assert "icp.yaml:5:21" in broken.stderr
    assert not (project / "orchestrator.lock").exists()


@pytest.mark.slow
def test_registries_of_the_user(orchestrator: Command, project: Path, server: RecipeServer, tmp_path: Path) -> None:
    """The user's settings file adds registries, and may send a built-in one's recipes elsewhere, which is told."""
    text = (project / "icp.yaml").read_text().replace("@acme/script", "@dfinity/script")
    (project / "icp.yaml").write_text(text[text.index("canisters") :])
    settings = tmp_path / "home" / "orchestrator" / "config" / "settings.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'registries: {{ dfinity: "{server.url}/{{recipe}}/{{version}}/recipe.hbs" }}\n')

    built = orchestrator("build", "near")

    assert built.exit_code == 0, str(built)
    assert "recipes of `@dfinity` come from" in built.stderr


@pytest.mark.usefixtures("server")
def test_unknown_registries(orchestrator: Command, project: Path) -> None:
    """The error names the registries there are and where to add one; icp-cli crashes here."""
    text = (project / "icp.yaml").read_text()
    (project / "icp.yaml").write_text(text.replace("@acme/script", "@nobody/script"))
    far = orchestrator("build", "near")
    (project / "icp.yaml").write_text(text.replace("@acme/script", "@acm/script"))
    near = orchestrator("build", "near")

    assert (far.exit_code, near.exit_code) == (1, 1)
    assert "the registries are `acme`, `dfinity`" in far.stderr
    assert "settings.yaml" in far.stderr
    assert "did you mean `@acme/script@v1`?" in near.stderr
