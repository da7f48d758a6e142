"""A file server that does what real ones do on bad days, answer by answer.

with faulty_server(Answer(status=500), Answer(body=b"...", cut=3), Answer(body=b"...")) as server:
    ...  # the first request fails, the second is cut off after three bytes, all further ones get the last answer
    assert server.requests[1].headers["range"] == "bytes=3-"
"""

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Answer", "FaultyServer", "Request", "faulty_server"]

_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    `etag` lets clients ask for the rest of `body` (unless `ranges` is false). The connection is reset after `cut` bytes of
    what is sent, or closed when `polite`. `claimed` is a Content-Length that need not be true; `None` sends none.
    `hold` is waited for after the first byte of the body, `after` when all of it has been sent.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    ranges: bool = True
    cut: int | None = None
    polite: bool = False
    claimed: int | Literal["body"] | None = "body"
    hold: threading.Event | None = None
    after: threading.Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked for; names of headers are in lower case."""

    target: str
    headers: Mapping[str, str]


class FaultyServer(socketserver.ThreadingTCPServer):
    """Gives its answers in order, and the last one again and again; keeps what it was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        """Listen on a port that the system chooses."""
        super().__init__(("127.0.0.1", 0), _Connection)
        self.requests: list[Request] = []
        self._answers = answers
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Return the address of a file on it."""
        return f"http://127.0.0.1:{self.server_address[1]}/plugin.wasm"

    def next_answer(self, request: Request) -> Answer:
        """Keep a request and return what answers it."""
        with self._lock:
            self.requests.append(request)
            return self._answers[min(len(self.requests), len(self._answers)) - 1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that leave early."""


class _Connection(socketserver.StreamRequestHandler):
    server: FaultyServer

    def handle(self) -> None:
        """Answer one request."""
        request = self._read()
        if request is None:
            return
        answer = self.server.next_answer(request)
        status, headers, body = answer.status, dict(answer.headers), answer.body
        if answer.etag is not None:
            headers["ETag"] = answer.etag
            first = request.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
            if answer.ranges and first.isdecimal() and request.headers.get("if-range") == answer.etag:
                status, body = 206, answer.body[int(first) :]
                headers["Content-Range"] = f"bytes {first}-{len(answer.body) - 1}/{len(answer.body)}"
        if answer.claimed is not None:
            headers["Content-Length"] = str(len(body) if answer.claimed == "body" else answer.claimed)
        head = [f"HTTP/1.1 {status} Said", "Connection: close", *(f"{name}: {value}" for name, value in headers.items())]
        self.wfile.write(("\r\n".join(head) + "\r\n\r\n").encode())
        self._send(answer, body)

    def _read(self) -> Request | None:
        first = self.rfile.readline().split()
        if not first:
            return None
        headers = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Request(target=first[1].decode(), headers=headers)

    def _send(self, answer: Answer, body: bytes) -> None:
        if answer.hold is not None:
            self.wfile.write(body[:1])
            answer.hold.wait(30)
            body = body[1:]
        self.wfile.write(body if answer.cut is None else body[: answer.cut])
        if answer.after is not None:
            answer.after.wait(30)
        if answer.cut is not None and not answer.polite:
            # The connection ends with a reset instead of in good order.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


@contextmanager
def faulty_server(*answers: Answer) -> Iterator[FaultyServer]:
    """Run a server while the block lasts."""
    with FaultyServer(answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
