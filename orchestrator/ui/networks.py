"""Networks as text and as JSON."""

import json
from typing import TYPE_CHECKING

from orchestrator.core.units import render_duration
from orchestrator.network.access import NetworkAccess, NetworkReport
from orchestrator.ui.style import PLAIN, Style

if TYPE_CHECKING:
    from orchestrator.agent.client import NetworkStatus

__all__ = ["NETWORK_SCHEMA", "network_to_json", "render_network", "render_ping", "render_started", "render_stopped"]

NETWORK_SCHEMA = 1
_SECOND_NS = 1_000_000_000
_ID_DIGITS = 12
"""How much of a container's id is shown: as much as `docker ps` shows."""


def render_started(access: NetworkAccess, *, already: bool, style: Style = PLAIN) -> str:
    """Return what starting a network says: where it is, and how to stop it."""
    process = f" ({_name_runner(access.container or access.pid)})" if access.container or access.pid else ""
    verb = "is already running" if already else "started"
    stop = style.paint("green", f"orchestrator network stop {access.name}")
    return f"Network `{access.name}` {verb}: {access.gateway_url or access.api_url}{process}\nTo stop the network, run `{stop}`"


def render_stopped(name: str, ended: int | str | None) -> str:
    """Return what stopping a network says; `ended` is the process or the container, or `None` where only leftovers were."""
    how = f"stopped ({_name_runner(ended)})" if ended is not None else "had ended by itself; what it left is removed"
    return f"Network `{name}` {how}"


def _name_runner(runner: int | str | None) -> str:
    return f"container {runner[:_ID_DIGITS]}" if isinstance(runner, str) else f"process {runner}"


def render_ping(name: str, status: "NetworkStatus", *, as_json: bool) -> str:
    """Return what a network says about itself, as text or as one JSON object."""
    key = status.root_key.hex() if status.root_key is not None else None
    if as_json:
        facts = {"schema": NETWORK_SCHEMA, "name": name, "health": status.health, "version": status.version, "root_key": key}
        return json.dumps(facts)
    lines = [f"Network: {name}", f"Health: {status.health or 'unknown'}"]
    lines += [f"Version: {status.version}"] if status.version else []
    lines += [f"Root Key: {key}"] if key else []
    return "\n".join(lines)


def render_network(report: NetworkReport) -> str:
    """Return a network's state as icp-cli lays it out, without a final line end."""
    lines = [f"Network: {report.name}", f"State: {report.state}"]
    access = report.access
    if access is not None:
        lines.append(f"Api Url: {access.api_url}")
        lines += [f"Gateway Url: {access.gateway_url}"] if access.gateway_url else []
        lines.append(f"Root Key: {access.root_key.hex()}")
        lines += [f"Process: {access.pid}"] if access.pid is not None else []
        lines += [f"Container: {access.container[:_ID_DIGITS]}"] if access.container is not None else []
        lines += [f"Started By: {access.owner}"] if access.owner is not None else []
        lines += [f"Clock: {render_duration(ahead)} ahead"] if (ahead := access.clock_offset_ns // _SECOND_NS) > 0 else []
        lines += [f"Not Saving: {report.not_saving}"] if report.not_saving is not None else []
        lines += [f"Proxy Canister Principal: {access.proxy_canister_id}"] if access.proxy_canister_id else []
    elif report.container is not None:
        lines += [f"Container: {report.container[:_ID_DIGITS]}", _to_stop(report)]
    elif report.pid is not None:
        lines += [f"Process: {report.pid}", _to_stop(report)]
    return "\n".join(lines)


def _to_stop(report: NetworkReport) -> str:
    why = "The project does not know it any more" if report.state == "orphaned" else "It does not answer"
    return f"{why}; to stop it, run `orchestrator network stop {report.name}`"


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
