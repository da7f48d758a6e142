"""Networks that icp-cli has started in the same project: used where they can be, never stopped.

Source: icp-cli (commit 0335217), `crates/icp/src/network/config.rs` and `directory.rs`.
"""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import NetworkError, StoreError
from orchestrator.network.access import NetworkAccess
from orchestrator.network.addresses import render_url, to_reach
from orchestrator.network.announcements import load_announcement
from orchestrator.network.processes.age import was_started_at
from orchestrator.network.runner import Found, Place
from orchestrator.store.json_file import load_object

__all__ = ["OWNER", "explain_port", "find_icp_network", "refuse_to_end"]

OWNER = "icp-cli"
_RUNS_THE_SAME = frozenset({"pocket-ic", "docker"})
"""The launchers whose networks are what icp-cli would run."""


async def find_icp_network(place: Place) -> Found | None:
    """Return the network of this name that icp-cli runs in this project, if it lives and is of the kind that is asked for."""
    return await _find(place) if place.network.launcher in _RUNS_THE_SAME else None


async def _find(place: Place) -> Found | None:
    path = place.project_dir / ".icp" / "cache" / "networks" / place.network.name / "descriptor.json"
    try:
        document = load_object(path, hint="") or {}
        return await _read(place, document) if document else None
    except (StoreError, KeyError, TypeError, ValueError):
        # It is another tool's file: what we cannot read is not ours to complain about.
        return None


async def _read(place: Place, document: Mapping[str, object]) -> Found | None:
    gateway, locator = _mapping(document["gateway"]), _mapping(document["child-locator"])
    pid = container = None
    if locator["type"] == "pid":
        pid = int(str(locator["pid"]))
        alive = was_started_at(pid, float(str(locator.get("start-time", 0))))
    else:
        container = str(locator["id"])
        alive = await _container_runs(place, container)
    if not alive:
        return None
    proxy, port = document.get("proxy-canister-id"), int(str(gateway["port"]))
    access = NetworkAccess(
        name=place.network.name,
        launcher=place.network.launcher,
        api_url=render_url(to_reach(str(gateway.get("ip", "127.0.0.1"))), port),
        gateway_url=render_url(str(gateway.get("host", "localhost")), port),
        root_key=bytes.fromhex(str(document["root-key"])),
        managed=True,
        pid=pid,
        container=container,
        proxy_canister_id=proxy if isinstance(proxy, str) else None,
        effective_canister_id=_load_effective_id(document.get("status-dir")),
        owner=OWNER,
    )
    return Found(alive=True, access=access, pid=pid, container=container, owner=OWNER)


def _load_effective_id(directory: object) -> str | None:
    """Return where the launcher has canisters created: it has said so in the folder that icp-cli keeps for it."""
    try:
        said = load_announcement(Path(directory)) if isinstance(directory, str) else None
    except (NetworkError, OSError):
        return None
    return None if said is None else said.effective_canister_id


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


async def _container_runs(place: Place, container: str) -> bool:
    from orchestrator.network.docker.command import Docker
    from orchestrator.network.docker.runner import runs_in

    docker = Docker.find(place)
    return docker is not None and await runs_in(docker, container)


def refuse_to_end(place: Place) -> NetworkError:
    """Return the error for ending what icp-cli runs."""
    name = place.network.name
    return NetworkError(
        f"the `{name}` network was started by icp-cli",
        slug="network/foreign",
        detail="who starts a network stops it, or icp-cli would go on believing that it runs",
        hint=f"run `icp network stop {name}`",
    )


async def explain_port(place: Place, error: NetworkError) -> NetworkError:
    """Return a better error for a taken port, if it is icp-cli's network of this very project that has it."""
    found = await _find(place) if error.slug == "network/port-taken" else None
    if found is None or found.access is None or not found.access.api_url.endswith(f":{place.network.port}"):
        return error
    name = place.network.name
    return NetworkError(
        error.summary,
        slug=error.slug,
        detail=f"the `{name}` network that icp-cli has started in this project has it",
        span=place.network.span,
        hint=f"run `icp network stop {name}`; or, to use that network, write `launcher: pocket-ic` for network `{name}`",
    )
