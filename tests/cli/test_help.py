"""Help pages, whole."""

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.command import Command

PAGES = [
    "",
    "deploy",
    "plan",
    "apply",
    "build",
    "sync",
    "canister",
    "canister call",
    "canister list",
    "canister status",
    "canister start",
    "canister stop",
    "network",
    "network start",
    "network stop",
    "network status",
    "network reset",
    "network list",
    "environment",
    "environment list",
    "identity",
    "identity list",
    "identity principal",
    "identity default",
    "identity new",
    "lock",
    "project",
    "project validate",
    "project schema",
    "completions",
    "lock status",
    "recipe",
    "recipe lint",
    "recipe list",
    "recipe new",
    "recipe render",
    "recipe show",
    "recipe test",
    "plugin new",
    "plugin componentize",
    "plugin inspect",
    "plugin run",
]


@pytest.mark.parametrize("page", PAGES)
def test_help_page(orchestrator: Command, snapshot: SnapshotAssertion, page: str) -> None:
    """Each command's help is as agreed, on stdout, with exit status 0."""
    done = orchestrator(*page.split(), "--help")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == snapshot


@pytest.mark.parametrize("group", ["", "canister", "network", "lock", "project"])
def test_group_without_command_is_its_help(orchestrator: Command, group: str) -> None:
    """Naming no command prints the help and succeeds."""
    bare = orchestrator(*group.split())

    assert bare.exit_code == 0
    assert bare.stdout == orchestrator(*group.split(), "--help").stdout


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(orchestrator: Command, option: str) -> None:
    """The version is one line on stdout."""
    done = orchestrator(option)

    assert (done.exit_code, done.stdout, done.stderr) == (0, "orchestrator 0.1.0\n", "")
