"""Builds a component around a plugin, so that the bytes of its canister calls cross to Python in one piece.

wasmtime's C interface carries a `list<u8>` as one 32-byte value per byte; a string it carries whole. The
wrapping component imports what the plugin imports, and functions of our own with texts in place of
bytes; small shim components (`shim*.wat`) translate; the plugin sits inside, byte for byte as it came:

    imports of the plugin, verbatim
    import "orchestrator-call" …                     (method, arg: string, …) -> result<string, string>
    component 0 …: the shims     component n: the plugin
    instances: each shim with the types and its functions of our own
    instance: the plugin with the outer imports, its canister-call and what else is shimmed taken from the shims
    export "exec"

Encoding per the component model's binary format (WebAssembly/component-model, design/mvp/Binary.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.protocol.request_id import encode_leb128
from orchestrator.sandbox.binary import COMPONENT_HEADER, Import, NotUnderstoodError, Outline, Section, Sort
from orchestrator.sandbox.interface import BATCH_IMPORT, CALL_IMPORT, EXEC_EXPORT, SECTION_IMPORT
from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_BATCH_BYTES, MAX_METHOD_BYTES

__all__ = ["can_wrap", "host_imports", "shim_texts", "wrap"]

_TYPES_PREFIX: Final = "icp:sync-plugin/types@"
_U64, _U32, _U8, _BOOL, _STRING = b"\x77", b"\x79", b"\x7d", b"\x7f", b"\x73"
_RESULT_OF_STRINGS: Final = b"\x6a\x01" + _STRING + b"\x01" + _STRING
_TARGET: Final = (("target-kind", _U8), ("target", _STRING))
_CALL: Final = (
    *(("method", _STRING), ("arg", _STRING), ("call-type", _U8), ("direct", _BOOL), ("cycles", _U64)),
    *(("method-size", _U32), ("arg-size", _U32)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _HostFunction:
    """A function of our own: the name under which a shim imports it, under which the whole does, and its parameters.

    It returns a text, or with `fallible` a result of two texts.
    """

    inner: str
    outer: str
    parameters: tuple[tuple[str, bytes], ...]
    fallible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shim:
    """A shim: its file, the functions of the plugin's world that it gives, and what it needs for them."""

    file: str
    gives: tuple[str, ...]
    hosts: tuple[_HostFunction, ...]


_BATCH_HOST: Final = _HostFunction(
    inner="host-batch",
    outer="orchestrator-call-batch",
    parameters=(("memory", _STRING), ("table", _U32), ("count", _U32), ("size", _U32)),
    fallible=False,
)
_SHIMS: Final = {
    "0.1": (
        _Shim(
            file="shim.wat",
            gives=(CALL_IMPORT, BATCH_IMPORT),
            hosts=(_HostFunction(inner="host", outer="orchestrator-call", parameters=_CALL), _BATCH_HOST),
        ),
    ),
    "0.2": (
        _Shim(
            file="shim-0.2-call.wat",
            gives=(CALL_IMPORT,),
            hosts=(_HostFunction(inner="host", outer="orchestrator-targeted-call", parameters=(*_TARGET, *_CALL)),),
        ),
        _Shim(
            file="shim-0.2-section.wat",
            gives=(SECTION_IMPORT,),
            hosts=(_HostFunction(inner="host", outer="orchestrator-section", parameters=(*_TARGET, ("name", _STRING), ("direct", _BOOL))),),
        ),
    ),
}


def _shim_text(shim: _Shim) -> str:
    folder = Path(__file__).parent
    text = (folder / shim.file).read_text(encoding="utf-8")
    text = text.replace("{allocator}", (folder / "shim-allocator.wat").read_text(encoding="utf-8"))
    caps = {"method_cap": MAX_METHOD_BYTES, "argument_cap": MAX_ARGUMENT_BYTES, "batch_cap": MAX_BATCH_BYTES}
    for name, cap in caps.items():
        text = text.replace(f"{{{name}}}", str(cap))
    return text


def shim_texts() -> tuple[str, ...]:
    """Give the texts of all shims, with the caps of this host filled in."""
    return tuple(_shim_text(shim) for shims in _SHIMS.values() for shim in shims)


def _signed(value: int) -> bytes:
    """Encode a type index where a value type may stand: signed LEB128, so that small codes stay free."""
    out = bytearray()
    while value > 0x3F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _vector(*items: bytes) -> bytes:
    return encode_leb128(len(items)) + b"".join(items)


def _text(value: str) -> bytes:
    data = value.encode("utf-8")
    return encode_leb128(len(data)) + data


def _section(number: Section, body: bytes) -> bytes:
    return bytes([number]) + encode_leb128(len(body)) + body


def _argument(name: str, sort: Sort, index: int) -> bytes:
    return _text(name) + bytes([sort]) + encode_leb128(index)


def _instantiate(component: int, *arguments: bytes) -> bytes:
    return _section(Section.INSTANCE, _vector(b"\0" + encode_leb128(component) + _vector(*arguments)))


def _alias_function(instance: int, name: str) -> bytes:
    return _section(Section.ALIAS, _vector(bytes([Sort.FUNCTION, 0]) + encode_leb128(instance) + _text(name)))


def _function_type(host: _HostFunction, result_type: int) -> bytes:
    result = _signed(result_type) if host.fallible else _STRING
    return b"\x40" + _vector(*(_text(name) + code for name, code in host.parameters)) + b"\0" + result


def _host_functions(hosts: list[_HostFunction], first_type: int) -> bytes:
    """Define the types of our own functions, and import these."""
    types = (_function_type(host, first_type) for host in hosts)
    imports = (b"\0" + _text(host.outer) + b"\x01" + encode_leb128(first_type + number) for number, host in enumerate(hosts, 1))
    return _section(Section.TYPE, _vector(_RESULT_OF_STRINGS, *types)) + _section(Section.IMPORT, _vector(*imports))


def _types_of(outline: Outline) -> Import | None:
    return next((item for item in outline.imports if item.name.startswith(_TYPES_PREFIX)), None)


def _shims_for(outline: Outline) -> list[_Shim]:
    """Choose the shims for what a component imports."""
    types = _types_of(outline)
    version = "" if types is None else types.name.removeprefix(_TYPES_PREFIX)[:3]
    names = {item.name for item in outline.imports if item.sort is Sort.FUNCTION}
    return [shim for shim in _SHIMS.get(version, ()) if names & {*shim.gives}]


def host_imports(outline: Outline) -> frozenset[str]:
    """Name the functions of our own that the component around one with this outline imports, beside what is inside it imports."""
    return frozenset(host.outer for shim in _shims_for(outline) for host in shim.hosts)


def can_wrap(outline: Outline) -> bool:
    """Tell whether a component with this outline can be wrapped; without a canister call there is no use."""
    return outline.plain_prefix and bool(_shims_for(outline))


def wrap(component: bytes, outline: Outline, assemble: Callable[[str], bytes]) -> bytes:
    """Build the wrapping component of `component`, whose outline is `outline`; `assemble` makes a shim's text its binary.

    Raises `NotUnderstoodError` when the outline lacks what the wrapping needs (`can_wrap`).
    """
    types = _types_of(outline)
    if types is None or not can_wrap(outline):
        raise NotUnderstoodError("a component that cannot be wrapped")
    shims = _shims_for(outline)
    hosts = [host for shim in shims for host in shim.hosts]
    given = [(outline.counts[Sort.INSTANCE] + number, name) for number, shim in enumerate(shims) for name in shim.gives]
    indices = _number_functions(outline.counts[Sort.FUNCTION], hosts, [name for _, name in given])
    return b"".join(
        (
            COMPONENT_HEADER,
            outline.prefix,
            _host_functions(hosts, outline.counts[Sort.TYPE]),
            *(_section(Section.COMPONENT, assemble(_shim_text(shim))) for shim in shims),
            _section(Section.COMPONENT, component),
            *(_instantiate(number, *_shim_arguments(shim, types, indices)) for number, shim in enumerate(shims)),
            *(_alias_function(instance, name) for instance, name in given),
            _instantiate(len(shims), *_plugin_arguments(outline, indices)),
            _alias_function(outline.counts[Sort.INSTANCE] + len(shims), EXEC_EXPORT),
            _section(Section.EXPORT, _vector(_export_of_exec(indices[EXEC_EXPORT]))),
        )
    )


def _number_functions(first: int, hosts: list[_HostFunction], given: list[str]) -> dict[str, int]:
    """Give functions their numbers, in the order of their definition: those of the host, those of the shims, and the plugin's."""
    names = [*(host.outer for host in hosts), *given, EXEC_EXPORT]
    return {name: first + number for number, name in enumerate(names)}


def _shim_arguments(shim: _Shim, types: Import, indices: dict[str, int]) -> list[bytes]:
    functions = (_argument(host.inner, Sort.FUNCTION, indices[host.outer]) for host in shim.hosts)
    return [_argument("types", Sort.INSTANCE, types.index), *functions]


def _plugin_arguments(outline: Outline, indices: dict[str, int]) -> list[bytes]:
    """Pass on what the plugin imports, but for what the shims give."""
    return [
        _argument(item.name, item.sort, indices.get(item.name, item.index) if item.sort is Sort.FUNCTION else item.index)
        for item in outline.imports
    ]


def _export_of_exec(function: int) -> bytes:
    return b"\0" + _text(EXEC_EXPORT) + bytes([Sort.FUNCTION]) + encode_leb128(function) + b"\0"
