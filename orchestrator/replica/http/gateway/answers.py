"""What canisters answer to HTTP requests, and how they are asked.

Source: the HTTP gateway protocol specification, sections "HTTP Request Encoding", "HTTP Response Decoding",
"Upgrade to Update Calls" and "Response Body Streaming".
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

from orchestrator.candid import FunctionReference, Variant, decode, encode
from orchestrator.candid.decode import decode_with_types
from orchestrator.candid.table import types_of
from orchestrator.candid.types import Function, Opt, Record, Type, field_hash, resolve
from orchestrator.candid.types import Variant as VariantType
from orchestrator.core.principal import Principal
from orchestrator.errors import CandidError
from orchestrator.replica import limits
from orchestrator.replica.http.exchange import HttpRequest
from orchestrator.replica.http.gateway import types
from orchestrator.replica.http.gateway.canisters import UPDATE_TIMEOUT_SECONDS, Canisters, NotAnsweredError, data_of
from orchestrator.replica.http.gateway.failures import GatewayError
from orchestrator.replica.messages import Response

__all__ = ["MAX_STREAMED_BYTES", "MAX_STREAMED_PARTS", "Answer", "Headers", "Strategy", "ask", "header_of", "sent_headers", "stream"]

MAX_STREAMED_BYTES = 1024 * 1024 * 1024
"""A body that comes in parts is cut off with an error beyond this size."""
MAX_STREAMED_PARTS = 100_000
"""And beyond this many parts: a canister may hand out tokens for ever."""
_CERTIFICATE_VERSION = 2
_FINAL_STATUSES = range(200, 600)
_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How the rest of a body is fetched: the callback, its first token, and the token's own type."""

    callback: FunctionReference
    token: object
    token_type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a canister answered; `body` is the first part when there is a `strategy`."""

    status: int
    headers: Headers
    body: bytes
    strategy: Strategy | None
    was_update: bool


def header_of(headers: Headers, name: str) -> str | None:
    """Return the first value of a header that is given in lower case."""
    return next((value for key, value in headers if key.lower() == name), None)


def sent_headers(request: HttpRequest) -> Headers:
    """Return the headers that a canister is told: without those of the connection, and always taking bodies as they are."""
    headers = tuple((name, value) for name, value in request.headers if name not in _OF_THE_CONNECTION)
    return tuple((name, _with_identity(value) if name == "accept-encoding" else value) for name, value in headers)


def _with_identity(encodings: str) -> str:
    known = [part.strip() for part in encodings.split(",")]
    return ", ".join(known if any(part.lower().startswith("identity") for part in known) else [*known, "identity"])


async def ask(canisters: Canisters, canister_id: Principal, request: HttpRequest, headers: Headers, *, may_update: bool = True) -> Answer:
    """Ask by a query, and again by an update call when the canister wants one and may. Raises `GatewayError`."""
    fields: dict[str, object] = {"method": request.method, "url": request.target, "headers": list(headers), "body": request.body}
    arg = encode([types.REQUEST], [{**fields, "certificate_version": _CERTIFICATE_VERSION}])
    answer, upgrade = _read(canister_id, await canisters.query(canister_id, "http_request", arg), was_update=False)
    if not upgrade:
        return answer
    if not may_update:
        raise GatewayError(502, "The canister's answer is not a part of a whole", "It asks for an update call instead.")
    arg = encode([types.UPDATE_REQUEST], [fields])
    if len(arg) > limits.MAX_INGRESS_BYTES:
        raise GatewayError(413, "The request is too large", f"An update call takes at most {limits.MAX_INGRESS_BYTES} bytes.")
    try:
        response = await canisters.update(canister_id, "http_request_update", arg)
    except NotAnsweredError as error:
        text = f"Its update call takes longer than {UPDATE_TIMEOUT_SECONDS:.0f} seconds."
        raise GatewayError(504, "The canister has not answered yet", text) from error
    return _read(canister_id, response, was_update=True)[0]


async def stream(canisters: Canisters, canister_id: Principal, strategy: Strategy) -> AsyncIterator[bytes]:
    """Yield the rest of a body, one query per part, until the canister gives no further token. Raises `GatewayError`."""
    if strategy.callback.service != canister_id:
        text = f"Canister {canister_id} wants the rest of it fetched from {strategy.callback.service}; it may name its own methods only."
        raise GatewayError(502, "The canister's answer cannot be streamed", text)
    token: object = strategy.token
    size = parts = 0
    reply_types = [types.streaming_reply(strategy.token_type)]
    while token is not None:
        arg = encode([strategy.token_type], [token])
        data = data_of(canister_id, await canisters.query(canister_id, strategy.callback.method, arg))
        try:
            part = cast("Mapping[str, object] | None", decode(data, reply_types)[0])
        except CandidError as error:
            raise _bad_answer(canister_id, error) from error
        if part is None:
            return
        body = cast("bytes", part["body"])
        size, parts, token = size + len(body), parts + 1, part.get("token")
        if size > MAX_STREAMED_BYTES or parts > MAX_STREAMED_PARTS:
            text = f"Its body has more than {MAX_STREAMED_BYTES} bytes, or more than {MAX_STREAMED_PARTS} parts."
            raise GatewayError(502, "The canister's answer is too large", text)
        yield body


def _read(canister_id: Principal, response: Response, *, was_update: bool) -> tuple[Answer, bool]:
    """Decode an answer, and tell whether it asks for an update call."""
    data = data_of(canister_id, response)
    try:
        answered = types_of(decode_with_types(data)[1])
        if not answered:
            raise CandidError("the message has no value")  # noqa: TRY301 # one place names the canister
        callback_type, token_type = _streaming_types(answered[0])
        streams = callback_type is not None and token_type is not None
        wanted = types.response(token_type, callback_type) if streams else types.PLAIN_RESPONSE
        fields = cast("Mapping[str, object]", decode(data, [wanted])[0])
    except CandidError as error:
        raise _bad_answer(canister_id, error) from error
    status = cast("int", fields["status_code"])
    upgrade = bool(fields.get("upgrade"))
    if status not in _FINAL_STATUSES and not (upgrade and not was_update):
        raise GatewayError(502, "The canister's answer is not an HTTP response", f"{status} is not the status of one.")
    answer = Answer(
        status=status,
        headers=tuple(cast("list[tuple[str, str]]", fields["headers"])),
        body=bytes(cast("bytes", fields["body"])),
        strategy=_strategy(fields, token_type),
        was_update=was_update,
    )
    return answer, upgrade


def _strategy(fields: Mapping[str, object], token_type: Type | None) -> Strategy | None:
    chosen = cast("Variant | None", fields.get("streaming_strategy"))
    if chosen is None or token_type is None:
        return None
    callback = cast("Mapping[str, object]", chosen.value)
    return Strategy(callback=cast("FunctionReference", callback["callback"]), token=callback["token"], token_type=token_type)


def _bad_answer(canister_id: Principal, error: Exception) -> GatewayError:
    return GatewayError(502, "The canister's answer is not an HTTP response", f"Canister {canister_id}: {error}")


def _streaming_types(answer: Type) -> tuple[Type | None, Type | None]:
    """Find the types of callback and token in `streaming_strategy.Callback` of an answer's type.

    The canister's own types are used, so that no strategy is lost for a type that is only almost the specified one.
    """
    strategy = _part(_part(answer, "streaming_strategy"), "Callback")
    callback = _part(strategy, "callback")
    is_function = callback is not None and isinstance(resolve(callback), Function)
    return callback if is_function else None, _part(strategy, "token")


def _part(type_: Type | None, name: str) -> Type | None:
    resolved = resolve(type_) if type_ is not None else None
    if isinstance(resolved, Opt):
        resolved = resolve(resolved.inner)
    if not isinstance(resolved, Record | VariantType):
        return None
    return next((field.type for field in resolved.fields if field.id == field_hash(name)), None)
