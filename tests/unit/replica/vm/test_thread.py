"""Recursion as deep as canisters are allowed, on the thread that is made for it."""

import threading

from orchestrator.replica.vm.interface import Outcome, Reply
from orchestrator.replica.vm.machine import WasmMachine
from orchestrator.replica.vm.thread import make_executor
from tests.support.vm import module, send

BODY = """
(func $deep (param $n i32) (result i32)
  (if (result i32) (local.get $n) (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get $n) (i32.const 1))))) (else (call $bottom))))
(func $bottom (result i32) (call $debug_print (i32.const 0) (i32.const 4)) (i32.const 0))
(func (export "canister_update endless") (drop (call $deep (i32.const -1))))
(func (export "canister_update deep")
  (i32.store (i32.const 0) (call $deep (i32.const 50000))) (call $msg_reply_data_append (i32.const 0) (i32.const 4)) (call $msg_reply))
"""


def test_endless_recursion_traps_and_deep_recursion_does_not() -> None:
    """Endless recursion is a stack overflow of the canister, not of the process; 50,000 frames with a host call at the end are fine."""

    def work() -> list[Outcome]:
        machine = WasmMachine()
        instance = machine.instantiate(machine.load(module(["debug_print", "msg_reply_data_append", "msg_reply"], BODY)))
        outcomes = []
        for entry in ("canister_update endless", "canister_update deep", "canister_update endless"):
            outcomes.append(send(instance, entry))
            instance.rollback()
        return outcomes

    with make_executor() as executor:
        endless, deep, again = executor.submit(work).result()
    assert endless.trap is not None
    assert endless.trap.message == "Canister trapped: stack overflow"
    assert deep.response == Reply((50_000).to_bytes(4, "little"))
    assert again.trap == endless.trap


def test_stack_size_of_other_threads_stays() -> None:
    """Making the executor leaves the process's setting as it was, and its one thread is used for all work."""
    before = threading.stack_size()
    with make_executor() as executor:
        names = {executor.submit(lambda: threading.current_thread().name).result() for _ in range(3)}
    assert threading.stack_size() == before
    assert len(names) == 1
