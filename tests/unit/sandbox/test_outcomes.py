"""How a run's end is put in words."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import PluginFailedError, PluginLimitError, PluginRefusedError, PluginTrapError, SandboxError, Span
from orchestrator.sandbox.frames import Done
from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.outcomes import failure_of, memory_ending, read_ending, timeout_ending
from orchestrator.sandbox.request import Outcome, PluginResult

LIMITS = Limits(compute_seconds=1.5, timeout_seconds=20, memory_bytes=96 << 20)
DONE = Done(ending="ok", text="", compute_ns=0, peak_bytes=0, linear_bytes=0, dropped_stdout=0, dropped_stderr=0)
BACKTRACE = "error while executing at wasm backtrace:\n    0:  0x2d4 - m!f\n\nCaused by:\n    wasm trap: "


@pytest.mark.parametrize(
    ("size", "words"), [(1, "1 bytes"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB"), (3 << 19, "1.5 MiB"), (2 << 30, "2 GiB")]
)
def test_sizes_are_told_in_units_that_fit(size: int, words: str) -> None:
    """A small limit is not a fraction of a MiB."""
    assert str(memory_ending(replace(LIMITS, memory_bytes=size)).error).endswith(f"memory limit of {words}")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("wasm `unreachable` instruction executed", "aborted"),
        ("call stack exhausted", "512 KiB of stack"),
        ("out of bounds memory access", "memory that it does not have"),
        ("integer divide by zero", "divided by zero"),
        ("integer overflow", "an integer that does not fit"),
        ("undefined element: out of bounds table access", "table entry that does not exist"),
        ("indirect call type mismatch", "pointer of another type"),
        ("list content out-of-bounds", "memory that it does not have"),
        ("string pointer/length out of bounds of memory", "memory that it does not have"),
        ("return pointer not aligned", "an address that is not aligned"),
        ("list pointer is not aligned", "an address that is not aligned"),
        ("invalid utf8 encoding", "text that is not UTF-8"),
        ("invalid utf-8 sequence of 1 bytes from index 4", "text that is not UTF-8"),
        ("something from a later wasmtime", "something from a later wasmtime"),
    ],
)
def test_traps_in_words(reason: str, words: str) -> None:
    """A trap's reason is said in words; wasmtime's own, without the backtrace, is the detail."""
    ending = read_ending(replace(DONE, ending="fault", text=BACKTRACE + reason), LIMITS)

    assert ending.outcome == "trap"
    assert ending.error is not None
    assert ending.error.startswith("plugin trapped: ")
    assert words in ending.error
    assert ending.detail == f"wasm trap: {reason}"


def test_a_trap_repeats_what_the_plugin_wrote() -> None:
    """The last lines on stderr are in the detail, and the hint says where there is more."""
    fault = replace(DONE, ending="fault", text=BACKTRACE + "wasm `unreachable` instruction executed")

    said, silent = read_ending(fault, LIMITS, ["reading", "index out of range", ""]), read_ending(fault, LIMITS)

    assert said.detail == "it wrote: reading\nit wrote: index out of range\nwasm trap: wasm `unreachable` instruction executed"
    assert said.hint == "`-v` shows where in its code it was"
    assert str(silent.hint).startswith("it wrote nothing to stderr")


@pytest.mark.parametrize("ending", ["fault", "exit", "memory", "compute"])
def test_backtraces_are_for_the_log(caplog: pytest.LogCaptureFixture, ending: str) -> None:
    """Where in its code the plugin was is in the log, each line a record of its own, and in no error."""
    caplog.set_level(logging.DEBUG, logger="orchestrator.sandbox")

    read = read_ending(replace(DONE, ending=ending, text=BACKTRACE + "wasm `unreachable` instruction executed"), LIMITS)

    assert "0x2d4" not in str(read)
    assert "the plugin's fault:     0:  0x2d4 - m!f" in caplog.messages


def test_a_fault_without_a_reason() -> None:
    """Even a fault without text is a trap."""
    assert read_ending(replace(DONE, ending="fault"), LIMITS).error == "plugin trapped: no reason given"


@pytest.mark.parametrize(
    ("text", "linear_mib", "outcome"),
    [
        ("wasm `unreachable` instruction executed", 47, "trap"),
        ("wasm `unreachable` instruction executed", 48, "limit"),
        ("memory minimum size of 65536 pages exceeds memory limits", 0, "limit"),
        ("Cannot allocate memory (os error 12)", 0, "limit"),
        ("resource limit exceeded: memory count too high at 33", 0, "limit"),
    ],
)
def test_memory(text: str, linear_mib: int, outcome: str) -> None:
    """An abort with half of the limit in use is taken for the memory limit; some texts say so themselves."""
    ending = read_ending(replace(DONE, ending="fault", text=text, linear_bytes=linear_mib << 20), LIMITS)

    assert ending.outcome == outcome
    assert ending.limit == ("memory" if outcome == "limit" else None)


def test_no_room_for_a_call() -> None:
    """The code around the plugin aborts only when there is no memory for a call; the same in the plugin's own code is a trap."""
    abort = "    1:  0x2f5 - m!f\n\nCaused by:\n    wasm trap: wasm `unreachable` instruction executed"
    first = "error while executing at wasm backtrace:\n    0:  0x7af - "

    around = read_ending(replace(DONE, ending="fault", text=f"{first}allocator!<wasm function 1>\n{abort}"), LIMITS)
    within = read_ending(replace(DONE, ending="fault", text=f"{first}m!g\n    1:  0x7af - allocator!f\n{abort}"), LIMITS)

    assert (around.outcome, around.limit) == ("limit", "memory")
    assert within.outcome == "trap"


def test_no_address_space() -> None:
    """A process that may not reserve addresses is no plugin that takes too much memory: more of it would not help."""
    text = "mmap failed to reserve 0x104000000 bytes\n\nCaused by:\n    Cannot allocate memory (os error 12)"

    ending = read_ending(replace(DONE, ending="fault", text=text), LIMITS)

    assert (ending.outcome, ending.slug) == ("refused", "plugin/address-space")
    assert "ulimit -v" in str(ending.hint)


def test_limits_say_how_to_raise_them() -> None:
    """Each limit's error has the limit's size, and its hint the key that raises it."""
    compute = read_ending(replace(DONE, ending="compute"), LIMITS)
    timeout = timeout_ending(LIMITS)
    memory = memory_ending(Limits(memory_bytes=2 << 30))

    assert (compute.error, timeout.error, memory.error) == (
        "plugin exceeded the 1.5s compute-time limit",
        "plugin did not end within its timeout of 20s",
        "plugin ran out of its memory limit of 2 GiB",
    )
    for ending, key in ((compute, "`compute`"), (timeout, "`timeout`"), (memory, "`memory`")):
        assert ending.hint is not None
        assert key in ending.hint


def test_limits_say_by_how_much() -> None:
    """A compute limit's detail has what was computed beyond it, a timeout's what the plugin was doing."""
    compute = read_ending(replace(DONE, ending="compute", compute_ns=1_530_000_000), LIMITS)
    at_once = read_ending(replace(DONE, ending="compute", compute_ns=1_501_000_000), LIMITS)
    timeout = timeout_ending(LIMITS, "it was waiting for an answer: store")

    assert (compute.detail, at_once.detail) == ("it was stopped 0.03 s over it", None)
    assert str(timeout.detail).startswith("it was waiting for an answer: store\n")


@pytest.mark.parametrize(
    ("ending", "linear_mib", "said", "outcome"),
    [
        ("fault", 60, [], "limit"),
        ("fault", 1, ["memory allocation of 44 bytes failed"], "limit"),
        ("fault", 1, ["MemoryError"], "limit"),
        ("fault", 1, ["index out of range"], "trap"),
        ("fault", 0, ["out of memory", *["later"] * 5], "trap"),
    ],
)
def test_probably_out_of_memory(ending: str, linear_mib: int, said: list[str], outcome: str) -> None:
    """A plugin that aborts with much memory, or says why, has probably run out of it; its own words are in the detail."""
    read = read_ending(replace(DONE, ending=ending, text=BACKTRACE + "unreachable", linear_bytes=linear_mib << 20), LIMITS, said)

    assert read.outcome == outcome
    if outcome == "limit":
        held = f": its memories held {linear_mib} MiB of the 96 MiB that they may"
        assert (read.slug, read.error) == ("plugin/limit-memory", f"plugin probably ran out of memory{held}")
        assert str(read.detail).startswith("".join(f"it wrote: {line}\n" for line in said) + "wasm trap: unreachable")
        assert "`memory`" in str(read.hint)


def test_what_tells_of_memory_is_picked() -> None:
    """Of all lines on stderr the last that speaks of memory is repeated, however many follow it."""
    done = replace(DONE, ending="fault", text=BACKTRACE + "unreachable", linear_bytes=60 << 20)

    read = read_ending(done, LIMITS, ["object type name: MemoryError", *["later"] * 9])

    assert read.detail == "it wrote: object type name: MemoryError\nwasm trap: unreachable"


@pytest.mark.parametrize(
    ("text", "linear_mib", "suspected"),
    [
        ("out of memory", 60, True),
        ("out of memory", 40, False),
        ("could not read the file", 90, True),
        ("could not read the file", 60, False),
    ],
)
def test_an_error_with_much_memory(text: str, linear_mib: int, *, suspected: bool) -> None:
    """An error stays the plugin's own, word for word; where memory is the likely cause the detail says so and how to raise it."""
    read = read_ending(replace(DONE, ending="err", text=text, linear_bytes=linear_mib << 20), LIMITS)

    assert (read.outcome, read.error, read.limit) == ("err", text, None)
    assert (read.detail is not None, read.hint is not None) == (suspected, suspected)
    assert not suspected or f"{linear_mib} MiB of the 96 MiB" in str(read.detail)


@pytest.mark.parametrize("ending", ["", "fine", "artifact", "x" * 10_000])
def test_an_unknown_ending(ending: str) -> None:
    """A worker cannot invent endings."""
    with pytest.raises(SandboxError) as caught:
        read_ending(replace(DONE, ending=ending), LIMITS)

    assert caught.value.slug == "plugin/worker-garbage"
    assert len(caught.value.summary) < 200


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [("err", PluginFailedError), ("trap", PluginTrapError), ("limit", PluginLimitError), ("refused", PluginRefusedError)],
)
def test_failures(outcome: Outcome, kind: type[SandboxError]) -> None:
    """Each outcome but ok is an error class of its own, with everything that the result says, at the step's place."""
    span = Span(path=Path("icp.yaml"), line=1, column=1)
    failure = failure_of(PluginResult(outcome=outcome, error="it", slug="plugin/x", detail="d", hint="h"), span)

    assert type(failure) is kind
    assert (failure.slug, failure.detail, failure.hint, failure.span) == ("plugin/x", "d", "h", span)
    assert failure.summary == ("plugin returned error: it" if outcome == "err" else "it")


def test_ok_is_no_failure() -> None:
    """There is no error of a run that went well."""
    assert failure_of(PluginResult(outcome="ok")) is None
