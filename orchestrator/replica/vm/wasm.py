"""From the bytes that a user installs to a module that the machine can run and roll back.

`instrument` unpacks, checks and rewrites a module: main memory, table 0 and every mutable global get an export, so
that the host can save and restore them; the start function becomes an export, because it must run once per
installation and not whenever an instance is made anew; custom sections are taken out.
Source of the checks: IC interface specification, "WebAssembly module requirements".
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.replica.vm.binary import (
    HEADER,
    ExternKind,
    Reader,
    SectionId,
    encode_name,
    encode_section,
    encode_unsigned,
    read_sections,
)
from orchestrator.replica.vm.binary import Section as BinarySection
from orchestrator.replica.vm.interface import InvalidModuleError, ModuleInfo, Section
from orchestrator.replica.vm.limits import (
    MAX_CANISTER_EXPORTED_METHODS,
    MAX_CANISTER_EXPORTED_NAME_BYTES,
    MAX_CUSTOM_SECTIONS,
    MAX_CUSTOM_SECTIONS_BYTES,
    MAX_FUNCTIONS,
    MAX_GLOBALS,
    MAX_WASM_BYTES,
)

__all__ = ["ENTRY_POINTS", "METHOD_PREFIXES", "Instrumented", "instrument", "is_entry_point", "unpack"]

_GZIP_MAGIC = b"\x1f\x8b\x08"
_NUMERIC_TYPES = frozenset({0x7F, 0x7E, 0x7D, 0x7C, 0x7B})

ENTRY_POINTS = frozenset(
    {
        "canister_init",
        "canister_inspect_message",
        "canister_pre_upgrade",
        "canister_post_upgrade",
        "canister_heartbeat",
        "canister_on_low_wasm_memory",
        "canister_global_timer",
    }
)
"""Entry points that a module may export besides its methods."""

METHOD_PREFIXES = ("canister_update ", "canister_query ", "canister_composite_query ")
"""What the names of exported methods start with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumented:
    """A rewritten module and the names of the exports that it has been given (None: the module has no such thing)."""

    code: bytes
    info: ModuleInfo
    memory: str | None
    table: str | None
    start: str | None
    globals: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Facts:
    """What is collected while reading a module."""

    exports: dict[str, int]
    metadata: dict[str, Section]
    sections: list[BinarySection]
    mutable_globals: list[int]
    functions: int = 0
    globals: int = 0
    memories: int = 0
    tables: int = 0
    metadata_bytes: int = 0
    memory64: bool = False
    start: int | None = None


def unpack(raw: bytes) -> bytes:
    """Return the module in binary form, decompressed if need be; never more than `MAX_WASM_BYTES`."""
    if not raw.startswith(_GZIP_MAGIC):
        if len(raw) > MAX_WASM_BYTES:
            raise InvalidModuleError(f"module of {len(raw)} bytes exceeds the limit of {MAX_WASM_BYTES} bytes")
        return raw
    result = bytearray()
    rest = raw
    while rest:
        unzip = zlib.decompressobj(wbits=31)
        try:
            result += unzip.decompress(rest, MAX_WASM_BYTES + 1 - len(result))
        except zlib.error as error:
            raise InvalidModuleError(f"failed to decompress the module: {error}") from error
        if len(result) > MAX_WASM_BYTES:
            raise InvalidModuleError(f"decompressed module exceeds the limit of {MAX_WASM_BYTES} bytes")
        if not unzip.eof:
            raise InvalidModuleError("failed to decompress the module: the gzip stream ends early")
        rest = unzip.unused_data
    return bytes(result)


def instrument(raw: bytes) -> Instrumented:
    """Check a plain or gzipped module and make it fit to run; raises `InvalidModuleError` with the reason."""
    module = unpack(raw)
    facts = _collect(module)
    _check_limits(facts)
    _check_exports(facts.exports)
    prefix = _free_prefix(facts.exports)
    names = tuple(f"{prefix}global{index}" for index in facts.mutable_globals)
    extra = [(name, ExternKind.GLOBAL, index) for name, index in zip(names, facts.mutable_globals, strict=True)]
    memory = f"{prefix}memory" if facts.memories else None
    if memory:
        extra.append((memory, ExternKind.MEMORY, 0))
    table = f"{prefix}table" if facts.tables else None
    if table:
        extra.append((table, ExternKind.TABLE, 0))
    start = f"{prefix}start" if facts.start is not None else None
    if start and facts.start is not None:
        extra.append((start, ExternKind.FUNCTION, facts.start))
    info = ModuleInfo(
        exports=frozenset(name for name, kind in facts.exports.items() if kind == ExternKind.FUNCTION),
        metadata=facts.metadata,
        has_start=start is not None,
        memory64=facts.memory64,
    )
    return Instrumented(code=_rewrite(module, facts.sections, extra), info=info, memory=memory, table=table, start=start, globals=names)


def is_entry_point(name: str) -> bool:
    """Return whether an export of this name is run by the system, and so must have the type `() -> ()`."""
    return name in ENTRY_POINTS or name.startswith(METHOD_PREFIXES)


def _collect(module: bytes) -> _Facts:
    facts = _Facts(exports={}, metadata={}, sections=[], mutable_globals=[])
    for section in read_sections(module):
        reader = Reader(module, section.start, section.end)
        match section.id:
            case SectionId.CUSTOM:
                _read_custom(reader, facts)
                continue
            case SectionId.START:
                facts.start = reader.unsigned()
                continue
            case SectionId.IMPORT:
                _check_imports(reader)
            case SectionId.FUNCTION:
                facts.functions += reader.unsigned()
            case SectionId.TABLE:
                facts.tables += reader.unsigned()
            case SectionId.MEMORY:
                _read_memories(reader, facts)
            case SectionId.GLOBAL:
                _read_globals(reader, facts)
            case SectionId.EXPORT:
                _read_exports(reader, facts)
        facts.sections.append(section)
    return facts


def _read_custom(reader: Reader, facts: _Facts) -> None:
    full_name = reader.name()
    if not full_name.startswith("icp:"):
        return
    visibility, _, name = full_name.removeprefix("icp:").partition(" ")
    if visibility not in {"public", "private"}:
        raise InvalidModuleError(f"custom section `{full_name}`: names that start with `icp:` go on with `public ` or `private `")
    if name in facts.metadata:
        raise InvalidModuleError(f"custom section `{name}` is there twice")
    content = reader.bytes(reader.end - reader.at)
    facts.metadata[name] = Section(public=visibility == "public", content=content)
    facts.metadata_bytes += len(name.encode()) + len(content)


def _check_imports(reader: Reader) -> None:
    for _ in range(reader.unsigned()):
        module, name, kind = reader.name(), reader.name(), reader.byte()
        if kind != ExternKind.FUNCTION:
            raise InvalidModuleError(f"the import `{module}` `{name}` is not a function: only functions of `ic0` can be imported")
        reader.unsigned()


def _read_memories(reader: Reader, facts: _Facts) -> None:
    facts.memories = reader.unsigned()
    if facts.memories > 1:
        raise InvalidModuleError(f"the module declares {facts.memories} memories; a canister has at most one")
    for _ in range(facts.memories):
        limits = reader.limits()
        if limits.shared:
            raise InvalidModuleError("the module declares a shared memory")
        facts.memory64 = limits.wide


def _read_globals(reader: Reader, facts: _Facts) -> None:
    facts.globals = reader.unsigned()
    for index in range(facts.globals):
        kind = reader.value_type()
        mutable = reader.byte()
        reader.skip_constant_expression()
        if not mutable:
            continue
        if kind not in _NUMERIC_TYPES:
            raise InvalidModuleError(f"the mutable global {index} holds a reference, which no state can keep")
        facts.mutable_globals.append(index)


def _read_exports(reader: Reader, facts: _Facts) -> None:
    for _ in range(reader.unsigned()):
        name, kind = reader.name(), reader.byte()
        reader.unsigned()
        if name in facts.exports:
            raise InvalidModuleError(f"duplicate export name `{name}`")
        facts.exports[name] = kind


def _check_limits(facts: _Facts) -> None:
    for what, count, limit in (
        ("functions", facts.functions, MAX_FUNCTIONS),
        ("globals", facts.globals, MAX_GLOBALS),
        ("custom sections named `icp:`", len(facts.metadata), MAX_CUSTOM_SECTIONS),
        ("bytes of custom sections named `icp:`", facts.metadata_bytes, MAX_CUSTOM_SECTIONS_BYTES),
    ):
        if count > limit:
            raise InvalidModuleError(f"the module has {count} {what}; the limit is {limit}")


def _check_exports(exports: Mapping[str, int]) -> None:
    methods: set[str] = set()
    for name, kind in exports.items():
        prefix = next((prefix for prefix in METHOD_PREFIXES if name.startswith(prefix)), None)
        if prefix is None and name not in ENTRY_POINTS:
            if name.startswith("canister_"):
                raise InvalidModuleError(f"exporting reserved function `{name}` with `canister_` prefix")
            continue
        if kind != ExternKind.FUNCTION:
            raise InvalidModuleError(f"the export `{name}` is not a function")
        if prefix is None:
            continue
        method = name.removeprefix(prefix)
        if method in methods:
            raise InvalidModuleError(f"the method `{method}` is exported more than once")
        methods.add(method)
    length = sum(len(method.encode()) for method in methods)
    if len(methods) > MAX_CANISTER_EXPORTED_METHODS:
        raise InvalidModuleError(f"the module exports {len(methods)} methods; the limit is {MAX_CANISTER_EXPORTED_METHODS}")
    if length > MAX_CANISTER_EXPORTED_NAME_BYTES:
        raise InvalidModuleError(f"the names of methods take {length} bytes; the limit is {MAX_CANISTER_EXPORTED_NAME_BYTES}")


def _free_prefix(exports: Mapping[str, int]) -> str:
    prefix = "orchestrator:"
    while any(name.startswith(prefix) for name in exports):
        prefix = f":{prefix}"
    return prefix


def _rewrite(module: bytes, sections: list[BinarySection], extra: list[tuple[str, ExternKind, int]]) -> bytes:
    """Put the sections together again with the additional exports."""
    old = next((section for section in sections if section.id == SectionId.EXPORT), None)
    count, body = 0, b""
    if old is not None:
        reader = Reader(module, old.start, old.end)
        count = reader.unsigned()
        body = module[reader.at : old.end]
    added = b"".join(encode_name(name) + bytes([kind]) + encode_unsigned(index) for name, kind, index in extra)
    exports = encode_section(SectionId.EXPORT, encode_unsigned(count + len(extra)) + body + added)
    parts = [HEADER]
    pending = True
    for section in sections:
        if pending and _follows_exports(section.id):
            parts.append(exports)
            pending = False
        if section.id != SectionId.EXPORT:
            parts.append(encode_section(section.id, module[section.start : section.end]))
    if pending:
        parts.append(exports)
    return b"".join(parts)


def _follows_exports(number: int) -> bool:
    """Return whether a section stands at or after the place of the export section (tags, 13, come before it)."""
    return number >= SectionId.EXPORT and number != 13
