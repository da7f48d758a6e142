"""Hostile plugins by name, each with the limits to run it under and how it ends; and honest ones to run beside them."""

from dataclasses import dataclass, field

from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.request import Outcome
from tests.support.components import (
    CALL_RESULT,
    OK,
    Guest,
    component_that_calls,
    component_that_fails,
    component_that_loops,
    component_that_traps,
    error,
)

__all__ = ["HOSTILE", "Hostile", "honest_plugin"]

MIB = 1 << 20
GROW = """
  (local $page i32)
  (loop $again
    (local.set $page (memory.grow (i32.const 16)))
    (if (i32.ne (local.get $page) (i32.const -1))
      (then (memory.fill (i32.shl (local.get $page) (i32.const 16)) (i32.const 1) (i32.const 1048576)) (br $again))))
  unreachable
"""
DEEPER = "(func $deeper (param i32) (result i32) (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """A plugin, the limits that it meets, and the outcome of its run."""

    component: bytes
    outcome: Outcome
    limits: Limits = field(default_factory=Limits)


def _flood() -> bytes:
    return Guest().plugin(
        f"""(local $count i32) (local $out i32) (local $err i32)
        (local.set $out (call $get-stdout)) (local.set $err (call $get-stderr))
        (memory.fill (i32.const 2048) (i32.const 120) (i32.const 4096))
        (loop $next
          (call $write (local.get $out) (i32.const 2048) (i32.const 4096) (i32.const 48))
          (call $write (local.get $err) (i32.const 2048) (i32.const 4096) (i32.const 48))
          (br_if $next (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1))) (i32.const 400))))
        {OK}""",
        wasi=("stdio",),
    )


def _big_error() -> bytes:
    return Guest().plugin("(drop (memory.grow (i32.const 100)))" + error("(i32.const 70000)", "(i32.const 5000000)"))


def _sleeper() -> bytes:
    return Guest().plugin(f"(call $block (call $after-nanoseconds (i64.const 3600000000000))) {OK}", wasi=("sleep",))


HOSTILE = {
    "computes": Hostile(component=component_that_loops(), outcome="limit", limits=Limits(compute_seconds=0.1)),
    "grows": Hostile(component=Guest().plugin(GROW), outcome="limit", limits=Limits(memory_bytes=32 * MIB)),
    "sleeps": Hostile(component=_sleeper(), outcome="limit", limits=Limits(timeout_seconds=1.0)),
    "calls": Hostile(
        component=component_that_calls("m", b"x" * 1000, times=2**31 - 1), outcome="limit", limits=Limits(timeout_seconds=1.0)
    ),
    "recurses": Hostile(component=Guest().plugin("(call $deeper (i32.const 0))", functions=DEEPER), outcome="trap"),
    "floods": Hostile(component=_flood(), outcome="ok"),
    "traps": Hostile(component=component_that_traps(), outcome="trap"),
    "fails": Hostile(component=component_that_fails(), outcome="err"),
    "fails at length": Hostile(component=_big_error(), outcome="err"),
    "is none": Hostile(component=b"\0asm\x01\0\0\0", outcome="refused"),
}
"""Each way of misbehaving once."""


def honest_plugin() -> bytes:
    """Build a plugin that prints its canister's id, makes five calls with it, and returns the last reply as its error."""
    guest = Guest()
    canister = "(local.get $canister) (local.get $canister-length)"
    call = f"(call $canister-call {guest.text('echo')} {canister} (i32.const 0) (i32.const 0) (i64.const 0) (i32.const {CALL_RESULT}))"
    reply = error(f"(i32.load (i32.const {CALL_RESULT + 4}))", f"(i32.load (i32.const {CALL_RESULT + 8}))")
    return guest.plugin(f"(call $write (call $get-stdout) {canister} (i32.const 48)) {call * 5} {reply}", wasi=("stdio",))
