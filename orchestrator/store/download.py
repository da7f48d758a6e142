"""Downloads: one function, so that limits and errors are the same for modules, plugins and recipes."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.core.imports import hidden_modules
from orchestrator.errors import StoreError

if TYPE_CHECKING:
    import httpx

__all__ = ["CONNECT_SECONDS", "MAX_DOWNLOAD_BYTES", "MAX_REDIRECTS", "READ_SECONDS", "download"]

MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
MAX_REDIRECTS = 5
_SCHEMES = frozenset({"http", "https"})


async def download(url: str, *, max_bytes: int = MAX_DOWNLOAD_BYTES, transport: "httpx.AsyncBaseTransport | None" = None) -> bytes:
    """Fetch `url` (http or https, at most `MAX_REDIRECTS` redirects) and return its body.

    Raises `StoreError` (`download/failed`) when there is no 200 answer, or it has more than `max_bytes`. `transport`
    replaces the network.
    """
    with hidden_modules("httpx._main"):
        import httpx

    if urlsplit(url).scheme not in _SCHEMES:
        raise _failed(url, "only http and https URLs can be downloaded")
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    client = httpx.AsyncClient(timeout=timeout, follow_redirects=True, max_redirects=MAX_REDIRECTS, transport=transport)
    try:
        async with client, client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise _failed(url, f"the server answered {response.status_code} {response.reason_phrase}".rstrip())
            return await _read(url, response, max_bytes)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(url, str(error) or type(error).__name__) from error


async def _read(url: str, response: "httpx.Response", max_bytes: int) -> bytes:
    """Read a body, and stop as soon as it is too large."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise _failed(url, f"it is larger than {max_bytes} bytes")
    return bytes(body)


def _failed(url: str, detail: str) -> StoreError:
    return StoreError(f"`{url}` cannot be downloaded", slug="download/failed", detail=detail, hint="check the URL and the connection")
