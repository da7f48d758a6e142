"""The engine's objects of one instantiation; thrown away and made anew when a memory has to shrink."""

import struct
import weakref

import wasmtime

from orchestrator.replica.vm import native, portable
from orchestrator.replica.vm.engine import Compiled
from orchestrator.replica.vm.execution import Fuel, Globals, GuestTrapError, MainMemory, contract_violation
from orchestrator.replica.vm.facts import F32, F64, I32, I64, V128
from orchestrator.replica.vm.host import Bindings
from orchestrator.replica.vm.interface import Callback, InvalidModuleError, MessageKind
from orchestrator.replica.vm.limits import (
    INSTRUCTION_LIMITS,
    MAX_TABLE_ELEMENTS,
    MAX_WASM64_MEMORY_BYTES,
    MAX_WASM_MEMORY_BYTES,
    WASM_PAGE_BYTES,
)
from orchestrator.replica.vm.wasm import Instrumented

__all__ = ["LiveInstance"]

_SIZES = {I32: 4, I64: 8, F32: 4, F64: 8, V128: 16}
_BUDGET = struct.Struct("<q8x")
_NO_FUNCTION = frozenset({wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS, wasmtime.TrapCode.INDIRECT_CALL_TO_NULL})


class LiveInstance:
    """Store, memory and mutable globals. `memory` is None for a module that declares none."""

    def __init__(self, plan: Instrumented, compiled: Compiled, bindings: Bindings) -> None:
        self.store = wasmtime.Store(compiled.engine)
        weakref.finalize(self, self.store.close)  # at the latest when Python ends, while the engine is still there
        limit = MAX_WASM64_MEMORY_BYTES if plan.info.memory64 else MAX_WASM_MEMORY_BYTES
        self.store.set_limits(memory_size=limit, table_elements=MAX_TABLE_ELEMENTS)
        self.store.set_epoch_deadline(1)
        self.store.set_fuel(INSTRUCTION_LIMITS[MessageKind.START])  # large segments are copied by code
        self._exports = compiled.linker.instantiate(self.store, compiled.module).exports(self.store)
        memory = self._exports[plan.memory] if plan.memory else None
        self._raw_memory = memory if isinstance(memory, wasmtime.Memory) else None
        self._plan = plan
        found = [self._exports[name] for name in plan.globals]
        variables = [variable for variable in found if isinstance(variable, wasmtime.Global)]
        is_native = bindings == "native"
        self._is_native = is_native
        self.globals: Globals = self._globals(variables, plan.global_types)
        self.fuel: Fuel = self.store
        budget = self._exports[plan.budget] if plan.budget else None
        if isinstance(budget, wasmtime.Global):
            self.fuel = MeteredFuel(self.store, self._globals([budget], bytes([I64])))
        self.memory: MainMemory | None = None
        if self._raw_memory is not None:
            self.memory = (native.NativeMemory if is_native else portable.PortableMemory)(self.store, self._raw_memory)

    def _globals(self, variables: list[wasmtime.Global], kinds: bytes) -> Globals:
        if self._is_native:
            return native.NativeGlobals(self.store, variables, [_SIZES[kind] for kind in kinds])
        return portable.PortableGlobals(self.store, variables, kinds)

    @property
    def memory_bytes(self) -> int:
        """Return the size of the main memory."""
        return 0 if self.memory is None else self.memory.size()

    def constant(self, name: str, kind: str) -> bytes:
        """Return the 16 bytes of an exported global that cannot be changed."""
        found = self._exports[name]
        if not isinstance(found, wasmtime.Global):
            raise TypeError(f"the export {name} is not a global")
        return self._globals([found], portable.kinds_of([kind])).read()

    def grow_to(self, size: int) -> None:
        """Make the memory at least this large, in bytes; raises `InvalidModuleError` when its maximum forbids it."""
        missing = size - self.memory_bytes
        if self._raw_memory is None or missing <= 0:
            return
        try:
            self._raw_memory.grow(self.store, missing // WASM_PAGE_BYTES)
        except wasmtime.WasmtimeError as error:
            raise InvalidModuleError(f"the module's memory cannot hold the {size} bytes that are kept: {error}") from error

    def call_export(self, name: str) -> None:
        """Run an exported function without arguments."""
        function = self._exports.get(name)
        if not isinstance(function, wasmtime.Func):
            raise GuestTrapError(f"Canister has no method '{name}'.", "IC0536")
        function(self.store)

    def call_table(self, callback: Callback) -> None:
        """Run a function of table 0 with its environment; traps when it is not one that takes it."""
        function = self._exports[self._plan.callback] if self._plan.callback else None
        limit = 2**64 if self._plan.wide_callback_index else 2**32
        if not isinstance(function, wasmtime.Func) or callback.function >= limit:
            raise _no_function(callback.function)
        try:
            function(self.store, callback.function, callback.environment)
        except wasmtime.Trap as trap:
            if trap.trap_code in _NO_FUNCTION and len(trap.frames) == 1:  # only the added function was on the stack
                raise _no_function(callback.function) from trap
            if trap.trap_code is wasmtime.TrapCode.BAD_SIGNATURE and len(trap.frames) == 1:
                raise contract_violation("function invoked with unexpected signature") from trap
            raise

    def close(self) -> None:
        """Give everything back to the system."""
        self.store.close()


class MeteredFuel:
    """The engine's counter together with the budget that `orchestrator.replica.vm.metering` takes from; implements `Fuel`.

    What is left is below zero when both together are exceeded.
    """

    def __init__(self, fuel: Fuel, budget: Globals) -> None:
        self._fuel = fuel
        self._budget = budget
        self._start = 0

    def get_fuel(self) -> int:
        """Return how many instructions are left."""
        left: int = _BUDGET.unpack(self._budget.read())[0]
        return self._fuel.get_fuel() - (self._start - left)

    def set_fuel(self, fuel: int) -> None:
        """Set how many instructions are left."""
        self._fuel.set_fuel(fuel)
        self._start = fuel
        self._budget.write(_BUDGET.pack(fuel))


def _no_function(index: int) -> GuestTrapError:
    return GuestTrapError(f"Canister requested to invoke a non-existent Wasm function {index} from table 0", "IC0513")
