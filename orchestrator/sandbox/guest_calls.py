"""Answers a plugin's canister calls inside its worker process, by asking the tool.

Of other packages it imports wasmtime alone: the worker loads this module.
"""

import os
from typing import Any, Final

from wasmtime.component import Variant

from orchestrator.sandbox.capture import CapturedStream
from orchestrator.sandbox.channel import Channel
from orchestrator.sandbox.frames import Call, Reply
from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_METHOD_BYTES
from orchestrator.sandbox.meter import Meter

__all__ = ["BUG_STATUS", "GuestCalls"]

BUG_STATUS: Final = 70
"""The status of a process that was told what it cannot understand."""


class GuestCalls:
    """Answers the plugin's `canister-call` by asking the tool."""

    def __init__(self, channel: Channel, streams: tuple[CapturedStream, ...], meter: Meter) -> None:
        """Take the way to the tool, the streams that are told before a call, and the meter that stands still during one."""
        self._channel = channel
        self._streams = streams
        self._meter = meter

    def wrapped(self, _store: object, method: str, argument: str, call_type: int, direct: bool, cycles: int) -> Variant:  # noqa: FBT001 - wasmtime calls it
        """Answer a wrapped plugin: bytes come and go as Latin-1 text."""
        with self._meter.elsewhere():
            accepted, payload = self._ask(
                method.encode("latin-1"), argument.encode("latin-1"), query=call_type == 1, direct=direct, cycles=cycles
            )
            return Variant("ok" if accepted else "err", payload.decode("latin-1"))

    def plain(self, _store: object, request: Any) -> bytes | str:
        """Answer a plugin that is not wrapped; `str` is the error."""
        with self._meter.elsewhere():
            fields = vars(request)
            accepted, payload = self._ask(
                fields["method"].encode(),
                fields["arg"],
                query=fields["call-type"] == "query",
                direct=fields["direct"],
                cycles=fields["cycles"],
            )
            return payload if accepted else payload.decode()

    def _ask(self, method: bytes, argument: bytes, *, query: bool, direct: bool, cycles: int) -> tuple[bool, bytes]:
        if len(argument) > MAX_ARGUMENT_BYTES:
            return False, f"canister call failed: the argument is longer than {MAX_ARGUMENT_BYTES} bytes".encode()
        if len(method) > MAX_METHOD_BYTES:
            return False, f"canister call failed: the method's name is longer than {MAX_METHOD_BYTES} bytes".encode()
        try:
            for stream in self._streams:
                stream.drain()  # what was written before a call is told before it
            self._channel.send(Call(method=method.decode(), argument=argument, query=query, direct=direct, cycles=cycles))
            reply = self._channel.receive()
        except (EOFError, OSError):
            os._exit(1)
        if not isinstance(reply, Reply):
            os._exit(BUG_STATUS)
        return reply.accepted, reply.payload
