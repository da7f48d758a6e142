"""From the bytes that a user installs to a module that the machine can run and roll back.

`instrument` unpacks, checks and rewrites a module. Main memory and every mutable global get an export, so that the
host can save and restore them. The start function becomes an export, because it must run once per installation and
not whenever an instance is made anew. A function is added that calls a function of table 0, for callbacks; where the
compiler needs it, others that count what instructions move. Custom sections are taken out.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.replica.vm.binary import (
    HEADER,
    ExternKind,
    Reader,
    Section,
    SectionId,
    encode_name,
    encode_section,
    encode_unsigned,
    read_sections,
)
from orchestrator.replica.vm.checks import check_module
from orchestrator.replica.vm.code import CodeFacts, read_code
from orchestrator.replica.vm.facts import F32, F64, I32, I64, V128, Facts, read_section, shown_globals
from orchestrator.replica.vm.interface import InvalidModuleError, ModuleInfo
from orchestrator.replica.vm.limits import MAX_WASM_BYTES
from orchestrator.replica.vm.metering import BUDGET_GLOBAL, meter_code, meter_function, meter_types

__all__ = ["Instrumented", "instrument", "unpack"]

_GZIP_MAGIC = b"\x1f\x8b\x08"
_BAD_GZIP = "Failed to decode wasm module: failed to decode compressed Wasm module"
_LOCAL_GET, _CALL_INDIRECT, _END = 0x20, 0x11, 0x0B
_TYPE_NAMES = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128"}
_SECTION_ORDER = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)
"""Numbers of sections in the order of a module: tags (13) come before globals, the data count (12) before code (10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumented:
    """A rewritten module and the names of the exports that it has been given (None: the module has no such thing).

    `callback` takes an index of table 0, of 64 bits if `wide_callback_index`, and the value for the function there.
    `budget` is the global that `orchestrator.replica.vm.metering` describes. `drops_data`: the code gives data segments
    up, which no rollback brings back, so that every message needs an instance of its own.
    `shown_globals` are those of `info.globals`: the place among `globals`, or the name of the export of a constant.
    """

    code: bytes
    info: ModuleInfo
    memory: str | None
    callback: str | None
    wide_callback_index: bool
    start: str | None
    globals: tuple[str, ...]
    global_types: bytes
    shown_globals: tuple[int | str, ...]
    budget: str | None
    drops_data: bool


def unpack(raw: bytes) -> bytes:
    """Return the module in binary form, decompressed if need be; never more than `MAX_WASM_BYTES`."""
    if not raw.startswith(_GZIP_MAGIC):
        if len(raw) > MAX_WASM_BYTES:
            raise InvalidModuleError(f"Wasm module size of {len(raw)} exceeds the maximum allowed size of {MAX_WASM_BYTES}")
        return raw
    result = bytearray()
    rest = raw
    while rest:
        unzip = zlib.decompressobj(wbits=31)
        try:
            result += unzip.decompress(rest, MAX_WASM_BYTES + 1 - len(result))
        except zlib.error as error:
            raise InvalidModuleError(f"{_BAD_GZIP}: {error}") from error
        if len(result) > MAX_WASM_BYTES:
            raise InvalidModuleError(f"Wasm module size exceeds the maximum allowed size of {MAX_WASM_BYTES} after decompression")
        if not unzip.eof:
            raise InvalidModuleError(f"{_BAD_GZIP}: the gzip stream ends early")
        rest = unzip.unused_data
    return bytes(result)


def instrument(raw: bytes, *, metered: bool = False) -> Instrumented:
    """Check a plain or gzipped module and make it fit to run; raises `InvalidModuleError` with the reason.

    `metered` is for a compiler that does not count what instructions move.
    """
    module = unpack(raw)
    sections = list(read_sections(module))
    facts = Facts()
    for section in sections:
        read_section(module, section, facts)
    check_module(facts)
    found = _by_number(sections)
    code = found.get(SectionId.CODE)
    does = CodeFacts(bulk={}, drops_data=False) if code is None else read_code(module, code.start, code.end, tables=facts.tables)
    plan = _plan(facts, does, metered=metered)
    additions: dict[SectionId, list[bytes]] = {SectionId.EXPORT: _new_exports(plan, facts)}
    if plan.callback is not None:
        additions |= _callback_function(facts)
    contents = {number: _entries(module, section) for number, section in found.items()}
    if plan.budget is not None and code is not None:
        first = len(facts.imports) + len(facts.functions) + len(additions.get(SectionId.FUNCTION, ()))
        metered_code = meter_code(module, code.start, code.end, does, wide=facts.memory64, meters=(first, first + 1))
        contents[SectionId.CODE] = (contents[SectionId.CODE][0], metered_code)
        _add_meters(additions, facts)
    return replace(plan, code=_assemble(contents, additions))


def _plan(facts: Facts, does: CodeFacts, *, metered: bool) -> Instrumented:
    """Choose the names of the exports that are added."""
    prefix = "orchestrator:"
    while any(name.startswith(prefix) for name in facts.exports):
        prefix = f":{prefix}"
    shown = shown_globals(facts)
    info = ModuleInfo(
        exports=frozenset(name for name, (kind, _) in facts.exports.items() if kind == ExternKind.FUNCTION),
        metadata=facts.metadata,
        has_start=facts.start is not None,
        memory64=facts.memory64,
        globals=tuple(_TYPE_NAMES[facts.global_types[index]] for index in shown),
    )
    return Instrumented(
        code=b"",
        info=info,
        memory=f"{prefix}memory" if facts.has_memory else None,
        callback=f"{prefix}callback" if facts.callback_table else None,
        wide_callback_index=facts.table64,
        start=f"{prefix}start" if facts.start is not None else None,
        globals=tuple(f"{prefix}global{index}" for index in facts.mutable_globals),
        global_types=bytes(facts.mutable_global_types),
        shown_globals=_places(facts, shown),
        budget=f"{prefix}budget" if metered and does.bulk else None,
        drops_data=does.drops_data,
    )


def _places(facts: Facts, shown: list[int]) -> tuple[int | str, ...]:
    """Say where the values of globals come from: a place among the mutable ones, or an export."""
    constants = {index: name for name, (kind, index) in facts.exports.items() if kind == ExternKind.GLOBAL}
    places = {index: place for place, index in enumerate(facts.mutable_globals)}
    return tuple(places[index] if index in places else constants[index] for index in shown)


def _new_exports(plan: Instrumented, facts: Facts) -> list[bytes]:
    entries = [_export(name, ExternKind.GLOBAL, index) for name, index in zip(plan.globals, facts.mutable_globals, strict=True)]
    if plan.budget is not None:
        entries.append(_export(plan.budget, ExternKind.GLOBAL, facts.globals))
    if plan.memory is not None:
        entries.append(_export(plan.memory, ExternKind.MEMORY, 0))
    if plan.start is not None and facts.start is not None:
        entries.append(_export(plan.start, ExternKind.FUNCTION, facts.start))
    if plan.callback is not None:
        entries.append(_export(plan.callback, ExternKind.FUNCTION, len(facts.imports) + len(facts.functions)))
    return entries


def _export(name: str, kind: ExternKind, index: int) -> bytes:
    return encode_name(name) + bytes([kind]) + encode_unsigned(index)


def _callback_function(facts: Facts) -> dict[SectionId, list[bytes]]:
    """Return types, function and code of `(func (param index) (param value) (call_indirect (param) value index))`."""
    value = I64 if facts.memory64 else I32
    index = I64 if facts.table64 else I32
    first = len(facts.types)
    body = bytes([0, _LOCAL_GET, 1, _LOCAL_GET, 0, _CALL_INDIRECT]) + encode_unsigned(first) + bytes([0, _END])
    return {
        SectionId.TYPE: [bytes([0x60, 1, value, 0]), bytes([0x60, 2, index, value, 0])],
        SectionId.FUNCTION: [encode_unsigned(first + 1)],
        SectionId.CODE: [encode_unsigned(len(body)) + body],
    }


def _add_meters(additions: dict[SectionId, list[bytes]], facts: Facts) -> None:
    """Add the budget and the two functions that take from it."""
    types = additions.setdefault(SectionId.TYPE, [])
    first = len(facts.types) + len(types)
    types += meter_types()
    additions.setdefault(SectionId.FUNCTION, []).extend([encode_unsigned(first), encode_unsigned(first + 1)])
    additions.setdefault(SectionId.CODE, []).extend(meter_function(kind, facts.globals) for kind in (I32, I64))
    additions[SectionId.GLOBAL] = [BUDGET_GLOBAL]


def _entries(module: bytes, section: Section) -> tuple[int, bytes]:
    """Return how many entries a section says it has, and the entries; the start section is a number, and stays whole."""
    reader = Reader(module, section.start, section.end)
    count = reader.unsigned()
    return count, module[reader.at : section.end]


def _assemble(contents: Mapping[int, tuple[int, bytes]], additions: Mapping[SectionId, list[bytes]]) -> bytes:
    """Put the sections together again, with entries added to their ends and new sections where there were none."""
    wanted = {int(number): entries for number, entries in additions.items() if entries}
    parts = [HEADER]
    for number in _SECTION_ORDER:
        if number == SectionId.START or (number not in contents and number not in wanted):
            continue
        count, entries = contents.get(number, (0, b""))
        extra = wanted.get(number, [])
        parts.append(encode_section(number, encode_unsigned(count + len(extra)) + entries + b"".join(extra)))
    return b"".join(parts)


def _by_number(sections: list[Section]) -> dict[int, Section]:
    """Return the sections that count, by number; raises `InvalidModuleError` when they are out of order."""
    found: dict[int, Section] = {}
    last = -1
    for section in sections:
        if section.id == SectionId.CUSTOM:
            continue
        if section.id not in _SECTION_ORDER:
            raise InvalidModuleError(f"malformed section id: {section.id}")
        rank = _SECTION_ORDER.index(section.id)
        if rank <= last:
            raise InvalidModuleError(f"section {section.id} is out of order")
        found[section.id] = section
        last = rank
    return found
