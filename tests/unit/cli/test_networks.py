"""Keeping runs off a network that is stopped."""

from pathlib import Path

import pytest

from orchestrator.cli.networks import hold_environments
from orchestrator.core.project import Environment, ManagedNetwork, Project
from orchestrator.errors import LockHeldError
from orchestrator.store import EnvironmentLock, Layout


def make_project(directory: Path) -> tuple[Project, ManagedNetwork, Path]:
    """Return a project, its network, and the lock of its environment."""
    network = ManagedNetwork(name="local")
    environment = Environment(name="local", network=network, canisters=())
    project = Project(
        directory=directory,
        manifest=directory / "icp.yaml",
        canisters=(),
        networks={"local": network},
        environments={"local": environment},
    )
    return project, network, Layout(directory).environment(environment).lock


def test_a_network_in_use_is_left_alone(tmp_path: Path) -> None:
    """While a run has the environment, the error says which."""
    project, network, path = make_project(tmp_path)
    with (
        EnvironmentLock(path, environment="local", command="orchestrator deploy"),
        pytest.raises(LockHeldError, match="is in use"),
        hold_environments(project, network, "network stop"),
    ):
        pass


def test_a_lock_that_cannot_be_written_keeps_nobody_from_stopping(tmp_path: Path) -> None:
    """Where no lock can be taken no run can begin: the block runs."""
    project, network, path = make_project(tmp_path)
    path.mkdir(parents=True)
    ran = False
    with hold_environments(project, network, "network stop"):
        ran = True
    assert ran
