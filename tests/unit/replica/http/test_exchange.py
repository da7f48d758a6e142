"""Bodies that come in parts: sent as they come, cut off when they break, and given up when nobody listens."""

from collections.abc import AsyncIterator, MutableMapping
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestrator.replica.http.application import Application, Handlers
from orchestrator.replica.http.exchange import BrokenBodyError, HttpRequest, HttpResponse, send_response

Message = MutableMapping[str, Any]
LIMIT_SECONDS = 30


class Chunks:
    """Yields parts; `breaks` after them raises, `endless` repeats the last for ever."""

    def __init__(self, *parts: bytes, breaks: bool = False, endless: bool = False) -> None:
        self.parts = list(parts)
        self.breaks, self.endless = breaks, endless
        self.is_closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the chunks themselves."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next part."""
        await anyio.lowlevel.checkpoint()
        if self.endless:
            return self.parts[-1]
        if self.parts:
            return self.parts.pop(0)
        if self.breaks:
            raise BrokenBodyError("byte 3")
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Remember that nobody wants more."""
        self.is_closed = True


def ask(
    chunks: Chunks, *, method: str = "GET", leaves_after: int | None = None, length: int | None = None, status: int = 200
) -> list[Message]:
    """Answer one request with chunks, and return what was sent; the client may leave after so many messages."""
    sent: list[Message] = []
    incoming: list[Message] = [{"type": "http.request"}]

    async def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=status, body=b"one ", chunks=chunks, length=length)

    async def run() -> None:
        left = anyio.Event()

        async def receive() -> Message:
            if incoming:
                return incoming.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if leaves_after is not None and len(sent) >= leaves_after:
                left.set()
            await anyio.lowlevel.checkpoint()

        application = Application()
        application.serve(Handlers(answer, answer))
        scope = {"type": "http", "method": method, "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
        with anyio.fail_after(LIMIT_SECONDS):
            await application(scope, receive, send)

    anyio.run(run)
    return sent


def headers_of(message: Message) -> dict[bytes, bytes]:
    """Return the headers of a response's start."""
    return dict(message["headers"])


@pytest.mark.parametrize("length", [None, 9])
def test_parts_are_sent_as_they_come(length: int | None) -> None:
    """Only the last message ends the response; the length is told where it is known."""
    chunks = Chunks(b"two ", b"3")
    start, *parts = ask(chunks, length=length)
    assert headers_of(start).get(b"content-length") == (str(length).encode() if length else None)
    assert [(part["body"], part.get("more_body", False)) for part in parts] == [
        (b"one ", True),
        (b"two ", True),
        (b"3", True),
        (b"", False),
    ]
    assert chunks.is_closed


def test_a_head_asks_for_no_parts() -> None:
    """The length is told, the parts are let go unread."""
    chunks = Chunks(b"two ")
    start, only = ask(chunks, method="HEAD", length=8)
    assert (headers_of(start)[b"content-length"], only["body"], only["more_body"]) == (b"8", b"", False)
    assert (chunks.parts, chunks.is_closed) == ([b"two "], True)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_has_none(status: int) -> None:
    """Neither a body nor a length of one: a client would take the bytes for the next response."""
    chunks = Chunks(b"two ")
    start, only = ask(chunks, length=8, status=status)
    assert (b"content-length" in headers_of(start), only["body"], only["more_body"]) == (False, b"", False)
    assert chunks.is_closed


@pytest.mark.parametrize("own", ["Sun, 06 Nov 1994 08:49:37 GMT", ""])
def test_a_response_has_one_date(own: str) -> None:
    """The canister's, where it tells one."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    response = HttpResponse(status=200, headers=(("Date", own),) if own else ())
    anyio.run(partial(send_response, send, response, without_body=False))
    dates = [value for name, value in sent[0]["headers"] if name == b"date"]
    assert len(dates) == 1
    assert dates[0].endswith(own.encode() or b" GMT")


def test_a_body_that_breaks_is_never_ended(caplog: pytest.LogCaptureFixture) -> None:
    """The server cuts a response that has not ended; the log says where it broke."""
    chunks = Chunks(b"two ", breaks=True)
    sent = ask(chunks)
    assert [message.get("more_body") for message in sent[1:]] == [True, True]
    assert "broke off at byte 3" in caplog.text
    assert chunks.is_closed


def test_nobody_works_for_a_client_that_has_left() -> None:
    """An endless body ends when its client goes."""
    chunks = Chunks(b"on and on ", endless=True)
    assert len(ask(chunks, leaves_after=5)) >= 5
    assert chunks.is_closed


def test_responses_that_are_not_shared_allow_no_origin() -> None:
    """Without permission for other origins no page of one may read it."""

    async def run() -> dict[bytes, bytes]:
        sent: list[Message] = []

        async def answer(_request: HttpRequest) -> HttpResponse:
            return HttpResponse(status=200, is_shared=False)

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            sent.append(message)

        application = Application()
        application.serve(Handlers(answer, answer))
        scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
        await application(scope, receive, send)
        return headers_of(sent[0])

    assert not any(name.startswith(b"access-control") for name in anyio.run(run))


def test_half_a_request_is_none() -> None:
    """What a client sent before it left is never taken for the whole: nobody gets to see it."""
    answered: list[bytes] = []
    sent: list[Message] = []
    incoming: list[Message] = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def answer(request: HttpRequest) -> HttpResponse:
        answered.append(request.body)
        return HttpResponse(status=200)

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        application = Application()
        application.serve(Handlers(api=answer, gateway=answer))
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
        await application(scope, receive, send)

    anyio.run(run)
    assert answered == []
    assert sent[0]["status"] == 400
