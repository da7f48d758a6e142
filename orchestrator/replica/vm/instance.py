"""A module with its state: runs messages, and keeps or undoes what they wrote."""

import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import wasmtime

from orchestrator.replica.vm import snapshot
from orchestrator.replica.vm.engine import Compiled
from orchestrator.replica.vm.execution import Execution, GuestTrapError, instruction_limit_exceeded, interrupted, trapped
from orchestrator.replica.vm.host import Host
from orchestrator.replica.vm.image import BLOCK_BYTES, Image
from orchestrator.replica.vm.interface import (
    GLOBAL_BYTES,
    START,
    Callback,
    CanisterView,
    Changes,
    InvalidModuleError,
    Mark,
    Message,
    MessageKind,
    ModuleInfo,
    Outcome,
    SavedState,
    Trap,
)
from orchestrator.replica.vm.limits import INSTRUCTION_LIMITS, WASM_PAGE_BYTES
from orchestrator.replica.vm.live import LiveInstance
from orchestrator.replica.vm.pages import Pages
from orchestrator.replica.vm.stable import StableMemory, changed_blocks
from orchestrator.replica.vm.wasm import Instrumented

__all__ = ["WasmInstance", "WasmModule"]

_TRAP_REASONS = {
    wasmtime.TrapCode.STACK_OVERFLOW: "stack overflow",
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "heap out of bounds",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "table out of bounds",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "integer division by 0",
    wasmtime.TrapCode.UNREACHABLE: "unreachable",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "integer overflow",
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: "indirect call to null",
    wasmtime.TrapCode.BAD_SIGNATURE: "indirect call type mismatch",
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
}

_VALUE_BYTES = {"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16}
_LIMITED_KINDS = frozenset({MessageKind.INIT, MessageKind.POST_UPGRADE, MessageKind.UPDATE})
"""Where the canister's own limit of main memory counts. Spec: the setting `wasm_memory_limit`."""


class WasmModule:
    """A compiled module; implements `Module`."""

    def __init__(self, instrumented: Instrumented, compiled: Compiled) -> None:
        self.instrumented = instrumented
        self.compiled = compiled
        weakref.finalize(self, compiled.module.close)

    @property
    def info(self) -> ModuleInfo:
        """Return what the module declares."""
        return self.instrumented.info


class WasmInstance:
    """A module with its memory, globals and stable memory; implements `Instance`.

    `live` must hold the state that `image`, `values` and `stable` describe, and may hold more, as what has been
    written since the last commit.
    """

    def __init__(self, host: Host, module: WasmModule, live: LiveInstance, *, image: Image, values: bytes, stable: StableMemory) -> None:
        self._host = host
        self._module = module
        self._live: LiveInstance | None = live
        self._image = image
        self._values = values
        self._stable = stable
        self._is_used = False
        self._is_closed = False

    @property
    def module(self) -> WasmModule:
        """Return the module that this is an instance of."""
        return self._module

    @property
    def memory_bytes(self) -> int:
        """Return the size of the main memory."""
        return self.live.memory_bytes

    @property
    def stable_bytes(self) -> int:
        """Return the size of stable memory."""
        return self._stable.size * WASM_PAGE_BYTES

    @property
    def live(self) -> LiveInstance:
        """Return the engine's objects, made anew from the committed state if need be.

        Raises RuntimeError when the instance has been closed, `InvalidModuleError` when the system has no memory for it.
        """
        if self._live is None:
            if self._is_closed:
                raise RuntimeError("the instance of a canister has been closed")
            self._live, self._is_used = self._make_live(self._image), False
        return self._live

    def run(self, entry: str | Callback, message: Message, canister: CanisterView) -> Outcome:
        """Run an export, the start function (`START`) or a callback."""
        if self._is_used and self._module.instrumented.drops_data:
            mark = self.mark()
            self._drop_live()
            self._take_up(mark, self.live)
        self._is_used = True
        live, host = self.live, self._host
        limit = INSTRUCTION_LIMITS[message.kind]
        live.fuel.set_fuel(limit)
        live.store.set_epoch_deadline(1)
        execution = Execution(message, canister, memory=live.memory, stable=self._stable, fuel=live.fuel, limit=limit)
        host.begin(execution)
        trap: Trap | None = None
        try:
            self._call(entry)
            if live.fuel.get_fuel() < 0:
                raise instruction_limit_exceeded(limit)
            if canister.wasm_memory_limit and message.kind in _LIMITED_KINDS:
                _check_memory_limit(live.memory_bytes, canister.wasm_memory_limit)
        except GuestTrapError as error:
            trap = error.trap
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            trap = self._explain(error, limit)
        finally:
            host.execution = None
        return execution.finish(trap)

    def commit(self) -> None:
        """Keep what has been written since the last commit."""
        live = self.live
        if live.memory is not None:
            self._image.commit(live.memory)
        self._values = live.globals.read()
        self._stable.commit()

    def rollback(self) -> None:
        """Undo what has been written since the last commit."""
        self._stable.rollback()
        live = self._live
        if live is None:
            return
        if live.memory is not None and live.memory.size() > self._image.size:
            self._drop_live()  # a memory cannot shrink
            return
        if live.memory is not None:
            self._image.restore(live.memory)
        live.globals.write(self._values)

    def mark(self) -> Mark:
        """Remember what has been written since the last commit."""
        memory = self.live.memory
        changes = () if memory is None else tuple((at, memory.read(at, length)) for at, length in self._image.changes(memory))
        return Mark(
            memory_size=self.memory_bytes,
            memory=changes,
            stable_size=self._stable.size,
            stable=self._stable.written(),
            globals=self.live.globals.read(),
        )

    def return_to(self, mark: Mark) -> None:
        """Undo what has been written since a mark."""
        self.rollback()
        self._take_up(mark, self.live)
        self._stable.rewrite(mark.stable_size, mark.stable)

    def fork(self) -> "WasmInstance":
        """Make a second instance of the committed state; raises `InvalidModuleError` when the system has no memory for it."""
        image = self._image.share()
        live = self._make_live(image)
        stable = self._stable.fork(uncommitted=False)
        return WasmInstance(self._host, self._module, live, image=image, values=self._values, stable=stable)

    def hand_over(self, *, keep_memory: bool, successor: LiveInstance) -> tuple[Image | None, StableMemory]:
        """Give what an upgrade keeps, uncommitted writes included, and go back to the last commit.

        With `keep_memory` the successor's memory is filled, and its image returned.
        """
        image = self._hand_over_memory(successor) if keep_memory else None
        stable = self._stable.fork(uncommitted=True)
        self.rollback()
        return image, stable

    def save(self, directory: Path) -> None:
        """Write the committed state as files into an existing directory."""
        size, pages = self._stable.committed_pages()
        snapshot.write_pages(directory / snapshot.STABLE_FILE, size, ((index, bytes(page)) for index, page in sorted(pages.items())))
        snapshot.write_pages(directory / snapshot.MEMORY_FILE, self._image.size // WASM_PAGE_BYTES, self._image.pages())
        (directory / snapshot.GLOBALS_FILE).write_bytes(self._values)

    def capture(self) -> SavedState:
        """Return the committed state; stable memory is shared, because its committed pages never change."""
        size, pages = self._stable.committed_pages()
        memory = Pages(self._image.size, dict(self._image.pages()))
        return SavedState(memory=memory, stable=Pages(size * WASM_PAGE_BYTES, pages), globals=self._shown_globals())

    def collect(self, *, whole: bool, max_bytes: int) -> Changes | None:
        """Return what was committed since this or `settle` was called last, or everything that is not zero."""
        written, stored = self._image.unsaved, self._stable.unsaved
        if not whole and (written is None or stored is None):
            return None
        size, pages = self._stable.committed_pages()
        known = dict.fromkeys(pages) if whole else stored or {}
        changed = self._image.size if whole else len(written or ()) * BLOCK_BYTES
        if changed + len(known) * WASM_PAGE_BYTES > max_bytes:
            return None
        changes = Changes(
            is_whole=whole,
            memory_size=self._image.size // WASM_PAGE_BYTES,
            memory=dict(_blocks(self._image)) if whole else {at: self._image.read(at, BLOCK_BYTES) for at in _offsets(written)},
            stable_size=size,
            stable=dict(_stable_blocks(pages, known)),
            globals=self._shown_globals(),
        )
        self.settle()
        return changes

    def settle(self) -> None:
        """Take the committed state for one that has been saved."""
        self._image.unsaved, self._stable.unsaved = set(), {}

    def _shown_globals(self) -> bytes:
        """Return the globals that others see; what the engine leaves behind a short value is none of it."""
        plan, values = self._module.instrumented, self._values
        shown = []
        for place, kind in zip(plan.shown_globals, plan.info.globals, strict=True):
            value = values[place * GLOBAL_BYTES :] if isinstance(place, int) else self.live.constant(place, kind)
            shown.append(value[: _VALUE_BYTES[kind]].ljust(GLOBAL_BYTES, b"\0"))
        return b"".join(shown)

    def close(self) -> None:
        """Give the instance's memory back; safe to call twice."""
        self._drop_live()
        if not self._is_closed:
            self._is_closed = True
            self._image.close()

    def _call(self, entry: str | Callback) -> None:
        live = self.live
        if isinstance(entry, Callback):
            live.call_table(entry)
            return
        live.call_export(self._module.instrumented.start or START if entry == START else entry)

    def _explain(self, error: wasmtime.Trap | wasmtime.WasmtimeError, limit: int) -> Trap:
        failure = self._host.failure
        if isinstance(failure, GuestTrapError):
            return failure.trap
        if failure is not None:  # the host's own mistake, not the canister's
            raise failure
        code = error.trap_code if isinstance(error, wasmtime.Trap) else None
        if code is wasmtime.TrapCode.OUT_OF_FUEL or self.live.fuel.get_fuel() < 0:
            return instruction_limit_exceeded(limit).trap
        if code is wasmtime.TrapCode.INTERRUPT:
            return interrupted().trap
        reason = _TRAP_REASONS.get(code) if code is not None else None
        return trapped(reason or str(error).splitlines()[0]).trap

    @staticmethod
    def _take_up(mark: Mark, live: LiveInstance) -> None:
        """Write into the committed memory and globals what had been written when the mark was made."""
        live.grow_to(mark.memory_size)
        if live.memory is not None:
            for offset, content in mark.memory:
                live.memory.write(offset, content)
        live.globals.write(mark.globals)

    def _make_live(self, image: Image) -> LiveInstance:
        """Make an instance of the engine's with the committed state, which `image` has the memory of."""
        try:
            live = LiveInstance(self._module.instrumented, self._module.compiled, self._host.bindings)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise InvalidModuleError(f"there is no room for another instance of the canister: {error}") from error
        live.grow_to(image.size)
        if live.memory is not None:
            image.attach(live.memory)
        live.globals.write(self._values)
        return live

    def _drop_live(self) -> None:
        """Give the engine's objects back; the next use makes them anew."""
        if self._live is not None:
            self._live.close()
            self._live = None

    def _hand_over_memory(self, successor: LiveInstance) -> Image | None:
        memory, target = self.live.memory, successor.memory
        if memory is None or target is None:
            return None
        successor.grow_to(memory.size())
        image = self._image.share()
        image.attach(target)
        for offset, length in self._image.changes(memory):
            target.write(offset, memory.read(offset, length))
        return image


def _check_memory_limit(size: int, limit: int) -> None:
    """Trap when the memory is larger than the canister's setting allows, grown by this message or before."""
    if size > limit:
        raise GuestTrapError(
            f"Canister exceeded its current Wasm memory limit of {limit} bytes. The peak Wasm memory usage was {size} bytes.", "IC0539"
        )


def _offsets(blocks: set[int] | None) -> list[int]:
    return [number * BLOCK_BYTES for number in sorted(blocks or ())]


def _stable_blocks(pages: Mapping[int, bytearray], before: Mapping[int, bytearray | None]) -> Iterator[tuple[int, bytes]]:
    """Yield offset and content of the blocks of pages that are not as they were before, which None stands for zeroes in."""
    for number, old in before.items():
        for start, block in changed_blocks(pages[number], old, BLOCK_BYTES):
            yield number * WASM_PAGE_BYTES + start, block


def _blocks(image: Image) -> Iterator[tuple[int, bytes]]:
    """Yield offset and content of the blocks of an image that are not zero."""
    zero = bytes(BLOCK_BYTES)
    for number, page in image.pages():
        for start in range(0, WASM_PAGE_BYTES, BLOCK_BYTES):
            block = page[start : start + BLOCK_BYTES]
            if block != zero:
                yield number * WASM_PAGE_BYTES + start, block
