"""Gives the system API to the engine: one linker per engine and pointer width, shared by all instances.

Two ways to the same functions: `native` hands the engine callbacks that get raw values by address, which is several
times faster; `portable` uses the public API of the `wasmtime` package only.
"""

import ctypes
import time
from collections.abc import Callable
from typing import Literal

import wasmtime

from orchestrator.replica.vm import native
from orchestrator.replica.vm.api import SYSTEM_CALLS, SystemCall, wrong_mode
from orchestrator.replica.vm.execution import SETTLE_INSTRUCTIONS, SYSTEM_CALL_INSTRUCTIONS, Execution
from orchestrator.replica.vm.limits import TIME_LIMITS

__all__ = ["Bindings", "Host"]

Bindings = Literal["native", "portable"]
"""How host functions are reached."""

_MASKS = {"i": 0xFFFF_FFFF, "l": 0xFFFF_FFFF_FFFF_FFFF}
_NO_VALUES = ""


class Host:
    """The side of the system API that is not the canister's. `execution` is the message that runs now."""

    def __init__(self, bindings: Bindings, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.bindings = bindings
        self._monotonic = monotonic
        self.execution: Execution | None = None
        self.failure: BaseException | None = None
        self._deadline = 0.0
        self._keep: list[object] = []

    def begin(self, execution: Execution) -> None:
        """Note that a message starts to run."""
        self._deadline = self._monotonic() + TIME_LIMITS[execution.kind]
        self.execution, self.failure = execution, None

    def is_overdue(self) -> bool:
        """Say if a message runs, and has for too long. May be called by any thread."""
        return self.execution is not None and self._monotonic() > self._deadline

    def make_linker(self, engine: wasmtime.Engine, *, wide: bool) -> wasmtime.Linker:
        """Make a linker with every function; `wide` for modules with a 64-bit memory."""
        linker = wasmtime.Linker(engine)
        for call in SYSTEM_CALLS.values():
            if wide and call.narrow_only:
                continue
            if self.bindings == "native":
                self._keep.append(
                    native.define_function(linker, "ic0", call.name, function_type(call, wide=wide), self._raw(call, wide=wide))
                )
            else:
                linker.define_func("ic0", call.name, function_type(call, wide=wide), self._portable(call, wide=wide))
        return linker

    def _run(self, call: SystemCall) -> Callable[..., int | None]:
        """Return the function with what every call does before and after it."""
        run, kinds, name = call.run, call.kinds, call.name

        def checked(*arguments: int) -> int | None:
            execution = self.execution
            if execution is None or execution.kind not in kinds:
                raise _refuse(name, execution)
            execution.calling = name
            result = run(execution, *arguments)
            execution.due += SYSTEM_CALL_INSTRUCTIONS
            if execution.due > SETTLE_INSTRUCTIONS:
                execution.settle()
            return result

        return checked

    def _raw(self, call: SystemCall, *, wide: bool) -> native.RawCallback:
        run = self._run(call)
        letters = value_letters(call.parameters, wide=wide)
        layout = native.value_layout(letters)
        unpack, length = layout.unpack, layout.size
        mask = _MASKS[value_letters(call.result, wide=wide)] if call.result else 0
        string_at, result_at = ctypes.string_at, ctypes.c_uint64.from_address

        def callback(_environment: int | None, _caller: int | None, values: int, _count: int) -> int:
            try:
                result = run(*unpack(string_at(values, length))) if length else run()
                if result is not None:
                    result_at(values).value = result & mask
            except BaseException as error:  # noqa: BLE001 - nothing may be raised through the engine's frames; `failure` carries it around them
                self.failure = error
                return native.new_trap()
            return 0

        return callback

    def _portable(self, call: SystemCall, *, wide: bool) -> Callable[..., int | None]:
        run = self._run(call)
        masks = [_MASKS[letter] for letter in value_letters(call.parameters, wide=wide)]

        def callback(*arguments: int) -> int | None:
            try:
                return run(*(argument & mask for argument, mask in zip(arguments, masks, strict=True)))
            except BaseException as error:
                self.failure = error
                raise

        return callback


def value_letters(values: str, *, wide: bool) -> str:
    """Return the letters of a type with `I` replaced by the width of the memory."""
    return values.replace("I", "l" if wide else "i")


def function_type(call: SystemCall, *, wide: bool) -> wasmtime.FuncType:
    """Return the engine's type of a function."""
    return wasmtime.FuncType(_value_types(call.parameters, wide=wide), _value_types(call.result, wide=wide))


def _value_types(values: str, *, wide: bool) -> list[wasmtime.ValType]:
    return [wasmtime.ValType.i32() if letter == "i" else wasmtime.ValType.i64() for letter in value_letters(values, wide=wide)]


def _refuse(name: str, execution: Execution | None) -> Exception:
    if execution is None:
        return RuntimeError(f"ic0.{name} was called while no message runs")
    return wrong_mode(name, execution.kind)
