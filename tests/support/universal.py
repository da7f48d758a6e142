"""Programs for the universal canister: what a message makes it do, one system call after the other.

    Program().answer("time").reply()                        what canister_update "update" takes as its argument
    Program().send(other, "update", Program().reply(b"x").encode(), reply=Program().answer_value("msg_arg_data").reply())

Arguments are numbers, bytes (their address and their length: two arguments) or programs (their address).
"""

import struct
from typing import Self

from orchestrator.core.principal import Principal
from orchestrator.replica.vm.api import SYSTEM_CALLS
from tests.support.universal_module import CELLS, SCRATCH, handler_address, operation_number, universal_canister

__all__ = ["RUN", "Argument", "Program", "numbers", "universal_canister"]

RUN = 0
"""The index in the canister's table of the function that runs a program: what callbacks are."""

_WORD = 8
_LENGTH_CELL, _PLACE_CELL = 100, 101


class Program:
    """A sequence of operations, written by chaining; `encode` gives the bytes."""

    def __init__(self) -> None:
        self._code = bytearray()
        self._data: list[bytes] = []
        self._references: list[tuple[int, int]] = []

    def encode(self) -> bytes:
        """Return the operations and, behind them, the bytes and programs that they refer to."""
        code = self._code + b"\0"
        places = []
        for data in self._data:
            places.append(len(code))
            code += data
        for position, index in self._references:
            code[position : position + 4] = places[index].to_bytes(4, "little")
        return bytes(code)

    def run(self, name: str, *arguments: "Argument") -> Self:
        """Make a system call and forget its result."""
        self._call(name, *arguments)
        return self.step("drop") if SYSTEM_CALLS[name].result else self

    def answer(self, name: str, *arguments: "Argument") -> Self:
        """Make a system call and add its result to the reply, as 8 bytes, least first."""
        return self._call(name, *arguments).answer_top()

    def answer_wide(self, name: str, *arguments: "Argument") -> Self:
        """Make a system call whose last parameter says where to put 16 bytes, and add them to the reply."""
        return self.run(name, *arguments, SCRATCH).run("msg_reply_data_append", SCRATCH, 16)

    def answer_value(self, name: str, *arguments: "Argument") -> Self:
        """Add a value to the reply that is read by the system calls `<name>_size` and `<name>_copy`."""
        return self._fetch(name, *arguments).step("msg_reply_data_append")

    def use_value(self, name: str, consumer: str) -> Self:
        """Read a value by `<name>_size` and `<name>_copy` and give it to a system call that takes bytes."""
        return self._fetch(name).step(consumer)

    def keep(self, cell: int, name: str, *arguments: "Argument") -> Self:
        """Make a system call and keep its result in a cell of main memory."""
        self.push(CELLS + _WORD * cell)
        return self._call(name, *arguments).step("store")

    def set_cell(self, cell: int, value: int) -> Self:
        """Write a number into a cell of main memory."""
        return self.push(CELLS + _WORD * cell, value).step("store")

    def add_to_cell(self, cell: int, value: int) -> Self:
        """Add a number to a cell of main memory."""
        address = CELLS + _WORD * cell
        return self.push(address, address).step("load").push(value).step("add").step("store")

    def answer_cell(self, cell: int) -> Self:
        """Add a cell's 8 bytes to the reply."""
        return self.run("msg_reply_data_append", CELLS + _WORD * cell, _WORD)

    def set_global(self, value: int) -> Self:
        """Write a number into a mutable global."""
        return self.push(value).step("set_global")

    def answer_global(self) -> Self:
        """Add the mutable global's 8 bytes to the reply."""
        return self.step("get_global").answer_top()

    def append(self, data: bytes) -> Self:
        """Add bytes to the reply."""
        return self.run("msg_reply_data_append", data)

    def reply(self, data: bytes | None = None) -> Self:
        """Reply, with these bytes added."""
        return (self if data is None else self.append(data)).run("msg_reply")

    def reject(self, message: str) -> Self:
        """Reject with a message."""
        return self.run("msg_reject", message.encode())

    def trap(self, message: str) -> Self:
        """Trap with a message."""
        return self.run("trap", message.encode())

    def store_stable(self, offset: int, data: bytes) -> Self:
        """Write bytes into stable memory."""
        return self.run("stable64_write", offset, data)

    def answer_stable(self, offset: int, size: int) -> Self:
        """Add bytes of stable memory to the reply."""
        return self.run("stable64_read", SCRATCH, offset, size).run("msg_reply_data_append", SCRATCH, size)

    def on(self, handler: str, program: "Program") -> Self:
        """Leave a program behind that an entry point without argument runs: `heartbeat` or `global_timer`, say."""
        return self.push(handler_address(handler), program).step("store")

    def send(
        self,
        callee: Principal,
        method: str,
        arg: "bytes | Program" = b"",
        *,
        reply: "Program | None" = None,
        reject: "Program | None" = None,
        cleanup: "Program | None" = None,
        cycles: int = 0,
        timeout: int | None = None,
    ) -> Self:
        """Call a canister; without programs for its answer, that answer becomes this call's own."""
        on_reply = reply or Program().answer_value("msg_arg_data").reply()
        on_reject = reject or Program().use_value("msg_reject_msg", "msg_reject")
        self.run("call_new", callee.raw, method.encode(), RUN, on_reply, RUN, on_reject)
        if cleanup is not None:
            self.run("call_on_cleanup", RUN, cleanup)
        if arg:
            self.run("call_data_append", arg.encode() if isinstance(arg, Program) else arg)
        if cycles:
            self.run("call_cycles_add128", cycles >> 64, cycles & (1 << 64) - 1)
        if timeout is not None:
            self.run("call_with_best_effort_response", timeout)
        return self.run("call_perform")

    def repeat(self, times: int, body: "Program") -> Self:
        """Run operations that leave the stack as it was so many times."""
        start = len(self.push(times)._code)
        self.include(body).step("decrement").step("duplicate").step("jump_if")
        self._code += start.to_bytes(4, "little")
        return self.step("drop")

    def unless(self, cell: int, body: "Program") -> Self:
        """Run operations, which have no loops, when a cell is 0."""
        self._load_cell(cell).step("jump_if")
        patched = len(self._code)
        self._code += bytes(4)
        self.include(body)
        self._code[patched : patched + 4] = len(self._code).to_bytes(4, "little")
        return self

    def end(self) -> Self:
        """End the program here."""
        self._code.append(0)
        return self

    def include(self, other: "Program") -> Self:
        """Add the operations of another program that has no loops."""
        start = len(self._code)
        self._references += [(start + position, len(self._data) + index) for position, index in other._references]
        self._data += other._data
        self._code += other._code
        return self

    def push(self, *arguments: "Argument") -> Self:
        """Put arguments on the stack."""
        for argument in arguments:
            if isinstance(argument, int):
                self.step("number")
                self._code += struct.pack("<Q", argument & (1 << 64) - 1)
                continue
            data = argument.encode() if isinstance(argument, Program) else argument
            self._refer(data)
            if not isinstance(argument, Program):
                self.push(len(data))
        return self

    def step(self, name: str) -> Self:
        """Add one operation or system call; what it takes is on the stack."""
        self._code.append(operation_number(name))
        return self

    def _call(self, name: str, *arguments: "Argument") -> Self:
        return self.push(*arguments).step(name)

    def answer_top(self) -> Self:
        """Add the number on the stack to the reply."""
        return self.step("spill").step("msg_reply_data_append")

    def _load_cell(self, cell: int) -> Self:
        return self.push(CELLS + _WORD * cell).step("load")

    def _fetch(self, name: str, *arguments: "Argument") -> Self:
        """Read a value into fresh memory and put its address and its length on the stack."""
        self.keep(_LENGTH_CELL, f"{name}_size", *arguments)
        self.push(CELLS + _WORD * _PLACE_CELL)._load_cell(_LENGTH_CELL).step("allocate").step("store")
        self.push(*arguments)._load_cell(_PLACE_CELL).push(0)._load_cell(_LENGTH_CELL).step(f"{name}_copy")
        return self._load_cell(_PLACE_CELL)._load_cell(_LENGTH_CELL)

    def _refer(self, data: bytes) -> None:
        """Put the address on the stack that the bytes will have."""
        self.step("address")
        self._references.append((len(self._code), len(self._data)))
        self._data.append(data)
        self._code += bytes(4)


Argument = int | bytes | Program


def numbers(reply: bytes) -> list[int]:
    """Return the numbers that a reply consists of."""
    return [number for (number,) in struct.iter_unpack("<Q", reply)]
