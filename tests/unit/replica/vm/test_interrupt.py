"""Messages that are ended from outside: loops that cost few instructions and much time."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from orchestrator.replica.vm.engine import Compiler
from orchestrator.replica.vm.interface import MessageKind
from orchestrator.replica.vm.limits import MAX_MESSAGE_SECONDS
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import module, send

PAUSE_SECONDS = 0.02
ENDLESS = """
(func (export "canister_update fill") (loop $again (memory.fill (i32.const 8) (i32.const 1) (i32.const 60000)) (br $again)))
(func (export "canister_update answer") (call $msg_reply))
(func (export "canister_query is_clean") (i32.load8_u (i32.const 8)) (if (then unreachable)) (call $msg_reply))
"""


@contextmanager
def repeating(action: Callable[[], None]) -> Iterator[None]:
    """Do something again and again on another thread while the block runs."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(PAUSE_SECONDS):
            action()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("compiler", ["winch", "cranelift"])
def test_an_endless_message_can_be_ended(compiler: Compiler) -> None:
    """It traps, in words; nothing it wrote stays, and the canister goes on."""
    machine = WasmMachine(compiler=compiler)
    with repeating(machine.interrupt):
        instance = machine.instantiate(machine.load(module(["msg_reply"], ENDLESS)))
        trap = send(instance, "canister_update fill").trap
    assert trap is not None
    assert (trap.error_code, "interrupted" in trap.message) == ("IC0522", True)


def test_only_overdue_messages_are_ended_by_the_watch() -> None:
    """A message whose time is over is ended; with a clock that stands still nothing is."""
    seconds = itertools.count(step=MAX_MESSAGE_SECONDS + 1)
    machine = WasmMachine(monotonic=lambda: next(seconds))
    with repeating(lambda: machine.interrupt(only_overdue=True)):
        trap = send(machine.instantiate(machine.load(module(["msg_reply"], ENDLESS))), "canister_update fill").trap
    assert trap is not None
    still = WasmMachine(monotonic=lambda: 0.0)
    with repeating(lambda: still.interrupt(only_overdue=True)):
        assert send(still.instantiate(still.load(module(["msg_reply"], ENDLESS))), "canister_update answer").trap is None


def test_what_an_ended_message_wrote_is_undone() -> None:
    """After the rollback the memory is as it was, and an interrupt without a message ends nothing later."""
    machine = WasmMachine()
    machine.interrupt()
    instance = machine.instantiate(machine.load(module(["msg_reply"], ENDLESS)))
    instance.commit()
    machine.interrupt()
    with repeating(machine.interrupt):
        assert send(instance, "canister_update fill").trap is not None
    instance.rollback()
    machine.interrupt()
    assert send(instance, "canister_query is_clean", kind=MessageKind.QUERY).trap is None
