"""Downloads: one function, so that limits, retries and errors are the same for modules, plugins and recipes.

A download goes into a `Target`, which may hold a part of it already: then only the rest is asked for (RFC 9110,
section 14, with `If-Range`, so that a file that has changed is sent whole).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import anyio

from orchestrator.core.imports import hidden_modules
from orchestrator.core.redaction import redact_url, redact_urls
from orchestrator.errors import StoreError
from orchestrator.store.retry_after import wished_wait

if TYPE_CHECKING:
    import httpx

__all__ = [
    "ATTEMPTS",
    "CONNECT_SECONDS",
    "MAX_DOWNLOAD_BYTES",
    "MAX_REDIRECTS",
    "MAX_RETRY_AFTER_SECONDS",
    "READ_SECONDS",
    "TOTAL_SECONDS",
    "Allowance",
    "DownloadError",
    "MemoryTarget",
    "Target",
    "download",
    "transfer",
]

MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 1800.0
MAX_REDIRECTS = 5
ATTEMPTS = 4
"""Attempts that bring nothing new; one that brought more bytes than any before does not count."""
FIRST_PAUSE_SECONDS = 0.5
"""The wait before the second attempt; each further one is twice as long."""
MAX_PAUSE_SECONDS = 8.0
MAX_RETRY_AFTER_SECONDS = 60.0
"""The longest wait that a server may ask for (RFC 9110, section 10.2.3); one that asks for more is given up."""
_SCHEMES = frozenset({"http", "https"})
_CODINGS = frozenset({"", "identity", "gzip", "deflate"})
_TRANSIENT = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_CONTENT_RANGE = re.compile(r"bytes (?P<first>[0-9]{1,18})-[0-9]+/(?:[0-9]+|\*)")
_MAX_DIGITS = 18
"""A longer number is too large whatever its other digits are."""
_BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"

Sleep = Callable[[float], Awaitable[None]]
OnRetry = Callable[[str, int, str], None]
"""Told the URL as it may be shown, the number of the attempt that comes, and why the last one failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one download may take."""

    max_bytes: int = MAX_DOWNLOAD_BYTES
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    total_seconds: float = TOTAL_SECONDS
    attempts: int = ATTEMPTS


class Target(Protocol):
    """Where the bytes of a download go."""

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        ...

    @property
    def validator(self) -> str | None:
        """Return what the server calls the version that those bytes are of (for `If-Range`), if it said."""
        ...

    def restart(self, validator: str | None) -> None:
        """Forget what is there; what comes now is of this version."""
        ...

    def resume(self) -> None:
        """Keep what is there; what comes now is the rest."""
        ...

    def write(self, chunk: bytes) -> None:
        """Take more bytes."""
        ...


class MemoryTarget:
    """A target that is gone with the process; `body` is what has come."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.body = bytearray()
        self.validator: str | None = None

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        return len(self.body)

    def restart(self, validator: str | None) -> None:
        """Forget what is there."""
        self.body.clear()
        self.validator = validator

    def resume(self) -> None:
        """Keep what is there."""

    def write(self, chunk: bytes) -> None:
        """Take more bytes."""
        self.body += chunk


class DownloadError(StoreError):
    """Raised when a body cannot be had; `status` is what the server answered in the end, if that was the reason."""

    default_slug = "download/failed"
    status: int | None = None


class _TransientError(Exception):
    """What may be better the next time, but not before so many seconds have passed."""

    def __init__(self, reason: str, wait_seconds: float = 0.0, status: int | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.status = status


async def download(
    url: str,
    *,
    allowance: Allowance = Allowance(),
    sleep: Sleep = anyio.sleep,
    on_retry: OnRetry | None = None,
    transport: "httpx.AsyncBaseTransport | None" = None,
) -> bytes:
    """Fetch `url` as `transfer` does and return its body."""
    memory = MemoryTarget()
    await transfer(url, memory, allowance=allowance, sleep=sleep, on_retry=on_retry, transport=transport)
    return bytes(memory.body)


async def transfer(
    url: str,
    target: Target,
    *,
    allowance: Allowance = Allowance(),
    sleep: Sleep = anyio.sleep,
    on_retry: OnRetry | None = None,
    transport: "httpx.AsyncBaseTransport | None" = None,
) -> None:
    """Fetch `url` (http or https, at most `MAX_REDIRECTS` redirects, never from https to http) into `target`.

    What the network or a server does wrong for a moment is tried again. Raises `StoreError` (`download/failed`) when
    the body cannot be had within `allowance`; what has come until then stays in the target. `transport` replaces the
    network.
    """
    if _scheme(url) not in _SCHEMES:
        raise _failed(url, "only http and https URLs can be downloaded")
    client = _make_client(url, allowance, transport)
    try:
        with anyio.fail_after(allowance.total_seconds):
            async with client:
                await _persist(client, url, target, allowance, sleep, on_retry)
    except TimeoutError as error:
        raise _failed(url, f"it takes longer than {allowance.total_seconds:g} seconds") from error


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # brackets that do not close, for example
        return ""


def _make_client(url: str, allowance: Allowance, transport: "httpx.AsyncBaseTransport | None") -> "httpx.AsyncClient":
    """Return a client; what the environment says of proxies and certificates is read now, and may be wrong."""
    with hidden_modules("httpx._main"):
        import httpx

    timeout = httpx.Timeout(allowance.read_seconds, connect=allowance.connect_seconds)
    try:
        return httpx.AsyncClient(timeout=timeout, transport=transport)
    except ImportError:
        reason = "it says SOCKS proxy, and only http and https proxies are supported"
        cause = None
    except (httpx.InvalidURL, ValueError, OSError) as error:  # an SSL error is an OSError
        reason, cause = redact_urls(str(error)), error
    raise StoreError(
        f"`{redact_url(url)}` cannot be downloaded with what the environment says of proxies and certificates",
        slug="download/settings",
        detail=reason,
        hint="correct or unset `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `SSL_CERT_FILE` and `SSL_CERT_DIR`",
    ) from cause


async def _persist(
    client: "httpx.AsyncClient", url: str, target: Target, allowance: Allowance, sleep: Sleep, on_retry: OnRetry | None
) -> None:
    """Try until the body is there, or until attempts bring nothing new."""
    furthest, fruitless, attempt = target.size, 0, 1
    while True:
        try:
            await _attempt(client, url, target, allowance.max_bytes)
        except _TransientError as error:
            fruitless = 0 if target.size > furthest else fruitless + 1
            furthest = max(furthest, target.size)
            if fruitless >= allowance.attempts:
                raise _failed(url, f"{error}; {attempt} attempts were made", error.status) from error
            attempt += 1
            if on_retry is not None:
                on_retry(redact_url(url), attempt, str(error))
            await sleep(max(error.wait_seconds, min(FIRST_PAUSE_SECONDS * 2 ** max(0, fruitless - 1), MAX_PAUSE_SECONDS)))
        else:
            return


async def _attempt(client: "httpx.AsyncClient", url: str, target: Target, max_bytes: int) -> None:
    import httpx

    try:
        response = await _follow(client, url, _wishes(target))
        try:
            await _receive(url, response, target, max_bytes)
        finally:
            await response.aclose()
    except (httpx.InvalidURL, UnicodeError) as error:  # names of hosts have rules of their own
        raise _failed(url, "it is not a URL, or redirects to what is none") from error
    except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError) as error:
        reason = redact_urls(str(error)) or type(error).__name__
        if _BAD_CERTIFICATE in reason:
            raise _failed(url, reason) from error
        raise _TransientError(reason) from error
    except httpx.HTTPError as error:
        raise _failed(url, redact_urls(str(error)) or type(error).__name__) from error


def _wishes(target: Target) -> dict[str, str]:
    """Ask for plain bytes, whose number is known, and for the rest of what is there."""
    headers = {"Accept-Encoding": "identity"}
    if target.size and target.validator is not None:
        headers |= {"Range": f"bytes={target.size}-", "If-Range": target.validator}
    return headers


async def _follow(client: "httpx.AsyncClient", url: str, headers: dict[str, str]) -> "httpx.Response":
    """Send a request, and what redirections make of it."""
    request = client.build_request("GET", url, headers=headers)
    for _ in range(MAX_REDIRECTS + 1):
        response = await client.send(request, stream=True)
        following = response.next_request
        if following is None:
            return response
        await response.aclose()
        if following.url.scheme not in _SCHEMES:
            raise _failed(url, "it redirects to what is neither http nor https")
        if request.url.scheme == "https" and following.url.scheme == "http":
            raise _failed(url, f"it redirects from https to http: {redact_url(str(following.url))}")
        request = following
    raise _failed(url, f"it redirects more than {MAX_REDIRECTS} times")


async def _receive(url: str, response: "httpx.Response", target: Target, max_bytes: int) -> None:
    """Put an answer's body into the target, and stop as soon as it is too large."""
    _prepare(url, response, target)
    too_large = f"it is larger than {max_bytes} bytes"
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and target.size + int(length[:_MAX_DIGITS]) > max_bytes:
        raise _failed(url, too_large)
    async for chunk in response.aiter_bytes():
        if target.size + len(chunk) > max_bytes:
            raise _failed(url, too_large)
        target.write(chunk)


def _prepare(url: str, response: "httpx.Response", target: Target) -> None:
    """Decide by an answer's status where its body goes; what cannot be used raises."""
    status = response.status_code
    if status == HTTPStatus.OK:
        codings = {each.strip().lower() for each in response.headers.get("Content-Encoding", "").split(",")}
        if unknown := codings - _CODINGS:
            raise _failed(url, f"the server sends it packed as `{min(unknown)}`, which was not asked for and is not understood")
        target.restart(_validator(response))
        return
    said = f"the server answered {status} {response.reason_phrase}".rstrip()
    if status == HTTPStatus.PARTIAL_CONTENT and "Range" in response.request.headers:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is not None and int(found["first"]) == target.size and "Content-Encoding" not in response.headers:
            target.resume()
            return
    if status in {HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
        target.restart(None)
        raise _TransientError(f"{said}, which is not the part that was asked for")
    if status in _TRANSIENT:
        wait = wished_wait(response.headers.get("Retry-After", ""), response.headers.get("Date", ""))
        if wait > MAX_RETRY_AFTER_SECONDS:
            raise _failed(url, f"{said}; it asks to wait {wait:.0f} seconds, and {MAX_RETRY_AFTER_SECONDS:g} are the most", status)
        raise _TransientError(f"{said}; it asks to wait {wait:.0f} seconds" if wait else said, wait, status)
    raise _failed(url, said, status)


def _validator(response: "httpx.Response") -> str | None:
    """Return what names this version of a file exactly enough to ask for its rest: whatever comes is verified in the end."""
    if "Content-Encoding" in response.headers:
        return None
    tag: str = response.headers.get("ETag", "")
    modified: str | None = response.headers.get("Last-Modified")
    return tag if tag.startswith('"') else modified


def _failed(url: str, detail: str, status: int | None = None) -> DownloadError:
    error = DownloadError(f"`{redact_url(url)}` cannot be downloaded", detail=detail, hint="check the URL and the connection")
    error.status = status
    return error
