"""Calling a canister's methods with Candid text, typed by what the canister itself says."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator import candid
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.engine.arguments import CANDID_SERVICE, EMPTY_ARGUMENTS
from orchestrator.engine.connection import open_connection, require_connection
from orchestrator.engine.consent import refuse_anonymous, require_confirmation
from orchestrator.engine.ports import Connection
from orchestrator.engine.routing import resolve_proxy
from orchestrator.engine.session import Session
from orchestrator.engine.stores import open_stores
from orchestrator.errors import CandidError, UsageError

__all__ = ["CallAnswer", "call", "resolve_canister"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswer:
    """A canister's reply: its bytes, and as Candid text (`None` when they are not Candid)."""

    reply: bytes
    text: str | None


async def call(
    session: Session,
    canister: str,
    method: str,
    arguments: str | bytes = b"",
    *,
    query: bool | None = None,
) -> CallAnswer:
    """Call a method of a canister, given by name or principal text.

    `arguments` are Candid text, or bytes that are sent as they are. Whether to query is taken from the canister's own
    interface when `query` is `None`; an update call is made when nothing tells. Update calls go through the session's
    or the environment's proxy. Raises what the network answers, and `UsageError` for a query of an update method.
    """
    async with open_connection(session, when_stopped="fail") as opened:
        connection = require_connection(opened)
        ids = open_stores(session, connection).ids.load()
        canister_id = resolve_canister(session, ids, canister)
        function = await _signature(connection, canister_id, method)
        arg = _encode(arguments, function)
        if _is_query(function, method, query=query):
            reply = await connection.reader.query(canister_id, method, arg)
        else:
            refuse_anonymous(session, connection)
            await require_confirmation(session)
            # The caller's own business with a canister, not a deployment's: neither locked nor journaled.
            reply = await connection.reader.update(canister_id, method, arg, proxy=resolve_proxy(session, ids))
        return CallAnswer(reply=reply, text=_decode(reply, function))


def resolve_canister(session: Session, ids: Mapping[str, Principal], canister: str) -> Principal:
    """Return the principal that a canister's name or principal text means."""
    if canister in ids:
        return ids[canister]
    try:
        return Principal.from_text(canister)
    except PrincipalError as error:
        known = canister in {each.name for each in session.environment.canisters}
        name = session.environment.name
        raise UsageError(
            f"canister `{canister}` is not deployed in environment `{name}`" if known else f"there is no canister `{canister}`",
            slug="usage/unknown-canister",
            hint=f"run `orchestrator deploy {canister} --env {name}` first" if known else "use a canister's name or its principal",
        ) from error


async def _signature(connection: Connection, canister_id: Principal, method: str) -> T.Function | None:
    """Return the method's type as the canister's metadata tells it; `None` when nothing does."""
    service = await connection.reader.metadata(canister_id, CANDID_SERVICE)
    if service is None:
        return None
    try:
        interface = candid.parse_interface(service.decode())
    except (CandidError, UnicodeDecodeError):
        # What a canister publishes is its author's; a broken interface only means that types are inferred.
        return None
    return interface.service.methods.get(method) if interface.service is not None else None


def _encode(arguments: str | bytes, function: T.Function | None) -> bytes:
    if isinstance(arguments, bytes):
        return arguments or EMPTY_ARGUMENTS
    return candid.parse_arguments(arguments, function.arguments if function is not None else None)


def _is_query(function: T.Function | None, method: str, *, query: bool | None) -> bool:
    declared = function is not None and bool(function.annotations & {"query", "composite_query"})
    if query and function is not None and not declared:
        raise UsageError(f"`{method}` is an update method", slug="usage/not-a-query", hint="leave out `--query`")
    return declared if query is None else query


def _decode(reply: bytes, function: T.Function | None) -> str | None:
    try:
        return candid.format_message(reply, function.results if function is not None else None)
    except CandidError:
        return None
