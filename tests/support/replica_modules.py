"""Canisters as WebAssembly text, for tests of the replica around them."""

from tests.support.vm import module

INTERFACE = "service : { inc : () -> (nat32); get : () -> (nat32) query; refuse : () -> () }"
SECRET = "for controllers only"
COUNTER = f"""
(@custom "icp:public candid:service" "{INTERFACE}")
(@custom "icp:private secret" "{SECRET}")
(data (i32.const 32) "DIDL\\00\\01\\79")
(data (i32.const 64) "no, thank you")
(data (i32.const 96) "out of order")
(func $answer
  (i32.store (i32.const 39) (global.get $count))
  (call $msg_reply_data_append (i32.const 32) (i32.const 11))
  (call $msg_reply))
(global $count (mut i32) (i32.const 0))
(func (export "canister_init") (global.set $count (i32.const 100)))
(func (export "canister_update inc") (global.set $count (i32.add (global.get $count) (i32.const 1))) (call $answer))
(func (export "canister_update inc_and_trap")
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (call $trap (i32.const 96) (i32.const 12)))
(func (export "canister_update refuse") (call $msg_reject (i32.const 64) (i32.const 13)))
(func (export "canister_update silence"))
(func (export "canister_query get") (call $answer))
(func (export "canister_query caller")
  (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
  (call $msg_reply_data_append (i32.const 0) (call $msg_caller_size))
  (call $msg_reply))
(func (export "canister_pre_upgrade")
  (if (i32.eqz (call $stable_size)) (then (drop (call $stable_grow (i32.const 1)))))
  (i32.store (i32.const 0) (global.get $count))
  (call $stable_write (i32.const 0) (i32.const 0) (i32.const 4)))
(func (export "canister_post_upgrade")
  (call $stable_read (i32.const 0) (i32.const 0) (i32.const 4))
  (global.set $count (i32.load (i32.const 0))))
"""
COUNTER_IMPORTS = (
    "msg_reply",
    "msg_reply_data_append",
    "msg_reject",
    "msg_caller_size",
    "msg_caller_copy",
    "trap",
    "stable_size",
    "stable_grow",
    "stable_write",
    "stable_read",
)


def counter(*, broken_upgrade: bool = False) -> bytes:
    """Return a counter that starts at 100 and answers with a Candid nat32; `broken_upgrade` traps in post_upgrade."""
    body = COUNTER
    if broken_upgrade:
        body = body.replace('(func (export "canister_post_upgrade")', '(func (export "canister_post_upgrade") unreachable')
    return module(COUNTER_IMPORTS, body)


THREEFOLD = """
(global $count (mut i32) (i32.const 0))
(func $load (result i32) (call $stable_read (i32.const 0) (i32.const 0) (i32.const 4)) (i32.load (i32.const 0)))
(func (export "canister_init") (drop (call $stable_grow (i32.const 3))))
(func (export "canister_update add")
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (i32.store (i32.const 200000) (global.get $count))
  (i32.store (i32.const 4) (global.get $count))
  (call $stable_write (i32.const 140000) (i32.const 4) (i32.const 4))
  (call $show))
(func $show (export "canister_query show")
  (i32.store (i32.const 8) (global.get $count))
  (i32.store (i32.const 12) (i32.load (i32.const 200000)))
  (call $stable_read (i32.const 16) (i32.const 140000) (i32.const 4))
  (call $msg_reply_data_append (i32.const 8) (i32.const 12))
  (call $msg_reply))
(func (export "canister_update grow")
  (drop (memory.grow (i32.const 2)))
  (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 7))
  (call $show))
"""


def threefold() -> bytes:
    """Return a canister that counts in a global, in main memory and in stable memory, and shows the three numbers."""
    return module(("msg_reply", "msg_reply_data_append", "stable_read", "stable_write", "stable_grow"), THREEFOLD, pages=4)


ALARM = """
(global $rings (mut i32) (i32.const 0))
(func (export "canister_init") (drop (call $global_timer_set (i64.add (call $time) (i64.const 3600000000000)))))
(func (export "canister_global_timer") (global.set $rings (i32.add (global.get $rings) (i32.const 1))))
(func (export "canister_query rings")
  (i32.store (i32.const 0) (global.get $rings))
  (call $msg_reply_data_append (i32.const 0) (i32.const 4))
  (call $msg_reply))
"""


def alarm() -> bytes:
    """Return a canister whose timer is due an hour after its installation; it answers how often that has fired."""
    return module(("global_timer_set", "time", "msg_reply", "msg_reply_data_append"), ALARM)


def told(variable: str) -> bytes:
    """Return a canister whose query `told` answers with the value of one of its environment variables, up to 127 bytes of it."""
    body = f"""
(data (i32.const 0) "{variable}")
(data (i32.const 256) "DIDL\\00\\01\\71")
(func (export "canister_query told") (local $size i32)
  (local.set $size (call $env_var_value_size (i32.const 0) (i32.const {len(variable)})))
  (i32.store8 (i32.const 263) (local.get $size))
  (call $env_var_value_copy (i32.const 0) (i32.const {len(variable)}) (i32.const 264) (i32.const 0) (local.get $size))
  (call $msg_reply_data_append (i32.const 256) (i32.add (i32.const 8) (local.get $size)))
  (call $msg_reply))
"""
    return module(("msg_reply", "msg_reply_data_append", "env_var_value_size", "env_var_value_copy"), body)
