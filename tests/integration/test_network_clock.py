"""A network whose clock was moved, used by the commands."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import orchestrator
from orchestrator.core.project import ManagedNetwork
from tests.support.workspace import Workspace, workspace

DAY_SECONDS = 24 * 3600


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return the example, its network running."""
    with workspace(tmp_path, example="hello") as made:
        made.succeed("network", "start")
        yield made


@pytest.mark.slow  # it deploys, and restarts the network
def test_the_commands_know_how_far_ahead_a_network_is(project: Workspace) -> None:
    """A project is deployed and called on a network that is a day ahead, also after a restart; after a reset it is not ahead."""

    async def advance(seconds: float) -> int:
        loaded = await orchestrator.load_project(project.directory)
        network = loaded.networks["local"]
        assert isinstance(network, ManagedNetwork)
        return await orchestrator.advance_time(project.directory, network, seconds=seconds)

    before = anyio.run(advance, 0)
    after = anyio.run(advance, DAY_SECONDS)
    project.succeed("deploy")
    project.succeed("network", "stop")
    project.succeed("network", "start")
    greeting = project.succeed("canister", "call", "phrasebook", "greet", '("Ada", "fr")').stdout
    project.succeed("network", "reset", "--yes")
    project.succeed("network", "start")

    assert after - before >= DAY_SECONDS * 1_000_000_000
    assert "Bonjour, Ada !" in greeting
    assert anyio.run(advance, 0) < after
