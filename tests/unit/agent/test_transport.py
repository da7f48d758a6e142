"""The HTTP transport against servers on loopback that behave, break off, or never stop."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest

from orchestrator.agent.transport import MAX_RESPONSE_BYTES, HttpTransport
from orchestrator.errors import TransportError

pytestmark = pytest.mark.anyio
Handler = Callable[[anyio.abc.SocketStream], Awaitable[None]]


def port_of(listener: anyio.abc.Listener[anyio.abc.SocketStream]) -> int:
    """Return the port that the system chose."""
    return int(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610 - anyio's method, not Django's


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[str]:
    """Run a server on a port that the system chose and give its URL; `handle` gets each connection."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                await handle(stream)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{port_of(listener)}"
        tasks.cancel_scope.cancel()


async def read_request(stream: anyio.abc.SocketStream) -> bytes:
    """Return one request with a content length, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < lengths[0]:
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


def answer(body: bytes, head: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Return a response with a content length."""
    return head + b"\r\ncontent-length: " + str(len(body)).encode() + b"\r\n\r\n" + body


async def test_a_body_goes_and_comes_back() -> None:
    """Path, body and content type arrive; status, body and the server's time come back."""
    seen: list[bytes] = []

    async def handle(stream: anyio.abc.SocketStream) -> None:
        seen.append(await read_request(stream))
        await stream.send(answer(b"body", b"HTTP/1.1 202 Accepted\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT"))

    async with serving(handle) as url, HttpTransport(url + "/") as transport:
        result = await transport.post("/api/v4/x", b"request")
        assert transport.url == url
    assert (result.status, result.body, result.date_ns) == (202, b"body", 1_700_000_000_000_000_000)
    assert seen[0].startswith(b"POST /api/v4/x HTTP/1.1")
    assert b"content-type: application/cbor" in seen[0].lower()
    assert seen[0].endswith(b"request")


async def test_connections_are_kept() -> None:
    """Several requests travel over one connection."""
    connections = 0

    async def handle(stream: anyio.abc.SocketStream) -> None:
        nonlocal connections
        connections += 1
        while True:
            await read_request(stream)
            await stream.send(answer(b"ok"))

    async with serving(handle) as url, HttpTransport(url) as transport:
        for _ in range(5):
            assert (await transport.get("/")).body == b"ok"
    assert connections == 1


async def test_a_refused_connection_says_what_to_start() -> None:
    """Nobody listens: the error certainly sent nothing, names the URL, and says what to start."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = port_of(listener)
    await listener.aclose()
    async with HttpTransport(f"http://127.0.0.1:{port}") as transport:
        with pytest.raises(TransportError) as caught:
            await transport.post("/api/v4/x", b"")
    assert caught.value.slug == "agent/unreachable"
    assert str(port) in str(caught.value.detail)
    assert "network start" in str(caught.value.hint)


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\ncontent-le", b"garbage\r\n\r\n"]
)
async def test_a_broken_connection_may_have_arrived(sent: bytes) -> None:
    """A connection that ends before the answer is complete is told apart from one that was never made."""

    async def handle(stream: anyio.abc.SocketStream) -> None:
        await read_request(stream)
        if sent:
            await stream.send(sent)

    async with serving(handle) as url, HttpTransport(url) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.post("/x", b"request")
    assert caught.value.slug == "agent/disconnected"


async def test_silence_is_a_timeout() -> None:
    """A server that accepts and says nothing ends in a time-out."""
    done = anyio.Event()

    async def handle(stream: anyio.abc.SocketStream) -> None:
        await read_request(stream)
        await done.wait()

    async with serving(handle) as url, HttpTransport(url, read_timeout_seconds=0.05) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.post("/x", b"")
        done.set()
    assert caught.value.slug == "agent/timeout"


async def test_an_endless_body_is_cut_off() -> None:
    """A body without a declared length is read up to the cap and no further."""
    sent = 0

    async def handle(stream: anyio.abc.SocketStream) -> None:
        nonlocal sent
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while sent < 100 * 1024 * 1024:
            await stream.send(bytes(1024 * 1024))
            sent += 1024 * 1024

    async with serving(handle) as url, HttpTransport(url) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.get("/x")
    assert caught.value.slug == "agent/too-large"
    assert sent < 2 * MAX_RESPONSE_BYTES


async def test_a_declared_giant_is_not_read_at_all() -> None:
    """A body of 100 MB is refused by its declared length."""

    async def handle(stream: anyio.abc.SocketStream) -> None:
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n")

    async with serving(handle) as url, HttpTransport(url) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.get("/x")
    assert caught.value.slug == "agent/too-large"


async def test_packed_bodies_are_refused() -> None:
    """A packed body was not asked for, and could unpack to any size."""

    async def handle(stream: anyio.abc.SocketStream) -> None:
        assert b"accept-encoding: identity" in (await read_request(stream)).lower()
        await stream.send(answer(b"x", b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip"))

    async with serving(handle) as url, HttpTransport(url) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.get("/x")
    assert caught.value.slug == "agent/encoding"


async def test_redirects_are_not_followed() -> None:
    """A signed request is not carried to another server."""

    async def handle(stream: anyio.abc.SocketStream) -> None:
        await read_request(stream)
        await stream.send(answer(b"", b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/"))

    async with serving(handle) as url, HttpTransport(url) as transport:
        assert (await transport.post("/x", b"")).status == 307


@pytest.mark.parametrize("url", ["", "icp-api.io", "ftp://icp-api.io", "http://", "file:///etc/passwd"])
async def test_other_urls_are_refused(url: str) -> None:
    """A network's URL is http or https with a host."""
    with pytest.raises(TransportError) as caught:
        await HttpTransport(url).__aenter__()
    assert caught.value.slug == "agent/url"


async def test_a_closed_transport_says_so() -> None:
    """Using the transport outside its `async with` is an error of the caller."""
    with pytest.raises(TransportError) as caught:
        await HttpTransport("http://127.0.0.1:1").get("/")
    assert caught.value.slug == "agent/closed"
