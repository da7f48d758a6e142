"""Downloads into memory."""

import anyio.lowlevel
import httpx
import pytest

from orchestrator.errors import StoreError
from orchestrator.store.download import Allowance, download

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
        case "/down":
            return httpx.Response(302, headers={"Location": f"http://{request.url.host}/module.wasm?key=secret"})
        case "/leave":
            return httpx.Response(302, headers={"Location": f"{request.url.scheme}://elsewhere.test/who"})
        case "/who":
            return httpx.Response(200, content=f"{request.url.host} {request.headers.get('Authorization')}".encode())
        case "/gone":
            return httpx.Response(404)
        case _:
            raise httpx.ConnectError("connection refused")


SERVER = httpx.MockTransport(answer)


async def go_on(_seconds: float) -> None:
    """Wait for nothing."""
    await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("path", ["/module.wasm", "/moved"])
async def test_body_is_returned(path: str) -> None:
    """The body is returned, after redirects too."""
    assert await download(f"https://example.com{path}", transport=SERVER) == b"\0asm"


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("https://example.com/gone", "the server answered 404 Not Found"),
        ("https://example.com/nobody", "connection refused; 4 attempts were made"),
        ("https://example.com/loop", "it redirects more than 5 times"),
        ("https://example.com/down", "it redirects from https to http: http://example.com/module.wasm?key=***"),
        ("file:///etc/passwd", "only http and https URLs can be downloaded"),
        ("module.wasm", "only http and https URLs can be downloaded"),
        ("http://[::1", "only http and https URLs can be downloaded"),
        ("http://host:port/x", "it is not a URL, or redirects to what is none"),
        ("http://xn--/x", "it is not a URL, or redirects to what is none"),
        ("http://host/\ud800", "it is not a URL, or redirects to what is none"),
    ],
)
async def test_failure_names_the_url_and_the_reason(url: str, detail: str) -> None:
    """Whatever goes wrong, the error has the URL and why."""
    with pytest.raises(StoreError, match="cannot be downloaded") as caught:
        await download(url, sleep=go_on, transport=SERVER)

    assert url in caught.value.summary
    assert caught.value.detail == detail


async def test_body_that_is_too_large_is_refused() -> None:
    """A body above the limit is not taken."""
    with pytest.raises(StoreError, match="cannot be downloaded") as caught:
        await download("https://example.com/module.wasm", allowance=Allowance(max_bytes=3), transport=SERVER)

    assert caught.value.detail == "it is larger than 3 bytes"


async def test_a_password_stays_with_its_server() -> None:
    """What a URL has for one server is not sent to another that it redirects to."""
    assert await download("https://me:hunter2@example.com/who", transport=SERVER) == b"example.com Basic bWU6aHVudGVyMg=="
    assert await download("https://me:hunter2@example.com/leave", transport=SERVER) == b"elsewhere.test None"


async def test_the_next_attempt_is_told() -> None:
    """Whoever watches hears what is tried again and why, without the URL's secrets."""
    told: list[tuple[str, int, str]] = []

    with pytest.raises(StoreError):
        await download("https://a:b@example.com/nobody?c=d", sleep=go_on, transport=SERVER, on_retry=lambda *each: told.append(each))

    assert told[0] == ("https://***@example.com/nobody?c=***", 2, "connection refused")
    assert [attempt for _, attempt, _ in told] == [2, 3, 4]


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("ALL_PROXY", "socks5://me:hunter2@127.0.0.1:9", "it says SOCKS proxy, and only http and https proxies are supported"),
        ("HTTPS_PROXY", "gopher://me:hunter2@127.0.0.1:9", "Unknown scheme for proxy URL URL('gopher://***@127.0.0.1:9')"),
        ("HTTP_PROXY", "http://me:hunter2@127.0.0.1:port", "Invalid port: 'port'"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "[Errno 2] No such file or directory"),
    ],
)
async def test_settings_of_the_environment_that_are_wrong_are_told(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, detail: str
) -> None:
    """A variable for proxies or certificates that cannot be used is an error that names the variables, not a traceback."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(StoreError) as caught:
        await download("https://me:secret@example.com/module.wasm")

    assert (caught.value.slug, caught.value.detail) == ("download/settings", detail)
    assert "secret" not in caught.value.summary
    assert variable in str(caught.value.hint)
