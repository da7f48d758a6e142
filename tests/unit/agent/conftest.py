"""Fixtures of the agent's tests."""

import pytest

from tests.support.fake_network import FakeNetwork


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutines on asyncio, as the command does."""
    return "asyncio"


@pytest.fixture
def network() -> FakeNetwork:
    """Return a network with one method that greets."""
    fake = FakeNetwork()
    fake.methods["greet"] = lambda arg: b"hello " + arg
    return fake
