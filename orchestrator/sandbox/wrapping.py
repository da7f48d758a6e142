"""Builds a component around a plugin, so that the bytes of its canister calls cross to Python in one piece.

wasmtime's C interface carries a `list<u8>` as one 32-byte value per byte; a string it carries whole. The
wrapping component imports what the plugin imports, and one function of our own with texts in place of
bytes; a small shim component (`shim.wat`) translates; the plugin sits inside, byte for byte as it came:

    imports of the plugin, verbatim
    import "orchestrator-call"                       (method, arg: string, …) -> result<string, string>
    component 0: the shim      component 1: the plugin
    instance: the shim with the types and "orchestrator-call"
    instance: the plugin with the outer imports, its canister-call taken from the shim
    export "exec"

Encoding per the component model's binary format (WebAssembly/component-model, design/mvp/Binary.md).
"""

from pathlib import Path
from typing import Final

from orchestrator.sandbox.binary import COMPONENT_HEADER, NotUnderstoodError, Outline, Section, Sort
from orchestrator.sandbox.interface import CALL_IMPORT, EXEC_EXPORT
from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_METHOD_BYTES

__all__ = ["HOST_IMPORT", "can_wrap", "shim_text", "wrap"]

HOST_IMPORT: Final = "orchestrator-call"
"""The private function that a wrapped plugin's calls arrive at."""

_TYPES_PREFIX: Final = "icp:sync-plugin/types@"
_U64, _U8, _BOOL, _STRING = b"\x77", b"\x7d", b"\x7f", b"\x73"
_RESULT_OF_STRINGS: Final = b"\x6a\x01" + _STRING + b"\x01" + _STRING


def shim_text() -> str:
    """Give the shim component's text, with the caps of this host filled in."""
    text = (Path(__file__).parent / "shim.wat").read_text(encoding="utf-8")
    return text.replace("{method_cap}", str(MAX_METHOD_BYTES + 1)).replace("{argument_cap}", str(MAX_ARGUMENT_BYTES + 1))


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


def can_wrap(outline: Outline) -> bool:
    """Tell whether a component with this outline can be wrapped; without a canister call there is no use."""
    return outline.plain_prefix and any(item.name == CALL_IMPORT for item in outline.imports)


def wrap(component: bytes, outline: Outline, shim: bytes) -> bytes:
    """Build the wrapping component of `component`, whose outline is `outline`; `shim` is the shim's binary.

    Raises `NotUnderstoodError` when the outline lacks what the wrapping needs (`can_wrap`).
    """
    types = next((item for item in outline.imports if item.name.startswith(_TYPES_PREFIX)), None)
    if types is None or not can_wrap(outline):
        raise NotUnderstoodError("a component that cannot be wrapped")
    first_type, first_function = outline.counts[Sort.TYPE], outline.counts[Sort.FUNCTION]
    shim_instance = outline.counts[Sort.INSTANCE]
    parameters = _vector(
        *(
            _text(name) + code
            for name, code in (("method", _STRING), ("arg", _STRING), ("call-type", _U8), ("direct", _BOOL), ("cycles", _U64))
        )
    )
    host_function, fast_call, exec_function = first_function, first_function + 1, first_function + 2
    plugin_arguments = (
        _argument(item.name, Sort.FUNCTION, fast_call) if item.name == CALL_IMPORT else _argument(item.name, item.sort, item.index)
        for item in outline.imports
    )
    return b"".join(
        (
            COMPONENT_HEADER,
            outline.prefix,
            _section(Section.TYPE, _vector(_RESULT_OF_STRINGS, b"\x40" + parameters + b"\0" + _signed(first_type))),
            _section(Section.IMPORT, _vector(b"\0" + _text(HOST_IMPORT) + b"\x01" + _unsigned(first_type + 1))),
            _section(Section.COMPONENT, shim),
            _section(Section.COMPONENT, component),
            _instantiate(0, _argument("types", Sort.INSTANCE, types.index), _argument("host", Sort.FUNCTION, host_function)),
            _alias_function(shim_instance, CALL_IMPORT),
            _instantiate(1, *plugin_arguments),
            _alias_function(shim_instance + 1, EXEC_EXPORT),
            _section(Section.EXPORT, _vector(b"\0" + _text(EXEC_EXPORT) + bytes([Sort.FUNCTION]) + _unsigned(exec_function) + b"\0")),
        )
    )
