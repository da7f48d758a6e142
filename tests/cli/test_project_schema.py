"""`orchestrator project schema`: JSON Schemas on stdout or in a folder."""

import json
from pathlib import Path

import pytest

from tests.support.command import Command


@pytest.mark.parametrize(
    ("options", "title"),
    [((), "icp.yaml"), (("canister",), "canister.yaml"), (("overlay",), "orchestrator.yaml"), (("recipe", "--json"), "recipe.yaml")],
    ids=["default", "canister", "overlay", "recipe"],
)
def test_schema_is_printed(orchestrator: Command, options: tuple[str, ...], title: str) -> None:
    """The schema is JSON on stdout; with --json it is one line."""
    done = orchestrator("project", "schema", *options)

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["title"] == title
    assert (done.stdout.count("\n") == 1) == ("--json" in options)


def test_schemas_are_written(orchestrator: Command, project: Path) -> None:
    """With -o all schemas, or the one that is named, become files."""
    every = orchestrator("project", "schema", "-o", ".schemas")
    one = orchestrator("project", "schema", "network", "-o", "one")

    assert (every.exit_code, every.stdout, one.exit_code) == (0, "", 0)
    names = ["canister", "environment", "icp", "network", "overlay", "recipe"]
    assert sorted(path.name for path in (project / ".schemas").iterdir()) == [f"{name}.schema.json" for name in names]
    assert [path.name for path in (project / "one").iterdir()] == ["network.schema.json"]
    assert one.stderr == "wrote one/network.schema.json\n"
    assert json.loads((project / "one" / "network.schema.json").read_text())["title"] == "A network's file"


def test_folder_that_is_a_file_is_refused(orchestrator: Command) -> None:
    """Schemas are not written over a file."""
    assert orchestrator("project", "schema", "-o", "icp.yaml").exit_code == 2
