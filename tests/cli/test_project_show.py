"""`orchestrator project show`."""

import json
from pathlib import Path

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from tests.support.command import Command

OWN_KEYS = Path(__file__).parents[1] / "cases" / "manifest" / "loads" / "own-keys.yaml"
RECIPE = "build: {steps: [{type: script, command: 'make {{_.canister.name}} {{v}}'}]}\n"
MANIFEST = """\
canisters:
  - name: backend
    build:
      steps:
        - {type: pre-built, path: ./backend.wasm}
    sync:
      steps:
        - {type: plugin, path: p.wasm, dirs: {site: dist}, fields: {n: 1}, proxy: none, timeout: 2m, max_cycles: 1t}
    settings:
      memory_allocation: 1gib
      compute_allocation: 5
      environment_variables: {MODE: "yes"}
    init_args: "(42)"
    upgrade_args: {path: upgrade.bin, format: bin}
  - name: maker
    recipe:
      type: ./make.hbs
      configuration: {v: 1.5}
    depends_on: [backend]
networks:
  - name: test
    mode: connected
    url: https://Test.example:443
    root-key: mainnet
environments:
  - name: staging
    network: test
    canisters: [backend]
    protected: true
    settings:
      backend: {freezing_threshold: 30d}
"""


@pytest.fixture
def shown(project: Path) -> Path:
    """Return a project with something of everything."""
    (project / "icp.yaml").write_text(MANIFEST)
    (project / "make.hbs").write_text(RECIPE)
    (project / "upgrade.bin").write_bytes(b"\0\xff")
    return project


def test_everything_is_shown(orchestrator: Command, shown: Path, snapshot: SnapshotAssertion) -> None:
    """Recipes are expanded, overrides applied, and amounts, paths and steps stand as they are written."""
    done = orchestrator("project", "show")

    assert done.exit_code == 0
    assert done.stdout.replace(str(shown), "/project") == snapshot


def test_one_environment(orchestrator: Command, shown: Path, snapshot: SnapshotAssertion) -> None:
    """With --env there is nothing of others; a recipe that the environment does not need may be broken."""
    (shown / "make.hbs").write_text("{{#if}}")
    done = orchestrator("project", "show", "-e", "staging")

    assert done.exit_code == 0
    assert done.stdout.replace(str(shown), "/project") == snapshot


def test_json_is_one_line(orchestrator: Command, shown: Path, snapshot: SnapshotAssertion) -> None:
    """Programs get one object: no tags, and amounts as decimal numbers in texts."""
    done = orchestrator("project", "show", "--json", "--env", "staging")

    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout.replace(str(shown), "/project")) == snapshot


def test_from_any_folder_of_the_project(orchestrator: Command, shown: Path) -> None:
    """The project is found from below, and is the same."""
    (shown / "deep" / "down").mkdir(parents=True)
    below = Command(directory=shown / "deep" / "down", environ=orchestrator.environ)

    assert below("project", "show").stdout == orchestrator("project", "show").stdout


def test_all_broken_recipes_are_told_at_once(orchestrator: Command, shown: Path) -> None:
    """Nothing is shown of a project with broken recipes; each of them is named, once."""
    manifest = (shown / "icp.yaml").read_text()
    (shown / "icp.yaml").write_text(manifest.replace("networks:\n", "  - name: other\n    recipe: {type: ./other.hbs}\nnetworks:\n", 1))
    (shown / "make.hbs").write_text("{{#if}}")
    done = orchestrator("project", "show")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "make.hbs:1" in done.stderr
    assert done.stderr.count("error[recipe/") == 2
    assert "there is no recipe at `./other.hbs`" in done.stderr


@pytest.mark.usefixtures("shown")
def test_variables_choose_no_environment(orchestrator: Command) -> None:
    """What other commands take for the environment does not hide the rest of the project."""
    done = orchestrator("project", "show", environ={"ICP_ENVIRONMENT": "nowhere"})

    assert list(yaml.safe_load(done.stdout.replace("!Fixed", "").replace("!Text", "").replace("!Binary", ""))["environments"]) == [
        "local",
        "ic",
        "staging",
    ]


def test_two_forms_are_one_too_many(orchestrator: Command) -> None:
    """--yaml and --json together are refused."""
    done = orchestrator("project", "show", "--yaml", "--json")

    assert (done.exit_code, done.stdout) == (2, "")


def test_an_unknown_environment(orchestrator: Command) -> None:
    """A name that is no environment's is refused, with those there are."""
    done = orchestrator("project", "show", "--env", "nowhere")

    assert done.exit_code == 2
    assert "use one of: ic, local, staging" in done.stderr


def test_own_keys_are_shown_as_they_are_written(orchestrator: Command, project: Path) -> None:
    """What stands in the manifest can be read from what is shown: checks with their kinds, gates, registries."""
    (project / "icp.yaml").write_bytes(OWN_KEYS.read_bytes())

    shown = yaml.safe_load(orchestrator("project", "show").stdout.replace("!Fixed ", ""))

    backend = shown["canisters"]["backend"][1]
    assert backend["health"] == [
        {"query": {"method": "ready", "expect": "(true)"}},
        {"http": {"path": "/health", "status": 204, "contains": "ok"}},
        {"http": {}},
        {"cycles": {"at_least": "2t"}},
        {"status": "running"},
        {"no_traps": True},
    ]
    assert backend["settings"]["controllers_exact"] is True
    stages = shown["environments"]["production"]["rollout"]["stages"]
    assert [stage.get("gates") for stage in stages] == [["health", {"bake": "10m"}], None, ["approval"]]
    assert shown["environments"]["agreed"]["approvers"]["not_starter"] is False
    assert list(shown["registries"]) == ["team"]
