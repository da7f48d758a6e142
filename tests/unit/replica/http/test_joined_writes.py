"""Responses leave in as few pieces as possible, whole and in order."""

import asyncio
from collections.abc import Callable

import pytest

from orchestrator.replica.http.joined_writes import MAX_JOINED_BYTES, JoiningTransport


class Wire(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember the bytes."""
        assert not self.is_closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        """Take no more."""
        self.is_closed = True

    def is_closing(self) -> bool:
        """Say if it was closed."""
        return self.is_closed


class Turns:
    """A loop that turns when told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Do it at the next turn."""
        self.waiting.append(callback)

    def turn(self) -> None:
        """Do what waits."""
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


@pytest.fixture
def wire() -> Wire:
    """Return a connection."""
    return Wire()


@pytest.fixture
def turns() -> Turns:
    """Return a loop."""
    return Turns()


@pytest.fixture
def transport(wire: Wire, turns: Turns) -> JoiningTransport:
    """Return the transport between both."""
    return JoiningTransport(wire, turns)  # type: ignore[arg-type]  # the one method of a loop that is used


def test_head_and_body_are_one_write(transport: JoiningTransport, wire: Wire, turns: Turns) -> None:
    """What is written in one turn of the loop leaves together, and the next turn's by itself."""
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.writes == []
    turns.turn()
    transport.write(b"next")
    turns.turn()
    turns.turn()
    assert wire.writes == [b"head body", b"next"]


def test_much_is_not_kept(transport: JoiningTransport, wire: Wire, turns: Turns) -> None:
    """A large body is on its way at once, after what was kept before it."""
    transport.write(b"head ")
    transport.write(bytes(MAX_JOINED_BYTES))
    assert wire.writes == [b"head " + bytes(MAX_JOINED_BYTES)]
    turns.turn()
    assert len(wire.writes) == 1


def test_closing_sends_what_is_kept(transport: JoiningTransport, wire: Wire, turns: Turns) -> None:
    """Nothing is lost, and nothing follows; a connection that is gone is left alone."""
    transport.writelines([b"last", b" words"])
    transport.close()
    turns.turn()
    assert (wire.writes, transport.is_closing()) == ([b"last words"], True)
    transport.write(b"too late")
    turns.turn()
    assert wire.writes == [b"last words"]
