"""What a WebAssembly module says about itself: is it one, and its `icp:` metadata sections.

Source: the WebAssembly core specification, "Modules" (magic, version, sections) and the IC interface specification,
"Canister module format" (gzip, and the custom sections `icp:public NAME` and `icp:private NAME`).
"""

import zlib
from collections.abc import Mapping

__all__ = ["MAX_MODULE_BYTES", "describe_defect", "load_metadata"]

MAX_MODULE_BYTES = 100 * 1024 * 1024
_MAGIC = b"\0asm"
_CORE_VERSION = b"\1\0\0\0"
_COMPONENT_VERSION = b"\x0d\0\1\0"
_GZIP = b"\x1f\x8b"
_HEADER_BYTES = 8
_GZIP_WINDOW = 31
_CUSTOM_SECTION = 0
_PREFIXES = ("icp:public ", "icp:private ")


def describe_defect(data: bytes) -> str | None:
    """Return why `data` is not a module that a canister can be made of, `None` when it looks like one."""
    if not data:
        return "the file is empty"
    try:
        header = _unpack(data, _HEADER_BYTES)
    except zlib.error as error:
        return f"it looks like gzip, but cannot be unpacked: {error}"
    if header.startswith(_MAGIC + _COMPONENT_VERSION):
        return "it is a WebAssembly component; canisters are core modules"
    if not header.startswith(_MAGIC):
        return f"it starts with {header[:4].hex(' ')}, a module starts with {_MAGIC.hex(' ')}"
    if not header.startswith(_MAGIC + _CORE_VERSION):
        return "it is not version 1 of the module format"
    return None


def load_metadata(data: bytes) -> Mapping[str, bytes]:
    """Return the metadata sections of a plain or gzipped module by name; what cannot be read has none."""
    try:
        module = _unpack(data, MAX_MODULE_BYTES)
        return dict(_sections(module))
    except (zlib.error, IndexError, UnicodeDecodeError):
        return {}


def _sections(module: bytes) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    position = _HEADER_BYTES
    while position < len(module):
        kind = module[position]
        size, start = _unsigned(module, position + 1)
        if start + size > len(module):
            break
        if kind == _CUSTOM_SECTION:
            length, text = _unsigned(module, start)
            name = module[text : text + length].decode()
            content = module[text + length : start + size]
            found += [(name.removeprefix(prefix), content) for prefix in _PREFIXES if name.startswith(prefix)]
        position = start + size
    return found


def _unsigned(data: bytes, position: int) -> tuple[int, int]:
    """Read an unsigned LEB128 number; return it and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _unpack(data: bytes, limit: int) -> bytes:
    """Return at most `limit` bytes of the module itself."""
    if not data.startswith(_GZIP):
        return data[:limit]
    return zlib.decompressobj(_GZIP_WINDOW).decompress(data, limit)
