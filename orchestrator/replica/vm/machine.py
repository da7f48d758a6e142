"""The machine on wasmtime: loads modules, makes instances, carries state over upgrades and restarts."""

import contextlib
import hashlib
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import wasmtime

from orchestrator.replica.vm import snapshot
from orchestrator.replica.vm.copy_on_write import copy_on_write_works, make_image_factory
from orchestrator.replica.vm.engine import UNMETERED, Compiler, Compilers, address_space_is_limited
from orchestrator.replica.vm.execution import MainMemory
from orchestrator.replica.vm.host import Bindings, Host
from orchestrator.replica.vm.image import ZERO_PAGE, CopyingImage, ImageFactory
from orchestrator.replica.vm.instance import WasmInstance, WasmModule
from orchestrator.replica.vm.interface import GLOBAL_BYTES, Instance, InvalidModuleError, Module, SavedState
from orchestrator.replica.vm.limits import WASM_PAGE_BYTES
from orchestrator.replica.vm.live import LiveInstance
from orchestrator.replica.vm.probe import choose_engine, this_system, try_in_child
from orchestrator.replica.vm.stable import StableMemory
from orchestrator.replica.vm.wasm import instrument

__all__ = ["Rollback", "WasmMachine"]

Rollback = Literal["auto", "copying", "copy_on_write"]
"""How main memory is rolled back; `auto` takes copy-on-write where the system has what it needs."""


class WasmMachine:
    """Runs canisters on wasmtime; implements `Machine`.

    Calls must come one at a time, from threads with a stack of `orchestrator.replica.vm.thread.THREAD_STACK_BYTES`
    (`make_executor` makes one): canisters may recurse deeper than an ordinary thread can. `cache_directory` keeps compiled code; nobody else may write there,
    since it is run as it is.
    """

    def __init__(
        self,
        *,
        cache_directory: Path | None = None,
        rollback: Rollback = "auto",
        bindings: Bindings | None = None,
        compiler: Compiler | None = None,
        is_confined: bool | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the machine up; `bindings` and `compiler` are by default the best that work here.

        `is_confined`: reserve little address space for each memory, by default where it is limited.
        """
        if bindings is None:
            choice = choose_engine(cache_directory, system=this_system(), try_out=try_in_child)
            bindings, compiler = choice.bindings, compiler or choice.compiler
        self._host = Host(bindings, monotonic=monotonic)
        self._compilers = Compilers(
            self._host,
            compiler=compiler or "cranelift",
            cache_directory=cache_directory,
            is_confined=address_space_is_limited() if is_confined is None else is_confined,
        )
        self._make_image: ImageFactory = choose_image(rollback)
        self._modules: weakref.WeakValueDictionary[bytes, WasmModule] = weakref.WeakValueDictionary()

    def interrupt(self, *, only_overdue: bool = False) -> None:
        """End the message that runs now, or only one that has run for too long; may be called by any thread."""
        if not only_overdue or self._host.is_overdue():
            self._compilers.interrupt()

    def load(self, wasm: bytes) -> WasmModule:
        """Validate, instrument and compile plain or gzipped module bytes; raises `InvalidModuleError`."""
        key = hashlib.sha256(wasm).digest()
        module = self._modules.get(key)
        if module is None:
            module = self._modules[key] = self._compile(wasm)
        return module

    def _compile(self, wasm: bytes) -> WasmModule:
        """Compile with the first compiler that can; Winch lacks some instructions that Cranelift knows."""
        *others, last = self._compilers.order
        for compiler in others:
            instrumented = instrument(wasm, metered=compiler in UNMETERED)
            with contextlib.suppress(InvalidModuleError):
                return WasmModule(instrumented, self._compilers.compile(instrumented.code, compiler, wide=instrumented.info.memory64))
        instrumented = instrument(wasm, metered=last in UNMETERED)
        return WasmModule(instrumented, self._compilers.compile(instrumented.code, last, wide=instrumented.info.memory64))

    def instantiate(self, module: Module, *, previous: Instance | None = None, keep_memory: bool = False) -> WasmInstance:
        """Make an instance; with `previous` it takes over stable memory, with `keep_memory` main memory too.

        Uncommitted writes of `previous` are carried over and stay uncommitted, and `previous` is rolled back. Once
        the new instance has been committed, `previous` must only be closed.
        """
        own = _own(module)
        live = self._instantiate(own)
        image, stable = None, StableMemory()
        values = live.globals.read()
        if previous is not None:
            if not isinstance(previous, WasmInstance):
                raise TypeError("the previous instance was made by another machine")
            image, stable = previous.hand_over(keep_memory=keep_memory, successor=live)
        if image is None:
            image = self._make_image()
            if live.memory is not None:
                image.capture(live.memory)
        return WasmInstance(self._host, own, live, image=image, values=values, stable=stable)

    def restore(self, module: Module, directory: Path) -> WasmInstance:
        """Make an instance from what `Instance.save` wrote; raises `SnapshotError` when the files are damaged."""
        own = _own(module)
        size, pages = snapshot.read_pages(directory / snapshot.MEMORY_FILE)
        stable_size, stable_pages = snapshot.read_pages(directory / snapshot.STABLE_FILE)
        values = (directory / snapshot.GLOBALS_FILE).read_bytes()
        if len(values) != GLOBAL_BYTES * len(own.instrumented.globals):
            raise snapshot.SnapshotError("the globals that were saved are not those of the module")
        stable = StableMemory(stable_size, {number: bytearray(page) for number, page in stable_pages})
        return self._resume(own, size=size, pages=pages, values=values, stable=stable)

    def revive(self, module: Module, state: SavedState) -> WasmInstance:
        """Make an instance with a captured or uploaded state; raises `InvalidModuleError` when they do not fit."""
        own = _own(module)
        plan = own.instrumented
        if len(state.globals) != GLOBAL_BYTES * len(plan.shown_globals):
            raise InvalidModuleError(f"the module has {len(plan.shown_globals)} mutable or exported globals, and the state another number")
        values = bytearray(GLOBAL_BYTES * len(plan.globals))
        for index, place in enumerate(plan.shown_globals):
            if isinstance(place, int):
                values[place * GLOBAL_BYTES : (place + 1) * GLOBAL_BYTES] = state.globals[index * GLOBAL_BYTES : (index + 1) * GLOBAL_BYTES]
        stable = StableMemory(state.stable.size, {number: bytearray(page) for number, page in state.stable.stored()})
        return self._resume(own, size=state.memory.size, pages=state.memory.stored(), values=bytes(values), stable=stable)

    def _resume(
        self, own: WasmModule, *, size: int, pages: Iterator[tuple[int, bytes]], values: bytes, stable: StableMemory
    ) -> WasmInstance:
        """Make an instance that goes on from a state; `size` of its main memory is in pages."""
        live = self._instantiate(own)
        image = self._make_image()
        if live.memory_bytes > size * WASM_PAGE_BYTES:
            raise InvalidModuleError(f"the module's memory is larger than the {size} pages that are to be in it")
        if live.memory is None and size:
            raise InvalidModuleError("the module has no memory for the state")
        if live.memory is not None:
            fresh_pages = live.memory_bytes // WASM_PAGE_BYTES
            _fill(live.memory, fresh_pages=fresh_pages, pages=pages, grow=lambda: live.grow_to(size * WASM_PAGE_BYTES))
            image.capture(live.memory)
        live.globals.write(values)
        return WasmInstance(self._host, own, live, image=image, values=values, stable=stable)

    def _instantiate(self, module: WasmModule) -> LiveInstance:
        try:
            return LiveInstance(module.instrumented, module.compiled, self._host.bindings)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise InvalidModuleError(f"the module cannot be instantiated: {error}") from error


def choose_image(rollback: Rollback) -> ImageFactory:
    """Return what makes images for a way to roll back; raises OSError when the system lacks what was asked for."""
    if rollback == "copy_on_write" or (rollback == "auto" and copy_on_write_works()):
        return make_image_factory()
    return CopyingImage


def _own(module: Module) -> WasmModule:
    if not isinstance(module, WasmModule):
        raise TypeError("the module was loaded by another machine")
    return module


def _fill(memory: MainMemory, *, fresh_pages: int, pages: Iterator[tuple[int, bytes]], grow: Callable[[], None]) -> None:
    """Turn the memory of a fresh instance into a saved one; data segments have written to its first pages."""
    grow()
    clean = set(range(fresh_pages))
    for number, page in pages:
        memory.write(number * WASM_PAGE_BYTES, page)
        clean.discard(number)
    for number in clean:
        if memory.read(number * WASM_PAGE_BYTES, WASM_PAGE_BYTES) != ZERO_PAGE:
            memory.write(number * WASM_PAGE_BYTES, ZERO_PAGE)
