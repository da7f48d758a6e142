"""Networks that live as long as a command."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError
from orchestrator.network.foreground import stay_with
from orchestrator.network.manager import network_status, start_network
from orchestrator.network.settings import NetworkSettings

MakeSettings = Callable[..., NetworkSettings]
NETWORK = ManagedNetwork(name="local", port=0)
pytestmark = pytest.mark.anyio


async def test_network_that_ends_by_itself_is_a_failure(project: Path, make_settings: MakeSettings) -> None:
    """What the network logs is shown while it lives; its end is an error that names the log."""
    settings, shown = make_settings(), list[str]()
    access = await start_network(project, NETWORK, settings=settings)
    assert access.pid is not None
    os.kill(access.pid, signal.SIGKILL)

    with pytest.raises(NetworkError, match="has ended by itself") as caught, anyio.fail_after(20):
        await stay_with(project, NETWORK, access, settings=settings, show=shown.append)

    assert caught.value.slug == "network/ended"
    assert "".join(shown).startswith("fake replica: ready")


async def test_network_is_stopped_with_its_command(project: Path, make_settings: MakeSettings) -> None:
    """Cancelling the wait, as Ctrl-C does, stops the network."""
    settings, shown = make_settings(), list[str]()
    access = await start_network(project, NETWORK, settings=settings)
    async with anyio.create_task_group() as group:

        async def stay() -> None:
            await stay_with(project, NETWORK, access, settings=settings, show=shown.append)

        group.start_soon(stay)
        with anyio.fail_after(20):
            while not shown:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    assert (await network_status(project, NETWORK, settings=settings)).state == "stopped"
