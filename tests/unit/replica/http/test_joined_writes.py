"""Responses leave in as few pieces as possible, whole and in order."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
import uvicorn
from uvicorn.server import ServerState

from orchestrator.replica.http.application import Application, Handlers
from orchestrator.replica.http.exchange import HttpRequest, HttpResponse, Receive, Scope, Send, read_body
from orchestrator.replica.http.joined_writes import MAX_JOINED_BYTES, JoiningProtocol, JoiningTransport

LIMIT_SECONDS = 30


class Wire(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember the bytes."""
        assert not self.is_closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        """Take no more."""
        self.is_closed = True

    def is_closing(self) -> bool:
        """Say if it was closed."""
        return self.is_closed


class Turns:
    """A loop that turns when told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Do it at the next turn."""
        self.waiting.append(callback)

    def turn(self) -> None:
        """Do what waits."""
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


@pytest.fixture
def wire() -> Wire:
    """Return a connection."""
    return Wire()


@pytest.fixture
def turns() -> Turns:
    """Return a loop."""
    return Turns()


@pytest.fixture
def transport(wire: Wire, turns: Turns) -> JoiningTransport:
    """Return the transport between both."""
    return JoiningTransport(wire, turns)  # type: ignore[arg-type]  # the one method of a loop that is used


def test_head_and_body_are_one_write(transport: JoiningTransport, wire: Wire, turns: Turns) -> None:
    """What is written in one turn of the loop leaves together, and the next turn's by itself."""
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.writes == []
    turns.turn()
    transport.write(b"next")
    turns.turn()
    turns.turn()
    assert wire.writes == [b"head body", b"next"]


def test_much_is_not_kept(transport: JoiningTransport, wire: Wire, turns: Turns) -> None:
    """A large body is on its way at once, after what was kept before it."""
    transport.write(b"head ")
    transport.write(bytes(MAX_JOINED_BYTES))
    assert wire.writes == [b"head " + bytes(MAX_JOINED_BYTES)]
    turns.turn()
    assert len(wire.writes) == 1


def test_closing_sends_what_is_kept(transport: JoiningTransport, wire: Wire, turns: Turns) -> None:
    """Nothing is lost, and nothing follows; a connection that is gone is left alone."""
    transport.writelines([b"last", b" words"])
    transport.close()
    turns.turn()
    assert (wire.writes, transport.is_closing()) == ([b"last words"], True)
    transport.write(b"too late")
    turns.turn()
    assert wire.writes == [b"last words"]


class HurriedProtocol(JoiningProtocol):
    """The protocol with hardly any patience."""

    request_seconds = 0.05


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and say how long it was."""
    assert scope["type"] == "http"
    body = await read_body(receive, limit=1000)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
    await send({"type": "http.response.body", "body": str(len(body)).encode()})


async def talk(*parts: bytes) -> bytes:
    """Send parts of a request to a server, and return all that comes until it ends the connection."""
    config = uvicorn.Config(application, lifespan="off", log_config=None, timeout_keep_alive=0)
    config.load()
    loop = asyncio.get_running_loop()
    state = ServerState()
    server = await loop.create_server(lambda: HurriedProtocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for part in parts:
            writer.write(part)
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            received = await asyncio.wait_for(reader.read(), LIMIT_SECONDS)
            writer.close()
            return received
    return b""


@pytest.mark.parametrize(
    "parts",
    [(), (b"POST / HT",), (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n", b"abc")],
    ids=["nothing", "half a line", "half a body"],
)
def test_unfinished_requests_are_cut_off(parts: tuple[bytes, ...]) -> None:
    """Whoever never finishes a request does not keep a connection for ever."""
    assert asyncio.run(talk(*parts)) == b""


def test_finished_requests_are_answered() -> None:
    """A whole request gets its answer, in however many pieces it came."""
    answered = asyncio.run(talk(b"POST / HTTP/1.1\r\nhost: x\r\n", b"content-length: 3\r\n\r\na", b"bc"))
    assert answered.startswith(b"HTTP/1.1 200")
    assert answered.endswith(b"\r\n\r\n3")


def test_who_leaves_is_not_waited_for() -> None:
    """What was still to be answered is given up when the connection is lost; nobody else's is."""

    async def leave() -> tuple[list[str], bytes]:
        begun, given_up, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        ends: list[str] = []

        async def answer(request: HttpRequest) -> HttpResponse:
            if request.path == "/left":
                begun.set()
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                ends.append(request.path)
                given_up.set()
                raise
            return HttpResponse(status=200, body=b"stayed")

        app = Application()
        app.serve(Handlers(api=answer, gateway=answer))
        config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_keep_alive=0)
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(lambda: JoiningProtocol(config, state, {}), "127.0.0.1", 0)
        async with server:
            address = server.sockets[0].getsockname()
            leaver, staying = [await asyncio.open_connection(*address) for _ in range(2)]
            leaver[1].write(b"GET /left HTTP/1.1\r\nhost: x\r\n\r\n")
            staying[1].write(b"GET /stayed HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            await asyncio.wait_for(begun.wait(), LIMIT_SECONDS)
            leaver[1].close()
            await asyncio.wait_for(given_up.wait(), LIMIT_SECONDS)
            go_on.set()
            received = await asyncio.wait_for(staying[0].read(), LIMIT_SECONDS)
            staying[1].close()
        return ends, received

    ends, received = asyncio.run(leave())
    assert ends == ["/left"]
    assert received.endswith(b"stayed")
