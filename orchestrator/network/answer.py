"""Ask a network whether it answers: one plain HTTP request, without a client library."""

from urllib.parse import urlsplit

import anyio

__all__ = ["wait_answer"]

_STATUS_PATH = "/api/v2/status"
_GOOD = b" 200 "
_STATUS_LINE_BYTES = 64


async def wait_answer(api_url: str, *, seconds: float) -> bool:
    """Return whether the network at `api_url` (plain http) answers its status endpoint with 200 within `seconds`."""
    parts = urlsplit(api_url)
    host, port = parts.hostname or "localhost", parts.port or 80
    request = f"GET {_STATUS_PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    with anyio.move_on_after(seconds):
        try:
            async with await anyio.connect_tcp(host, port) as stream:
                await stream.send(request.encode("ascii"))
                return _GOOD in await stream.receive(_STATUS_LINE_BYTES)
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
            return False
    return False
