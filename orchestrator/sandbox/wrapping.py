"""Builds a component around a plugin, so that the bytes of its canister calls cross to Python in one piece.

wasmtime's C interface carries a `list<u8>` as one 32-byte value per byte; a string it carries whole. The
wrapping component imports what the plugin imports, and functions of our own with texts in place of
bytes; a small shim component (`shim.wat`) translates; the plugin sits inside, byte for byte as it came:

    imports of the plugin, verbatim
    import "orchestrator-call"                       (method, arg: string, …) -> result<string, string>
    import "orchestrator-call-batch"                 (memory: string, table, count, size: u32) -> string
    component 0: the shim      component 1: the plugin
    instance: the shim with the types and the two functions
    instance: the plugin with the outer imports, its canister-call and canister-call-batch taken from the shim
    export "exec"

Encoding per the component model's binary format (WebAssembly/component-model, design/mvp/Binary.md).
"""

from pathlib import Path
from typing import Final

from orchestrator.sandbox.binary import COMPONENT_HEADER, NotUnderstoodError, Outline, Section, Sort
from orchestrator.sandbox.interface import BATCH_IMPORT, CALL_IMPORT, EXEC_EXPORT
from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_BATCH_BYTES, MAX_METHOD_BYTES

__all__ = ["HOST_IMPORTS", "can_wrap", "shim_text", "wrap"]

HOST_IMPORTS: Final = ("orchestrator-call", "orchestrator-call-batch")
"""The private functions that a wrapped plugin's calls and batches of calls arrive at."""

_TYPES_PREFIX: Final = "icp:sync-plugin/types@"
_SHIMMED: Final = (CALL_IMPORT, BATCH_IMPORT)
_U64, _U32, _U8, _BOOL, _STRING = b"\x77", b"\x79", b"\x7d", b"\x7f", b"\x73"
_CALL_PARAMETERS: Final = (
    *(("method", _STRING), ("arg", _STRING), ("call-type", _U8), ("direct", _BOOL), ("cycles", _U64)),
    *(("method-size", _U32), ("arg-size", _U32)),
)
_BATCH_PARAMETERS: Final = (("memory", _STRING), ("table", _U32), ("count", _U32), ("size", _U32))
_RESULT_OF_STRINGS: Final = b"\x6a\x01" + _STRING + b"\x01" + _STRING


def shim_text() -> str:
    """Give the shim component's text, with the caps of this host filled in."""
    text = (Path(__file__).parent / "shim.wat").read_text(encoding="utf-8")
    caps = {"method_cap": MAX_METHOD_BYTES, "argument_cap": MAX_ARGUMENT_BYTES, "batch_cap": MAX_BATCH_BYTES}
    for name, cap in caps.items():
        text = text.replace(f"{{{name}}}", str(cap))
    return text


def _unsigned(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed(value: int) -> bytes:
    """Encode a type index where a value type may stand: signed LEB128, so that small codes stay free."""
    out = bytearray()
    while value > 0x3F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _vector(*items: bytes) -> bytes:
    return _unsigned(len(items)) + b"".join(items)


def _text(value: str) -> bytes:
    data = value.encode("utf-8")
    return _unsigned(len(data)) + data


def _section(number: Section, body: bytes) -> bytes:
    return bytes([number]) + _unsigned(len(body)) + body


def _argument(name: str, sort: Sort, index: int) -> bytes:
    return _text(name) + bytes([sort]) + _unsigned(index)


def _instantiate(component: int, *arguments: bytes) -> bytes:
    return _section(Section.INSTANCE, _vector(b"\0" + _unsigned(component) + _vector(*arguments)))


def _alias_function(instance: int, name: str) -> bytes:
    return _section(Section.ALIAS, _vector(bytes([Sort.FUNCTION, 0]) + _unsigned(instance) + _text(name)))


def _function_type(parameters: tuple[tuple[str, bytes], ...], result: bytes) -> bytes:
    return b"\x40" + _vector(*(_text(name) + code for name, code in parameters)) + b"\0" + result


def _host_functions(first_type: int) -> bytes:
    """Define the types of our own functions, and import these."""
    call = _function_type(_CALL_PARAMETERS, _signed(first_type))
    batch = _function_type(_BATCH_PARAMETERS, _STRING)
    imports = (b"\0" + _text(name) + b"\x01" + _unsigned(first_type + 1 + number) for number, name in enumerate(HOST_IMPORTS))
    return _section(Section.TYPE, _vector(_RESULT_OF_STRINGS, call, batch)) + _section(Section.IMPORT, _vector(*imports))


def can_wrap(outline: Outline) -> bool:
    """Tell whether a component with this outline can be wrapped; without a canister call there is no use."""
    return outline.plain_prefix and any(item.name in _SHIMMED for item in outline.imports)


def wrap(component: bytes, outline: Outline, shim: bytes) -> bytes:
    """Build the wrapping component of `component`, whose outline is `outline`; `shim` is the shim's binary.

    Raises `NotUnderstoodError` when the outline lacks what the wrapping needs (`can_wrap`).
    """
    types = next((item for item in outline.imports if item.name.startswith(_TYPES_PREFIX)), None)
    if types is None or not can_wrap(outline):
        raise NotUnderstoodError("a component that cannot be wrapped")
    first_function = outline.counts[Sort.FUNCTION]
    shim_instance = outline.counts[Sort.INSTANCE]
    # In this order they are defined: the two functions of the host, then the two of the shim, then the plugin's.
    host_call, host_batch, *shimmed, exec_function = range(first_function, first_function + 5)
    fast = dict(zip(_SHIMMED, shimmed, strict=True))
    shim_arguments = (
        _argument("types", Sort.INSTANCE, types.index),
        _argument("host", Sort.FUNCTION, host_call),
        _argument("host-batch", Sort.FUNCTION, host_batch),
    )
    plugin_arguments = (_argument(item.name, item.sort, fast.get(item.name, item.index)) for item in outline.imports)
    return b"".join(
        (
            COMPONENT_HEADER,
            outline.prefix,
            _host_functions(outline.counts[Sort.TYPE]),
            _section(Section.COMPONENT, shim),
            _section(Section.COMPONENT, component),
            _instantiate(0, *shim_arguments),
            *(_alias_function(shim_instance, name) for name in _SHIMMED),
            _instantiate(1, *plugin_arguments),
            _alias_function(shim_instance + 1, EXEC_EXPORT),
            _section(Section.EXPORT, _vector(b"\0" + _text(EXEC_EXPORT) + bytes([Sort.FUNCTION]) + _unsigned(exec_function) + b"\0")),
        )
    )
