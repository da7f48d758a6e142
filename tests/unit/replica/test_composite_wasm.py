"""Composite queries of real canisters: what a callback that traps wrote is undone, what came before it stays."""

import pytest

from orchestrator.replica.vm.copy_on_write import copy_on_write_works
from orchestrator.replica.vm.interface import Reply
from orchestrator.replica.vm.machine import Rollback, WasmMachine
from tests.support.scripted_network import OWNER, ScriptedNetwork
from tests.support.vm import module

BACKENDS: list[Rollback] = ["copying", "copy_on_write"] if copy_on_write_works() else ["copying"]
NAMES = [
    *("call_new", "call_on_cleanup", "call_perform", "canister_self_copy", "canister_self_size", "msg_reply", "msg_reply_data_append"),
    *("stable64_grow", "stable64_size", "stable64_write", "stable64_read"),
]
ASKING = """
(table 3 funcref) (elem (i32.const 0) $fail $clean $pass) (global $seen (mut i32) (i32.const 0))
(data (i32.const 64) "one")
(func $call (param $reply i32)
  (call $canister_self_copy (i32.const 0) (i32.const 0) (call $canister_self_size))
  (call $call_new (i32.const 0) (call $canister_self_size) (i32.const 64) (i32.const 3)
    (local.get $reply) (i32.const 0) (local.get $reply) (i32.const 0))
  (call $call_on_cleanup (i32.const 1) (i32.const 5))
  (drop (call $call_perform)))
(func (export "canister_query one") (global.set $seen (i32.const 88)) (i32.store8 (i32.const 200) (i32.const 88)) (call $msg_reply))
(func (export "canister_composite_query ask")
  (global.set $seen (i32.const 1)) (i32.store8 (i32.const 200) (i32.const 2)) (drop (memory.grow (i32.const 1)))
  (i32.store8 (i32.const 70000) (i32.const 3)) (drop (call $stable64_grow (i64.const 1))) (i32.store8 (i32.const 300) (i32.const 4))
  (call $stable64_write (i64.const 9) (i64.const 300) (i64.const 1))
  (call $call (i32.const 0)) (call $call (i32.const 2)))
(func $fail (param i32)
  (global.set $seen (i32.const 99)) (i32.store8 (i32.const 200) (i32.const 99)) (drop (memory.grow (i32.const 3)))
  (i32.store8 (i32.const 70000) (i32.const 99)) (drop (call $stable64_grow (i64.const 1)))
  (call $stable64_write (i64.const 9) (i64.const 200) (i64.const 1)) (unreachable))
(func $clean (param i32) (i32.store8 (i32.const 205) (local.get 0)))
(func $pass (param i32)
  (i32.store8 (i32.const 201) (global.get $seen)) (i32.store8 (i32.const 202) (i32.load8_u (i32.const 70000)))
  (call $stable64_read (i64.const 203) (i64.const 9) (i64.const 1)) (i32.store8 (i32.const 204) (memory.size))
  (i32.store8 (i32.const 206) (i32.wrap_i64 (call $stable64_size)))
  (call $msg_reply_data_append (i32.const 200) (i32.const 7)) (call $msg_reply))
"""


@pytest.mark.parametrize("rollback", BACKENDS)
def test_only_the_trapping_callback_is_undone(rollback: Rollback) -> None:
    """Memory, its size, globals and stable memory are as the query left them; cleanup's writes stay; afterwards nothing does."""
    network = ScriptedNetwork(machine=WasmMachine(rollback=rollback))  # type: ignore[arg-type]  # another machine than the scripted one
    canister = network.deploy(module(NAMES, ASKING))
    instance = network.canister(canister).instance
    assert instance is not None
    for _ in range(2):
        response = network.replica.query(canister.raw, "ask", b"", OWNER.raw)
        assert response == Reply(bytes([2, 1, 3, 4, 2, 5, 1]))
        assert (instance.memory_bytes, instance.stable_bytes) == (65_536, 0)
