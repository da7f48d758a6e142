"""Plugins that take more than they may."""

from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from orchestrator.errors import PluginLimitError
from orchestrator.sandbox.conversation import OUTPUT_TURN_BYTES
from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.limits import MAX_OUTPUT_BYTES, Limits
from orchestrator.sandbox.outcomes import failure_of
from orchestrator.sandbox.request import CanisterCallRequest, OutputLine
from tests.support.components import OK, Guest, component_that_calls, component_that_loops, error
from tests.support.plugin_runs import request_for, run_now

MIB = 1 << 20
SMALL = Limits(memory_bytes=64 * MIB)
GROW_AND_TOUCH = """
  (local $page i32)
  (loop $again
    (local.set $page (memory.grow (i32.const 16)))
    (if (i32.ne (local.get $page) (i32.const -1))
      (then (memory.fill (i32.shl (local.get $page) (i32.const 16)) (i32.const 1) (i32.const 1048576)) (br $again))))
"""


async def no_answer(_request: CanisterCallRequest) -> bytes:
    """Answer a call that nobody makes."""
    await anyio.lowlevel.checkpoint()
    return b""


def test_endless_loop(component_cache: Path) -> None:
    """An endless loop ends at the compute limit, and the hint names what raises it."""
    result = run_now(component_that_loops(), component_cache, limits=Limits(compute_seconds=0.2)).result
    failure = failure_of(result)

    assert (result.outcome, result.limit) == ("limit", "compute")
    assert result.error == "plugin exceeded the 0.2s compute-time limit"
    assert 0.2 <= result.compute_seconds < 2
    assert isinstance(failure, PluginLimitError)
    assert failure.hint is not None
    assert "ORCHESTRATOR_PLUGIN_COMPUTE_LIMIT_SECS" in failure.hint


def test_endless_loop_while_instantiating(component_cache: Path) -> None:
    """The limit counts from the first instruction, start functions included."""
    plugin = Guest().plugin(
        OK, extra_definitions="(core module $m (func $f (loop $l (br $l))) (start $f)) (core instance (instantiate $m))"
    )

    result = run_now(plugin, component_cache, limits=Limits(compute_seconds=0.2)).result

    assert (result.outcome, result.limit) == ("limit", "compute")


@pytest.mark.slow
def test_endless_calls(component_cache: Path) -> None:
    """Calls cost no computing; a flood of them ends at the timeout."""
    run = run_now(component_that_calls("m", b"", times=2**31 - 1), component_cache, limits=Limits(timeout_seconds=2.0))

    assert (run.result.outcome, run.result.limit) == ("limit", "timeout")
    assert run.result.calls == len(run.calls) > 0


def test_many_calls(component_cache: Path) -> None:
    """A plugin may call often: nothing is lost and nothing grows."""
    run = run_now(component_that_calls("m", b"x" * 1000, times=2000), component_cache)

    assert (run.result.outcome, run.result.calls) == ("ok", 2000)
    assert run.result.peak_memory_bytes < 40 * MIB


def test_sleeping_plugin(component_cache: Path) -> None:
    """Sleeping computes nothing; the timeout ends it all the same, though no instruction is being executed."""
    plugin = Guest().plugin(f"(call $block (call $after-nanoseconds (i64.const 3600000000000))) {OK}", wasi=("sleep",))

    result = run_now(plugin, component_cache, limits=Limits(timeout_seconds=0.5)).result

    assert (result.outcome, result.limit) == ("limit", "timeout")


def test_endless_recursion(component_cache: Path) -> None:
    """A recursion without end traps at the stack's size, in words."""
    functions = "(func $deeper (param i32) (result i32) (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))"

    result = run_now(Guest().plugin("(call $deeper (i32.const 0))", functions=functions), component_cache).result

    assert result.outcome == "trap"
    assert result.error == "plugin trapped: it ran out of its 512 KiB of stack: a recursion that is endless or too deep"


def test_refused_growth_is_the_plugins_to_handle(component_cache: Path) -> None:
    """`memory.grow` answers -1 at the limit; a plugin that reports it gets its own words through."""
    guest = Guest()
    plugin = guest.plugin(GROW_AND_TOUCH + guest.error("no more memory"))

    result = run_now(plugin, component_cache, limits=SMALL).result

    assert (result.outcome, result.error) == ("err", "no more memory")
    assert "it has probably run out of memory" in str(result.detail)
    assert 48 * MIB < result.peak_memory_bytes < 100 * MIB


def test_out_of_memory_abort(component_cache: Path) -> None:
    """A plugin that aborts while its memory is full is told apart from one that just aborts."""
    result = run_now(Guest().plugin(GROW_AND_TOUCH + "unreachable"), component_cache, limits=SMALL).result

    assert (result.outcome, result.limit) == ("limit", "memory")
    assert result.error == "plugin probably ran out of memory: its memories held 64 MiB of the 64 MiB that they may"
    assert result.hint is not None
    assert "`memory`" in result.hint


@pytest.mark.parametrize(
    "definitions",
    [
        "(core module $m (memory 960))" + "(core instance (instantiate $m))" * 20,
        "(core module $m (memory 1) (func $f (if (i32.eq (memory.grow (i32.const 959)) (i32.const -1)) (then unreachable))) (start $f))"
        + "(core instance (instantiate $m))" * 20,
        "(core module $m (memory 1))" + "(core instance (instantiate $m))" * 100,
        "(core module $m)" + "(core instance (instantiate $m))" * 500,
        "(core module $m (table 100000000 funcref)) (core instance (instantiate $m))",
        "(core module $m (table 1000000 funcref))" + "(core instance (instantiate $m))" * 100,
    ],
    ids=["many big memories", "many growing memories", "many memories", "many instances", "a huge table", "many big tables"],
)
def test_memory_in_parts(component_cache: Path, definitions: str) -> None:
    """Memory does not become more by being cut into parts: all of them together are under one limit."""
    result = run_now(Guest().plugin(OK, extra_definitions=definitions), component_cache, limits=SMALL).result

    assert (result.outcome, result.limit) == ("limit", "memory")
    assert result.peak_memory_bytes < 100 * MIB


def test_memory_that_is_too_large_from_the_start(component_cache: Path) -> None:
    """A plugin whose first memory is above the limit never starts."""
    result = run_now(Guest().plugin("unreachable", pages=65536), component_cache, limits=SMALL).result

    assert (result.outcome, result.limit) == ("limit", "memory")


def test_huge_error_text(component_cache: Path) -> None:
    """A plugin cannot make the tool hold an error of any size."""
    plugin = Guest().plugin("(drop (memory.grow (i32.const 800)))" + error("(i32.const 70000)", "(i32.const 50000000)"))

    result = run_now(plugin, component_cache).result

    assert result.outcome == "err"
    assert result.error is not None
    assert len(result.error) < 2 * MIB
    assert result.error.endswith(f"… {50_000_000 - MIB} bytes truncated")


def test_flood_of_output(component_cache: Path) -> None:
    """Three MiB to each stream: the first MiB is kept to the byte, the rest is counted, the plugin notices nothing."""
    chunk, writes = 4096, 768
    plugin = Guest().plugin(
        f"""
        (local $written i32) (local $out i32) (local $err i32)
        (local.set $out (call $get-stdout)) (local.set $err (call $get-stderr))
        (memory.fill (i32.const 2048) (i32.const 120) (i32.const {chunk})) (i32.store8 (i32.const {2048 + chunk - 1}) (i32.const 10))
        (loop $next
          (call $write (local.get $out) (i32.const 2048) (i32.const {chunk}) (i32.const 48))
          (if (i32.load8_u (i32.const 48)) (then unreachable))
          (call $write (local.get $err) (i32.const 2048) (i32.const {chunk}) (i32.const 48))
          (br_if $next (i32.lt_u (local.tee $written (i32.add (local.get $written) (i32.const 1))) (i32.const {writes}))))
        {OK}""",
        wasi=("stdio",),
    )

    run = run_now(plugin, component_cache)

    for name, lines in (("stdout", run.result.stdout), ("stderr", run.result.stderr)):
        assert lines[:-1] == ("x" * (chunk - 1),) * (MAX_OUTPUT_BYTES // chunk)
        assert lines[-1] == f"… {chunk * writes - MAX_OUTPUT_BYTES} bytes of {name} truncated"
    assert len(run.lines) == len(run.result.stdout) + len(run.result.stderr)


def test_flood_of_output_that_a_timeout_ends(component_cache: Path) -> None:
    """What was left out is also told of a plugin that never comes to its end."""
    writes = MAX_OUTPUT_BYTES // 4096 + 10
    plugin = Guest().plugin(
        f"""
        (local $written i32) (local $out i32)
        (local.set $out (call $get-stdout))
        (loop $next
          (call $write (local.get $out) (i32.const 2048) (i32.const 4096) (i32.const 48))
          (br_if $next (i32.lt_u (local.tee $written (i32.add (local.get $written) (i32.const 1))) (i32.const {writes}))))
        (call $block (call $after-nanoseconds (i64.const 3600000000000)))
        {OK}""",
        wasi=("stdio", "sleep"),
    )

    result = run_now(plugin, component_cache, limits=Limits(timeout_seconds=1.0)).result

    assert (result.outcome, result.limit) == ("limit", "timeout")
    assert result.stdout[-1] == f"… {10 * 4096} bytes of stdout truncated"


def test_flood_of_empty_lines(component_cache: Path) -> None:
    """While a plugin's lines are told, thousands in a moment, whatever else the tool does has its turns."""
    plugin = Guest().plugin(
        f"""
        (local $written i32) (local $out i32)
        (local.set $out (call $get-stdout)) (memory.fill (i32.const 2048) (i32.const 10) (i32.const 4096))
        (loop $next
          (call $write (local.get $out) (i32.const 2048) (i32.const 4096) (i32.const 48))
          (br_if $next (i32.lt_u (local.tee $written (i32.add (local.get $written) (i32.const 1))) (i32.const 64))))
        {OK}""",
        wasi=("stdio",),
    )
    lines: list[OutputLine] = []
    turns = [0]

    async def wait_turns() -> None:
        while len(lines) < 64 * 4096:
            await anyio.lowlevel.checkpoint()
            if lines:
                turns.append(len(lines))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_turns)
            await run_plugin(request_for(plugin, component_cache), no_answer, lines.append)

    anyio.run(main)

    assert max(later - earlier for earlier, later in pairwise(turns)) <= 2 * OUTPUT_TURN_BYTES


def test_output_that_nobody_flushed(component_cache: Path) -> None:
    """Bytes written in the last moment, without waiting for them, are not lost."""
    guest = Guest()
    writes = f"""
      (call $check-write (local.get $out) (i32.const 48))
      (call $write-later (local.get $out) {guest.text("last words")} (i32.const 48))"""
    plugin = guest.plugin(f"(local $out i32) (local.set $out (call $get-stdout)) {writes} {OK}", wasi=("stdio",))

    assert run_now(plugin, component_cache).result.stdout == ("last words",)


FILL_ALL = (
    """(core module $m (memory 0) (func $f (local $pages i32)
  (local.set $pages (i32.const 512))
  (loop $again
    (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (local.set $pages (i32.shr_u (local.get $pages) (i32.const 1)))))
    (br_if $again (local.get $pages)))) (start $f))"""
    + "(core instance (instantiate $m))" * 4
)


def test_no_memory_left_for_the_host(component_cache: Path) -> None:
    """A plugin whose memories leave no room for a thread of the host's, which writing takes, has run out of memory: no worker just dies."""
    plugin = Guest().plugin(
        f"(call $write (call $get-stdout) (i32.const 2048) (i32.const 64) (i32.const 48)) {OK}", wasi=("stdio",), extra_definitions=FILL_ALL
    )

    result = run_now(plugin, component_cache, limits=SMALL).result

    assert (result.outcome, result.limit) == ("limit", "memory")
