"""The memory of the shims: blocks, and bytes as hexadecimal text."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from orchestrator.sandbox import wrapping

PAGE = 1 << 16
SIZES = [*range(100), PAGE - 65, PAGE - 64, PAGE - 63, PAGE, 3 * PAGE + 17]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocator:
    """The core module that all shims have in them, instantiated."""

    store: wasmtime.Store
    memory: wasmtime.Memory
    functions: Mapping[str, Callable[..., Any]]

    def call(self, name: str, *arguments: int) -> int:
        """Call one of its functions."""
        result = self.functions[name](self.store, *arguments)
        return 0 if result is None else int(result)

    def put(self, data: bytes) -> int:
        """Put bytes into a block."""
        address = self.call("allocate", 0, 0, 1, len(data))
        self.memory.write(self.store, data, address)
        return address

    def read(self, address: int, size: int) -> bytes:
        """Read bytes."""
        return bytes(self.memory.read(self.store, address, address + size))


@pytest.fixture
def shim() -> Iterator[Allocator]:
    """Instantiate the module from the text that the shims take."""
    text = (Path(wrapping.__file__).parent / "shim-allocator.wat").read_text(encoding="utf-8")
    module = text.partition("(core instance")[0].replace("(core module $allocator", "(module")
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, module), []).exports(store)
    memory = exports["memory"]
    assert isinstance(memory, wasmtime.Memory)
    functions = {name: item for name in ("allocate", "reset", "encode", "decode") if isinstance(item := exports[name], wasmtime.Func)}
    yield Allocator(store=store, memory=memory, functions=functions)
    store.close()


def test_bytes_become_their_hexadecimal_text_and_come_back(shim: Allocator) -> None:
    """Text is as Python writes it, for every size and byte; back again it is the same bytes, also at the end of memory."""
    source = random.Random(4)  # noqa: S311 - the same bytes in each run
    for data in (*map(source.randbytes, SIZES), bytes(range(256))):
        shim.call("reset", 0)
        text = shim.call("encode", shim.put(data), len(data))
        assert shim.read(text, 2 * len(data)) == data.hex().encode()

        shim.call("reset", 0)
        address = shim.put(data.hex().encode())
        assert shim.call("decode", address, 2 * len(data)) == len(data)
        assert shim.read(address, len(data)) == data


def test_what_stands_beside_a_text_stays(shim: Allocator) -> None:
    """Sixteen bytes are written at once, but into no other block."""
    before, data = shim.put(b"before"), shim.put(b"\xab" * 17)
    text = shim.call("encode", data, 17)
    after = shim.put(b"after")

    shim.call("decode", text, 34)

    assert (shim.read(before, 6), shim.read(data, 17), shim.read(after, 5)) == (b"before", b"\xab" * 17, b"after")


def test_blocks_that_grow_keep_their_bytes(shim: Allocator) -> None:
    """A text whose length was guessed too small moves; one that shrinks stays."""
    address = shim.put(b"0123456789abcdef")

    grown = shim.call("allocate", address, 16, 1, 100)

    assert grown != address
    assert shim.read(grown, 16) == b"0123456789abcdef"
    assert shim.call("allocate", grown, 100, 1, 20) == grown


def test_memory_is_used_again(shim: Allocator) -> None:
    """After a reset the same memory is given again, so that a thousand calls take no more than one."""
    addresses = set()
    for _ in range(1_000):
        addresses.add(shim.put(b"x" * 10_000))
        shim.call("reset", 0)

    assert len(addresses) == 1
    assert shim.memory.size(shim.store) == 1
