"""Reads the outline of a component binary: what it imports and exports, and where its prefix ends.

Follows the component model's binary format (WebAssembly/component-model, design/mvp/Binary.md). Only the
component's own type, import, alias and export sections are read, and of nested components the types and aliases,
which must not lead out of the whole: around it, in the wrapping component, they would find something. The reader is strict: whatever it does not know is a `NotUnderstoodError`, and the caller then asks
wasmtime, which knows all of it, and does without the wrapping component.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

__all__ = [
    "COMPONENT_HEADER",
    "CORE_MODULE_HEADER",
    "MAX_OUTLINE_BYTES",
    "MAX_SECTIONS",
    "Import",
    "NotUnderstoodError",
    "Outline",
    "Section",
    "Sort",
    "read_outline",
]

COMPONENT_HEADER: Final = b"\0asm\x0d\0\x01\0"
CORE_MODULE_HEADER: Final = b"\0asm\x01\0\0\0"
MAX_ITEMS: Final = 100_000
"""The most entries of one vector that the reader walks."""
MAX_SECTIONS: Final = 100_000
"""The most sections that the reader walks; a component made by a toolchain has some hundreds."""
MAX_OUTLINE_BYTES: Final = 1 << 20
"""The most bytes of types, imports, aliases and exports that the reader walks, at about a microsecond each."""
MAX_SECTION: Final = 12
"""The highest section number of the format."""
MAX_NESTING: Final = 64
"""The deepest nesting of types that the reader follows."""

_Item = TypeVar("_Item")
_PREFIX_SECTIONS: Final = frozenset({0, 6, 7, 10})
_WALKED_SECTIONS: Final = frozenset({6, 7, 10, 11})


class NotUnderstoodError(Exception):
    """Raised when bytes are no component, or use a part of the format that this reader does not know."""


class Section(IntEnum):
    """Section numbers of a component that this project reads or writes."""

    CUSTOM = 0
    COMPONENT = 4
    INSTANCE = 5
    ALIAS = 6
    TYPE = 7
    IMPORT = 10
    EXPORT = 11


class Sort(IntEnum):
    """Index spaces of a component."""

    CORE = 0
    FUNCTION = 1
    VALUE = 2
    TYPE = 3
    COMPONENT = 4
    INSTANCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import: its name, its sort, and its index in that sort's space."""

    name: str
    sort: Sort
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a component shows to the outside.

    `prefix` are the sections before the first nested definition, custom sections left out, as raw bytes with
    their headers; `counts` says how many indices of each sort the prefix defines. `plain_prefix` is false
    when an import stands after the prefix, or the prefix defines core items.
    """

    imports: tuple[Import, ...]
    exports: tuple[str, ...]
    prefix: bytes
    counts: dict[Sort, int]
    plain_prefix: bool


class _Reader:
    """Bytes, read front to back between two positions."""

    __slots__ = ("data", "depth", "end", "position", "scopes")

    def __init__(self, data: bytes, position: int, end: int, scopes: int = 0) -> None:
        self.data = data
        self.position = position
        self.end = end
        self.depth = 0
        self.scopes = scopes

    def byte(self) -> int:
        if self.position >= self.end:
            raise NotUnderstoodError("a section ends too early")
        value = self.data[self.position]
        self.position += 1
        return value

    def peek(self) -> int:
        value = self.byte()
        self.position -= 1
        return value

    def number(self) -> int:
        value = shift = 0
        while True:
            part = self.byte()
            value |= (part & 0x7F) << shift
            if part < 0x80:
                return value
            shift += 7
            if shift > 35:
                raise NotUnderstoodError("a number is longer than 32 bits")

    def name(self) -> str:
        length = self.number()
        start = self.position
        if start + length > self.end:
            raise NotUnderstoodError("a name ends too early")
        self.position += length
        try:
            return str(self.data[start : self.position], "utf-8")
        except UnicodeDecodeError as error:
            raise NotUnderstoodError("a name is not UTF-8") from error

    def each(self, read: Callable[[], _Item]) -> list[_Item]:
        count = self.number()
        if count > MAX_ITEMS:
            raise NotUnderstoodError(f"a vector of {count} entries")
        return [read() for _ in range(count)]

    def optional(self, read: Callable[[], object]) -> None:
        flag = self.byte()
        if flag > 1:
            raise NotUnderstoodError(f"{flag} where an optional begins")
        if flag:
            read()


def _skip_value_type(reader: _Reader) -> None:
    if 0x64 <= reader.peek() <= 0x7F:
        reader.byte()
    else:
        reader.number()


def _skip_labelled_type(reader: _Reader) -> None:
    reader.name()
    _skip_value_type(reader)


def _skip_case(reader: _Reader) -> None:
    reader.name()
    reader.optional(lambda: _skip_value_type(reader))
    reader.byte()


def _skip_function(reader: _Reader) -> None:
    reader.each(lambda: _skip_labelled_type(reader))
    if reader.byte() == 0:
        _skip_value_type(reader)
    else:
        reader.byte()


def _skip_result(reader: _Reader) -> None:
    reader.optional(lambda: _skip_value_type(reader))
    reader.optional(lambda: _skip_value_type(reader))


def _skip_resource(reader: _Reader) -> None:
    reader.byte()
    reader.optional(reader.number)


def _skip_declaration(reader: _Reader) -> None:
    match reader.byte():
        case 1:
            _skip_type(reader)
        case 2:
            _read_alias(reader)
        case 3 | 4:
            _read_external_name(reader)
            _read_description(reader)
        case other:
            raise NotUnderstoodError(f"a declaration of the kind {other}")


def _skip_scope(reader: _Reader) -> None:
    reader.scopes += 1
    reader.each(lambda: _skip_declaration(reader))
    reader.scopes -= 1


_TYPE_READERS: Final[dict[int, Callable[[_Reader], object]]] = {
    0x72: lambda reader: reader.each(lambda: _skip_labelled_type(reader)),
    0x71: lambda reader: reader.each(lambda: _skip_case(reader)),
    0x70: _skip_value_type,
    0x6F: lambda reader: reader.each(lambda: _skip_value_type(reader)),
    0x6E: lambda reader: reader.each(reader.name),
    0x6D: lambda reader: reader.each(reader.name),
    0x6B: _skip_value_type,
    0x6A: _skip_result,
    0x69: _Reader.number,
    0x68: _Reader.number,
    0x40: _skip_function,
    0x3F: _skip_resource,
    0x41: _skip_scope,
    0x42: _skip_scope,
}


def _skip_type(reader: _Reader) -> None:
    code = reader.byte()
    read = _TYPE_READERS.get(code)
    if read is None:
        if 0x73 <= code <= 0x7F:
            return
        raise NotUnderstoodError(f"a type of the kind {code:#x}")
    reader.depth += 1
    if reader.depth > MAX_NESTING:
        raise NotUnderstoodError("types nested too deeply")
    read(reader)
    reader.depth -= 1


def _read_external_name(reader: _Reader) -> str:
    if reader.byte() > 1:
        raise NotUnderstoodError("an import or export name of a newer kind")
    return reader.name()


def _read_description(reader: _Reader) -> Sort:
    """Read what an import or export is."""
    code = reader.byte()
    if code == Sort.TYPE:
        if reader.byte() == 0:
            reader.number()
        return Sort.TYPE
    if code in {Sort.FUNCTION, Sort.COMPONENT, Sort.INSTANCE}:
        reader.number()
        return Sort(code)
    raise NotUnderstoodError(f"an import or export of the sort {code}")


def _read_alias(reader: _Reader) -> Sort:
    sort = reader.byte()
    if sort == Sort.CORE:
        reader.byte()
    target = reader.byte()
    source = reader.number()
    if target == 2 and source > reader.scopes:
        raise NotUnderstoodError("an alias that leads out of the component")
    if target in {0, 1}:
        reader.name()
    elif target == 2:
        reader.number()
    else:
        raise NotUnderstoodError(f"an alias of the kind {target}")
    if sort > Sort.INSTANCE:
        raise NotUnderstoodError(f"an alias of the sort {sort}")
    return Sort(sort)


def _read_types(reader: _Reader) -> list[Sort]:
    return [Sort.TYPE] * len(reader.each(lambda: _skip_type(reader)))


def _read_aliases(reader: _Reader) -> list[Sort]:
    return reader.each(lambda: _read_alias(reader))


class _OutlineBuilder:
    """Collects an outline while the sections go by."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Sort, 0)
        self.imports: list[Import] = []
        self.exports: list[str] = []
        self.prefix = bytearray()
        self.in_prefix = True
        self.plain = True

    def section(self, number: int, reader: _Reader) -> None:
        """Take one section; `in_prefix` says whether it belongs to the prefix."""
        if number == Section.TYPE:
            self._count(_read_types(reader))
        elif number == Section.ALIAS:
            self._count(_read_aliases(reader))
        elif number == Section.IMPORT:
            self.plain = self.plain and self.in_prefix
            reader.each(lambda: self._import(reader))
        elif number == Section.EXPORT:
            reader.each(lambda: self._export(reader))
        else:
            return
        if reader.position != reader.end:
            raise NotUnderstoodError("a section has bytes after its last entry")

    def _count(self, defined: list[Sort]) -> None:
        if self.in_prefix:
            for sort in defined:
                self.counts[sort] += 1
            self.plain = self.plain and Sort.CORE not in defined

    def _import(self, reader: _Reader) -> None:
        name = _read_external_name(reader)
        sort = _read_description(reader)
        self.imports.append(Import(name=name, sort=sort, index=self.counts[sort]))
        self.counts[sort] += 1

    def _export(self, reader: _Reader) -> None:
        self.exports.append(_read_external_name(reader))
        if reader.byte() == Sort.CORE:
            reader.byte()
        reader.number()
        reader.optional(lambda: _read_description(reader))


class _Walk:
    """Walks sections within the bounds of one file."""

    def __init__(self) -> None:
        self._sections = 0
        self._bytes = 0

    def sections(self, whole: _Reader) -> Iterator[tuple[int, int, _Reader]]:
        """Yield number, start (of the header) and reader of each section of a component, after a look at the components in it."""
        if not whole.data.startswith(COMPONENT_HEADER, whole.position, whole.end):
            raise NotUnderstoodError("no component header")
        whole.position += len(COMPONENT_HEADER)
        while whole.position < whole.end:
            start, number, length = whole.position, whole.byte(), whole.number()
            reader = _Reader(whole.data, whole.position, whole.position + length, whole.scopes)
            if number > MAX_SECTION or reader.end > whole.end:
                raise NotUnderstoodError(f"a section of the kind {number} and {length} bytes")
            self._count(number, reader.end - start)
            if number == Section.COMPONENT:
                self._check_nested(_Reader(reader.data, reader.position, reader.end, reader.scopes + 1))
            yield number, start, reader
            whole.position = reader.end

    def _count(self, number: int, size: int) -> None:
        self._sections += 1
        if self._sections > MAX_SECTIONS:
            raise NotUnderstoodError(f"more than {MAX_SECTIONS} sections")
        if number in _WALKED_SECTIONS:
            self._bytes += size
            if self._bytes > MAX_OUTLINE_BYTES:
                raise NotUnderstoodError(f"more than {MAX_OUTLINE_BYTES} bytes of types, imports, aliases and exports")

    def _check_nested(self, whole: _Reader) -> None:
        """Look for aliases that lead out of the file's component."""
        if whole.scopes > MAX_NESTING:
            raise NotUnderstoodError("components nested too deeply")
        for number, _, reader in self.sections(whole):
            if number == Section.TYPE:
                _read_types(reader)
            elif number == Section.ALIAS:
                _read_aliases(reader)


def read_outline(data: bytes) -> Outline:
    """Read the outline of a component; raises `NotUnderstoodError`."""
    builder = _OutlineBuilder()
    for number, start, reader in _Walk().sections(_Reader(data, 0, len(data))):
        builder.in_prefix = builder.in_prefix and number in _PREFIX_SECTIONS
        if builder.in_prefix and number != Section.CUSTOM:
            builder.prefix += data[start : reader.end]
        builder.section(number, reader)
    return Outline(
        imports=tuple(builder.imports),
        exports=tuple(builder.exports),
        prefix=bytes(builder.prefix),
        counts=builder.counts,
        plain_prefix=builder.plain,
    )
