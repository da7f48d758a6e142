"""Networks as text and as JSON."""

from orchestrator.network.access import NetworkAccess, NetworkReport
from orchestrator.ui.style import PLAIN, Style

__all__ = ["NETWORK_SCHEMA", "network_to_json", "render_network", "render_started"]

NETWORK_SCHEMA = 1


def render_started(access: NetworkAccess, *, already: bool, style: Style = PLAIN) -> str:
    """Return what starting a network says: where it is, and how to stop it."""
    process = f" (process {access.pid})" if access.pid is not None else ""
    verb = "is already running" if already else "started"
    stop = style.paint("green", f"orchestrator network stop {access.name}")
    return f"Network `{access.name}` {verb}: {access.gateway_url or access.api_url}{process}\nTo stop the network, run `{stop}`"


def render_network(report: NetworkReport) -> str:
    """Return a network's state as icp-cli lays it out, without a final line end."""
    lines = [f"Network: {report.name}", f"State: {report.state}"]
    access = report.access
    if access is not None:
        lines.append(f"Api Url: {access.api_url}")
        lines += [f"Gateway Url: {access.gateway_url}"] if access.gateway_url else []
        lines.append(f"Root Key: {access.root_key.hex()}")
        lines += [f"Process: {access.pid}"] if access.pid is not None else []
        lines += [f"Proxy Canister Principal: {access.proxy_canister_id}"] if access.proxy_canister_id else []
    elif report.pid is not None:
        lines += [f"Process: {report.pid}", f"Its files are gone; to stop it, run `orchestrator network stop {report.name}`"]
    return "\n".join(lines)


def network_to_json(report: NetworkReport) -> dict[str, object]:
    """Return a network's state as plain values; what is not known is null."""
    access = report.access
    return {
        "schema": NETWORK_SCHEMA,
        "name": report.name,
        "launcher": report.launcher,
        "state": report.state,
        "api_url": access.api_url if access else None,
        "gateway_url": access.gateway_url if access else None,
        "root_key": access.root_key.hex() if access else None,
        "pid": access.pid if access else report.pid,
        "proxy_canister_id": access.proxy_canister_id if access else None,
    }
