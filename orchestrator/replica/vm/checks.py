"""What a module must be like to be a canister's.

Source: IC interface specification, "WebAssembly module requirements".
"""

from orchestrator.replica.vm.api import SYSTEM_CALLS
from orchestrator.replica.vm.binary import ExternKind
from orchestrator.replica.vm.facts import F32, F64, I32, I64, V128, Facts, Signature
from orchestrator.replica.vm.interface import InvalidModuleError
from orchestrator.replica.vm.limits import (
    MAX_CANISTER_EXPORTED_METHODS,
    MAX_CANISTER_EXPORTED_NAME_BYTES,
    MAX_CODE_SECTION_BYTES,
    MAX_CUSTOM_SECTIONS,
    MAX_CUSTOM_SECTIONS_BYTES,
    MAX_FUNCTIONS,
    MAX_GLOBALS,
    MAX_WASM64_MEMORY_BYTES,
    MAX_WASM_MEMORY_BYTES,
    WASM_PAGE_BYTES,
)

__all__ = ["ENTRY_POINTS", "METHOD_PREFIXES", "check_module"]

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

_NOTHING = Signature(b"", b"")
_BAD_IMPORTS = "Wasm module has an invalid import section."
_BAD_EXPORTS = "Wasm module has an invalid export section."
_BAD_SIGNATURE = "Wasm module has an invalid function signature."
_METHODS = "functions called `canister_update <name>`, `canister_query <name>`, or `canister_composite_query <name>`"
_TYPE_NAMES = {I32: "I32", I64: "I64", F32: "F32", F64: "F64", V128: "V128"}


def check_module(facts: Facts) -> None:
    """Raise `InvalidModuleError` for the first requirement that a module does not meet, in the reference's words."""
    if facts.code_bytes > MAX_CODE_SECTION_BYTES:
        raise InvalidModuleError(
            f"Wasm module code section size of {facts.code_bytes} exceeds the maximum allowed size of {MAX_CODE_SECTION_BYTES}"
        )
    _check_imports(facts)
    _check_exports(facts)
    _check_memory(facts)
    for what, count, limit in (
        ("globals", facts.globals, MAX_GLOBALS),
        ("functions", len(facts.functions), MAX_FUNCTIONS),
        ("custom sections", len(facts.metadata), MAX_CUSTOM_SECTIONS),
    ):
        if count > limit:
            raise InvalidModuleError(f"Wasm module defined {count} {what} which exceeds the maximum number allowed {limit}.")
    if facts.metadata_bytes > MAX_CUSTOM_SECTIONS_BYTES:
        raise InvalidModuleError(
            "Wasm module has an invalid custom section. Invalid custom sections: total size of the custom sections exceeds the maximum"
            f" allowed: size {facts.metadata_bytes} bytes, allowed {MAX_CUSTOM_SECTIONS_BYTES} bytes"
        )
    if facts.start is not None and facts.signature(facts.start) != _NOTHING:
        raise InvalidModuleError("invalid start function type")


def _check_memory(facts: Facts) -> None:
    limit = (MAX_WASM64_MEMORY_BYTES if facts.memory64 else MAX_WASM_MEMORY_BYTES) // WASM_PAGE_BYTES
    wanted = max(facts.memory_pages, facts.max_memory_pages or 0 if facts.memory64 else 0)
    if wanted > limit:
        raise InvalidModuleError(f"the module declares a memory of {wanted} pages; the limit is {limit}")


def _check_imports(facts: Facts) -> None:
    wide = facts.memory64
    for wanted in facts.imports:
        call = SYSTEM_CALLS.get(wanted.name)
        if call is None or (wide and call.narrow_only):
            raise InvalidModuleError(
                f"{_BAD_IMPORTS} Module imports function '{wanted.name}' from '{wanted.module}' that is not exported by the runtime."
            )
        if wanted.module != "ic0":
            raise InvalidModuleError(
                f'{_BAD_IMPORTS} Module imports function "{wanted.name}" from "{wanted.module}", expected to be imported from one of ["ic0"] instead.'
            )
        expected = Signature(_value_types(call.parameters, wide=wide), _value_types(call.result, wide=wide))
        _check_signature(wanted.name, wanted.signature, expected)


def _check_signature(name: str, signature: Signature, expected: Signature) -> None:
    for what, wanted, got in (
        ("input params", expected.parameters, signature.parameters),
        ("return type", expected.results, signature.results),
    ):
        if got != wanted:
            raise InvalidModuleError(f"{_BAD_SIGNATURE} Expected {what} {_type_names(wanted)} for '{name}', got {_type_names(got)}.")


def _type_names(kinds: bytes) -> str:
    return "[" + ", ".join(_TYPE_NAMES.get(kind, "Ref") for kind in kinds) + "]"


def _value_types(letters: str, *, wide: bool) -> bytes:
    return bytes(I64 if letter == "l" or (letter == "I" and wide) else I32 for letter in letters)


def _check_exports(facts: Facts) -> None:
    methods: set[str] = set()
    for name, (kind, index) in facts.exports.items():
        if kind != ExternKind.FUNCTION:
            continue
        prefix = next((prefix for prefix in METHOD_PREFIXES if name.startswith(prefix)), None)
        if prefix is not None:
            _add_method(name.removeprefix(prefix), methods)
        elif name not in ENTRY_POINTS:
            if name.startswith("canister_"):
                raise InvalidModuleError(f"{_BAD_EXPORTS} Exporting reserved function '{name}' with \"canister_\" prefix")
            continue
        _check_signature(name, facts.signature(index), _NOTHING)
    if len(methods) > MAX_CANISTER_EXPORTED_METHODS:
        raise InvalidModuleError(f"The number of exported {_METHODS} is {len(methods)} which exceeds {MAX_CANISTER_EXPORTED_METHODS}.")
    length = sum(len(method.encode()) for method in methods)
    if length > MAX_CANISTER_EXPORTED_NAME_BYTES:
        raise InvalidModuleError(
            f"The sum of `<name>` lengths in exported {_METHODS} is {length} which exceeds the allowed limit of {MAX_CANISTER_EXPORTED_NAME_BYTES}."
        )


def _add_method(method: str, methods: set[str]) -> None:
    if method in methods:
        raise InvalidModuleError(
            f"Duplicate function '{method}' exported multiple times with different call types: update, query, or composite_query."
        )
    methods.add(method)
