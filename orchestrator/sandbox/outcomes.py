"""Says in words how a plugin's run ended."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.errors import PluginFailedError, PluginLimitError, PluginRefusedError, PluginTrapError, SandboxError, Span
from orchestrator.sandbox.frames import Done
from orchestrator.sandbox.last_words import LAST_WORDS, last_words, log_where, reason_of
from orchestrator.sandbox.limits import COMPUTE_VARIABLES, MAX_ARGUMENT_BYTES, MAX_WASM_STACK_BYTES, Limits
from orchestrator.sandbox.request import LimitName, Outcome, PluginResult

__all__ = ["Ending", "calls_ending", "compute_ending", "failure_of", "memory_ending", "read_ending", "timeout_ending"]

SHOWN_SECONDS: Final = 0.005
"""What is less is not worth telling: it would be shown as 0.00 s."""
MEMORY_SUSPICION: Final = 0.5
"""A plugin that aborts while its memories hold this share of the limit is taken to have wanted more."""
MEMORY_CERTAINTY: Final = 0.9
"""A plugin that returns an error, whatever it says, while its memories hold this share of the limit, too."""
_ABOUT_MEMORY: Final = re.compile(r"memory allocation of|out of ?memory|MemoryError|cannot allocate|allocation failed", re.IGNORECASE)

_TRAPS: Final = (
    ("call stack exhausted", f"ran out of its {MAX_WASM_STACK_BYTES >> 10} KiB of stack: a recursion that is endless or too deep"),
    ("`unreachable` instruction executed", "aborted: it panicked or ran into something that its code rules out"),
    ("out of bounds memory access", "accessed memory that it does not have"),
    ("content out-of-bounds", "passed the host memory that it does not have"),
    ("out of bounds of memory", "passed the host memory that it does not have"),
    ("pointer not aligned", "passed the host an address that is not aligned"),
    ("pointer is not aligned", "passed the host an address that is not aligned"),
    ("invalid utf8 encoding", "passed the host text that is not UTF-8"),
    ("invalid utf-8 sequence", "passed the host text that is not UTF-8"),
    ("out of bounds table access", "called through a table entry that does not exist"),
    ("undefined element", "called through a table entry that does not exist"),
    ("uninitialized element", "called through an empty table entry"),
    ("indirect call type mismatch", "called a function through a pointer of another type"),
    ("integer divide by zero", "divided by zero"),
    ("integer overflow", "computed an integer that does not fit"),
    ("invalid conversion to integer", "converted a number that is no integer"),
    ("cannot leave component instance", "called the host from a place where a component must not"),
    ("fuel allocated for hostcalls", f"passed the host more than {MAX_ARGUMENT_BYTES} bytes in one call or batch"),
    ("wasm trap: interrupt", "was interrupted"),
)
_NO_ADDRESSES: Final = "failed to reserve"
_ALLOCATOR_GAVE_UP: Final = re.compile(r"^ +0: +0x[0-9a-f]+ - allocator!.*`unreachable` instruction executed", re.MULTILINE | re.DOTALL)
"""What hands calls over (`wrapping`) found no room for one: the only reason for its allocator to trap."""
_OVER_MEMORY: Final = ("exceeds memory limit", "out of memory (failed to allocate", "os error 12")
_OVER_COUNT: Final = ("count too high at", "exceeds table limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The part of a `PluginResult` that tells how the run ended."""

    outcome: Outcome
    error: str | None = None
    slug: str | None = None
    detail: str | None = None
    hint: str | None = None
    limit: LimitName | None = None


def _size(count: int) -> str:
    if count >= 1 << 30 and count % (1 << 30) == 0:
        return f"{count >> 30} GiB"
    if count < 1 << 20:
        return f"{count} bytes" if count % 1024 else f"{count >> 10} KiB"
    return f"{count / (1 << 20):.4g} MiB"


def _limit(name: LimitName, error: str, *, detail: str | None, hint: str) -> Ending:
    return Ending(outcome="limit", limit=name, slug=f"plugin/limit-{name}", error=error, detail=detail, hint=hint)


def compute_ending(limits: Limits, used_ns: int) -> Ending:
    """Describe a run that used up its computing time; `used_ns` is what it had computed when it was stopped."""
    seconds = f"{limits.compute_seconds:g}"
    over = used_ns / 1e9 - limits.compute_seconds
    return _limit(
        "compute",
        f"plugin exceeded the {seconds}s compute-time limit",
        detail=f"it was stopped {over:.2f} s over it" if over >= SHOWN_SECONDS else None,
        hint=f"if it needs more than {seconds} s of its own computing, set `compute` on the step or {COMPUTE_VARIABLES[0]} higher",
    )


def timeout_ending(limits: Limits, doing: str = "") -> Ending:
    """Describe a run that took longer than its timeout, canister calls included; `doing` says at what it was stopped."""
    seconds = f"{limits.timeout_seconds or 0:g}"
    return _limit(
        "timeout",
        f"plugin did not end within its timeout of {seconds}s",
        detail=f"{doing}\ncanister calls count; one that was under way may still take effect".strip(),
        hint="set `timeout` on the step higher, or leave it out",
    )


def _waits_for_pipe(path: str) -> Ending:
    return Ending(
        outcome="trap",
        slug="plugin/named-pipe",
        error=f"plugin was ended: it opens the named pipe {path!r} again and again",
        detail="opening a named pipe waits for somebody who writes to it; the plugin was told so each time",
        hint="take the pipe out of the declared directory, or let the plugin skip what is no regular file",
    )


def memory_ending(limits: Limits, detail: str | None = None) -> Ending:
    """Describe a run that wanted more memory than its limit."""
    return _limit(
        "memory",
        f"plugin ran out of its memory limit of {_size(limits.memory_bytes)}",
        detail=detail,
        hint=_more_memory(limits),
    )


def _probably_memory(done: Done, limits: Limits, said: Sequence[str]) -> Ending:
    known = f": its memories held {_held(done, limits)}" if done.linear_bytes else ""
    about = [line for line in said if _ABOUT_MEMORY.search(line)][-1:]
    return _limit(
        "memory",
        f"plugin probably ran out of memory{known}",
        detail="\n".join((*last_words(about or said), done.text)),
        hint=_more_memory(limits),
    )


def _held(done: Done, limits: Limits) -> str:
    return f"{_size(min(done.linear_bytes, limits.memory_bytes))} of the {_size(limits.memory_bytes)} that they may"


def _more_memory(limits: Limits) -> str:
    return f"set `memory` on the step above {_size(limits.memory_bytes)}, or let the plugin work on smaller pieces"


def calls_ending(limits: Limits, count: int) -> Ending:
    """Describe a run that wanted to make more canister calls than one run may, `count` in all."""
    return _limit(
        "calls",
        f"plugin made more than {limits.max_calls} canister calls: {count} would be {count - limits.max_calls} over the limit",
        detail="those within the limit were made",
        hint="let each call do more, or do the work in several steps; no key of the manifest raises this limit",
    )


def _count_ending(text: str) -> Ending:
    return _limit(
        "memory",
        f"plugin is made of more parts than a plugin may have: {text.splitlines()[-1]}",
        detail="instances, memories, tables and the entries of a table are counted",
        hint="link the plugin's modules into fewer",
    )


def _no_addresses(text: str) -> Ending:
    return Ending(
        outcome="refused",
        slug="plugin/address-space",
        error="the system does not let the plugin's process reserve enough address space",
        detail=text,
        hint="raise `ulimit -v`; a plugin's memories reserve some 4 GiB of addresses each and use as much of it as they hold",
    )


def _trap(text: str, said: Sequence[str]) -> Ending:
    last = text.strip().splitlines()[-1].strip() if text.strip() else "no reason given"
    words = next((f"it {words}" for mark, words in _TRAPS if mark in text), last)
    wrote = last_words(said)
    return Ending(
        outcome="trap",
        slug="plugin/trap",
        error=f"plugin trapped: {words}",
        detail="\n".join((*wrote, text)) or None,
        hint=f"{'' if wrote else 'it wrote nothing to stderr that says why; '}`-v` shows where in its code it was",
    )


def _exit(text: str, said: Sequence[str]) -> Ending:
    return Ending(
        outcome="trap",
        slug="plugin/exit",
        error="plugin trapped: it exited instead of returning from exec",
        detail="\n".join((*last_words(said), text)),
        hint="return an error from exec instead; whatever its code, an exit is a failure",
    )


def _fault(fault: Done, limits: Limits, said: Sequence[str]) -> Ending:
    done = _with_reason(fault)
    if any(mark in done.text for mark in _OVER_COUNT):
        return _count_ending(done.text)
    if _NO_ADDRESSES in done.text:
        return _no_addresses(done.text)
    if any(mark in done.text for mark in _OVER_MEMORY) or _ALLOCATOR_GAVE_UP.search(fault.text):
        return memory_ending(limits, f"its memories held {_held(done, limits)}\n{done.text}" if done.linear_bytes else done.text)
    if done.linear_bytes >= limits.memory_bytes * MEMORY_SUSPICION or any(_ABOUT_MEMORY.search(line) for line in said[-LAST_WORDS:]):
        return _probably_memory(done, limits, said)
    return _trap(done.text, said)


def _with_reason(done: Done) -> Done:
    """Return the ending without the backtrace, which goes to the log."""
    log_where(done.text)
    return replace(done, text=reason_of(done.text))


def _err(done: Done, limits: Limits, said: Sequence[str]) -> Ending:
    share = done.linear_bytes / limits.memory_bytes
    about_memory = any(_ABOUT_MEMORY.search(text) for text in (done.text, *said[-LAST_WORDS:]))
    if share < (MEMORY_SUSPICION if about_memory else MEMORY_CERTAINTY):
        return Ending(outcome="err", slug="plugin/err", error=done.text)
    detail = f"it has probably run out of memory: its memories held {_held(done, limits)}"
    return Ending(outcome="err", slug="plugin/err", error=done.text, detail=detail, hint=_more_memory(limits))


def read_ending(done: Done, limits: Limits, said: Sequence[str] = ()) -> Ending:
    """Read the last frame of a worker; `said` are the lines that the plugin wrote to stderr.

    Raises `SandboxError` (`plugin/worker-garbage`) for what is no ending of a run.
    """
    readers: dict[str, Callable[[], Ending]] = {
        "ok": lambda: Ending(outcome="ok"),
        "err": lambda: _err(done, limits, said),
        "compute": lambda: compute_ending(limits, _with_reason(done).compute_ns),
        "memory": lambda: memory_ending(limits, _with_reason(done).text),
        "pipe": lambda: _waits_for_pipe(done.text),
        "exit": lambda: _exit(_with_reason(done).text, said),
        "fault": lambda: _fault(done, limits, said),
    }
    reader = readers.get(done.ending)
    if reader is None:
        raise SandboxError(f"a plugin's worker ended with '{done.ending[:40]}', which is no ending", slug="plugin/worker-garbage")
    return reader()


def failure_of(result: PluginResult, span: Span | None = None) -> SandboxError | None:
    """Make the error of a run that failed, pointing at `span`; `None` for ok."""
    kinds: dict[Outcome, type[SandboxError]] = {
        "err": PluginFailedError,
        "trap": PluginTrapError,
        "limit": PluginLimitError,
        "refused": PluginRefusedError,
    }
    kind = kinds.get(result.outcome)
    if kind is None:
        return None
    summary = f"plugin returned error: {result.error}" if result.outcome == "err" else (result.error or "the plugin failed")
    return kind(summary, slug=result.slug, detail=result.detail, hint=result.hint, span=span)
