"""Calling a canister's methods with Candid text, typed by what the canister itself says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from shlex import quote

from orchestrator import candid
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal, PrincipalError
from orchestrator.engine.arguments import CANDID_SERVICE, EMPTY_ARGUMENTS
from orchestrator.engine.connection import open_connection, require_connection
from orchestrator.engine.consent import refuse_anonymous, require_confirmation
from orchestrator.engine.ports import Connection
from orchestrator.engine.routing import resolve_proxy
from orchestrator.engine.session import Session, canister_key, check_canister
from orchestrator.engine.stores import open_stores
from orchestrator.errors import CandidError, RejectError, UsageError
from orchestrator.manifest.problems import did_you_mean, listed

__all__ = ["CallAnswer", "call", "resolve_canister"]

METHOD_NOT_FOUND = "IC0536"
"""The error code of a call to a method that the canister does not have."""


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
    check_canister(session, canister)
    async with open_connection(session, when_stopped="fail") as opened:
        connection = require_connection(opened)
        ids = open_stores(session, connection).ids.load()
        canister_id = resolve_canister(session, ids, canister)
        methods = await _methods(connection, canister_id)
        function = methods.get(method)
        arg = _encode(arguments, function)
        with _naming_methods(method, methods):
            if _is_query(function, method, query=query):
                reply = await connection.reader.query(canister_id, method, arg)
            else:
                refuse_anonymous(session, connection)
                await require_confirmation(session)
                # The caller's own business with a canister, not a deployment's: neither locked nor journaled.
                reply = await connection.reader.update(canister_id, method, arg, proxy=resolve_proxy(session, ids))
        return CallAnswer(reply=reply, text=_decode(reply, function))


def resolve_canister(session: Session, ids: Mapping[str, Principal], canister: str) -> Principal:
    """Return the principal that a canister's name or principal text means; `check_canister` has let the text pass."""
    key = canister_key(session, canister)
    if key in ids:
        return ids[key]
    try:
        return Principal.from_text(canister)
    except PrincipalError as error:
        name = session.environment.name
        raise UsageError(
            f"canister `{canister}` is not deployed in environment `{name}`",
            slug="usage/unknown-canister",
            hint=f"run `orchestrator deploy {quote(canister)} --env {name}` first",
        ) from error


async def _methods(connection: Connection, canister_id: Principal) -> Mapping[str, T.Function]:
    """Return the methods' types as the canister's metadata tells them; none when nothing does."""
    service = await connection.reader.metadata(canister_id, CANDID_SERVICE)
    if service is None:
        return {}
    try:
        interface = candid.parse_interface(service.decode())
    except (CandidError, UnicodeDecodeError):
        # What a canister publishes is its author's; a broken interface only means that types are inferred.
        return {}
    return interface.service.methods if interface.service is not None else {}


@contextmanager
def _naming_methods(method: str, methods: Mapping[str, T.Function]) -> Iterator[None]:
    """Name the method that was probably meant, when the canister has none of this name."""
    try:
        yield
    except RejectError as error:
        # An interface need not list every method, so the canister itself is asked first.
        if error.error_code != METHOD_NOT_FOUND or not methods or method in methods:
            raise
        hint = did_you_mean(method, methods) or f"its methods are {listed(sorted(methods))}"
        raise RejectError(error.message, reject_code=error.reject_code, error_code=error.error_code, hint=hint) from error


def _encode(arguments: str | bytes, function: T.Function | None) -> bytes:
    if isinstance(arguments, bytes):
        if arguments or function is None:
            return arguments or EMPTY_ARGUMENTS
        arguments = "()"
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
