"""uvicorn's HTTP protocol, sending a response's head and body at once, and working for nobody who has left.

It writes them one after the other, and every write is a system call that wakes the client: for small responses
that is a good part of the time that a query takes.
"""

import asyncio
from collections.abc import Iterable

import anyio
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from orchestrator.replica.http.exchange import WAITING_EXTENSION

__all__ = ["MAX_HEAD_BYTES", "MAX_JOINED_BYTES", "MAX_REQUEST_SECONDS", "JoiningProtocol", "JoiningTransport"]

MAX_JOINED_BYTES = 64 * 1024
"""Writes are kept back, until the loop's next turn, while they are together no longer than this, in bytes."""
MAX_HEAD_BYTES = 64 * 1024
"""Of a request's first line and headers; whoever sends more before the body is cut off."""
MAX_REQUEST_SECONDS = 30.0
"""How long a client may take to send a request, from the connection or the request's first byte to its last."""


class JoiningTransport(asyncio.Transport):
    """Passes everything on to a transport, small writes of one turn of the loop together."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Take the transport and the loop that it belongs to."""
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes until the next turn, unless they have become many."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(bytes(data))
        self._size += len(data)
        if self._size > MAX_JOINED_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._parts and not self._inner.is_closing():
            self._inner.write(b"".join(self._parts) if len(self._parts) > 1 else self._parts[0])
        self._parts, self._size = [], 0

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Write one after the other."""
        for data in list_of_data:
            self.write(data)

    def close(self) -> None:
        """Send what is kept, then close."""
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        """Close without sending."""
        self._inner.abort()

    def is_closing(self) -> bool:
        """Say if the connection is being closed."""
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        """Take no more from the client for now."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Tell about the connection."""
        return self._inner.get_extra_info(name, default)


class JoiningProtocol(HttpToolsProtocol):
    """The protocol on a transport that joins writes; whoever does not finish a request in time is cut off."""

    request_seconds = MAX_REQUEST_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """Take the connection."""
        super().connection_made(JoiningTransport(transport, self.loop))
        self._head_bytes, self._is_in_head = 0, False
        self._waiting: set[anyio.CancelScope] = set()
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless a request's head has no end."""
        super().data_received(data)
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._cut_off()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the connection go, and what was still to be answered."""
        self._patience.cancel()
        for waiting in tuple(self._waiting):
            waiting.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {WAITING_EXTENSION: self._waiting}  # type: ignore[dict-item]  # this one is a set
        self._head_bytes, self._is_in_head = 0, True
        self._patience.cancel()
        self._await_request()

    def on_headers_complete(self) -> None:
        """Note that only the body can be missing."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a request is whole."""
        self._patience.cancel()
        super().on_message_complete()

    def _await_request(self) -> None:
        """Wait for a whole request; between two of them the server's own patience is shorter."""
        self._patience = self.loop.call_later(self.request_seconds, self._cut_off)

    def _cut_off(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()
