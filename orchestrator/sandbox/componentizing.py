"""Makes a sync plugin of a core module that speaks the canonical ABI itself: for C and Zig, without more tools.

The core module exports `memory`, `cabi_realloc` and `exec`, and imports what `core_imports` has, by the names that
`wasm-tools component new` uses as well. The component is written as text and encoded by wasmtime; the core module is
put in afterwards, byte for byte, because component text cannot hold binary modules. The same module gives the same
component on any machine.

A function can be lowered only once there is a memory, and the memory is the module's, which wants the functions when
it is instantiated. So the module is given trampolines that call through a table, and the table is filled last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from orchestrator.errors import BuildError
from orchestrator.protocol.request_id import encode_leb128
from orchestrator.sandbox.core_imports import INTERFACES, ROOT, CoreFunction, Interface, canonical_module

if TYPE_CHECKING:
    from wasmtime import ExportType, FuncType, ImportType

__all__ = ["componentize"]

Signature: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]

_EXTENSION: Final = "orchestrator:sync-plugin/extension@0.1.0"
_EXTENSION_FUNCTIONS: Final = frozenset({"canister-call-batch", "options"})
_EXEC: Final[Signature] = (("i32",) * 13, ("i32",))
_EXPORTS: Final[dict[str, Signature]] = {"exec": _EXEC, "cabi_realloc": (("i32",) * 4, ("i32",))}
_OPTIONAL_EXPORTS: Final[dict[str, Signature]] = {"_initialize": ((), ()), "cabi_post_exec": (("i32",), ())}
_EMPTY_MODULE_SECTION: Final = b"\x01\x08\x00asm\x01\x00\x00\x00"
_CORE_MODULE_SECTION: Final = b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Used:
    """A function that the module imports: its names as the module writes them, where it comes from, what it is."""

    module: str
    name: str
    interface: Interface
    function: CoreFunction

    @property
    def signature(self) -> str:
        """Return the core type as text."""
        parameters, results = " ".join(self.function.parameters), " ".join(self.function.results)
        return f"(param {parameters}) (result {results})"


def componentize(core: bytes) -> bytes:
    """Return the plugin that has `core` in it.

    Raises `BuildError` for what is no core module (`componentize/not-a-module`), imports what is not offered to it
    (`componentize/import`) or lacks an export (`componentize/export`).
    """
    from wasmtime import wat2wasm

    imports, exports = _read_module(core)
    used = tuple(_find(item) for item in imports)
    present = _check_exports(exports)
    encoded = bytes(wat2wasm(_component_text(used, present)))
    if encoded.count(_EMPTY_MODULE_SECTION) != 1:
        raise ValueError("the component's text must hold exactly one empty core module")
    return encoded.replace(_EMPTY_MODULE_SECTION, _CORE_MODULE_SECTION + encode_leb128(len(core)) + core)


def _read_module(core: bytes) -> "tuple[list[ImportType], list[ExportType]]":
    from wasmtime import Engine, Module, WasmtimeError

    if not core.startswith(b"\0asm\x01\0\0\0"):
        what = "it is a component already" if core.startswith(b"\0asm") else "it does not start as WebAssembly does"
        raise BuildError(
            "the file is not a core WebAssembly module", slug="componentize/not-a-module", detail=what, hint="name what the compiler made"
        )
    try:
        module = Module(Engine(), core)
    except WasmtimeError as error:
        raise BuildError(
            "the file is not a valid core WebAssembly module",
            slug="componentize/not-a-module",
            detail=str(error).splitlines()[0],
            hint="build it again",
        ) from error
    return module.imports, module.exports


def _find(item: "ImportType") -> _Used:
    module, name = item.module, item.name or ""
    for interface in INTERFACES:
        function = interface.functions.get(name)
        if interface.name == canonical_module(module) and function is not None:
            _check_type(f"the import `{name}` of `{module}`", item.type, (function.parameters, function.results), "componentize/import")
            return _Used(module=module, name=name, interface=interface, function=function)
    raise BuildError(
        f"the module imports `{name}` of `{module}`, which is not offered to it",
        slug="componentize/import",
        detail=f"offered are {', '.join(_offered())}",
        hint=_import_hint(module),
    )


def _offered() -> Iterator[str]:
    for interface in INTERFACES:
        if interface.functions:
            yield f"{interface.name} ({', '.join(interface.functions)})"


def _import_hint(module: str) -> str:
    if module == "wasi_snapshot_preview1":
        return (
            "leave out the parts of the C library that do input and output, such as `printf` and `fopen`; print and read through WASI 0.2"
        )
    if module == "env":
        return "define the function, or link the object that has it"
    return "do without it, or make the component with wasm-tools"


def _check_exports(exports: "list[ExportType]") -> frozenset[str]:
    """Insist on what every plugin exports; answer which of the others are there."""
    from wasmtime import MemoryType

    types = {item.name: item.type for item in exports}
    missing = [name for name in ("memory", *_EXPORTS) if name not in types]
    memory = types.get("memory")
    if missing or not isinstance(memory, MemoryType) or memory.is_64:
        raise BuildError(
            f"the module does not export {', '.join(f'`{name}`' for name in missing or ['memory'])}{'' if missing else ', as 32-bit memory'}",
            slug="componentize/export",
            detail=f"it exports {', '.join(f'`{name}`' for name in types) or 'nothing'}",
            hint="export the plugin's entry point `exec`, the allocator `cabi_realloc`, and the `memory`",
        )
    for name, signature in (_EXPORTS | _OPTIONAL_EXPORTS).items():
        if name in types:
            _check_type(f"the export `{name}`", types[name], signature, "componentize/export")
    return frozenset(types) & frozenset(_OPTIONAL_EXPORTS)


def _check_type(what: str, found: object, wanted: Signature, slug: str) -> None:
    from wasmtime import FuncType

    if isinstance(found, FuncType) and _signature(found) == wanted:
        return
    described = _describe(_signature(found)) if isinstance(found, FuncType) else "not a function"
    raise BuildError(
        f"{what} has the wrong type",
        slug=slug,
        detail=f"it is {described}, and should be {_describe(wanted)}",
        hint="declare it as the canonical ABI passes it; `plugin new` writes declarations for C and Zig",
    )


def _signature(found: "FuncType") -> Signature:
    return tuple(map(str, found.params)), tuple(map(str, found.results))


def _describe(signature: Signature) -> str:
    parameters, results = signature
    return f"({', '.join(parameters)}) -> ({', '.join(results)})"


def _component_text(used: tuple[_Used, ...], present: frozenset[str]) -> str:
    size = len(used)
    post = "(post-return $post)" if "cabi_post_exec" in present else ""
    modules = sorted({item.module for item in used})
    arguments = " ".join(f'(with "{module}" (instance $given-{index}))' for index, module in enumerate(modules))
    return f"""(component {"".join(_imports(used))}
  (core module $trampolines (table (export "table") {size} {size} funcref) {_trampolines(used)})
  (core module $filler (import "" "table" (table {size} {size} funcref)) {_filler(used, present)})
  (core module)
  (core instance $trampoline (instantiate $trampolines))
  {_given(used, modules)}
  (core instance $plugin (instantiate 2 {arguments}))
  (alias core export $plugin "memory" (core memory $memory))
  (alias core export $plugin "cabi_realloc" (core func $realloc))
  {_lowered(used)}
  (core instance $filling (export "table" (table $trampoline "table")) {_exported(size, "lowered")}
    {'(export "_initialize" (func $plugin "_initialize"))' if "_initialize" in present else ""})
  (core instance (instantiate $filler (with "" (instance $filling))))
  (alias core export $plugin "exec" (core func $exec))
  {'(alias core export $plugin "cabi_post_exec" (core func $post))' if post else ""}
  (func (export "exec") (param "input" $input) (result (result (error string)))
    (canon lift (core func $exec) (memory $memory) (realloc $realloc) {post})))"""


def _imports(used: tuple[_Used, ...]) -> Iterator[str]:
    """Import what is used, and what that needs, each after what it needs itself."""
    names = {INTERFACES[0].name} | {item.interface.name for item in used} | {need for item in used for need in item.interface.needs}
    if any(item.interface.name == ROOT and item.name in _EXTENSION_FUNCTIONS for item in used):
        names.add(_EXTENSION)
    for interface in INTERFACES:
        if interface.name in names:
            yield _import(interface, {item.name: item.function for item in used if item.interface is interface and not item.function.drops})


def _import(interface: Interface, functions: dict[str, CoreFunction]) -> str:
    if interface.name == ROOT:
        return "".join(f'\n  (import "{name}" (func $root-{name} {function.text}))' for name, function in functions.items())
    exported = "".join(f'\n    (export "{name}" (func {function.text}))' for name, function in functions.items())
    return f'\n  (import "{interface.name}" (instance {interface.label} {interface.types}{exported}))\n  {interface.aliases}'


def _trampolines(used: tuple[_Used, ...]) -> str:
    lines = []
    for index, item in enumerate(used):
        arguments = " ".join(f"(local.get {position})" for position in range(len(item.function.parameters)))
        lines.append(f'(func (export "{index}") {item.signature} (call_indirect {item.signature} {arguments} (i32.const {index})))')
    return "\n".join(lines)


def _filler(used: tuple[_Used, ...], present: frozenset[str]) -> str:
    """Fill the table with the lowered functions, and then have the module set itself up."""
    lines = [f'(import "" "{index}" (func {item.signature}))' for index, item in enumerate(used)]
    if "_initialize" in present:
        lines.append('(import "" "_initialize" (func $initialize)) (start $initialize)')
    lines.append(f"(elem (i32.const 0) func {' '.join(map(str, range(len(used))))})")
    return "\n".join(lines)


def _given(used: tuple[_Used, ...], modules: list[str]) -> str:
    """Give the module the trampolines under the names that it imports."""
    lines = []
    for number, module in enumerate(modules):
        exports = " ".join(
            f'(export "{item.name}" (func $trampoline "{index}"))' for index, item in enumerate(used) if item.module == module
        )
        lines.append(f"(core instance $given-{number} {exports})")
    return "\n  ".join(lines)


def _exported(size: int, prefix: str) -> str:
    return " ".join(f'(export "{index}" (func ${prefix}-{index}))' for index in range(size))


def _lowered(used: tuple[_Used, ...]) -> str:
    lines = []
    for index, item in enumerate(used):
        if item.function.drops:
            lines.append(f"(core func $lowered-{index} (canon resource.drop {item.function.drops}))")
            continue
        source = f"$root-{item.name}"
        if item.interface.name != ROOT:
            source = f"$source-{index}"
            lines.append(f'(alias export {item.interface.label} "{item.name}" (func {source}))')
        lines.append(f"(core func $lowered-{index} (canon lower (func {source}) (memory $memory) (realloc $realloc)))")
    return "\n  ".join(lines)
