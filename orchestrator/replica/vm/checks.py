"""What a module must be like to be a canister's.

Source: IC interface specification, "WebAssembly module requirements".
"""

from orchestrator.replica.vm.api import SYSTEM_CALLS
from orchestrator.replica.vm.binary import ExternKind
from orchestrator.replica.vm.facts import I32, I64, Facts, Signature
from orchestrator.replica.vm.interface import InvalidModuleError
from orchestrator.replica.vm.limits import (
    MAX_CANISTER_EXPORTED_METHODS,
    MAX_CANISTER_EXPORTED_NAME_BYTES,
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


def check_module(facts: Facts) -> None:
    """Raise `InvalidModuleError` for the first requirement that a module does not meet."""
    _check_limits(facts)
    _check_imports(facts)
    _check_exports(facts)
    if facts.start is not None and facts.signature(facts.start) != _NOTHING:
        raise InvalidModuleError("invalid start function type")


def _check_limits(facts: Facts) -> None:
    for what, count, limit in (
        ("pages of memory", facts.memory_pages, (MAX_WASM64_MEMORY_BYTES if facts.memory64 else MAX_WASM_MEMORY_BYTES) // WASM_PAGE_BYTES),
        ("functions", len(facts.functions), MAX_FUNCTIONS),
        ("globals", facts.globals, MAX_GLOBALS),
        ("custom sections named `icp:`", len(facts.metadata), MAX_CUSTOM_SECTIONS),
        ("bytes of custom sections named `icp:`", facts.metadata_bytes, MAX_CUSTOM_SECTIONS_BYTES),
    ):
        if count > limit:
            raise InvalidModuleError(f"the module has {count} {what}; the limit is {limit}")


def _check_imports(facts: Facts) -> None:
    wide = facts.memory64
    for wanted in facts.imports:
        call = SYSTEM_CALLS.get(wanted.name) if wanted.module == "ic0" else None
        if call is None or (wide and call.narrow_only):
            raise InvalidModuleError(
                f"{_BAD_IMPORTS} Module imports function '{wanted.name}' from '{wanted.module}' that is not exported by the runtime."
            )
        if wanted.signature != Signature(_value_types(call.parameters, wide=wide), _value_types(call.result, wide=wide)):
            raise InvalidModuleError(f"{_BAD_IMPORTS} Function '{wanted.name}' of 'ic0' is imported with another type.")


def _value_types(letters: str, *, wide: bool) -> bytes:
    return bytes(I64 if letter == "l" or (letter == "I" and wide) else I32 for letter in letters)


def _check_exports(facts: Facts) -> None:
    methods: set[str] = set()
    for name, (kind, index) in facts.exports.items():
        prefix = next((prefix for prefix in METHOD_PREFIXES if name.startswith(prefix)), None)
        if prefix is None and name not in ENTRY_POINTS:
            if name.startswith("canister_"):
                raise InvalidModuleError(f"exporting reserved function `{name}` with `canister_` prefix")
            continue
        if kind != ExternKind.FUNCTION:
            raise InvalidModuleError(f"the export `{name}` is not a function")
        if facts.signature(index) != _NOTHING:
            raise InvalidModuleError(f"Wasm module has an invalid function signature: '{name}' must have the type () -> ().")
        if prefix is not None:
            _add_method(name.removeprefix(prefix), methods)
    if len(methods) > MAX_CANISTER_EXPORTED_METHODS:
        raise InvalidModuleError(f"the module exports {len(methods)} methods; the limit is {MAX_CANISTER_EXPORTED_METHODS}")
    length = sum(len(method.encode()) for method in methods)
    if length > MAX_CANISTER_EXPORTED_NAME_BYTES:
        raise InvalidModuleError(f"the names of methods take {length} bytes; the limit is {MAX_CANISTER_EXPORTED_NAME_BYTES}")


def _add_method(method: str, methods: set[str]) -> None:
    if method in methods:
        raise InvalidModuleError(f"the method `{method}` is exported more than once")
    methods.add(method)
