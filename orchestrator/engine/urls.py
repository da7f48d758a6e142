"""Where deployed canisters are reached."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

from orchestrator.core.hosts import friendly_hosts
from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister
from orchestrator.core.workspace import friendly_names as workspace_names
from orchestrator.engine.pages import look_at_page
from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.engine.stores import open_stores
from orchestrator.engine.tasks import run_all
from orchestrator.events import CanisterUrl

__all__ = ["candid_url", "canister_url", "emit_urls", "friendly_names", "frontend_url"]


def frontend_url(gateway_url: str, canister_id: Principal, *, friendly: str | None = None, certified: bool = True) -> str:
    """Return the address of a canister on a gateway: a sub-domain, or `?canisterId=` where the host is a bare address.

    `friendly` is the sub-domain that the gateway knows the canister by, if it does; else it is the canister's id. What
    is not certified has the address of the raw host, which only ids have.
    """
    label = (friendly or str(canister_id)) if certified else f"{canister_id}.raw"
    base, has_hosts = _base(gateway_url, label)
    return f"{base}/" if has_hosts else f"{base}/?canisterId={canister_id}"


def candid_url(gateway_url: str, candid_ui: Principal, canister_id: Principal) -> str:
    """Return the address of the Candid page `candid_ui` for a canister."""
    base, has_hosts = _base(gateway_url, str(candid_ui))
    return f"{base}/?id={canister_id}" if has_hosts else f"{base}/?canisterId={candid_ui}&id={canister_id}"


def _base(gateway_url: str, label: str) -> tuple[str, bool]:
    """Return the address of a sub-domain, or that of the gateway itself where it can have none."""
    parts = urlsplit(gateway_url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{parts.scheme}://{label}.{host}{port}", True
    if address.is_loopback:
        return f"{parts.scheme}://{label}.localhost{port}", True
    return f"{parts.scheme}://{parts.netloc}", False


async def friendly_names(session: Session, connection: Connection, ids: Mapping[str, Principal]) -> dict[str, str]:
    """Tell the gateway the names of the environment's canisters, and return the sub-domain of each that has one now.

    A canister of a dependency is called `<name>.<dependency>`; of several such names the first is returned.
    """
    known = workspace_names(session.project.members)
    names = {name: key for key in ids for name in known.get(key, (key,))}
    if connection.tell_names is None or not await connection.tell_names({name: ids[key] for name, key in names.items()}):
        return {}
    hosts: dict[str, str] = {}
    for name, host in friendly_hosts(session.environment.name, names).items():
        hosts.setdefault(names[name], host)
    return hosts


async def canister_url(connection: Connection, name: str, canister_id: Principal, *, friendly: str | None = None) -> CanisterUrl:
    """Ask whether a canister serves HTTP, and return its own address or that of the Candid page; without a gateway it has none."""
    page = await look_at_page(connection.reader, canister_id)
    kind: Literal["frontend", "backend"] = "backend" if page == "none" else "frontend"
    url, certified = None, page != "uncertified"
    if connection.gateway_url and kind == "frontend":
        url = frontend_url(connection.gateway_url, canister_id, friendly=friendly, certified=certified)
    elif connection.gateway_url and connection.candid_ui is not None:
        url = candid_url(connection.gateway_url, connection.candid_ui, canister_id)
    return CanisterUrl(canister=name, id=str(canister_id), kind=kind, url=url, certified=certified)


async def emit_urls(session: Session, connection: Connection, canisters: Sequence[Canister]) -> None:
    """Report the address of each canister that has an id, in manifest order."""
    ids = open_stores(session, connection).ids.load()
    friendly = await friendly_names(session, connection, ids)
    found: dict[str, CanisterUrl] = {}

    async def one(name: str) -> None:
        async with session.limiter:
            found[name] = await canister_url(connection, name, ids[name], friendly=friendly.get(name))

    names = [canister.name for canister in canisters if canister.name in ids]
    await run_all(names, one)
    for name in names:
        session.emit(found[name])
