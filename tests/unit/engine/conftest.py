"""Fixtures of the engine's tests."""

import pytest

from tests.support.memory_network import MemoryNetwork


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, as the tool does."""
    return "asyncio"


@pytest.fixture
def network() -> MemoryNetwork:
    """Return an empty network in memory."""
    return MemoryNetwork()
