"""What a module declares, read from its binary form: the base of the checks and of the rewriting.

The engine could be asked as well, but its C API ends the process when it is asked about a value type that it has no
number for, such as a 128-bit vector; modules are written by strangers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.replica.vm.binary import ExternKind, Reader, SectionId
from orchestrator.replica.vm.binary import Section as BinarySection
from orchestrator.replica.vm.interface import InvalidModuleError, Section

__all__ = ["F32", "F64", "FUNCREF", "I32", "I64", "V128", "Facts", "Import", "Signature", "read_section", "shown_globals"]

I32 = 0x7F
I64 = 0x7E
F32 = 0x7D
F64 = 0x7C
V128 = 0x7B
FUNCREF = 0x70

_BAD_CUSTOM = "Wasm module has an invalid custom section."
_FUNCTION_TYPE = 0x60
_PASSIVE, _ACTIVE_WITH_MEMORY = 1, 2
_I32_CONST, _I64_CONST, _END = 0x41, 0x42, 0x0B
_NUMERIC_TYPES = frozenset({I32, I64, F32, F64, V128})
_PLAIN_TYPES = _NUMERIC_TYPES | {FUNCREF, 0x6F}


@dataclass(frozen=True, slots=True)
class Signature:
    """The type of a function: value types as the binary format writes them."""

    parameters: bytes
    results: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An imported function."""

    module: str
    name: str
    signature: Signature


@dataclass(slots=True, kw_only=True)
class Facts:
    """What has been read so far. `functions` has the type index of each defined function; `table` is table 0."""

    types: list[Signature] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    exports: dict[str, tuple[int, int]] = field(default_factory=dict)
    metadata: dict[str, Section] = field(default_factory=dict)
    metadata_bytes: int = 0
    globals: int = 0
    global_types: bytearray = field(default_factory=bytearray)
    mutable_globals: list[int] = field(default_factory=list)
    mutable_global_types: bytearray = field(default_factory=bytearray)
    has_memory: bool = False
    memory64: bool = False
    memory_pages: int = 0
    max_memory_pages: int | None = None
    code_bytes: int = 0
    tables: int = 0
    callback_table: bool = False
    table64: bool = False
    start: int | None = None

    def signature(self, function: int) -> Signature:
        """Return the type of a function by its index; raises `InvalidModuleError` when there is none."""
        defined = function - len(self.imports)
        if defined < 0:
            return self.imports[function].signature
        if defined >= len(self.functions):
            raise InvalidModuleError(f"unknown function {function}: function index out of bounds")
        return self.type(self.functions[defined])

    def type(self, index: int) -> Signature:
        """Return a type by its index; raises `InvalidModuleError` when there is none."""
        if index >= len(self.types):
            raise InvalidModuleError(f"unknown type {index}: type index out of bounds")
        return self.types[index]


def shown_globals(facts: Facts) -> list[int]:
    """Return the indices of the globals that are part of a canister's state as others see it: mutable or exported ones.

    The specification, "IC method read_canister_snapshot_metadata", leaves the order open. It is the reference's (dfinity/ic,
    `rs/embedders`), so that a snapshot from the mainnet fits: exports in their order, then the other mutable globals.
    """
    exported = [index for kind, index in facts.exports.values() if kind == ExternKind.GLOBAL and index < len(facts.global_types)]
    known = set(exported)
    others = [index for index in facts.mutable_globals if index not in known]
    return [index for index in exported + others if facts.global_types[index] in _NUMERIC_TYPES]


def read_section(module: bytes, section: BinarySection, facts: Facts) -> None:
    """Add what a section says; sections without a reader are the engine's business."""
    read = _READERS.get(section.id)
    if read is not None:
        read(Reader(module, section.start, section.end), facts)


def _read_custom(reader: Reader, facts: Facts) -> None:
    full_name = reader.name()
    if not full_name.startswith("icp:"):
        return
    visibility, _, name = full_name.removeprefix("icp:").partition(" ")
    if visibility not in {"public", "private"}:
        raise InvalidModuleError(f"{_BAD_CUSTOM} Invalid custom section: Custom section '{full_name}' has no public/private scope defined.")
    if full_name in {"icp:public", "icp:private"}:
        raise InvalidModuleError(f"{_BAD_CUSTOM} 'icp:' section names must have a space after the public/private scope")
    if name in facts.metadata:
        raise InvalidModuleError(f"{_BAD_CUSTOM} Invalid custom section: name {name} already exists")
    content = reader.bytes(reader.end - reader.at)
    facts.metadata[name] = Section(public=visibility == "public", content=content)
    facts.metadata_bytes += len(name.encode()) + len(content)


def _read_type(reader: Reader) -> Signature:
    form = reader.byte()
    if form != _FUNCTION_TYPE:
        raise InvalidModuleError(f"a type of form 0x{form:02x} is not one that canisters may use")
    return Signature(_read_value_types(reader), _read_value_types(reader))


def _read_value_types(reader: Reader) -> bytes:
    kinds = reader.bytes(reader.unsigned())
    unknown = next((kind for kind in kinds if kind not in _PLAIN_TYPES), None)
    if unknown is not None:
        raise InvalidModuleError(f"a value type 0x{unknown:02x} is not one that canisters may use")
    return kinds


def _read_import(reader: Reader, facts: Facts) -> Import:
    module, name, kind = reader.name(), reader.name(), reader.byte()
    if kind != ExternKind.FUNCTION:
        raise InvalidModuleError(f"the import `{module}` `{name}` is not a function: only functions of `ic0` can be imported")
    return Import(module=module, name=name, signature=facts.type(reader.unsigned()))


def _read_tables(reader: Reader, facts: Facts) -> None:
    facts.tables = reader.unsigned()
    if not facts.tables:
        return
    facts.callback_table = reader.byte() == FUNCREF
    if facts.callback_table:
        facts.table64 = reader.limits().wide


def _read_memories(reader: Reader, facts: Facts) -> None:
    count = reader.unsigned()
    if count > 1:
        raise InvalidModuleError(f"the module declares {count} memories; a canister has at most one")
    facts.has_memory = count == 1
    if facts.has_memory:
        limits = reader.limits()
        if limits.shared:
            raise InvalidModuleError("the module declares a shared memory")
        facts.memory64 = limits.wide
        facts.memory_pages, facts.max_memory_pages = limits.minimum, limits.maximum


def _read_globals(reader: Reader, facts: Facts) -> None:
    facts.globals = reader.unsigned()
    for index in range(facts.globals):
        kind = reader.value_type()
        mutable = reader.byte()
        reader.skip_constant_expression()
        if kind not in _NUMERIC_TYPES:
            raise InvalidModuleError(
                f"Wasm module has an invalid global section. Unsupported global type: global {index} holds a reference, which no state can keep"
            )
        facts.global_types.append(kind)
        if not mutable:
            continue
        facts.mutable_globals.append(index)
        facts.mutable_global_types.append(kind)


def _read_exports(reader: Reader, facts: Facts) -> None:
    for _ in range(reader.unsigned()):
        name, kind, index = reader.name(), reader.byte(), reader.unsigned()
        if name in facts.exports:
            raise InvalidModuleError(f"duplicate export name `{name}`")
        facts.exports[name] = (kind, index)


def _read_types(reader: Reader, facts: Facts) -> None:
    facts.types.extend(_read_type(reader) for _ in range(reader.unsigned()))


def _read_imports(reader: Reader, facts: Facts) -> None:
    facts.imports.extend(_read_import(reader, facts) for _ in range(reader.unsigned()))


def _read_functions(reader: Reader, facts: Facts) -> None:
    facts.functions.extend(reader.unsigned() for _ in range(reader.unsigned()))


def _read_code(reader: Reader, facts: Facts) -> None:
    facts.code_bytes = reader.end - reader.at


def _read_data(reader: Reader, facts: Facts) -> None:
    """Check where segments go: a constant, and no expression."""
    wanted = _I64_CONST if facts.memory64 else _I32_CONST
    for _ in range(reader.unsigned()):
        mode = reader.unsigned()
        if mode == _ACTIVE_WITH_MEMORY:
            reader.unsigned()
        if mode != _PASSIVE:
            is_constant = reader.byte() == wanted
            reader.unsigned()
            if not is_constant or reader.byte() != _END:
                width = 64 if facts.memory64 else 32
                raise InvalidModuleError(
                    f"Wasm module has an invalid data section. Invalid offset expression in data segment for {width}bit memory"
                )
        reader.skip(reader.unsigned())


def _read_start(reader: Reader, facts: Facts) -> None:
    facts.start = reader.unsigned()


_READERS: Mapping[int, Callable[[Reader, Facts], None]] = {
    SectionId.CUSTOM: _read_custom,
    SectionId.TYPE: _read_types,
    SectionId.IMPORT: _read_imports,
    SectionId.FUNCTION: _read_functions,
    SectionId.TABLE: _read_tables,
    SectionId.MEMORY: _read_memories,
    SectionId.GLOBAL: _read_globals,
    SectionId.EXPORT: _read_exports,
    SectionId.START: _read_start,
    SectionId.CODE: _read_code,
    SectionId.DATA: _read_data,
}
