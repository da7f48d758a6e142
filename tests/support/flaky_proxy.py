"""A proxy before a network that loses update calls on their way, or the answers to them, as bad connections do.

with flaky_proxy(port, losses=[Loss.ANSWER, Loss.REQUEST]) as proxy:
    ...  # talk to 127.0.0.1:proxy.port; the first call loses its answer, the second never arrives, later ones pass
    assert proxy.lost == 2
"""

import re
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import BinaryIO

__all__ = ["FlakyProxy", "Loss", "flaky_proxy"]

_CALL = re.compile(rb"POST /api/v\d/canister/[a-z0-9-]+/call HTTP")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"
_RECEIVE_BYTES = 65_536


class Loss(Enum):
    """What becomes of a call: it never arrives, or arrives and its answer is lost."""

    REQUEST = "request"
    ANSWER = "answer"


class FlakyProxy(socketserver.ThreadingTCPServer):
    """Passes requests on to `127.0.0.1:target` one by one, and ends connections instead where `losses` say so."""

    daemon_threads = True

    def __init__(self, target: int, losses: Iterable[Loss | None]) -> None:
        """Listen on a port that the system chooses; `losses` are for the update calls in order, `None` passes one."""
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = target
        self.bodies: list[bytes] = []
        self.lost = 0
        self._losses = deque(losses)
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Return where it listens."""
        return int(self.server_address[1])

    def judge(self, head: bytes, body: bytes) -> Loss | None:
        """Say what becomes of a request, and remember the body of an update call."""
        if not _CALL.match(head):
            return None
        with self._lock:
            self.bodies.append(body)
            loss = self._losses.popleft() if self._losses else None
            self.lost += loss is not None
            return loss


class _Connection(socketserver.BaseRequestHandler):
    """One client's connection."""

    server: FlakyProxy
    request: socket.socket

    def handle(self) -> None:
        """Pass requests and answers until either side ends, or one is to be lost."""
        with socket.create_connection(("127.0.0.1", self.server.target)) as network, suppress(ConnectionError):
            ours, theirs = self.request.makefile("rb"), network.makefile("rb")
            while (asked := _read_message(ours)) is not None:
                loss = self.server.judge(*asked)
                if loss is Loss.REQUEST:
                    return
                network.sendall(b"".join(asked))
                answered = _read_message(theirs)
                if answered is None or loss is Loss.ANSWER:
                    return
                self.request.sendall(b"".join(answered))


def _read_message(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Read a head and a body of known length; `None` at the stream's end."""
    head = b""
    while not head.endswith(_END_OF_HEAD):
        line = stream.readline()
        if not line:
            return None
        head += line
    length = _LENGTH.search(head)
    return head, stream.read(int(length.group(1))) if length else b""


@contextmanager
def flaky_proxy(target: int, losses: Iterable[Loss | None]) -> Iterator[FlakyProxy]:
    """Run a proxy before the port `target` while the block lasts."""
    with FlakyProxy(target, losses) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
