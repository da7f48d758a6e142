"""A protected environment, changed through the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, workspace


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return the example with a protected environment on its local network."""
    with workspace(tmp_path, example="hello") as made:
        manifest = (made.directory / "icp.yaml").read_text(encoding="utf-8")
        made.write("icp.yaml", f"{manifest}environments:\n  - name: production\n    network: local\n    protected: true\n")
        yield made


@pytest.mark.slow
def test_only_the_name_lets_a_deploy_through(project: Workspace) -> None:
    """`--yes` and another name change nothing and say what is needed; `--confirm production` deploys."""
    for options in (("--yes",), ("--yes", "--confirm", "prod")):
        refused = project.run("deploy", "--env", "production", *options)

        assert refused.exit_code == 1
        assert "error[deploy/protected]: environment `production` is protected\n" in refused.stderr
        assert "--> icp.yaml:" in refused.stderr
        assert "hint: run again with `--confirm production` to change it\n" in refused.stderr
        assert refused.stdout == ""

    project.succeed("deploy", "--env", "production", "--confirm", "production")

    call = ("canister", "call", "phrasebook", "put", '(record { key = "de"; value = "Hallo, {name}!" })', "--env", "production")
    assert project.run(*call).exit_code == 1
    project.succeed(*call, "--confirm", "production")
