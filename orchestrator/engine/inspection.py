"""Looking without touching: which canisters there are, how they are, where they are reached."""

from collections.abc import Sequence

from orchestrator.core.principal import Principal
from orchestrator.engine.calls import resolve_canister
from orchestrator.engine.connection import open_connection, require_connection
from orchestrator.engine.ports import LiveCanister
from orchestrator.engine.session import Session, canister_key, check_canister
from orchestrator.engine.stores import open_stores
from orchestrator.engine.urls import canister_url as look_up_url
from orchestrator.engine.urls import friendly_names
from orchestrator.errors import DeployError
from orchestrator.events import CanisterUrl

__all__ = ["canister_ids", "canister_list", "canister_status", "canister_url"]


def canister_list(session: Session) -> Sequence[str]:
    """Return the names of the environment's canisters in manifest order; deployed or not."""
    return tuple(canister.name for canister in session.environment.canisters)


async def canister_ids(session: Session) -> dict[str, Principal]:
    """Return the ids of the environment's canisters that have one, in manifest order."""
    async with open_connection(session, when_stopped="fail") as opened:
        known = open_stores(session, require_connection(opened)).ids.load()
    return {name: known[name] for name in canister_list(session) if name in known}


async def canister_status(session: Session, canister: str) -> tuple[Principal, LiveCanister]:
    """Return the id and the state of a canister, given by name or principal text.

    Raises `UsageError` for an unknown name, `DeployError` when there is no such canister, and `RejectError` when the identity may not see it.
    """
    check_canister(session, canister)
    async with open_connection(session, when_stopped="fail") as opened:
        connection = require_connection(opened)
        canister_id = resolve_canister(session, open_stores(session, connection).ids.load(), canister)
        live = await connection.reader.status(canister_id)
    if live is None:
        raise DeployError(f"canister {canister_id} does not exist on network `{connection.network}`", slug="deploy/canister-gone")
    return canister_id, live


async def canister_url(session: Session, canister: str) -> CanisterUrl:
    """Return where a canister, given by name or principal text, is reached."""
    check_canister(session, canister)
    async with open_connection(session, when_stopped="fail") as opened:
        connection = require_connection(opened)
        ids = open_stores(session, connection).ids.load()
        canister_id = resolve_canister(session, ids, canister)
        friendly = await friendly_names(session, connection, ids)
        return await look_up_url(connection, canister, canister_id, friendly=friendly.get(canister_key(session, canister)))
