"""The ASGI application: routes to the API by path, to canisters by everything else."""

import logging

from orchestrator.replica.http.api import Api
from orchestrator.replica.http.exchange import HttpError, HttpRequest, HttpResponse, Receive, Scope, Send, read_body, send_response
from orchestrator.replica.http.gateway import Gateway
from orchestrator.replica.limits import MAX_HTTP_BODY_BYTES

__all__ = ["Application"]

_LOG = logging.getLogger(__name__)
_API_PREFIX = "/api/"


class Application:
    """One port for everything; call it as ASGI 3 asks."""

    def __init__(self, api: Api, gateway: Gateway) -> None:
        self._api = api
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        try:
            response = await self._answer(scope, receive)
        except HttpError as error:
            response = error.response
        except Exception:  # noqa: BLE001 # the edge of the process: one request's failure must not end the network
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            response = HttpError(500, "the embedded network failed to answer; its log says why").response
        await send_response(send, response, without_body=scope["method"] == "HEAD")

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
        return await (self._api.answer(request) if is_api else self._gateway.answer(request))


def _is_preflight(scope: Scope) -> bool:
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])
