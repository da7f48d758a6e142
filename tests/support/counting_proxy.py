"""A proxy before a network that counts the update calls that pass, so that nobody has to take the client's word.

with counting_proxy(port) as proxy:
    ...  # talk to 127.0.0.1:proxy.port
    assert proxy.update_calls == 0
"""

import re
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["CountingProxy", "counting_proxy"]

_RECEIVE_BYTES = 65_536
_CALL = re.compile(rb"POST /api/v\d/canister/[a-z0-9-]+/call HTTP")


class CountingProxy(socketserver.ThreadingTCPServer):
    """Passes bytes on to `127.0.0.1:target`, and counts the requests for update calls among them."""

    daemon_threads = True

    def __init__(self, target: int) -> None:
        """Listen on a port that the system chooses."""
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = target
        self._lock = threading.Lock()
        self._update_calls = 0

    @property
    def port(self) -> int:
        """Return where it listens."""
        return int(self.server_address[1])

    @property
    def update_calls(self) -> int:
        """Return how many update calls have passed."""
        with self._lock:
            return self._update_calls

    def count(self, calls: int) -> None:
        """Count calls that were seen."""
        with self._lock:
            self._update_calls += calls


class _Connection(socketserver.BaseRequestHandler):
    """One client's connection."""

    server: CountingProxy
    request: socket.socket

    def handle(self) -> None:
        """Pass bytes both ways until either side ends."""
        sent = bytearray()
        counted = 0
        with socket.create_connection(("127.0.0.1", self.server.target)) as network:
            while True:
                ready, _, _ = select.select([self.request, network], [], [])
                for source in ready:
                    data = source.recv(_RECEIVE_BYTES)
                    if not data:
                        return
                    if source is self.request:
                        sent += data
                        seen = len(_CALL.findall(sent))
                        self.server.count(seen - counted)
                        counted = seen
                    (network if source is self.request else self.request).sendall(data)


@contextmanager
def counting_proxy(target: int) -> Iterator[CountingProxy]:
    """Run a proxy before the port `target` while the block lasts."""
    with CountingProxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
