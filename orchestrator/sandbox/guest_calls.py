"""Answers what a plugin asks of its host inside its worker process: canister calls, by asking the tool, and its options.

Of other packages it imports wasmtime alone: the worker loads this module.
"""

import os
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, Final

from wasmtime import WasmtimeError
from wasmtime.component import Linker, Variant

from orchestrator.sandbox.capture import CapturedStream
from orchestrator.sandbox.channel import Channel
from orchestrator.sandbox.frames import Batch, Call, ReadSection, Reply
from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_BATCH_BYTES, MAX_BATCH_CALLS, MAX_METHOD_BYTES, excess_text
from orchestrator.sandbox.meter import Meter
from orchestrator.sandbox.threads import BUG_STATUS

__all__ = ["GuestCalls"]

_Asked = tuple[bytes, bytes, bool, bool, int]
"""Method, argument, whether it is a query, direct, cycles."""
_ENTRY: Final = Struct("<IIIIBB6xQ")
"""A call in the table of a wrapped batch, as `shim.wat` describes it."""
_RESULT: Final = Struct("<III")
"""A result in the answer to a wrapped batch: 0 for ok or 1 for err, start, length."""
_SHIM_BASE: Final = 64
"""The address in the shim's memory at which what it hands over begins."""


def _excess(method_size: int, argument_size: int) -> Reply | None:
    """Refuse a call that is too long."""
    if argument_size > MAX_ARGUMENT_BYTES:
        return _error(excess_text("the argument", argument_size, MAX_ARGUMENT_BYTES))
    if method_size > MAX_METHOD_BYTES:
        return _error(excess_text("the method's name", method_size, MAX_METHOD_BYTES))
    return None


def _excess_of(asked: _Asked) -> Reply | None:
    return _excess(len(asked[0]), len(asked[1]))


def _error(text: str) -> Reply:
    return Reply(accepted=False, payload=text.encode())


def _batch_excess(count: int, size: int) -> Reply | None:
    """Refuse a batch of `count` calls in `size` bytes that is too large."""
    if count > MAX_BATCH_CALLS:
        over = f"a batch of {count} calls is {count - MAX_BATCH_CALLS} over the limit of {MAX_BATCH_CALLS}"
    elif size > MAX_BATCH_BYTES:
        over = f"a batch of {size} bytes is {size - MAX_BATCH_BYTES} over the limit of {MAX_BATCH_BYTES}"
    else:
        return None
    return _error(f"canister call failed: {over}, and none of it was made; make several batches of it")


def _frame(asked: _Asked, target: str | None = None) -> Call:
    method, argument, query, direct, cycles = asked
    return Call(method=method.decode(), argument=argument, query=query, direct=direct, cycles=cycles, target=target)


def _from_record(request: Any) -> _Asked:
    fields = vars(request)
    return fields["method"].encode(), fields["arg"], fields["call-type"] == "query", fields["direct"], fields["cycles"]


def _from_table(memory: bytes, table: int, count: int) -> Iterator[_Asked]:
    for method, method_length, argument, argument_length, call_type, direct, cycles in _ENTRY.iter_unpack(
        memory[table : table + count * _ENTRY.size]
    ):
        yield (
            memory[method - _SHIM_BASE : method - _SHIM_BASE + method_length] if method_length else b"",
            memory[argument - _SHIM_BASE : argument - _SHIM_BASE + argument_length] if argument_length else b"",
            call_type == 1,
            direct == 1,
            cycles,
        )


def _to_table(replies: list[Reply]) -> str:
    start = len(replies) * _RESULT.size
    table, payloads = bytearray(), []
    for reply in replies:
        table += _RESULT.pack(not reply.accepted, start, len(reply.payload))
        payloads.append(reply.payload)
        start += len(reply.payload)
    return b"".join((table, *payloads)).hex()


def _target(kind: int, name: str) -> str | None:
    """Read the target of a wrapped call of 0.2: `None` is the canister being synced."""
    return name if kind else None


def _to_variant(reply: Reply) -> Variant:
    return Variant("ok", reply.payload.hex()) if reply.accepted else Variant("err", reply.payload.decode())


def _to_value(reply: Reply) -> bytes | str:
    """Make what wasmtime takes for a result: bytes are ok, `str` is the error."""
    return reply.payload if reply.accepted else reply.payload.decode()


class GuestCalls:
    """Answers the functions of the plugin's world."""

    def __init__(
        self, channel: Channel, streams: tuple[CapturedStream, ...], meter: Meter, *, options: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Take the way to the tool, the streams told before a call, the meter that stands still during one, the options."""
        self._channel = channel
        self._streams = streams
        self._meter = meter
        self._options = options

    def define(self, linker: Linker, *, wrapped: bool) -> None:
        """Give the linker the functions that a plugin may import, and those of the component around a wrapped one."""
        with linker.root() as root:
            root.add_func("canister-call", self.plain)
            root.add_func("canister-call-batch", self.plain_batch)
            root.add_func("canister-metadata-section", self.plain_section)
            root.add_func("options", self.options)
            if wrapped:
                root.add_func("orchestrator-call", self.wrapped)
                root.add_func("orchestrator-call-batch", self.wrapped_batch)
                root.add_func("orchestrator-targeted-call", self.wrapped_with_target)
                root.add_func("orchestrator-section", self.wrapped_section)

    def options(self, _store: object) -> list[tuple[str, str]]:
        """Answer the options of the command line."""
        return list(self._options)

    def wrapped(
        self,
        _store: object,
        method: str,
        argument: str,
        call_type: int,
        direct: bool,  # noqa: FBT001 - wasmtime passes a call's fields one by one
        cycles: int,
        *sizes: int,
        target: str | None = None,
    ) -> Variant:
        """Answer a wrapped plugin: bytes come and go as hexadecimal text, `sizes` are those of method and argument."""
        with self._meter.elsewhere():
            asked = (method.encode(), bytes.fromhex(argument), call_type == 1, direct, cycles)
            return _to_variant(_excess(*sizes) or self._ask(asked, target))

    def wrapped_with_target(self, store: object, kind: int, target: str, method: str, argument: str, *rest: int) -> Variant:
        """Answer a wrapped plugin of 0.2: a call as above, after the canister it goes to."""
        call_type, direct, cycles, *sizes = rest
        return self.wrapped(store, method, argument, call_type, bool(direct), cycles, *sizes, target=_target(kind, target))

    def wrapped_section(self, _store: object, kind: int, target: str, name: str, direct: bool) -> Variant:  # noqa: FBT001 - as above
        """Answer a wrapped plugin of 0.2 that asks for a section of a module, as `shim-0.2-section.wat` describes it."""
        with self._meter.elsewhere():
            return _to_variant(self._ask_section(_target(kind, target), name, direct=direct))

    def wrapped_batch(self, _store: object, memory: str, table: int, count: int, size: int) -> str:
        """Answer a wrapped plugin's batch, as `shim.wat` describes it."""
        with self._meter.elsewhere():
            refused = _batch_excess(count, size)
            if refused is not None:
                entry = _RESULT.pack(1, count * _RESULT.size, len(refused.payload))
                return (entry * count + refused.payload).hex()
            return _to_table(self._ask_batch(list(_from_table(bytes.fromhex(memory), table, count))))

    def plain(self, _store: object, request: Any) -> bytes | str:
        """Answer a plugin that is not wrapped; `str` is the error."""
        with self._meter.elsewhere():
            asked = _from_record(request)
            return _to_value(_excess_of(asked) or self._ask(asked, vars(request).get("target")))

    def plain_section(self, _store: object, request: Any) -> bytes | None:
        """Answer a plugin of 0.2 that is not wrapped; an error ends it, because wasmtime's Python package cannot return one."""
        with self._meter.elsewhere():
            fields = vars(request)
            reply = self._ask_section(fields["target"], fields["name"], direct=fields["direct"])
            if not reply.accepted:
                raise WasmtimeError(reply.payload.decode())
            return reply.payload[1:] if reply.payload[0] else None

    def plain_batch(self, _store: object, requests: list[Any]) -> list[bytes | str]:
        """Answer the batch of a plugin that is not wrapped."""
        with self._meter.elsewhere():
            batch = [_from_record(request) for request in requests]
            refused = _batch_excess(len(batch), sum(len(method) + len(argument) + _ENTRY.size for method, argument, *_ in batch))
            return [_to_value(reply) for reply in ([refused] * len(batch) if refused else self._ask_batch(batch))]

    def _ask(self, asked: _Asked, target: str | None) -> Reply:
        return self._exchange([_frame(asked, target)], 1)[0]

    def _ask_section(self, target: str | None, name: str, *, direct: bool) -> Reply:
        return self._exchange([ReadSection(target=target, name=name, direct=direct)], 1)[0]

    def _ask_batch(self, batch: list[_Asked]) -> list[Reply]:
        refused = [_excess_of(asked) for asked in batch]
        wanted = [_frame(asked) for asked, refusal in zip(batch, refused, strict=True) if refusal is None]
        replies = iter(self._exchange([Batch(count=len(wanted)), *wanted], len(wanted)) if wanted else ())
        return [refusal or next(replies) for refusal in refused]

    def _exchange(self, frames: Sequence[Batch | Call | ReadSection], count: int) -> list[Reply]:
        """Tell the tool what is wanted, then take the replies."""
        try:
            for stream in self._streams:
                stream.drain()  # what was written before a call is told before it
            for frame in frames:
                self._channel.send(frame)
            return [self._reply() for _ in range(count)]
        except (EOFError, OSError):
            os._exit(1)

    def _reply(self) -> Reply:
        reply = self._channel.receive()
        if not isinstance(reply, Reply):
            os._exit(BUG_STATUS)
        return reply
