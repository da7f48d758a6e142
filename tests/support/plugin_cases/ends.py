"""How plugins end: results, traps, limits."""

from tests.support.components import (
    OK,
    Guest,
    component_that_fails,
    component_that_loops,
    component_that_prints,
    component_that_returns_ok,
    component_that_traps,
    error,
)
from tests.support.plugin_cases.case import PluginCase

__all__ = ["ENDS", "SLOW_ENDS"]


def _err(name: str, text: str) -> PluginCase:
    return PluginCase(
        name=name,
        component=component_that_fails(text),
        slug="plugin/err",
        summary=f"plugin returned error: {text}",
        theirs=f"plugin returned error: {text}",
    )


def _trap(name: str, component: bytes, words: str, trap: str) -> PluginCase:
    return PluginCase(name=name, component=component, slug="plugin/trap", summary=f"plugin trapped: it {words}", theirs=trap)


def _memory(name: str, pages: int, *, touch: bool) -> PluginCase:
    """Grow memory so much, and write to each page of it; say whether it worked."""
    touching = (
        """(loop $next (i32.store8 (i32.shl (local.get $page) (i32.const 16)) (i32.const 1))
      (br_if $next (i32.lt_u (local.tee $page (i32.add (local.get $page) (i32.const 1))) (memory.size))))"""
        if touch
        else ""
    )
    guest = Guest()
    body = f"(local $page i32) (local.set $page (i32.const 2)) (if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then {guest.error('refused')} return)) {touching} {OK}"
    return PluginCase(name=name, component=guest.plugin(body))


ENDS = (
    PluginCase(name="ok", component=component_that_returns_ok()),
    _err("err", "deliberate failure"),
    _err("err-empty", ""),
    _err("err-lines", "first\nsecond"),
    _err("err-wide", "grüezi 你好 🌍"),
    PluginCase(
        name="err-environment",
        component=Guest().plugin(error("(local.get $environment)", "(local.get $environment-length)")),
        slug="plugin/err",
        summary="plugin returned error: test",
        theirs="plugin returned error: test",
    ),
    _trap(
        "err-not-text",
        (not_text := Guest()).plugin(not_text.error(b"\xff\xfe")),
        "passed the host text that is not UTF-8",
        "invalid utf-8 sequence of 1 bytes from index 0",
    ),
    _trap(
        "err-nowhere",
        Guest().plugin(error("(i32.const 0x7fffff00)", "(i32.const 10)")),
        "passed the host memory that it does not have",
        "string pointer/length out of bounds of memory",
    ),
    _trap(
        "unreachable",
        component_that_traps(),
        "aborted: it panicked or ran into something that its code rules out",
        "wasm trap: wasm `unreachable` instruction executed",
    ),
    _trap(
        "divide",
        Guest().plugin("(i32.div_u (i32.const 1) (local.get $has-proxy))"),
        "divided by zero",
        "wasm trap: integer divide by zero",
    ),
    _trap(
        "out-of-bounds",
        Guest().plugin("(i32.load (i32.const 0x7fffff00))"),
        "accessed memory that it does not have",
        "wasm trap: out of bounds memory access",
    ),
    _trap(
        "recursion",
        Guest().plugin(
            f"(drop (call $again (i32.const 1))) {OK}",
            functions="(func $again (param i32) (result i32) (i32.add (call $again (local.get 0)) (local.get 0)))",
        ),
        "ran out of its 512 KiB of stack: a recursion that is endless or too deep",
        "wasm trap: call stack exhausted",
    ),
    _trap("unaligned", Guest().plugin("(i32.const 17)"), "passed the host an address that is not aligned", "return pointer not aligned"),
    *(
        PluginCase(
            name=f"exit-{status}",
            component=Guest().plugin(f"(call $exit (i32.const {status})) unreachable", wasi=("environment",)),
            slug="plugin/exit",
            summary="plugin trapped: it exited instead of returning from exec",
            theirs=f"Exited with i32 exit status {status}",
        )
        for status in (0, 1)
    ),
    _trap(
        "table",
        Guest().plugin("(call_indirect $functions (result i32) (i32.const 9))", functions="(table $functions 1 funcref)"),
        "called through a table entry that does not exist",
        "wasm trap: undefined element: out of bounds table access",
    ),
    _trap(
        "empty-table",
        Guest().plugin("(call_indirect $functions (result i32) (i32.const 0))", functions="(table $functions 1 funcref)"),
        "called through an empty table entry",
        "wasm trap: uninitialized element",
    ),
    _trap(
        "overflow",
        Guest().plugin("(i32.div_s (i32.const 0x80000000) (i32.const -1))"),
        "computed an integer that does not fit",
        "wasm trap: integer overflow",
    ),
    _trap(
        "no-number",
        Guest().plugin("(i32.trunc_f64_s (f64.const nan))"),
        "converted a number that is no integer",
        "wasm trap: invalid conversion to integer",
    ),
    _trap(
        "start",
        Guest().plugin(OK, functions="(func $begin unreachable) (start $begin)"),
        "aborted: it panicked or ran into something that its code rules out",
        "wasm trap: wasm `unreachable` instruction executed",
    ),
    _memory("grow", 8_000, touch=False),
    _memory("grow-and-touch", 1_000, touch=True),
    PluginCase(name="start-large", component=Guest().plugin(OK, pages=4_000)),
)

SLOW_ENDS = (
    PluginCase(
        name="spin",
        component=component_that_loops(),
        slug="plugin/limit-compute",
        summary="plugin exceeded the 1s compute-time limit",
        theirs="plugin exceeded the 1s compute-time limit",
    ),
    PluginCase(
        name="print-and-spin",
        component=component_that_prints(stdout=b"before\nhalf", then="(loop $again (br $again)) unreachable"),
        lines=("before", "half"),
        slug="plugin/limit-compute",
        summary="plugin exceeded the 1s compute-time limit",
        theirs="plugin exceeded the 1s compute-time limit",
    ),
)
