"""A network that lives as long as a command: its log is shown, and it is stopped when the command is."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import anyio

from orchestrator.core.project import ManagedNetwork
from orchestrator.errors import NetworkError, OrchestratorError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.manager import network_status, stop_network
from orchestrator.network.settings import NetworkSettings
from orchestrator.store.layout import Layout

__all__ = ["stay_with"]

LOOK_SECONDS = 0.5
"""The time between two looks at whether the network still runs."""
LOG_SECONDS = 0.1
_CHUNK_BYTES = 65_536


async def stay_with(
    project_dir: Path, network: ManagedNetwork, access: NetworkAccess, *, settings: NetworkSettings, show: Callable[[str], None]
) -> None:
    """Show what the network logs until it ends, which is a `NetworkError`; when this is cancelled, stop the network."""
    failure: OrchestratorError | None = None
    try:
        async with anyio.create_task_group() as group:
            if access.container is not None:
                group.start_soon(_follow_container, access.container, settings, show)
            else:
                group.start_soon(_follow_file, Layout(project_dir).network(network.name).log, show)
            try:
                await _wait_end(project_dir, network, settings)
            except OrchestratorError as error:
                failure = error
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(project_dir, network, settings)
    raise failure or NetworkError(
        f"the `{network.name}` network has ended by itself",
        slug="network/ended",
        detail=f"its log is `{Layout(project_dir).network(network.name).log}`" if access.container is None else None,
    )


async def _wait_end(project_dir: Path, network: ManagedNetwork, settings: NetworkSettings) -> None:
    """Return once the network is gone; one that is too busy to answer is not."""
    while True:
        report = await network_status(project_dir, network, settings=settings)
        if report.state not in {"running", "unresponsive"}:
            return
        await anyio.sleep(LOOK_SECONDS)


async def _stop(project_dir: Path, network: ManagedNetwork, settings: NetworkSettings) -> None:
    try:
        await stop_network(project_dir, network, settings=settings)
    except NetworkError as error:
        if error.slug != "network/not-running":
            raise


async def _follow_file(path: Path, show: Callable[[str], None]) -> None:
    try:
        with path.open("rb") as file:
            while True:
                data = file.read(_CHUNK_BYTES)
                if data:
                    show(data.decode(errors="replace"))
                else:
                    await anyio.sleep(LOG_SECONDS)
    except OSError as error:
        show(f"its log cannot be shown: {error}\n")


async def _follow_container(container: str, settings: NetworkSettings, show: Callable[[str], None]) -> None:
    command = ("docker", "logs", "--follow", container)
    try:
        async with await anyio.open_process(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=settings.environ
        ) as process:
            if process.stdout is not None:
                async for data in process.stdout:
                    show(data.decode(errors="replace"))
    except OSError as error:
        show(f"its log cannot be shown: {error}\n")
