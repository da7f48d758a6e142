"""Downloads."""

import httpx
import pytest

from orchestrator.errors import StoreError
from orchestrator.store.download import download

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio."""
    return "asyncio"


def answer(request: httpx.Request) -> httpx.Response:
    """Stand in for a server."""
    match request.url.path:
        case "/module.wasm":
            return httpx.Response(200, content=b"\0asm")
        case "/moved":
            return httpx.Response(302, headers={"Location": "/module.wasm"})
        case "/loop":
            return httpx.Response(302, headers={"Location": "/loop"})
        case "/gone":
            return httpx.Response(404)
        case _:
            raise httpx.ConnectError("connection refused")


SERVER = httpx.MockTransport(answer)


@pytest.mark.parametrize("path", ["/module.wasm", "/moved"])
async def test_body_is_returned(path: str) -> None:
    """The body is returned, after redirects too."""
    assert await download(f"https://example.com{path}", transport=SERVER) == b"\0asm"


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("https://example.com/gone", "the server answered 404 Not Found"),
        ("https://example.com/nobody", "connection refused"),
        ("https://example.com/loop", "Exceeded maximum allowed redirects."),
        ("file:///etc/passwd", "only http and https URLs can be downloaded"),
        ("module.wasm", "only http and https URLs can be downloaded"),
    ],
)
async def test_failure_names_the_url_and_the_reason(url: str, detail: str) -> None:
    """Whatever goes wrong, the error has the URL and why."""
    with pytest.raises(StoreError, match="cannot be downloaded") as caught:
        await download(url, transport=SERVER)

    assert url in caught.value.summary
    assert caught.value.detail == detail


async def test_body_that_is_too_large_is_refused() -> None:
    """A body above the limit is not taken."""
    with pytest.raises(StoreError, match="cannot be downloaded") as caught:
        await download("https://example.com/module.wasm", max_bytes=3, transport=SERVER)

    assert caught.value.detail == "it is larger than 3 bytes"
