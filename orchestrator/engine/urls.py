"""Where deployed canisters are reached."""

import ipaddress
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister
from orchestrator.engine.arguments import EMPTY_ARGUMENTS
from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.engine.stores import open_stores
from orchestrator.engine.tasks import run_all
from orchestrator.errors import OrchestratorError, RejectError
from orchestrator.events import CanisterUrl

__all__ = ["canister_url", "emit_urls", "frontend_url"]

_NO_SUCH_METHOD = "IC0536"
_HTTP_REQUEST = "http_request"


def frontend_url(gateway_url: str, canister_id: Principal) -> str:
    """Return the address of a canister on a gateway: a sub-domain, or `?canisterId=` where the host is a bare address."""
    parts = urlsplit(gateway_url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{parts.scheme}://{canister_id}.{host}{port}/"
    if address.is_loopback:
        return f"{parts.scheme}://{canister_id}.localhost{port}/"
    return f"{parts.scheme}://{parts.netloc}/?canisterId={canister_id}"


async def canister_url(connection: Connection, name: str, canister_id: Principal) -> CanisterUrl:
    """Ask whether a canister serves HTTP, and return its address; no gateway means no address."""
    kind: Literal["frontend", "backend"] = "frontend" if await _serves_http(connection, canister_id) else "backend"
    url = frontend_url(connection.gateway_url, canister_id) if connection.gateway_url and kind == "frontend" else None
    return CanisterUrl(canister=name, id=str(canister_id), kind=kind, url=url)


async def emit_urls(session: Session, connection: Connection, canisters: Sequence[Canister]) -> None:
    """Report the address of each canister that has an id, in manifest order."""
    ids = open_stores(session, connection).ids.load()
    found: dict[str, CanisterUrl] = {}

    async def one(name: str) -> None:
        async with session.limiter:
            found[name] = await canister_url(connection, name, ids[name])

    names = [canister.name for canister in canisters if canister.name in ids]
    await run_all(names, one)
    for name in names:
        session.emit(found[name])


async def _serves_http(connection: Connection, canister_id: Principal) -> bool:
    """Return whether a canister has the query method `http_request`; anything but "no such method" means yes."""
    try:
        await connection.reader.query(canister_id, _HTTP_REQUEST, EMPTY_ARGUMENTS)
    except RejectError as error:
        if error.error_code is not None:
            return error.error_code != _NO_SUCH_METHOD
        return f"no query method '{_HTTP_REQUEST}'" not in error.message
    except OrchestratorError:
        return True
    return True
