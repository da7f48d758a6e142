"""The control channel: whom it answers, and what it makes of what it is told."""

import json
from collections.abc import Mapping, MutableMapping
from typing import Any

import anyio
import pytest

from orchestrator.errors import StoreError
from orchestrator.replica.control import MAX_CONTROL_BODY_BYTES, ControlApplication, ControlError

TOKEN = "5ec2e7" * 10
GOOD = ((b"host", b"127.0.0.1:4944"), (b"authorization", f"Bearer {TOKEN}".encode()))


async def stop(content: Mapping[str, object]) -> Mapping[str, object]:
    """Say what was asked."""
    return {"stopping": dict(content)}


async def fail(content: Mapping[str, object]) -> Mapping[str, object]:
    """Fail as told."""
    failures: dict[object, Exception] = {
        "refuse": ControlError(409, "not now"),
        "disk": StoreError("cannot write", slug="store/write", detail="No space left on device"),
        "bug": ZeroDivisionError(),
    }
    raise failures[content["how"]]


def ask(
    path: str, body: bytes = b"", *, method: str = "POST", headers: tuple[tuple[bytes, bytes], ...] = GOOD
) -> tuple[int, dict[str, object], dict[bytes, bytes]]:
    """Send one request to a network that is loaded; return status, content and headers of the answer."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        application = ControlApplication(TOKEN, {"/stop": stop})
        application.serve({"/fail": fail})
        await application({"type": "http", "method": method, "path": path, "headers": list(headers)}, receive, send)

    anyio.run(run)
    return sent[0]["status"], json.loads(sent[1]["body"]), dict(sent[0]["headers"])


def test_the_owner_is_answered() -> None:
    """With the token a route gets the object that was sent, and its answer comes back as JSON."""
    status, content, headers = ask("/stop", b'{"now": true}')
    assert (status, content) == (200, {"stopping": {"now": True}})
    assert headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 403),
        (GOOD[:1], 401),
        ((GOOD[0], (b"authorization", b"Bearer ")), 401),
        ((GOOD[0], (b"authorization", TOKEN.encode())), 401),
        ((GOOD[0], (b"authorization", GOOD[1][1][:-1])), 401),
        ((GOOD[0], (b"authorization", GOOD[1][1] + b"\xff")), 401),
        ((*GOOD, (b"origin", b"http://127.0.0.1:4944")), 403),
        ((*GOOD, (b"origin", b"null")), 403),
        ((*GOOD, (b"sec-fetch-site", b"same-origin")), 403),
        (((b"host", b"rebound.example:4944"), GOOD[1]), 403),
        (((b"host", b"127.0.0.1.example:4944"), GOOD[1]), 403),
        (((b"host", b""), GOOD[1]), 403),
    ],
    ids=["nothing", "no token", "empty", "no scheme", "short", "long", "origin", "null origin", "fetch", "rebound", "suffix", "no host"],
)
def test_nobody_else_is(headers: tuple[tuple[bytes, bytes], ...], status: int) -> None:
    """Without the exact token, from a web page, or under another name: refused, and no page may read why."""
    found, content, answered = ask("/stop", headers=headers)
    assert (found, list(content)) == (status, ["error"])
    assert not any(name.startswith(b"access-control") for name in answered)


def test_a_preflight_is_refused() -> None:
    """A browser that asks beforehand learns that it may not."""
    asked = (*GOOD[:1], (b"origin", b"http://evil.example"), (b"access-control-request-method", b"POST"))
    status, _, answered = ask("/stop", method="OPTIONS", headers=asked)
    assert status == 403
    assert not any(name.startswith(b"access-control") for name in answered)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/nothing", b"", 404, "/nothing"),
        ("/stop", b"[1]", 400, "object"),
        ("/stop", b"{", 400, "JSON"),
        ("/stop", b"[" * 100_000, 400, "JSON"),
        ("/stop", b" " * (MAX_CONTROL_BODY_BYTES + 1), 413, "bytes"),
        ("/fail", b'{"how": "refuse"}', 409, "not now"),
        ("/fail", b'{"how": "disk"}', 507, "No space left on device"),
        ("/fail", b'{"how": "bug"}', 500, "its log says why"),
    ],
    ids=["path", "list", "cut off", "deep", "large", "refused", "disk", "bug"],
)
def test_what_goes_wrong_is_told_in_words(path: str, body: bytes, status: int, words: str) -> None:
    """Every failure is a status and one line; none ends the channel."""
    found, content, _ = ask(path, body)
    assert found == status
    assert words in str(content["error"])


def test_reading_is_not_offered() -> None:
    """A plain GET, which a browser sends by itself, does nothing."""
    assert ask("/stop", method="GET")[0] == 405
