"""A canister that runs any sequence of system calls that a message brings along: the module's half.

Every message is a program for a machine with a stack of 64-bit numbers; `tests.support.universal` writes such
programs. One byte is an operation: an index of table 0, where each operation is a function without parameters.
Entry 0 of the table is what the system calls for callbacks; their environment is the address of a program.
"""

import functools

from orchestrator.replica.vm.api import SYSTEM_CALLS
from tests.support.vm import module

CELLS = 512
"""Where the numbered cells of 8 bytes begin, in main memory; they are the program's to use."""
SCRATCH = 256
"""Where results of 16 bytes are put before they are answered."""
HANDLERS = ("heartbeat", "global_timer", "inspect_message", "pre_upgrade", "on_low_wasm_memory")
"""What runs a program that an earlier message left behind."""

_HANDLER_ADDRESSES = 128
_STACK = 4096
_HEAP = 65_536

_OPERATIONS = {
    "number": "(call $push (i64.load (global.get $pc))) (call $advance (I.const 8))",
    "address": "(call $push (P.from32 (i32.load (global.get $pc)))) (call $push (P.widen (global.get $base)))"
    "(call $push (i64.add (call $pop) (call $pop))) (call $advance (I.const 4))",
    "self": "(call $push (P.widen (global.get $base)))",
    "spill": f"(i64.store (I.const {SCRATCH}) (call $pop)) (call $push (i64.const {SCRATCH})) (call $push (i64.const 8))",
    "duplicate": "(local $a i64) (local.set $a (call $pop)) (call $push (local.get $a)) (call $push (local.get $a))",
    "drop": "(drop (call $pop))",
    "add": "(call $push (i64.add (call $pop) (call $pop)))",
    "decrement": "(call $push (i64.sub (call $pop) (i64.const 1)))",
    "jump_if": "(local $to i32) (local.set $to (i32.load (global.get $pc))) (call $advance (I.const 4))"
    "(if (i64.ne (call $pop) (i64.const 0)) (then (global.set $pc (I.add (global.get $base) (P.pointer32 (local.get $to))))))",
    "load": "(call $push (i64.load (call $pop_pointer)))",
    "store": "(local $a i64) (local.set $a (call $pop)) (i64.store (call $pop_pointer) (local.get $a))",
    "allocate": "(call $push (P.widen (call $allocate (call $pop_pointer))))",
    "memory_copy": "(local $to I) (local $from I) (local $size I) (local.set $size (call $pop_pointer))"
    "(local.set $from (call $pop_pointer)) (local.set $to (call $pop_pointer))"
    "(memory.copy (local.get $to) (local.get $from) (local.get $size))",
    "memory_grow": "(call $push (P.widen (memory.grow (call $pop_pointer))))",
    "memory_size": "(call $push (P.widen (memory.size)))",
    "set_global": "(global.set $kept (call $pop))",
    "get_global": "(call $push (global.get $kept))",
    "unreachable": "unreachable",
    "recurse": "(call $recurse (i64.const 0))",
    "divide_by_zero": "(drop (i64.div_u (i64.const 1) (i64.const 0)))",
}

_FRAME = f"""
(type $operation (func))
(global $pc (mut I) (I.const 0))
(global $base (mut I) (I.const 0))
(global $stack (mut I) (I.const {_STACK}))
(global $heap (mut I) (I.const {_HEAP}))
(global $kept (mut i64) (i64.const 0))
(func $advance (param I) (global.set $pc (I.add (global.get $pc) (local.get 0))))
(func $push (param i64)
  (i64.store (global.get $stack) (local.get 0)) (global.set $stack (I.add (global.get $stack) (I.const 8))))
(func $pop (result i64) (global.set $stack (I.sub (global.get $stack) (I.const 8))) (i64.load (global.get $stack)))
(func $pop_pointer (result I) (P.narrow (call $pop)))
(func $pop_32 (result i32) (i32.wrap_i64 (call $pop)))
(func $recurse (param i64) (call $recurse (i64.add (local.get 0) (i64.const 1))) (global.set $kept (local.get 0)))
(func $allocate (param $size I) (result I) (local $start I) (local $missing I)
  (local.set $start (global.get $heap))
  (global.set $heap (I.add (local.get $start) (I.add (local.get $size) (I.const 8))))
  (local.set $missing (I.sub (I.add (I.shr_u (global.get $heap) (I.const 16)) (I.const 1)) (memory.size)))
  (if (I.gt_s (local.get $missing) (I.const 0))
    (then (if (I.eq (memory.grow (local.get $missing)) (I.const -1)) (then unreachable))))
  (local.get $start))
(func $run (param $program I) (local $operation i32)
  (global.set $base (local.get $program))
  (global.set $pc (local.get $program))
  (global.set $stack (I.const {_STACK}))
  (loop $next
    (local.set $operation (i32.load8_u (global.get $pc)))
    (call $advance (I.const 1))
    (if (local.get $operation) (then (call_indirect (type $operation) (local.get $operation)) (br $next)))))
(func $run_argument (local $size I) (local $program I)
  (local.set $size (call $msg_arg_data_size))
  (local.set $program (call $allocate (local.get $size)))
  (call $msg_arg_data_copy (local.get $program) (I.const 0) (local.get $size))
  (call $run (local.get $program)))
(func $run_handler (param $slot I)
  (if (I.ne (I.load (local.get $slot)) (I.const 0)) (then (call $run (I.load (local.get $slot))))))
(export "canister_update update" (func $run_argument))
(export "canister_query query" (func $run_argument))
(export "canister_composite_query composite" (func $run_argument))
(export "canister_init" (func $run_argument))
(export "canister_post_upgrade" (func $run_argument))
"""


def operation_number(name: str) -> int:
    """Return the byte that stands for one of the machine's operations or a system call."""
    return _NUMBERS[name]


def handler_address(handler: str) -> int:
    """Return where the address of a handler's program is kept."""
    return _HANDLER_ADDRESSES + 8 * HANDLERS.index(handler)


@functools.cache
def universal_canister(*, wide: bool = False, heartbeat: bool = False, inspect: bool = False) -> bytes:
    """Return the module; `heartbeat` and `inspect` say whether it exports these entry points at all."""
    handlers = {"global_timer", "pre_upgrade", "on_low_wasm_memory"}
    handlers |= {"heartbeat"} if heartbeat else set()
    handlers |= {"inspect_message"} if inspect else set()
    body = [_FRAME, f"(table {len(_NAMES) + 1} funcref) (elem (i32.const 0) $run {' '.join(f'$do_{name}' for name in _NAMES)})"]
    body += [f'(func (export "canister_{name}") (call $run_handler (I.const {handler_address(name)})))' for name in sorted(handlers)]
    body += [f"(func $do_{name} {text})" for name, text in _OPERATIONS.items()]
    body += [f"(func $do_{name} {_system_call(name, wide=wide)})" for name in _SYSTEM_CALLS]
    names = [name for name in _SYSTEM_CALLS if not (wide and SYSTEM_CALLS[name].narrow_only)]
    return module(names, _for_width("\n".join(body), wide=wide), wide=wide, pages=2)


_SYSTEM_CALLS = tuple(sorted(SYSTEM_CALLS))
_NAMES = (*_OPERATIONS, *_SYSTEM_CALLS)
_NUMBERS = {name: number for number, name in enumerate(_NAMES, start=1)}


def _system_call(name: str, *, wide: bool) -> str:
    """Write the function that takes the arguments of a system call off the stack, in order, and leaves its result."""
    call = SYSTEM_CALLS[name]
    if wide and call.narrow_only:
        return "unreachable"
    types = {"I": ("I", "$pop_pointer"), "i": ("i32", "$pop_32"), "l": ("i64", "$pop")}
    locals_ = " ".join(f"(local $a{index} {types[letter][0]})" for index, letter in enumerate(call.parameters))
    taken = [f"(local.set $a{index} (call {types[letter][1]}))" for index, letter in enumerate(call.parameters)]
    given = " ".join(f"(local.get $a{index})" for index in range(len(call.parameters)))
    made = f"(call ${name} {given})"
    widen = {"": made, "I": f"(call $push (P.widen {made}))", "i": f"(call $push (i64.extend_i32_u {made}))", "l": f"(call $push {made})"}
    return f"{locals_} {' '.join(reversed(taken))} {widen[call.result]}"


def _for_width(text: str, *, wide: bool) -> str:
    """Write out what depends on the width of pointers: `I` is their type, `P.` what converts them."""
    replaced = {
        "P.widen ": "i64.add (i64.const 0) " if wide else "i64.extend_i32_u ",
        "P.narrow ": "i64.add (i64.const 0) " if wide else "i32.wrap_i64 ",
        "P.from32 ": "i64.extend_i32_u ",
        "P.pointer32 ": "i64.extend_i32_u " if wide else "i32.add (i32.const 0) ",
        "(I.": "(i64." if wide else "(i32.",
        " I)": " i64)" if wide else " i32)",
    }
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text
