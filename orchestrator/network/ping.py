"""Ask a network how it is, once or until it is well."""

from typing import TYPE_CHECKING

import anyio

from orchestrator.errors import AgentError, NetworkError

if TYPE_CHECKING:
    from orchestrator.agent.client import NetworkStatus

__all__ = ["HEALTHY_SECONDS", "ping_network", "wait_healthy"]

HEALTHY_SECONDS = 60.0
"""How long a network is waited for until it is healthy: as long as icp-cli and dfx wait."""
PAUSE_SECONDS = 1.0


async def ping_network(api_url: str, *, seconds: float) -> "NetworkStatus":
    """Return what the network at `api_url` says about itself, unproven.

    Raises `NetworkError` (`network/unresponsive`) when it says nothing within `seconds`.
    """
    from orchestrator.agent.client import fetch_network_status
    from orchestrator.agent.transport import HttpTransport

    reason = f"no answer within {seconds:g} s"
    with anyio.move_on_after(seconds):
        try:
            async with HttpTransport(api_url) as transport:
                return await fetch_network_status(transport, patient=False)
        except AgentError as error:
            reason = f"{error.summary}: {error.detail}" if error.detail else error.summary
    raise NetworkError(
        f"{api_url} does not answer",
        slug="network/unresponsive",
        detail=reason,
        hint="`orchestrator network status` tells whether a network of this project runs; `--wait-healthy` waits until it answers",
    )


async def wait_healthy(api_url: str, *, seconds: float = HEALTHY_SECONDS, pause: float = PAUSE_SECONDS) -> "NetworkStatus":
    """Ask again and again until the network calls itself healthy, or says nothing about its health.

    Raises `NetworkError` (`network/unhealthy`) when it does not within `seconds`.
    """
    last = "it did not answer"
    with anyio.move_on_after(seconds):
        while True:
            try:
                status = await ping_network(api_url, seconds=seconds)
            except NetworkError as error:
                last = error.detail or error.summary
            else:
                if status.health is None or status.healthy:
                    return status
                last = f"it calls itself `{status.health}`"
            await anyio.sleep(pause)
    raise NetworkError(f"{api_url} is not healthy after {seconds:g} s", slug="network/unhealthy", detail=last)
