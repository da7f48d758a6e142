"""The HTTP gateway: a browser's request becomes `http_request` of the canister that it names.

The canister's answer is passed on as it is. Whether a response carries a valid certificate is not looked at
here: this gateway runs inside the node that the certificate would come from. `check_response` is where a
verification belongs.
Source: the HTTP gateway protocol specification.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qs, urlsplit

from orchestrator.candid import FunctionReference, Variant, decode, encode
from orchestrator.candid.decode import decode_with_types
from orchestrator.candid.table import types_of
from orchestrator.candid.types import Opt, Record, Type, field_hash, resolve
from orchestrator.candid.types import Variant as VariantType
from orchestrator.core.principal import ANONYMOUS, Principal, PrincipalError
from orchestrator.errors import CandidError
from orchestrator.replica import limits
from orchestrator.replica.driver import Driver
from orchestrator.replica.http import gateway_types as types
from orchestrator.replica.http.error_pages import page
from orchestrator.replica.http.exchange import HttpRequest, HttpResponse
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.replica import UserCall
from orchestrator.replica.vm.interface import Reply

__all__ = ["CanisterResponse", "Gateway", "ResponseCheck", "canister_of"]

MAX_STREAMED_BYTES = 1024 * 1024 * 1024
"""A body that a canister streams is cut off with an error beyond this size."""
MAX_STREAMED_PARTS = 100_000
"""And beyond this many parts: a canister may hand out tokens for ever."""
_UPDATE_TIMEOUT_SECONDS = 60.0
_CERTIFICATE_VERSION = 2
_FINAL_STATUSES = range(200, 600)
_STATUSES_WITHOUT_BODY = frozenset({204, 304})
_HOST = re.compile(r"(?P<id>[a-z0-9-]+)\.(?:raw\.)?localhost(?::\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterResponse:
    """What a canister answered to `http_request`, with the whole body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    was_update: bool


ResponseCheck = Callable[[Principal, HttpRequest, CanisterResponse], HttpResponse | None]
"""Looks at a response before it is passed on; returns what to answer instead, or None."""


class _GatewayError(Exception):
    """Ends a request with a page in plain words."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(title)
        self.response = page(status, title, text)


class Gateway:
    """Answers every path that is not the API's."""

    def __init__(self, driver: Driver, *, check_response: ResponseCheck = lambda _canister, _request, _response: None) -> None:
        self._driver = driver
        self._check_response = check_response

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        try:
            canister_id = canister_of(request)
            if canister_id is None:
                return page(
                    404,
                    "No canister here",
                    "This is the gateway of a local network. Name a canister in the host,"
                    " as in http://<canister id>.localhost:<port>/, or add ?canisterId=<canister id> to the address.",
                )
            response = await self._ask(canister_id, request)
            return self._check_response(canister_id, request, response) or HttpResponse(
                status=response.status, headers=response.headers, body=response.body
            )
        except _GatewayError as error:
            return error.response

    async def _ask(self, canister_id: Principal, request: HttpRequest) -> CanisterResponse:
        fields: dict[str, object] = {
            "method": request.method,
            "url": request.target,
            "headers": [(name, value) for name, value in request.headers],
            "body": request.body,
        }
        arg = encode([types.REQUEST], [{**fields, "certificate_version": _CERTIFICATE_VERSION}])
        answer, token_type = _read_response(canister_id, await self._query(canister_id, "http_request", arg))
        was_update = bool(answer.get("upgrade"))
        if was_update:
            arg = encode([types.UPDATE_REQUEST], [fields])
            answer, token_type = _read_response(canister_id, await self._update(canister_id, "http_request_update", arg))
        body = cast("bytes", answer["body"])
        strategy = cast("Variant | None", answer.get("streaming_strategy"))
        if strategy is not None and token_type is not None:
            callback = cast("Mapping[str, object]", strategy.value)
            body += await self._stream(canister_id, cast("FunctionReference", callback["callback"]), callback["token"], token_type)
        headers, status = cast("Sequence[tuple[str, str]]", answer["headers"]), cast("int", answer["status_code"])
        if status not in _FINAL_STATUSES:
            raise _GatewayError(502, "The canister's answer is not an HTTP response", f"{status} is not the status of one.")
        if status in _STATUSES_WITHOUT_BODY:
            body = b""
        return CanisterResponse(status=status, headers=tuple(headers), body=bytes(body), was_update=was_update)

    async def _stream(self, canister_id: Principal, callback: FunctionReference, token: object, token_type: Type) -> bytes:
        """Fetch the rest of a body, one query per part, until the canister gives no further token."""
        parts: list[bytes] = []
        size = 0
        reply_types = [types.streaming_reply(token_type)]
        while token is not None:
            arg = encode([token_type], [token])
            response = await self._query(callback.service, callback.method, arg)
            try:
                part = cast("Mapping[str, object] | None", decode(_data(canister_id, response), reply_types)[0])
            except CandidError as error:
                raise _bad_answer(canister_id, error) from error
            if part is None:
                break
            parts.append(cast("bytes", part["body"]))
            size += len(parts[-1])
            if size > MAX_STREAMED_BYTES or len(parts) > MAX_STREAMED_PARTS:
                limits_text = f"{MAX_STREAMED_BYTES} bytes, or more than {MAX_STREAMED_PARTS} parts"
                raise _GatewayError(502, "The canister's answer is too large", f"Its body has more than {limits_text}.")
            token = part.get("token")
        return b"".join(parts)

    async def _query(self, canister_id: Principal, method: str, arg: bytes) -> Response:
        replica = self._driver.replica
        return await self._driver.run(lambda: replica.query(canister_id.raw, method, arg, ANONYMOUS.raw))

    async def _update(self, canister_id: Principal, method: str, arg: bytes) -> Response:
        replica = self._driver.replica
        now = replica.clock.now()
        call = UserCall(
            request_id=await self._driver.run(lambda: replica.entropy(32)),
            sender=ANONYMOUS.raw,
            canister_id=canister_id.raw,
            method=method,
            arg=arg,
            expiry=now + limits.REQUEST_STATUS_RETENTION_NS,
            effective_id=canister_id.raw,
        )
        end = await self._driver.call(call, timeout_seconds=_UPDATE_TIMEOUT_SECONDS)
        if end.refusal is not None:
            return end.refusal
        record = replica.request(call.request_id)
        if record is None or record.response is None:
            raise _GatewayError(
                504, "The canister has not answered yet", f"Its update call takes longer than {_UPDATE_TIMEOUT_SECONDS:.0f} seconds."
            )
        return record.response


def canister_of(request: HttpRequest) -> Principal | None:
    """Return the canister that a request is for: from its host, its query string or the page it comes from.

    Raises a page that says so when something that should be a canister id is none.
    """
    match = _HOST.fullmatch(request.header("host"))
    text = match["id"] if match else ""
    for query in (request.query, urlsplit(request.header("referer")).query):
        text = text or next(iter(parse_qs(query).get("canisterId", [])), "")
    if not text:
        return None
    try:
        return Principal.from_text(text.lower())
    except PrincipalError as error:
        raise _GatewayError(400, "Not a canister id", f"{error}.") from error


def _data(canister_id: Principal, response: Response) -> bytes:
    """Return a reply's bytes, or the page that explains the reject."""
    if isinstance(response, Reply):
        return response.data
    status, title = _explain(response)
    raise _GatewayError(status, title, f"Canister {canister_id}: {response.message} (reject code {response.code}, {response.error_code})")


def _explain(rejection: Rejection) -> tuple[int, str]:
    titles = {
        "IC0301": (404, "There is no such canister on this network"),
        "IC0508": (503, "The canister is stopped"),
        "IC0509": (503, "The canister is stopping"),
        "IC0536": (404, "The canister serves no web pages"),
        "IC0537": (503, "The canister has no code yet"),
    }
    return titles.get(rejection.error_code, (502, "The canister failed to answer"))


def _read_response(canister_id: Principal, response: Response) -> tuple[Mapping[str, object], Type | None]:
    """Decode an answer; with it comes the canister's own type of the streaming token, if it streams."""
    data = _data(canister_id, response)
    try:
        token_type = _token_type(types_of(decode_with_types(data)[1])[0])
        wanted = types.response(token_type) if token_type is not None else types.PLAIN_RESPONSE
        return cast("Mapping[str, object]", decode(data, [wanted])[0]), token_type
    except (CandidError, IndexError) as error:
        raise _bad_answer(canister_id, error) from error


def _bad_answer(canister_id: Principal, error: Exception) -> _GatewayError:
    return _GatewayError(502, "The canister's answer is not an HTTP response", f"Canister {canister_id}: {error}")


def _token_type(answer: Type) -> Type | None:
    """Find the type of `streaming_strategy.Callback.token` in an answer's type."""
    found: Type | None = answer
    for name in ("streaming_strategy", "Callback", "token"):
        found = _part(found, name)
    return found


def _part(type_: Type | None, name: str) -> Type | None:
    resolved = resolve(type_) if type_ is not None else None
    if isinstance(resolved, Opt):
        resolved = resolve(resolved.inner)
    if not isinstance(resolved, Record | VariantType):
        return None
    return next((field.type for field in resolved.fields if field.id == field_hash(name)), None)
