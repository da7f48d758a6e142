"""Reading code: whatever instructions stand around them, those of interest are found, and nothing else is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.replica.vm.binary import encode_unsigned
from orchestrator.replica.vm.code import read_code
from orchestrator.replica.vm.interface import InvalidModuleError

MOVING = {8: 2, 10: 2, 11: 1}
"""memory.init, memory.copy, memory.fill: their number after 0xFC, and how many numbers follow."""
REFUSED = {b"\x26": 1, b"\xfc\x0c": 2, b"\xfc\x0e": 2, b"\xfc\x0f": 1, b"\xfc\x11": 1}
NAMES = ["table.set", "table.init", "table.copy", "table.grow", "table.fill"]

TRICKY = b"\xfc\x0a\x0b\x08\x26\x00\x80\xfd\x0e"
"""Bytes that look like the beginning of something else."""

numbers = st.one_of(st.sampled_from([0, 8, 10, 11, 0x26, 0x7C]), st.integers(0, 2**32 - 1)).map(encode_unsigned)
padded = st.builds(lambda low, zeroes: bytes([0x80 | low]) + b"\x80" * zeroes + b"\x00", st.sampled_from([0, 0x26]), st.integers(0, 3))
immediates = st.one_of(numbers, padded)
raw = st.binary(min_size=16, max_size=16) | st.lists(st.sampled_from(list(TRICKY)), min_size=16, max_size=16).map(bytes)


def instruction(opcodes: list[bytes], count: int, tail: int = 0) -> st.SearchStrategy[bytes]:
    """Return an instruction with numbers and then some bytes of any value."""
    return st.builds(
        lambda opcode, values, rest: opcode + b"".join(values) + rest[:tail],
        st.sampled_from(opcodes),
        st.lists(immediates, min_size=count, max_size=count),
        raw,
    )


def each(*ranges: tuple[int, int], prefix: bytes = b"") -> list[bytes]:
    """Return opcodes."""
    return [prefix + bytes([code]) for low, high in ranges for code in range(low, high + 1)]


VECTOR = b"\xfd"


def vectors(*ranges: tuple[int, int]) -> list[bytes]:
    """Return vector opcodes, as short as they can be and with more bytes than they need."""
    codes = [code for low, high in ranges for code in range(low, high + 1)]
    return [VECTOR + bytes(form) for code in codes for form in ([code], [0x80 | code, 0], [0x80 | code, 0x80, 0])]


dull = st.one_of(
    instruction(each((0, 1), (5, 5), (0x0B, 0x0B), (0x0F, 0x0F), (0x1A, 0x1B), (0x45, 0xC4), (0xD1, 0xD1)), 0),
    instruction(each((2, 4), (0x0C, 0x0D), (0x10, 0x10), (0x12, 0x12), (0x20, 0x25), (0x3F, 0x42), (0xD0, 0xD0), (0xD2, 0xD2)), 1),
    instruction(each((0x11, 0x11), (0x13, 0x13), (0x28, 0x3E)), 2),
    instruction([b"\x43"], 0, 4),
    instruction([b"\x44"], 0, 8),
    instruction([b"\x1c\x01"], 0, 1),
    instruction(each((0, 7), prefix=b"\xfc"), 0),
    instruction([b"\xfc\x0d", b"\xfc\x10"], 1),
    instruction(vectors((0, 11), (92, 93)), 2),
    instruction(vectors((12, 13)), 0, 16),
    instruction(vectors((21, 34)), 0, 1),
    instruction(vectors((84, 91)), 2, 1),
    instruction(vectors((14, 20), (35, 83), (94, 127)), 0),
    instruction([b"\x1c\x81\x00", b"\x1c\x81\x80\x00"], 0, 1),
    st.integers(128, 255).map(lambda number: VECTOR + encode_unsigned(number)),
    st.lists(immediates, min_size=1, max_size=5).map(lambda labels: b"\x0e" + encode_unsigned(len(labels) - 1) + b"".join(labels)),
)
moving = st.sampled_from(list(MOVING)).flatmap(
    lambda kind: st.builds(
        lambda opcode, values: (opcode + b"".join(values), kind),
        st.sampled_from([b"\xfc" + bytes([kind]), b"\xfc" + bytes([0x80 | kind, 0x80, 0x00])]),
        st.lists(immediates, min_size=MOVING[kind], max_size=MOVING[kind]),
    )
)
pieces = st.one_of(dull.map(lambda code: (code, 0)), moving)
locals_ = st.sampled_from([b"\x00", b"\x01\x03\x7f", b"\x02\x0b\x7b\x26\x70"])


def lay_out(functions: list[tuple[bytes, list[tuple[bytes, int]]]]) -> tuple[bytes, dict[int, list[tuple[int, int]]]]:
    """Return a code section and where in it is what moves memory."""
    section = encode_unsigned(len(functions))
    places: dict[int, list[tuple[int, int]]] = {}
    for index, (head, code) in enumerate(functions):
        size = len(head) + sum(len(part) for part, _ in code)
        section += encode_unsigned(size) + head
        for part, kind in code:
            if kind:
                places.setdefault(index, []).append((len(section), kind))
            section += part
    return section, places


@settings(max_examples=80)
@given(st.lists(st.tuples(locals_, st.lists(pieces, max_size=12)), max_size=5), st.integers(0, 2), st.binary(max_size=5))
def test_what_moves_memory_is_found_exactly(functions: list[tuple[bytes, list[tuple[bytes, int]]]], tables: int, before: bytes) -> None:
    """Places and kinds are those that were written, whatever the bytes of other instructions look like."""
    section, places = lay_out(functions)
    facts = read_code(before + section, len(before), len(before) + len(section), tables=tables)
    assert {function: [(at - len(before), kind) for at, kind in found] for function, found in facts.bulk.items()} == places
    assert not facts.drops_data


@settings(max_examples=60)
@given(st.lists(pieces, max_size=8), st.sampled_from(list(REFUSED)), st.data())
def test_what_writes_to_tables_is_refused_by_name(code: list[tuple[bytes, int]], opcode: bytes, data: st.DataObject) -> None:
    """One instruction that changes a table is found among any others, and the error names it and its function."""
    values = data.draw(st.lists(immediates, min_size=REFUSED[opcode], max_size=REFUSED[opcode]))
    section, _ = lay_out([(b"\x00", []), (b"\x00", [*code, (opcode + b"".join(values), 0), *code])])
    name = NAMES[list(REFUSED).index(opcode)]
    with pytest.raises(InvalidModuleError, match=f"at index 1 with unsupported instruction {name}$"):
        read_code(section, 0, len(section), tables=2)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(section: bytes) -> None:
    """Garbage ends in facts or in `InvalidModuleError`, never in anything else."""
    try:
        facts = read_code(section, 0, len(section), tables=1)
    except InvalidModuleError:
        return
    assert all(0 <= at < len(section) for found in facts.bulk.values() for at, _ in found)
