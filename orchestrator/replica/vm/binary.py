"""Reading and writing the WebAssembly binary format, as far as instrumenting a module needs it.

Source: WebAssembly core specification, chapter "Binary Format"; LEB128 integers, sections, limits, constant expressions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from orchestrator.replica.vm.interface import InvalidModuleError

__all__ = [
    "HEADER",
    "ExternKind",
    "Limits",
    "Reader",
    "Section",
    "SectionId",
    "encode_name",
    "encode_section",
    "encode_unsigned",
    "read_sections",
]

HEADER = b"\0asm\x01\0\0\0"
"""Magic number and version of a core module."""

_MAX_LEB_BYTES = 10
"""Length of the longest LEB128 integer (64 bits), in bytes."""


class SectionId(IntEnum):
    """Numbers of the sections that matter here."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    CODE = 10
    DATA = 11


class ExternKind(IntEnum):
    """What an import or export is."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section: its number and where its content starts and ends in the module."""

    id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a memory or table; `wide` means 64-bit indices."""

    minimum: int
    maximum: int | None
    wide: bool
    shared: bool


class Reader:
    """A cursor over a part of a module; every read past the end raises `InvalidModuleError`."""

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = start
        self.end = len(data) if end is None else end

    def byte(self) -> int:
        """Read one byte."""
        if self.at >= self.end:
            raise InvalidModuleError(f"unexpected end at byte {self.at}")
        value = self.data[self.at]
        self.at += 1
        return value

    def skip(self, count: int) -> None:
        """Move forward."""
        if count > self.end - self.at:
            raise InvalidModuleError(f"unexpected end at byte {self.end}")
        self.at += count

    def unsigned(self) -> int:
        """Read a LEB128 integer of up to 64 bits."""
        result = 0
        for index in range(_MAX_LEB_BYTES):
            value = self.byte()
            result |= (value & 0x7F) << (7 * index)
            if value < 0x80:
                return result
        raise InvalidModuleError(f"integer too long at byte {self.at}")

    def bytes(self, count: int) -> bytes:
        """Read a number of bytes."""
        start = self.at
        self.skip(count)
        return self.data[start : self.at]

    def name(self) -> str:
        """Read a name: a length and UTF-8 text."""
        raw = self.bytes(self.unsigned())
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise InvalidModuleError(f"malformed UTF-8 in a name at byte {self.at}") from error

    def limits(self) -> Limits:
        """Read the limits of a memory or table."""
        flags = self.byte()
        minimum = self.unsigned()
        maximum = self.unsigned() if flags & 1 else None
        if flags & 8:  # the custom page size proposal
            self.unsigned()
        return Limits(minimum=minimum, maximum=maximum, wide=bool(flags & 4), shared=bool(flags & 2))

    def value_type(self) -> int:
        """Read a value type; typed references carry a heap type, which is skipped."""
        kind = self.byte()
        if kind in {0x63, 0x64}:
            self.unsigned()
        return kind

    def skip_constant_expression(self) -> None:
        """Move past the initializer of a global."""
        while (opcode := self.byte()) != 0x0B:
            if opcode in {0x41, 0x42, 0x23, 0xD2, 0xD0}:  # i32.const i64.const global.get ref.func ref.null
                self.unsigned()
            elif opcode in {0x43, 0x44}:  # f32.const f64.const
                self.skip(4 if opcode == 0x43 else 8)
            elif opcode == 0xFD:  # v128.const
                if self.unsigned() != 12:
                    raise InvalidModuleError(f"constant expression with a vector instruction at byte {self.at}")
                self.skip(16)
            elif opcode not in {0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E}:  # add, sub, mul of extended constants
                raise InvalidModuleError(f"constant expression with opcode 0x{opcode:02x} at byte {self.at}")


def read_sections(module: bytes) -> Iterator[Section]:
    """Yield the sections of a module in order; raises `InvalidModuleError` when it is none."""
    if module[:4] != HEADER[:4]:
        raise InvalidModuleError("Failed to decode wasm module: unsupported canister module format")
    if module[:8] != HEADER:
        raise InvalidModuleError("Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with unknown binary version")
    reader = Reader(module, start=8)
    while reader.at < reader.end:
        number = reader.byte()
        size = reader.unsigned()
        start = reader.at
        reader.skip(size)
        yield Section(id=number, start=start, end=reader.at)


def encode_unsigned(value: int) -> bytes:
    """Encode a LEB128 integer."""
    result = bytearray()
    while value >= 0x80:
        result.append((value & 0x7F) | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def encode_name(name: str) -> bytes:
    """Encode a name."""
    raw = name.encode()
    return encode_unsigned(len(raw)) + raw


def encode_section(number: int, content: bytes) -> bytes:
    """Encode a section."""
    return bytes([number]) + encode_unsigned(len(content)) + content
