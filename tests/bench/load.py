"""A load generator that is not the bottleneck: requests signed beforehand, raw sockets, a process of its own.

Each connection has one request under way at a time; a selector drives all of them. Answers are read to their
end and their status is looked at, but nothing is verified.
"""

import multiprocessing
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.measuring import percentile

__all__ = ["Load", "frame", "run_load"]

RECEIVE_BYTES = 1 << 18
TIMEOUT_SECONDS = 60.0
_END, _LENGTH = b"\r\n\r\n", b"\r\ncontent-length: "


@dataclass(frozen=True, slots=True)
class Load:
    """What sending a number of requests took: `latencies` of each, and `seconds` in all."""

    latencies: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def at(self, share: float) -> float:
        """Return the latency below which `share` (0 to 1) of the requests lie, in seconds."""
        return percentile(self.latencies, share)


def frame(path: str, body: bytes) -> bytes:
    """Return a request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/cbor\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run_load(port: int, requests: Sequence[bytes], *, connections: int = 1, status: int = 200) -> Load:
    """Send requests from another process, over this many connections at once; raises `RuntimeError` when one gets another status."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_send_all, (port, list(requests), connections, b"HTTP/1.1 %d " % status))


@dataclass(slots=True)
class _Connection:
    """A socket, when its request was sent, and what has come of the answer."""

    socket: socket.socket
    begun: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def begin(self, request: bytes) -> None:
        self.received.clear()
        self.begun = time.perf_counter()
        self.socket.sendall(request)

    def has_answer(self, status: bytes) -> bool:
        """Read what is there, and say if that completes the answer; raises `RuntimeError` for another status line."""
        self.received += self.socket.recv(RECEIVE_BYTES)
        head = self.received.find(_END)
        if head < 0:
            return False
        if not self.received.startswith(status):
            raise RuntimeError(f"answered with {bytes(self.received[:200])!r}")
        start = self.received.find(_LENGTH, 0, head) + len(_LENGTH)
        length = int(self.received[start : self.received.find(b"\r\n", start)])
        return len(self.received) >= head + len(_END) + length


def _send_all(port: int, requests: list[bytes], connections: int, status: bytes) -> Load:
    waiting, latencies = deque(requests), list[float]()
    with selectors.DefaultSelector() as selector:
        open_connections = [_Connection(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
        for connection in open_connections:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        start = time.perf_counter()
        for connection in open_connections[: len(waiting)]:
            connection.begin(waiting.popleft())
        while len(latencies) < len(requests):
            ready = selector.select(TIMEOUT_SECONDS)
            if not ready:
                raise RuntimeError("the network does not answer")
            for key, _ in ready:
                connection = key.data
                if connection.has_answer(status):
                    latencies.append(time.perf_counter() - connection.begun)
                    if waiting:
                        connection.begin(waiting.popleft())
        seconds = time.perf_counter() - start
        for connection in open_connections:
            connection.socket.close()
    return Load(latencies, seconds)
