"""A run of a plugin alone as text, while it goes on and at its end, and as JSON."""

import json
from collections.abc import Iterator
from typing import Final

from orchestrator.sandbox.reports import TrialCall, TrialReport, TrialSection, message_text
from orchestrator.sandbox.request import OutputLine
from orchestrator.ui.plugins import PLUGIN_SCHEMA, render_size
from orchestrator.ui.style import PLAIN, Style, harmless

__all__ = ["render_call", "render_ending", "render_output", "render_section", "trial_json_parts"]

MAX_SHOWN_BYTES: Final = 16 << 10
"""A longer message is not shown as Candid text; `--json` has all of it."""
MAX_SHOWN_LINES: Final = 20
"""Lines of a message that are shown."""
MAX_SHOWN_CHARACTERS: Final = 500
"""Characters of a line that are shown."""
MAX_SHOWN_HEX: Final = 32
"""Bytes of a message that are shown as hex."""
_LABEL: Final = 8


def trial_json_parts(report: TrialReport) -> Iterator[str]:
    """Yield a run as the text of one JSON object, without a line end: bytes in hex, cycles as decimal text.

    A part has one call at most, for all calls together may be large. `sections` is there when the plugin read some, and
    `replay` when a recording was followed.
    """
    before: dict[str, object] = {
        "schema": PLUGIN_SCHEMA,
        "result": report.result,
        "error": report.error,
        "stdout": list(report.stdout),
        "stderr": list(report.stderr),
    }
    after: dict[str, object] = {
        "compute_seconds": report.compute_seconds,
        "peak_memory_bytes": report.peak_memory_bytes,
        "interface": report.interface,
    }
    if report.sections:
        after["sections"] = [_section_to_json(section) for section in report.sections]
    replay = report.replay
    if replay is not None:
        after["replay"] = {"recorded": replay.recorded, "answered": replay.answered, "difference": replay.difference}
    yield f'{_dumped(before)[:-1]}, "calls": ['
    for number, call in enumerate(report.calls):
        yield f"{', ' if number else ''}{_dumped(_call_to_json(call))}"
    yield f"], {_dumped(after)[1:]}"


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _section_to_json(section: TrialSection) -> dict[str, object]:
    return {
        "name": section.name,
        "target": section.target,
        "direct": section.direct,
        "result": None if section.result is None else section.result.hex(),
        "error": section.error,
    }


def _call_to_json(call: TrialCall) -> dict[str, object]:
    """Return a call as plain values; `target` is there when it is for another canister than the one being synced."""
    target = {} if call.target is None else {"target": call.target}
    return {
        **target,
        "method": call.method,
        "type": call.type,
        "direct": call.direct,
        "cycles": str(call.cycles),
        "via_proxy": call.via_proxy,
        "arg_hex": call.arg.hex(),
        "arg_text": call.arg_text,
        "result": None if call.result is None else call.result.hex(),
        "error": call.error,
    }


def render_output(line: OutputLine, *, style: Style = PLAIN) -> str:
    """Return a line that the plugin wrote, with the stream that it wrote to."""
    return f"{style.paint('dim', line.stream)}  {harmless(line.text)}".rstrip()


def render_call(number: int, call: TrialCall, *, style: Style = PLAIN) -> str:
    """Return a call and its answer as lines."""
    words = [f"{call.type} {style.paint('bold', harmless(call.method))}"]
    words += [f"of {harmless(call.target)}"] if call.target is not None else []
    words += ["direct"] if call.direct else []
    words += ["through the proxy"] if call.via_proxy else []
    words += [f"batch {call.batch}"] if call.batch is not None else []
    words += [f"with {call.cycles} cycles"] if call.cycles else []
    lines = [f"{style.paint('cyan', f'call {number}')}  {', '.join(words)}", *_message("argument", call.arg, style)]
    if call.error is not None:
        lines += _block(style.paint("red", "error".rjust(_LABEL)), [harmless(line) for line in call.error.splitlines() or [""]])
    elif call.result is not None:
        lines += _message("reply", call.result, style)
    return "\n".join(lines)


def render_section(section: TrialSection, *, style: Style = PLAIN) -> str:
    """Return a section that was read, and what came of it, as a line."""
    of = "" if section.target is None else f" of {harmless(section.target)}"
    if section.error is not None:
        end = style.paint("red", harmless(section.error))
    else:
        end = "there is none" if section.result is None else f"{len(section.result)} bytes"
    return f"{style.paint('cyan', 'section')}  {harmless(section.name)}{of}: {end}"


def _message(label: str, data: bytes, style: Style) -> list[str]:
    """Return a message as Candid text, where it is Candid and short, and as hex."""
    text = message_text(data) if len(data) <= MAX_SHOWN_BYTES else None
    hexed = data[:MAX_SHOWN_HEX].hex() + ("…" if len(data) > MAX_SHOWN_HEX else "")
    note = style.paint("dim", f"{hexed or 'no bytes'} ({len(data)} bytes)" if len(data) != 1 else f"{hexed} (1 byte)")
    lines = [] if text is None else [harmless(line) for line in text.splitlines()]
    return _block(style.paint("dim", label.rjust(_LABEL)), [*lines, note] if lines else [note])


def _block(label: str, lines: list[str]) -> list[str]:
    """Put a label before the first line and nothing before the others; what is too much is left out, and said to be."""
    shown = [line if len(line) <= MAX_SHOWN_CHARACTERS else f"{line[: MAX_SHOWN_CHARACTERS - 1]}…" for line in lines[:MAX_SHOWN_LINES]]
    if len(lines) > MAX_SHOWN_LINES:
        shown.append(f"… {len(lines) - MAX_SHOWN_LINES} more lines; `--json` shows them")
    return [f"{label if number == 0 else ' ' * _LABEL}  {line}" for number, line in enumerate(shown)]


def render_ending(report: TrialReport, *, style: Style = PLAIN) -> str:
    """Return how the run ended and what it took, as one line."""
    calls = "no calls" if not report.calls else "1 call" if len(report.calls) == 1 else f"{len(report.calls)} calls"
    facts = [calls]
    if report.result != "refused":
        facts += [f"{report.compute_seconds:.3f} s of computing", f"peak memory {render_size(report.peak_memory_bytes)}"]
    facts += [harmless(report.interface)] if report.interface is not None else []
    if report.replay is not None:
        facts.append(f"{report.replay.answered} of {report.replay.recorded} recorded calls")
    return f"{style.paint('green' if report.result == 'ok' else 'red', report.result)}: {', '.join(facts)}"
