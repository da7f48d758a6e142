"""Reading the code of a module: finds the instructions that canisters must not use, and those that cost what they move.

Code is read with one regular expression that runs over everything without interest, because a loop over every
instruction would take longer than compiling them. Most functions are not read at all: a search for the bytes that an
instruction of interest must begin with comes first.
Source: WebAssembly core specification, chapter "Binary Format", section "Instructions".
"""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.replica.vm.binary import Reader
from orchestrator.replica.vm.interface import InvalidModuleError

__all__ = ["MEMORY_INIT", "CodeFacts", "function_bodies", "read_code"]

MEMORY_INIT = 8
"""What follows 0xFC in `memory.init`."""

_DATA_DROP, _MEMORY_COPY, _MEMORY_FILL = 9, 10, 11
_TABLE_SET, _BRANCH_TABLE, _SELECT, _MANY, _VECTOR = 0x26, 0x0E, 0x1C, 0xFC, 0xFD
_IMMEDIATES = {8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}
"""How many numbers follow each of the instructions that begin with 0xFC, from 8 on."""

_LAST_VECTOR_MEMORY, _VECTOR_ZERO_LOADS = 11, frozenset({0x5C, 0x5D})
_VECTOR_LANE_MEMORY, _VECTOR_LANES, _VECTOR_BYTES = range(0x54, 0x5C), range(0x15, 0x23), frozenset({12, 13})
"""Vector instructions by what follows their number: a place in memory, that and a lane, a lane, 16 bytes."""

_REFUSED = {12: "table.init", 14: "table.copy", 15: "table.grow", 17: "table.fill"}
_NUMBER = rb"[\x80-\xff]*+[\x00-\x7f]"
_DULL = re.compile(
    rb"(?:"
    rb"[\x00\x01\x05\x0b\x0f\x1a\x1b\x45-\xc4\xd1]"
    rb"|[\x02-\x04\x0c\x0d\x10\x12\x20-\x25\x3f-\x42\xd0\xd2]" + _NUMBER + rb"|[\x11\x13\x28-\x3e]" + _NUMBER + _NUMBER + rb"|\x43.{4}"
    rb"|\x44.{8}"
    rb"|\x1c\x01."
    rb"|\xfc[\x00-\x07]"
    rb"|\xfd(?:[\x00-\x0b\x5c\x5d]" + _NUMBER + _NUMBER + rb"|[\x0c\x0d].{16}"
    rb"|[\x15-\x22]."
    rb"|[\x54-\x5b]" + _NUMBER + _NUMBER + rb"."
    rb"|[\x0e-\x14\x23-\x53\x5e-\x7f]"
    rb"|[\x80-\xff][\x01-\x7f])"
    rb")*+",
    re.DOTALL,
)
"""Any number of instructions without interest; vectors begin with 0xFD."""

_SUSPECT_MANY = re.compile(rb"\xfc(?:[\x08-\x11]|[\x88-\x91]\x80*\x00)")
_SUSPECT_SET = re.compile(rb"\x26(?:\x00|\x80+\x00)")
"""How an instruction of interest begins, with one table at most; other bytes may look the same. Each pattern begins
with a byte of its own, which makes searching ten times as fast."""
_SUSPECT_SET_ANY = re.compile(rb"\x26")
"""The same with any number of tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFacts:
    """What the code does. `bulk` has, per function, where its instructions are that move memory, and which they are."""

    bulk: dict[int, list[tuple[int, int]]]
    drops_data: bool


def read_code(module: bytes, start: int, end: int, *, tables: int) -> CodeFacts:
    """Read a code section; raises `InvalidModuleError` for instructions that no canister may use.

    What cannot be read is left to the engine to refuse.
    """
    bulk: dict[int, list[tuple[int, int]]] = {}
    drops_data = False
    patterns = (_SUSPECT_MANY, _SUSPECT_SET if tables <= 1 else _SUSPECT_SET_ANY)
    suspects = sorted(found.start() for pattern in patterns for found in pattern.finditer(module, start, end))
    for function, first, last in _functions_at(module, start, end, suspects):
        for at, kind in _interesting(module, first, last):
            if kind in _REFUSED or kind == -1:
                instruction = _REFUSED.get(kind, "table.set")
                raise InvalidModuleError(f"Wasm module contains a function at index {function} with unsupported instruction {instruction}")
            if kind in {MEMORY_INIT, _MEMORY_COPY, _MEMORY_FILL}:
                bulk.setdefault(function, []).append((at, kind))
            drops_data = drops_data or kind == _DATA_DROP
    return CodeFacts(bulk=bulk, drops_data=drops_data)


def function_bodies(module: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield, for each function of a code section, where its entry begins, where its locals and code begin, and where it ends."""
    reader = Reader(module, start, end)
    for _ in range(reader.unsigned()):
        entry = reader.at
        size = reader.unsigned()
        first = reader.at
        reader.skip(size)
        yield entry, first, reader.at


def _functions_at(module: bytes, start: int, end: int, places: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield number, beginning and end of the functions that places, in order, lie in."""
    for function, (_, first, last) in enumerate(function_bodies(module, start, end) if places else ()):
        at = bisect.bisect_left(places, first)
        if at == len(places):
            return
        if places[at] < last:
            yield function, first, last


def _interesting(module: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield place and kind of what matters in a function: a number after 0xFC, or -1 for `table.set`."""
    reader = Reader(module, first, last)
    for _ in range(reader.unsigned()):  # locals
        reader.unsigned()
        reader.value_type()
    while True:
        found = _DULL.match(module, reader.at, last)
        at = reader.at = found.end() if found is not None else reader.at
        if at >= last:
            return
        opcode = reader.byte()
        if opcode == _TABLE_SET:
            reader.unsigned()
            yield at, -1
        elif opcode == _MANY:
            kind = reader.unsigned()
            if kind > max(_IMMEDIATES):
                return
            for _ in range(_IMMEDIATES.get(kind, 0)):
                reader.unsigned()
            yield at, kind
        elif not _skip_long(reader, opcode):
            return


def _skip_long(reader: Reader, opcode: int) -> bool:
    """Move past what follows an instruction without interest that the expression does not match; False for an unknown one."""
    if opcode == _BRANCH_TABLE:
        for _ in range(reader.unsigned() + 1):
            reader.unsigned()
    elif opcode == _SELECT:
        for _ in range(reader.unsigned()):
            reader.value_type()
    elif opcode == _VECTOR:
        _skip_vector(reader)
    else:
        return False
    return True


def _skip_vector(reader: Reader) -> None:
    """Move past a vector instruction whose number is written with more bytes than it needs."""
    kind = reader.unsigned()
    if kind <= _LAST_VECTOR_MEMORY or kind in _VECTOR_ZERO_LOADS or kind in _VECTOR_LANE_MEMORY:
        reader.unsigned()
        reader.unsigned()
    if kind in _VECTOR_LANE_MEMORY or kind in _VECTOR_LANES:
        reader.skip(1)
    elif kind in _VECTOR_BYTES:
        reader.skip(16)
