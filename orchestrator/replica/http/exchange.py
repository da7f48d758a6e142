"""HTTP requests and responses as values, and the body reader with its limit."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import anyio

__all__ = [
    "CORS_HEADERS",
    "STATUSES_WITHOUT_BODY",
    "WAITING_EXTENSION",
    "BrokenBodyError",
    "HttpError",
    "HttpRequest",
    "HttpResponse",
    "Receive",
    "Scope",
    "Send",
    "read_body",
    "send_chunks",
    "send_response",
]

WAITING_EXTENSION = "orchestrator.waiting"
"""The extension of a scope that says what to cancel when the client leaves: a set of `anyio.CancelScope`."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CONNECTION_HEADERS = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

STATUSES_WITHOUT_BODY = frozenset({204, 304})
"""Whatever followed the head of such a response, the client would take for the next response."""
CORS_HEADERS: Mapping[str, str] = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS",
    "access-control-allow-headers": "*",
    "access-control-expose-headers": "*",
    "access-control-max-age": "7200",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request; `headers` has lower-case names in their order, `target` is path and query string as sent."""

    method: str
    path: str
    target: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of a header, or an empty text."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response; its length is added when it is sent.

    `chunks` follow the body, as they come; `length` is that of everything where it is known. `is_shared` says whether
    pages of other origins may read it.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=())
    chunks: AsyncIterator[bytes] | None = None
    length: int | None = None
    is_shared: bool = True


class BrokenBodyError(Exception):
    """Raised by a response's chunks when it cannot be completed: the connection is then cut, so that nobody takes it for whole."""


class HttpError(Exception):
    """Raised to answer with a status and one line of plain text."""

    def __init__(self, status: int, text: str) -> None:
        """Keep what to answer."""
        super().__init__(text)
        self.response = HttpResponse(status=status, body=text.encode() + b"\n", headers=(("content-type", "text/plain; charset=utf-8"),))


async def read_body(receive: Receive, *, limit: int) -> bytes:
    """Read a request's body; raises `HttpError` 413 when it has more bytes than `limit`, 400 when the client leaves before its end."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpError(400, "the request's body broke off")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise HttpError(413, f"the request's body has more than {limit} bytes")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def send_response(send: Send, response: HttpResponse, *, without_body: bool) -> None:
    """Send a response's head and its body, which ends it unless chunks follow.

    CORS headers and the date are added where it does not set them itself.
    """
    without_body = without_body or response.status in STATUSES_WITHOUT_BODY
    follows = response.chunks is not None and not without_body
    raw = [(name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in _head(response)]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if without_body else response.body, "more_body": follows})


def _head(response: HttpResponse) -> list[tuple[str, str]]:
    own = {name.lower() for name, _ in response.headers}
    headers = [(name, value) for name, value in response.headers if _may_pass(name, value)]
    added = CORS_HEADERS if response.is_shared else {}
    headers += [(name, value) for name, value in {"date": formatdate(usegmt=True), **added}.items() if name not in own]
    if response.status in STATUSES_WITHOUT_BODY:
        return headers
    if response.length is not None or response.chunks is None:
        headers.append(("content-length", str(len(response.body) if response.length is None else response.length)))
    return headers


async def send_chunks(send: Send, receive: Receive, chunks: AsyncIterator[bytes]) -> None:
    """Send what follows a response's body, until the end or until the client has left; raises what the chunks raise."""

    async def stop_when_left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop_when_left)
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        tasks.cancel_scope.cancel()


def _may_pass(name: str, value: str) -> bool:
    """Leave out what belongs to the connection, and what would not be one header on the wire."""
    return _HEADER_NAME.fullmatch(name) is not None and not _CONTROL.search(value) and name.lower() not in _CONNECTION_HEADERS
