"""Bytes over HTTP: one persistent connection pool per network, and every failure as a `TransportError`.

The slug of an error says what is known: `agent/unreachable` was certainly not received, all others may have been.
"""

import logging
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

from orchestrator.core.imports import hidden_modules
from orchestrator.errors import TransportError

if TYPE_CHECKING:
    from types import TracebackType

    import httpx

__all__ = [
    "CONNECT_TIMEOUT_SECONDS",
    "KEEPALIVE_SECONDS",
    "MAX_CONNECTIONS",
    "MAX_RESPONSE_BYTES",
    "READ_TIMEOUT_SECONDS",
    "TRANSIENT_SLUGS",
    "UNREACHABLE",
    "HttpAnswer",
    "HttpTransport",
    "Transport",
]

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 60.0
"""How long a reply may keep us waiting between two reads; a replica holds synchronous calls for about 10 s."""
KEEPALIVE_SECONDS = 4.0
"""How long an idle connection is kept: less than the servers' 5 s, so that we close first."""
MAX_CONNECTIONS = 64
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""The longest body that is read; replicas answer with at most about 3 MiB."""

UNREACHABLE = "agent/unreachable"
TRANSIENT_SLUGS = frozenset({UNREACHABLE, "agent/timeout", "agent/disconnected", "agent/unavailable"})
"""Errors that may pass: asking again makes sense."""

_log = logging.getLogger(__name__)
_CBOR = "application/cbor"
_LOOPBACK = ("127.", "[::1]", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An HTTP response: `date_ns` is the server's clock (nanoseconds since 1970), if it told."""

    status: int
    body: bytes
    url: str
    content_type: str = ""
    date_ns: int | None = None


class Transport(Protocol):
    """Carries requests to one network. Raises `TransportError` when no complete HTTP response comes back."""

    @property
    def url(self) -> str:
        """The network's base URL, without a trailing slash."""
        ...

    async def get(self, path: str) -> HttpAnswer:
        """Fetch a path, which starts with a slash."""
        ...

    async def post(self, path: str, body: bytes) -> HttpAnswer:
        """Send a CBOR body to a path."""
        ...


class HttpTransport:
    """One pool of connections to a base URL; use it as an async context manager."""

    def __init__(self, base_url: str, *, read_timeout_seconds: float = READ_TIMEOUT_SECONDS) -> None:
        self._url = base_url.rstrip("/")
        self._read_timeout_seconds = read_timeout_seconds
        self._client: httpx.AsyncClient | None = None

    @property
    def url(self) -> str:
        """The network's base URL, without a trailing slash."""
        return self._url

    async def __aenter__(self) -> Self:
        """Open the pool; no connection is made yet."""
        with hidden_modules("httpx._main"):
            import httpx  # takes 0.1 s, which commands that talk to nobody do not pay

        parts = urlsplit(self._url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise TransportError(
                f"`{self._url}` is not a URL of a network",
                slug="agent/url",
                hint="write it like https://icp-api.io or http://127.0.0.1:8000",
            )
        local = parts.hostname.startswith(_LOOPBACK) or parts.hostname.endswith(".localhost")
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(self._read_timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS, pool=None),
            limits=httpx.Limits(
                max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS
            ),
            headers={"accept-encoding": "identity", "accept": _CBOR},
            trust_env=not local,
            # Loading the trusted authorities takes 20 ms, and no TLS is spoken to a plain local address.
            verify=not local or parts.scheme == "https",
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None") -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def get(self, path: str) -> HttpAnswer:
        """Fetch a path, which starts with a slash."""
        return await self._send("GET", path, None)

    async def post(self, path: str, body: bytes) -> HttpAnswer:
        """Send a CBOR body to a path."""
        return await self._send("POST", path, body)

    async def _send(self, verb: str, path: str, body: bytes | None) -> HttpAnswer:
        import httpx

        if self._client is None:
            raise TransportError("the transport is not open", slug="agent/closed", detail="use it as `async with HttpTransport(url)`")
        url = self._url + path
        started = time.monotonic()
        headers = {"content-type": _CBOR} if body is not None else {}
        try:
            async with self._client.stream(verb, url, content=body, headers=headers) as response:
                answer = await self._read(response, url)
                taken = (time.monotonic() - started) * 1000
                _log.debug(
                    "%s %s sent=%d status=%d received=%d ms=%.1f", verb, url, len(body or b""), answer.status, len(answer.body), taken
                )
                return answer
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _failure(url, UNREACHABLE, f"cannot reach {self._url}", _reason(error), self._start_hint()) from error
        except httpx.TimeoutException as error:
            reason = f"nothing came for {self._read_timeout_seconds:.0f} s"
            raise _failure(
                url, "agent/timeout", f"{self._url} does not answer in time", reason, "try again; the network may be busy"
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _failure(url, "agent/disconnected", f"{self._url} broke the connection", _reason(error), "try again") from error

    async def _read(self, response: "httpx.Response", url: str) -> HttpAnswer:
        """Read the body up to the cap, without unpacking: a small packed body could unpack to any size."""
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise _failure(
                url, "agent/encoding", f"{self._url} answers in a form that was not asked for", f"content-encoding {encoding}", None
            )
        declared = response.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > MAX_RESPONSE_BYTES:
            raise _too_large(url, self._url)
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_RESPONSE_BYTES:
                raise _too_large(url, self._url)
        return HttpAnswer(
            status=response.status_code,
            body=bytes(body),
            url=url,
            content_type=response.headers.get("content-type", ""),
            date_ns=_parse_date(response.headers.get("date")),
        )

    def _start_hint(self) -> str:
        host = urlsplit(self._url).hostname or ""
        if host.startswith(_LOOPBACK):
            return "start the network with `orchestrator network start`, or check its port"
        return "check the URL and this machine's network connection"


def _failure(url: str, slug: str, summary: str, reason: str, hint: str | None) -> TransportError:
    return TransportError(summary, slug=slug, detail=f"{reason} ({url})", hint=hint)


def _too_large(url: str, base: str) -> TransportError:
    reason = f"more than {MAX_RESPONSE_BYTES} bytes"
    return _failure(url, "agent/too-large", f"{base} answers with more than is read", reason, "check that the URL is the API of a network")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _parse_date(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp()) * 1_000_000_000
    except (ValueError, OverflowError):
        return None
