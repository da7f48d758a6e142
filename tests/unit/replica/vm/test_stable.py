"""Stable memory: sparse pages with an undo log."""

from orchestrator.replica.vm.limits import MAX_STABLE_MEMORY_PAGES, WASM_PAGE_BYTES
from orchestrator.replica.vm.stable import StableMemory


def test_writes_across_pages_are_read_back() -> None:
    """A write that spans three pages is read as it was written, with zeroes around it."""
    memory = StableMemory()
    memory.grow(4)
    data = bytes(range(256)) * 260
    memory.write(WASM_PAGE_BYTES - 10, data)
    assert memory.read(WASM_PAGE_BYTES - 12, len(data) + 4) == b"\0\0" + data + b"\0\0"


def test_rollback_restores_pages_and_size() -> None:
    """After a rollback nothing of the message is left: changed pages, new pages, growth."""
    memory = StableMemory()
    memory.grow(1)
    memory.write(0, b"kept")
    memory.commit()
    memory.grow(2)
    memory.write(0, b"lost")
    memory.write(WASM_PAGE_BYTES, b"lost")
    memory.rollback()
    assert memory.size == 1
    assert memory.read(0, 4) == b"kept"
    memory.grow(1)
    assert memory.read(WASM_PAGE_BYTES, 4) == bytes(4)


def test_growth_is_limited() -> None:
    """Growth above 500 GiB fails and changes nothing; growth up to it takes no space."""
    memory = StableMemory()
    assert memory.grow(MAX_STABLE_MEMORY_PAGES + 1) == -1
    assert memory.grow(MAX_STABLE_MEMORY_PAGES) == 0
    assert memory.grow(1) == -1
    assert memory.grow(0) == MAX_STABLE_MEMORY_PAGES


def test_fork_and_original_are_independent() -> None:
    """After a fork takes over uncommitted pages and the original is rolled back, neither sees the other's writes."""
    memory = StableMemory()
    memory.grow(1)
    memory.write(0, b"old")
    memory.commit()
    memory.write(0, b"new")
    fork = memory.fork(uncommitted=True)
    memory.rollback()
    fork.write(8, b"more")
    memory.write(16, b"mine")
    assert (memory.read(0, 20), fork.read(0, 20)) == (b"old" + bytes(13) + b"mine", b"new" + bytes(5) + b"more" + bytes(8))
    fork.rollback()
    assert fork.read(0, 20) == b"old" + bytes(17)


def test_committed_fork_leaves_out_what_is_not_committed() -> None:
    """A fork of the committed state does not see the running message."""
    memory = StableMemory()
    memory.grow(1)
    memory.commit()
    memory.grow(1)
    memory.write(0, b"later")
    fork = memory.fork(uncommitted=False)
    assert (fork.size, fork.read(0, 5)) == (1, bytes(5))
    assert memory.committed_pages() == (1, {})


def test_empty_write_at_the_end_makes_no_page() -> None:
    """An empty write where the memory ends is allowed and leaves nothing outside of it."""
    memory = StableMemory()
    memory.grow(1)
    memory.write(WASM_PAGE_BYTES, b"")
    memory.commit()
    assert memory.committed_pages() == (1, {})
    assert memory.read(WASM_PAGE_BYTES, 0) == b""
