"""The ASGI application: who answers, what happens to failures, and what may pass as a header."""

from collections.abc import MutableMapping
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestrator.replica.http.application import Application, Handlers
from orchestrator.replica.http.exchange import HttpError, HttpRequest, HttpResponse

Message = MutableMapping[str, Any]
LIMIT_SECONDS = 30


async def api(request: HttpRequest) -> HttpResponse:
    """Answer what the API was asked, or fail as told."""
    if request.path.endswith("refuse"):
        raise HttpError(418, "no coffee")
    if request.path.endswith("break"):
        raise ZeroDivisionError
    return HttpResponse(status=200, body=b"api " + request.body)


async def gateway(request: HttpRequest) -> HttpResponse:
    """Answer with what was asked for."""
    return HttpResponse(status=200, body=request.target.encode(), headers=(("access-control-allow-origin", "http://own"),))


def scope(path: str, *, method: str = "GET", query: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()) -> Message:
    """Make an ASGI scope."""
    return {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query, "headers": headers}


async def exchange(application: Application, asked: Message, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send one request, its body in parts, and return what came back."""
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [{"type": "http.request"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return dict(incoming.pop(0))

    async def send(message: Message) -> None:
        sent.append(message)

    await application(asked, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


def ask(asked: Message, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send one request to an application that is ready."""

    async def run() -> tuple[int, dict[str, str], bytes]:
        application = Application()
        application.serve(Handlers(api, gateway))
        return await exchange(application, asked, *parts)

    return anyio.run(run)


def test_paths_decide_who_answers() -> None:
    """Below /api the API, all else the gateway, with path and query as they were sent."""
    assert ask(scope("/api/x", method="POST"), b"one", b"two")[2] == b"api onetwo"
    assert ask(scope("/a%20b", query=b"c=d"))[2] == b"/a%20b?c=d"


def test_own_cors_headers_win() -> None:
    """A header that the answer sets itself is not set twice."""
    assert ask(scope("/x"))[1]["access-control-allow-origin"] == "http://own"
    assert ask(scope("/api/x"))[1]["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("path", "status", "words"), [("/api/refuse", 418, "no coffee"), ("/api/break", 500, "its log says why")])
def test_failures_are_answered(path: str, status: int, words: str, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal says its words; a bug says nothing of itself to the client, and everything to the log."""
    answered = ask(scope(path))
    assert answered[0] == status
    assert words in answered[2].decode()
    assert ("ZeroDivisionError" in caplog.text) is (status == 500)


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    """The limit is noticed while the body arrives."""
    assert ask(scope("/api/x", method="POST"), bytes(3 * 2**20), bytes(3 * 2**20))[0] == 413


def test_head_sends_the_length_only() -> None:
    """The body stays away, its length does not."""
    status, headers, body = ask(scope("/four", method="HEAD"))
    assert (status, headers["content-length"], body) == (200, "5", b"")


def test_requests_wait_until_the_network_is_loaded() -> None:
    """A request that comes early is answered once somebody can."""

    async def run() -> bytes:
        application = Application()
        answers: list[bytes] = []

        async def early() -> None:
            answers.append((await exchange(application, scope("/early")))[2])

        with anyio.fail_after(LIMIT_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(early)
                await anyio.lowlevel.checkpoint()
                assert not answers
                application.serve(Handlers(api, gateway))
        return answers[0]

    assert anyio.run(run) == b"/early"
