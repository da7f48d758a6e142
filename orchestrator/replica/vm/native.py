"""The parts that reach below the public API of the `wasmtime` package, and the system calls that Python lacks.

Everything here is a thin, typed wrapper around ctypes. The C functions are those of wasmtime's C API (`wasmtime.h`,
major version 50), reached through the library that the package has loaded, with argument types of our own: plain
addresses cost a third of what typed pointers cost, and the system API is called a million times a second.
"""

import ctypes
import functools
import mmap
import os
import struct
from collections.abc import Callable, Sequence

import wasmtime
from wasmtime import _ffi

__all__ = [
    "NativeGlobals",
    "NativeMemory",
    "blocks_equal",
    "buffer_address",
    "configure_stack",
    "configure_strategy",
    "copy_bytes",
    "define_function",
    "discard_private_pages",
    "map_private",
    "new_trap",
    "value_layout",
    "write_file_from_memory",
    "zero_page_address",
]

RawCallback = Callable[[int | None, int | None, int, int], int]

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_FINALIZER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_NO_FINALIZER = _FINALIZER(0)
_MADV_DONTNEED = 4
_MAP_FIXED = 0x10
_MAP_FAILED = ctypes.c_void_p(-1).value
_STRATEGIES = {"auto": 0, "cranelift": 1, "winch": 2}
_VALUE_BYTES = 16
_ZEROES = (ctypes.c_char * 65_536)()


@functools.cache
def _wasmtime(name: str, result: object, *arguments: object) -> Callable[..., int]:
    function = ctypes.CDLL(_ffi.dll._name)[name]  # noqa: SLF001 - a handle of our own, so that its types are ours
    function.restype = result  # type: ignore[assignment]
    function.argtypes = arguments  # type: ignore[assignment]
    return function


@functools.cache
def _libc(name: str, result: object, *arguments: object) -> Callable[..., int]:
    function = ctypes.CDLL(None, use_errno=True)[name]
    function.restype = result  # type: ignore[assignment]
    function.argtypes = arguments  # type: ignore[assignment]
    return function


def _address(pointer: object) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0  # type: ignore[arg-type]


def configure_strategy(config: wasmtime.Config, strategy: str) -> None:
    """Choose the compiler; unlike the package's own setter this one knows `winch`."""
    set_strategy = _wasmtime("wasmtime_config_strategy_set", None, ctypes.c_void_p, ctypes.c_uint8)
    set_strategy(_address(config.ptr()), _STRATEGIES[strategy])


def configure_stack(config: wasmtime.Config, *, wasm_bytes: int, reserve_bytes: int) -> None:
    """Set how deep a canister may recurse, in bytes of stack.

    The size of asynchronous stacks must be larger: an engine made with a smaller one ends the whole process.
    """
    set_size = _wasmtime("wasmtime_config_async_stack_size_set", None, ctypes.c_void_p, ctypes.c_size_t)
    set_size(_address(config.ptr()), wasm_bytes + reserve_bytes)
    config.max_wasm_stack = wasm_bytes


def define_function(linker: wasmtime.Linker, module: str, name: str, kind: wasmtime.FuncType, callback: RawCallback) -> object:
    """Define a host function that gets the address of its raw values; returns what must be kept alive with the linker.

    The callback gets (environment, caller, address of 16-byte values, their number), writes its result over the
    first value, and returns 0 or the address of a trap. It must not raise.
    """
    define = _wasmtime(
        "wasmtime_linker_define_func_unchecked",
        ctypes.c_void_p,
        *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t),
        *(ctypes.c_void_p, _CALLBACK, ctypes.c_void_p, _FINALIZER),
    )
    raw = _CALLBACK(callback)
    module_bytes, name_bytes = module.encode(), name.encode()
    pointers = _address(linker.ptr()), _address(kind.ptr())
    error = define(pointers[0], module_bytes, len(module_bytes), name_bytes, len(name_bytes), pointers[1], raw, None, _NO_FINALIZER)
    if error:
        raise RuntimeError(f"the function {name} cannot be defined")
    return raw


def new_trap() -> int:
    """Make a trap and return its address; the engine takes it over."""
    return _wasmtime("wasmtime_trap_new", ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)(b"host", 4)


class NativeMemory:
    """A main memory, read and written by address. Offsets must be checked by the caller."""

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        self._keep = (store, memory)
        self._context = _address(store._context())  # noqa: SLF001 - what every C function takes
        self._memory = ctypes.addressof(memory._memory)  # noqa: SLF001
        self._data = _wasmtime("wasmtime_memory_data", ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)
        self._size = _wasmtime("wasmtime_memory_data_size", ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)

    def size(self) -> int:
        """Return the size in bytes."""
        return self._size(self._context, self._memory)

    def address(self) -> int:
        """Return where the memory starts."""
        return self._data(self._context, self._memory)

    def read(self, offset: int, length: int) -> bytes:
        """Copy bytes out."""
        return ctypes.string_at(self._data(self._context, self._memory) + offset, length)

    def write(self, offset: int, data: bytes) -> None:
        """Copy bytes in."""
        ctypes.memmove(self._data(self._context, self._memory) + offset, data, len(data))


class NativeGlobals:
    """The mutable globals of an instance, all of them numeric, read and written as one block of 16 bytes each."""

    def __init__(self, store: wasmtime.Store, variables: Sequence[wasmtime.Global], sizes: Sequence[int]) -> None:
        """Take the globals and the size of each one's values in bytes: the engine leaves the rest of a block as it was."""
        self._size = len(variables) * _VALUE_BYTES
        self._mask: int = sum((256**size - 1) << (8 * _VALUE_BYTES * index) for index, size in enumerate(sizes))
        self._keep = (store, variables)
        self._values = (_ffi.wasmtime_val_t * len(variables))()
        self._context = _address(store._context())  # noqa: SLF001 - what every C function takes
        start, step = ctypes.addressof(self._values), ctypes.sizeof(_ffi.wasmtime_val_t)
        self._pairs = [
            (ctypes.addressof(variable._global), start + index * step)  # noqa: SLF001
            for index, variable in enumerate(variables)
        ]
        before = _ffi.wasmtime_val_t.of.offset
        self._layout = struct.Struct(f"{before}x{_VALUE_BYTES}s{step - before - _VALUE_BYTES}x")
        self._get = _wasmtime("wasmtime_global_get", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        self._set = _wasmtime("wasmtime_global_set", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    def read(self) -> bytes:
        """Return the values."""
        for variable, value in self._pairs:
            self._get(self._context, variable, value)
        values = b"".join(value for (value,) in self._layout.iter_unpack(self._values))
        known = int.from_bytes(values, "little") & self._mask
        return known.to_bytes(self._size, "little")

    def write(self, values: bytes) -> None:
        """Set the values to what `read` returned."""
        current = self.read()
        if current == values:
            return
        for index, (variable, value) in enumerate(self._pairs):
            new = values[index * _VALUE_BYTES : (index + 1) * _VALUE_BYTES]
            if new != current[index * _VALUE_BYTES : (index + 1) * _VALUE_BYTES]:
                ctypes.memmove(value + _ffi.wasmtime_val_t.of.offset, new, _VALUE_BYTES)
                if self._set(self._context, variable, value):
                    raise RuntimeError("a global refused the value it had before")


def blocks_equal(first: int, second: int, length: int) -> bool:
    """Compare two ranges of memory by address."""
    compare = _libc("memcmp", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    return compare(first, second, length) == 0


def buffer_address(content: bytearray | mmap.mmap) -> int:
    """Return where the bytes lie; valid until the object is resized or dropped."""
    return ctypes.addressof(ctypes.c_char.from_buffer(content))


def zero_page_address() -> int:
    """Return where 64 KiB of zeroes lie."""
    return ctypes.addressof(_ZEROES)


def copy_bytes(target: int, source: int, length: int) -> None:
    """Copy a range of memory by address."""
    ctypes.memmove(target, source, length)


def map_private(address: int, length: int, file: int, offset: int) -> None:
    """Replace a range of memory by a private, writable mapping of a file; raises OSError."""
    call = _libc(
        "mmap",
        ctypes.c_void_p,
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long),
    )
    result = call(address, length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | _MAP_FIXED, file, offset)
    if result == _MAP_FAILED:
        raise OSError(ctypes.get_errno(), "mmap of a canister's memory failed")


def discard_private_pages(address: int, length: int) -> None:
    """Forget what was written to a private file mapping, so that it shows the file again; raises OSError."""
    if _libc("madvise", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)(address, length, _MADV_DONTNEED):
        raise OSError(ctypes.get_errno(), "madvise of a canister's memory failed")


def write_file_from_memory(file: int, address: int, length: int, offset: int) -> None:
    """Write a range of memory to a file; raises OSError."""
    written = 0
    while written < length:
        view = (ctypes.c_char * (length - written)).from_address(address + written)
        written += os.pwrite(file, view, offset + written)


def value_layout(kinds: str) -> struct.Struct:
    """Return the layout of raw values, one letter each: `i` for 32 bits, `l` for 64."""
    return struct.Struct("<" + "".join("I12x" if kind == "i" else "Q8x" for kind in kinds))
