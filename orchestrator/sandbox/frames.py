"""What the tool and a plugin's processes say to each other over a pipe.

A frame is one byte of kind, the body's length as an unsigned 32-bit little-endian number, and the body.
A body is the frame's fields in the order of its class, nothing between and nothing after them:

    bool      one byte, 0 or 1
    int       eight bytes, unsigned, little-endian
    bytes     a 32-bit length, then the bytes
    str       as bytes, UTF-8
    optional  a bool, then the value if it is true
    tuple     a 32-bit count, then the items; a pair is its two values, a triple its three

Nothing in a frame names a type or a callable, so whatever a worker sends is at worst a wrong value. A
frame longer than the receiver's cap, of an unknown kind, or with a byte too few or too many is a
`FrameError`. Imports nothing beyond the standard library: a worker process loads this module.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final

__all__ = [
    "HEADER_BYTES",
    "MAX_ANSWER_BYTES",
    "MAX_ORDER_BYTES",
    "Batch",
    "Call",
    "Compile",
    "Compiled",
    "Done",
    "Frame",
    "FrameError",
    "Output",
    "Pulse",
    "ReadSection",
    "Refused",
    "Reply",
    "Start",
    "decode",
    "encode",
    "parse_header",
    "read_frame",
    "write_frame",
]

HEADER_BYTES: Final = 5
MAX_ANSWER_BYTES: Final = 8 << 20
"""The longest body the tool accepts from a process it started."""
MAX_ORDER_BYTES: Final = 1 << 30
"""The longest body a process accepts from the tool: a component or the declared files travel in one frame."""

_HEADER: Final = struct.Struct("<BI")
_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")


class FrameError(Exception):
    """Raised when bytes on the pipe are not a frame that the receiver expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """Tool to compiler: compile `component` into `directory` under the name `stem`; `wrap` asks for the fast path."""

    kind: ClassVar[int] = 1
    schema: ClassVar[tuple[str, ...]] = ("bytes", "str", "str", "bool")
    component: bytes
    directory: str
    stem: str
    wrap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Tool to worker: run the artifact.

    A directory is (guest, host, device and inode as `D:I`, or nothing where any will do), a file is (name, content),
    an option or field (name, value), a canister id (name, principal). What follows `memory_bytes` is for 0.2, where each
    directory and file has a key.
    """

    kind: ClassVar[int] = 2
    schema: ClassVar[tuple[str, ...]] = (
        *("str", "bool", "int", "str", "str", "str", "str?", "triples", "pairs", "pairs", "int", "int"),
        *("str", "str?", "texts", "texts", "pairs", "pairs"),
    )
    artifact: str
    wrapped: bool
    parent_pid: int
    canister_id: str
    environment: str
    identity_principal: str
    proxy_canister_id: str | None
    directories: tuple[tuple[str, str, str], ...]
    files: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    compute_ns: int
    memory_bytes: int
    api_url: str = ""
    gateway_url: str | None = None
    directory_keys: tuple[str, ...] = ()
    file_keys: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    canister_ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Tool to worker: a canister's reply, or (not `accepted`) the UTF-8 text of why there is none.

    The reply to `ReadSection` is a byte 1 and the section, or a byte 0 alone where there is none.
    """

    kind: ClassVar[int] = 3
    schema: ClassVar[tuple[str, ...]] = ("bool", "bytes")
    accepted: bool
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Compiler to tool: the artifact's path, and whether the wrapping component is in it."""

    kind: ClassVar[int] = 16
    schema: ClassVar[tuple[str, ...]] = ("str", "bool")
    artifact: str
    wrapped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Compiler or worker to tool: this component is not run, and why. `detail` and `hint` may be empty."""

    kind: ClassVar[int] = 17
    schema: ClassVar[tuple[str, ...]] = ("str", "str", "str", "str")
    slug: str
    summary: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Worker to tool: bytes the plugin wrote, to stderr or (not `stderr`) to stdout."""

    kind: ClassVar[int] = 18
    schema: ClassVar[tuple[str, ...]] = ("bool", "bytes")
    stderr: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Worker to tool: the plugin's canister call; exactly one `Reply` answers it. Without a `target` it is the synced canister's."""

    kind: ClassVar[int] = 19
    schema: ClassVar[tuple[str, ...]] = ("str", "bytes", "bool", "bool", "int", "str?")
    method: str
    argument: bytes
    query: bool
    direct: bool
    cycles: int
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSection:
    """Worker to tool: the plugin asks for a custom section of a canister's module; exactly one `Reply` answers it."""

    kind: ClassVar[int] = 23
    schema: ClassVar[tuple[str, ...]] = ("str?", "str", "bool")
    target: str | None
    name: str
    direct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Worker to tool: the next `count` frames are `Call`s, which may be made in any order; as many `Reply`s answer them, in theirs."""

    kind: ClassVar[int] = 21
    schema: ClassVar[tuple[str, ...]] = ("int",)
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Worker to tool, now and then: what the plugin has computed, how long it has given no sign of life, its peak of memory.

    `dropped_*` count the bytes of output beyond the cap so far.
    """

    kind: ClassVar[int] = 22
    schema: ClassVar[tuple[str, ...]] = ("int", "int", "int", "int", "int")
    compute_ns: int
    quiet_ns: int
    peak_bytes: int
    dropped_stdout: int = 0
    dropped_stderr: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Worker to tool, the last frame: how the run ended and what it used.

    `ending` is one of `ok`, `err`, `fault`, `exit`, `compute`, `memory`, `pipe` (`text` is its path),
    `artifact`; `text` is the guest's
    error or wasmtime's message; `dropped_*` count the bytes of output beyond the cap; `linear_bytes` is the
    memory that the plugin's linear memories had taken at the end (0 where the system does not tell).
    """

    kind: ClassVar[int] = 20
    schema: ClassVar[tuple[str, ...]] = ("str", "str", "int", "int", "int", "int", "int")
    ending: str
    text: str
    compute_ns: int
    peak_bytes: int
    linear_bytes: int
    dropped_stdout: int
    dropped_stderr: int


Frame = Compile | Start | Reply | Compiled | Refused | Output | Call | ReadSection | Batch | Pulse | Done
_KINDS: Final[dict[int, type[Frame]]] = {
    frame.kind: frame for frame in (Compile, Start, Reply, Compiled, Refused, Output, Call, ReadSection, Batch, Pulse, Done)
}


def _pack_bytes(value: bytes) -> list[bytes]:
    return [_U32.pack(len(value)), value]


def _pack_text(value: str) -> list[bytes]:
    return _pack_bytes(value.encode("utf-8", "replace"))


def _pack_optional(value: str | None) -> list[bytes]:
    return [b"\0"] if value is None else [b"\1", *_pack_text(value)]


def _pack_rows(value: tuple[tuple[str, ...], ...]) -> list[bytes]:
    return [_U32.pack(len(value)), *(part for row in value for item in row for part in _pack_text(item))]


_PACK: Final[dict[str, Callable[[Any], list[bytes]]]] = {
    "bool": lambda value: [b"\1" if value else b"\0"],
    "int": lambda value: [_U64.pack(value)],
    "bytes": _pack_bytes,
    "str": _pack_text,
    "str?": _pack_optional,
    "texts": lambda value: _pack_rows(tuple((text,) for text in value)),
    "pairs": _pack_rows,
    "triples": _pack_rows,
}


class _Fields:
    """Takes the fields of one body, front to back."""

    __slots__ = ("_body", "_position")

    def __init__(self, body: bytes | bytearray) -> None:
        self._body = memoryview(body)
        self._position = 0

    def take(self, count: int) -> memoryview:
        end = self._position + count
        if end > len(self._body):
            raise FrameError("a frame ends in the middle of a field")
        part = self._body[self._position : end]
        self._position = end
        return part

    def boolean(self) -> bool:
        value = self.take(1)[0]
        if value > 1:
            raise FrameError(f"a frame has {value} where a bool belongs")
        return value == 1

    def number(self) -> int:
        return int(_U64.unpack(self.take(8))[0])

    def count(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def raw(self) -> bytes:
        return bytes(self.take(self.count()))

    def text(self) -> str:
        try:
            return str(self.take(self.count()), "utf-8")
        except UnicodeDecodeError as error:
            raise FrameError("a frame has text that is not UTF-8") from error

    def optional(self) -> str | None:
        return self.text() if self.boolean() else None

    def texts(self) -> tuple[str, ...]:
        return tuple(self.text() for _ in range(self.count()))

    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple((self.text(), self.text()) for _ in range(self.count()))

    def triples(self) -> tuple[tuple[str, str, str], ...]:
        return tuple((self.text(), self.text(), self.text()) for _ in range(self.count()))

    def end(self) -> None:
        if self._position != len(self._body):
            raise FrameError(f"a frame has {len(self._body) - self._position} bytes after its last field")


_TAKE: Final[dict[str, Callable[[_Fields], object]]] = {
    "bool": _Fields.boolean,
    "int": _Fields.number,
    "bytes": _Fields.raw,
    "str": _Fields.text,
    "str?": _Fields.optional,
    "texts": _Fields.texts,
    "pairs": _Fields.pairs,
    "triples": _Fields.triples,
}


def encode(frame: Frame) -> bytes:
    """Give the frame's bytes, header included."""
    parts = [part for field, shape in zip(fields(frame), frame.schema, strict=True) for part in _PACK[shape](getattr(frame, field.name))]
    return b"".join((_HEADER.pack(frame.kind, sum(map(len, parts))), *parts))


def decode(kind: int, body: bytes | bytearray) -> Frame:
    """Read the frame of one header and body; raises `FrameError` for anything else."""
    frame = _KINDS.get(kind)
    if frame is None:
        raise FrameError(f"a frame of the unknown kind {kind}")
    cursor = _Fields(body)
    values: dict[str, Any] = {field.name: _TAKE[shape](cursor) for field, shape in zip(fields(frame), frame.schema, strict=True)}
    cursor.end()
    return frame(**values)


def parse_header(header: bytes | bytearray, cap: int) -> tuple[int, int]:
    """Kind and body length of a header of `HEADER_BYTES` bytes; a length above `cap` is a `FrameError`."""
    kind, length = _HEADER.unpack(header)
    if length > cap:
        raise FrameError(f"a frame of {length} bytes, where at most {cap} are allowed")
    return kind, length


def _read_exactly(descriptor: int, count: int) -> bytearray:
    whole = bytearray(count)
    rest = memoryview(whole)
    while rest:
        size = os.readv(descriptor, [rest])
        if not size:
            raise EOFError
        rest = rest[size:]
    return whole


def read_frame(descriptor: int, cap: int = MAX_ORDER_BYTES) -> Frame:
    """Block until one frame has arrived; `EOFError` when the other end has closed the pipe."""
    kind, length = parse_header(_read_exactly(descriptor, HEADER_BYTES), cap)
    return decode(kind, _read_exactly(descriptor, length))


def write_frame(descriptor: int, frame: Frame) -> None:
    """Block until the whole frame has been written."""
    data = memoryview(encode(frame))
    while data:
        data = data[os.write(descriptor, data) :]
