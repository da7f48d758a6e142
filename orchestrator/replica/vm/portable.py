"""What `native` does, with nothing but the public API of the `wasmtime` package: slower, for when that API is all there is."""

import ctypes
import struct
from collections.abc import Sequence

import wasmtime

from orchestrator.replica.vm.facts import F32, F64, I32, I64, V128
from orchestrator.replica.vm.interface import InvalidModuleError

__all__ = ["PortableGlobals", "PortableMemory", "kinds_of"]

_FORMATS = {I32: "<i", I64: "<q", F32: "<f", F64: "<d"}
_KINDS = {"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128}
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


class PortableGlobals:
    """The mutable globals of an instance, read and written as one block of 16 bytes each."""

    def __init__(self, store: wasmtime.Store, variables: Sequence[wasmtime.Global], kinds: bytes) -> None:
        self._store = store
        self._variables = [(variable, _format(kind)) for variable, kind in zip(variables, kinds, strict=True)]

    def read(self) -> bytes:
        """Return the values."""
        values = [struct.pack(layout, variable.value(self._store)) for variable, layout in self._variables]
        return b"".join(value.ljust(_VALUE_BYTES, b"\0") for value in values)

    def write(self, values: bytes) -> None:
        """Set the values to what `read` returned."""
        for index, (variable, layout) in enumerate(self._variables):
            variable.set_value(self._store, struct.unpack_from(layout, values, index * _VALUE_BYTES)[0])


def kinds_of(names: Sequence[str]) -> bytes:
    """Return the types of globals as the binary format writes them."""
    return bytes(_KINDS[name] for name in names)


def _format(kind: int) -> str:
    if kind not in _FORMATS:
        raise InvalidModuleError("a mutable global of 128 bits needs the native bindings")
    return _FORMATS[kind]
