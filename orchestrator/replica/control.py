"""The control channel: what only the network's owner may do, on a port of its own.

It listens on the loopback address and answers nobody without the token of the status file. A web page cannot use it:
a request with an `Origin` or a foreign `Host` is refused before its token is looked at, and no answer says that
another origin may read it.
"""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping

import anyio

from orchestrator.errors import OrchestratorError
from orchestrator.replica.http.exchange import HttpError, Receive, Scope, Send, read_body

__all__ = ["MAX_CONTROL_BODY_BYTES", "ControlApplication", "ControlError", "Operation", "Operations"]

_LOG = logging.getLogger(__name__)
MAX_CONTROL_BODY_BYTES = 1024 * 1024
_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
_BROWSER_HEADERS = frozenset({"origin", "sec-fetch-site", "sec-fetch-mode"})

Operation = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""Does what a route stands for: takes a JSON object and returns one. Raises `ControlError`."""
Operations = Mapping[str, Operation]


class ControlError(Exception):
    """Raised to refuse a request with an HTTP status and one line of text."""

    def __init__(self, status: int, text: str) -> None:
        """Keep what to answer."""
        super().__init__(text)
        self.status, self.text = status, text


class ControlApplication:
    """The routes; call it as ASGI 3 asks. What is not there from the start waits until `serve` brings it."""

    def __init__(self, token: str, early: Operations) -> None:
        """Take the token, and the routes that work while the network is still loading."""
        self._credentials = f"Bearer {token}".encode("ascii")
        self._early = early
        self._later: Operations = {}
        self._ready = anyio.Event()

    def serve(self, operations: Operations) -> None:
        """Add the other routes."""
        self._later = operations
        self._ready.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request with JSON."""
        if scope["type"] != "http":
            return
        try:
            status, content = 200, await self._answer(scope, receive)
        except ControlError as error:
            status, content = error.status, {"error": error.text}
        except HttpError as error:
            status, content = error.response.status, {"error": error.response.body.decode().strip()}
        except OrchestratorError as error:
            status, content = 507, {"error": f"{error.summary} ({error.detail})" if error.detail else error.summary}
        except Exception:  # noqa: BLE001 # the edge of the process: one request's failure must not end the network
            _LOG.exception("%s failed", scope["path"])
            status, content = 500, {"error": "the network failed; its log says why"}
        await _send(send, status, content)

    async def _answer(self, scope: Scope, receive: Receive) -> Mapping[str, object]:
        self._check(scope)
        path = scope["path"]
        if scope["method"] != "POST":
            raise ControlError(405, "the control channel takes POST requests only")
        body = await read_body(receive, limit=MAX_CONTROL_BODY_BYTES)
        if path not in self._early:
            await self._ready.wait()
        operation = self._early.get(path) or self._later.get(path)
        if operation is None:
            raise ControlError(404, f"there is no {path} here")
        return await operation(_parse(body))

    def _check(self, scope: Scope) -> None:
        """Refuse whatever a web page could have sent, and whoever does not know the token."""
        headers = {name: value for name, value in scope["headers"]}  # noqa: C416 # a list of pairs, in ASGI's words
        if any(name.decode("latin-1") in _BROWSER_HEADERS for name in headers):
            raise ControlError(403, "the control channel is not for web pages")
        if headers.get(b"host", b"").decode("latin-1").rpartition(":")[0] not in _LOCAL_NAMES:
            raise ControlError(403, "the control channel is reached by its address only")
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._credentials):
            raise ControlError(401, "the control token is missing or wrong")


def _parse(body: bytes) -> Mapping[str, object]:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ControlError(400, f"the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ControlError(400, "the body is not a JSON object")
    return content


async def _send(send: Send, status: int, content: Mapping[str, object]) -> None:
    body = json.dumps(content).encode() + b"\n"
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
