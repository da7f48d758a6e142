"""The ASGI application: routes to the API by path, to canisters by everything else."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import anyio

from orchestrator.errors import ReplicaError
from orchestrator.replica.http.exchange import (
    STATUSES_WITHOUT_BODY,
    WAITING_EXTENSION,
    BrokenBodyError,
    HttpError,
    HttpRequest,
    HttpResponse,
    Receive,
    Scope,
    Send,
    read_body,
    send_chunks,
    send_response,
)
from orchestrator.replica.limits import MAX_HTTP_BODY_BYTES

__all__ = ["Application", "Handlers"]

_LOG = logging.getLogger(__name__)
_API_PREFIX = "/api/"


Answer = Callable[[HttpRequest], Awaitable[HttpResponse]]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who answers the API's paths, and who all others."""

    api: Answer
    gateway: Answer


class Application:
    """One port for everything; call it as ASGI 3 asks. Requests wait until `serve` says who answers them."""

    def __init__(self) -> None:
        self._handlers: Handlers | None = None
        self._ready = anyio.Event()

    def serve(self, handlers: Handlers) -> None:
        """Let requests in."""
        self._handlers = handlers
        self._ready.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, unless the client leaves before."""
        if scope["type"] != "http":
            return
        waiting: set[anyio.CancelScope] = scope.get("extensions", {}).get(WAITING_EXTENSION, set())
        with anyio.CancelScope() as interest:
            waiting.add(interest)
            try:
                response = await self._respond(scope, receive)
            finally:
                waiting.discard(interest)
        if interest.cancelled_caught:
            return
        without_body = scope["method"] == "HEAD" or response.status in STATUSES_WITHOUT_BODY
        await send_response(send, response, without_body=without_body)
        if response.chunks is not None:
            await _finish(scope, response.chunks, send, receive, without_body=without_body)

    async def _respond(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Return the answer to a request, whatever happens."""
        try:
            return await self._answer(scope, receive)
        except HttpError as error:
            return error.response
        except ReplicaError as error:  # the disk is full: not this request's fault, and over as soon as it has room
            return HttpError(503, f"{error.summary}: {error.detail}").response
        except Exception:  # noqa: BLE001 # the edge of the process: one request's failure must not end the network
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            return HttpError(500, "the embedded network failed to answer; its log says why").response

    async def _answer(self, scope: Scope, receive: Receive) -> HttpResponse:
        method, path = scope["method"], scope["path"]
        is_api = path.startswith(_API_PREFIX)
        if method == "OPTIONS" and (is_api or _is_preflight(scope)):
            return HttpResponse(status=204)
        body = await read_body(receive, limit=MAX_HTTP_BODY_BYTES)
        query = scope["query_string"].decode("latin-1")
        raw_path = (scope.get("raw_path") or path.encode()).decode("latin-1")
        request = HttpRequest(
            method=method,
            path=path,
            target=raw_path + (f"?{query}" if query else ""),
            query=query,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            body=body,
        )
        await self._ready.wait()
        assert self._handlers is not None  # noqa: S101 # `serve` set them before the event
        return await (self._handlers.api(request) if is_api else self._handlers.gateway(request))


async def _finish(scope: Scope, chunks: AsyncIterator[bytes], send: Send, receive: Receive, *, without_body: bool) -> None:
    """Send the rest of a body; when that fails the server cuts the connection, because the response has not ended."""
    try:
        if not without_body:
            await send_chunks(send, receive, chunks)
    except* BrokenBodyError as group:
        for error in group.exceptions:
            _LOG.warning("%s %s: the body broke off at %s", scope["method"], scope["path"], error)
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            with anyio.CancelScope(shield=True):
                await close()


def _is_preflight(scope: Scope) -> bool:
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])
