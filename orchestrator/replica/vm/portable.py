"""What `native` does, with nothing but the public API of the `wasmtime` package: slower, for when that API is all there is."""

import ctypes
import struct

import wasmtime

from orchestrator.replica.vm.interface import InvalidModuleError

__all__ = ["PortableMemory", "read_global", "write_global"]

_FORMATS = {"i32": "<i", "i64": "<q", "f32": "<f", "f64": "<d"}
_VALUE_BYTES = 16


class PortableMemory:
    """A main memory. Offsets must be checked by the caller."""

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        self._store = store
        self._memory = memory

    def size(self) -> int:
        """Return the size in bytes."""
        return self._memory.data_len(self._store)

    def address(self) -> int:
        """Return where the memory starts."""
        return ctypes.addressof(self._memory.data_ptr(self._store).contents) if self.size() else 0

    def read(self, offset: int, length: int) -> bytes:
        """Copy bytes out."""
        return bytes(self._memory.read(self._store, offset, offset + length))

    def write(self, offset: int, data: bytes) -> None:
        """Copy bytes in."""
        if data:
            self._memory.write(self._store, data, offset)


def read_global(store: wasmtime.Store, variable: wasmtime.Global) -> bytes:
    """Return the value of a numeric global as 16 bytes."""
    return struct.pack(_format(store, variable), variable.value(store)).ljust(_VALUE_BYTES, b"\0")


def write_global(store: wasmtime.Store, variable: wasmtime.Global, raw: bytes) -> None:
    """Set a numeric global to what `read_global` returned."""
    variable.set_value(store, struct.unpack_from(_format(store, variable), raw)[0])


def _format(store: wasmtime.Store, variable: wasmtime.Global) -> str:
    kind = str(variable.type(store).content)
    if kind not in _FORMATS:
        raise InvalidModuleError(f"a mutable global of type {kind} needs the native bindings")
    return _FORMATS[kind]
