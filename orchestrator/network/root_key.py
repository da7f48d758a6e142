"""Ask a network for its root key: trust on first use, for networks on this machine and test networks only."""

from orchestrator.core.project import Network
from orchestrator.errors import NetworkError

__all__ = ["fetch_root_key"]


async def fetch_root_key(api_url: str, network: Network) -> bytes:
    """Return the key that a network says is its own, DER; raises `NetworkError` when it does not tell."""
    from orchestrator.agent.client import fetch_network_status
    from orchestrator.agent.transport import HttpTransport

    async with HttpTransport(api_url) as transport:
        status = await fetch_network_status(transport)
    if status.root_key is None:
        raise NetworkError(
            f"network `{network.name}` does not tell its root key",
            slug="network/no-root-key",
            detail=f"{api_url} answers without one, as mainnet does",
            span=network.span,
            hint="write `root-key: mainnet`, or the key's hex digits",
        )
    return status.root_key
