"""Which tools made a component: the `producers` sections of the component and of the core modules in it.

The section is a convention of WebAssembly's toolchains (tool-conventions, ProducersSection.md): fields such as
`language` and `processed-by`, each with names and versions. It is a claim, not a proof, and whatever is not
understood is left out.
"""

from collections.abc import Iterator
from typing import Final

from orchestrator.sandbox.reports import Producer

__all__ = ["read_producers"]

MAX_SECTIONS: Final = 100_000
"""The most sections that are looked at, nested ones included."""
MAX_SECTION_BYTES: Final = 64 << 10
"""A longer `producers` section is left out."""
MAX_NESTING: Final = 8
"""The deepest nesting of components and modules that is looked into."""
MAX_PRODUCERS: Final = 100
"""The most names that are kept."""

_NAME: Final = b"producers"
_HEADER_BYTES: Final = 8
_MODULE_HEADER: Final = b"\0asm\x01\0\0\0"
_CUSTOM, _NESTED_MODULE, _NESTED_COMPONENT = 0, 1, 4


class _UnreadableError(Exception):
    """Raised where the bytes are not what the format says."""


class _Bytes:
    """A part of the binary, read front to back."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data = data
        self.position = position
        self.end = end

    def number(self) -> int:
        value = shift = 0
        while self.position < self.end and shift <= 28:
            part = self.data[self.position]
            self.position += 1
            value |= (part & 0x7F) << shift
            if part < 0x80:
                return value
            shift += 7
        raise _UnreadableError

    def take(self, length: int) -> bytes:
        start = self.position
        self.position += length
        if self.position > self.end:
            raise _UnreadableError
        return self.data[start : self.position]

    def text(self) -> str:
        return self.take(self.number()).decode("utf-8", "replace")


def read_producers(data: bytes) -> tuple[Producer, ...]:
    """Return every tool that a component or a core module names, sorted, each once; nothing where nothing can be read."""
    found: set[Producer] = set()
    for section in _producer_sections(data):
        try:
            for producer in _entries(section):
                if len(found) >= MAX_PRODUCERS:
                    break
                found.add(producer)
        except _UnreadableError:
            continue
    return tuple(sorted(found))


def _producer_sections(data: bytes) -> Iterator[_Bytes]:
    """Yield the contents of the `producers` sections, those of nested modules and components too."""
    waiting = [(_Bytes(data, 0, len(data)), 0)]
    seen = 0
    while waiting:
        binary, depth = waiting.pop()
        is_module = data[binary.position : binary.position + _HEADER_BYTES] == _MODULE_HEADER
        binary.position += _HEADER_BYTES
        for number, body in _sections(binary):
            seen += 1
            if seen > MAX_SECTIONS:
                return
            if number == _CUSTOM and _is_producers(body):
                yield body
            elif not is_module and number in {_NESTED_MODULE, _NESTED_COMPONENT} and depth < MAX_NESTING:
                waiting.append((body, depth + 1))


def _sections(binary: _Bytes) -> Iterator[tuple[int, _Bytes]]:
    """Yield number and body of each section, up to the first that cannot be read."""
    try:
        while binary.position < binary.end:
            number = binary.take(1)[0]
            length = binary.number()
            start = binary.position
            if start + length > binary.end:
                return
            yield number, _Bytes(binary.data, start, start + length)
            binary.position = start + length
    except _UnreadableError:
        return


def _is_producers(body: _Bytes) -> bool:
    """Tell whether a custom section is the one that is wanted, and go to its contents."""
    if body.end - body.position > MAX_SECTION_BYTES:
        return False
    try:
        return body.take(body.number()) == _NAME
    except _UnreadableError:
        return False


def _entries(body: _Bytes) -> Iterator[Producer]:
    for _ in range(body.number()):
        field = body.text()
        for _ in range(body.number()):
            yield Producer(field=field, name=body.text(), version=body.text())
