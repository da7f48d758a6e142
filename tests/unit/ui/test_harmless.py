"""Nothing that a stranger wrote acts on a terminal."""

import io
import json
import re
import unicodedata
from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import events
from orchestrator.errors import DeployError
from orchestrator.events import Event
from orchestrator.ui.display import PlainLines
from orchestrator.ui.errors import render_error
from orchestrator.ui.harmless import GuardedStream, guard, harmless
from orchestrator.ui.live import LiveTable
from orchestrator.ui.style import Paint, Style
from tests.support.workspace import ROOT

HOSTILE = "a\x1b]0;owned\x07\x1b[2J\r\x08\x9b31m\u202ecod.exe\u2066\u200e\u061c\u200b\u2028\ufeff\U000e0041\x1b[31mz"
OURS = re.compile(r"\x1b\[(?:0|2|32|36|1(?:;3[13])?)m")
DRAWN = re.compile(r"\x1b\[(?:\?25[lh]|2K|\d*A|\d+(?:;\d+)*m)|\r")
"""What the live table itself moves and paints with."""


def acting(text: str) -> set[str]:
    """Return the characters that would act, or be shown nowhere."""
    return {character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n", "\t"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("tab\there", "tab\there"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb", "a\\x0ab"),
        ("\u202egnp", "\\u202egnp"),
        ("Grüezi 👩\u200d🔬 नमस्ते می\u200cخواهم", "Grüezi 👩\u200d🔬 नमस्ते می\u200cخواهم"),
        ("ad\u200dmin", "ad\\u200dmin"),
        ("\u200dx\u200c", "\\u200dx\\u200c"),
        ("é\u200d\u200dé", "é\\u200d\\u200dé"),
        ("a\u3164b\u115f", "a\\u3164b\\u115f"),
    ],
)
def test_only_what_acts_is_spelled_out(text: str, expected: str) -> None:
    """Control, direction and invisible characters are spelled out; text of all scripts stays, and emoji stay whole."""
    assert harmless(text) == expected


@given(st.text())
def test_no_text_keeps_what_acts(text: str) -> None:
    """Whatever the text, nothing is left that acts but joiners between characters that need them."""
    assert acting(harmless(text)) <= {"\u200c", "\u200d"}


@given(st.text())
def test_json_keeps_its_meaning(text: str) -> None:
    """The last gate spells as JSON does: a program that reads the output gets the very text."""
    written = guard(json.dumps({"line": text}, ensure_ascii=False), colours=False)

    assert json.loads(written) == {"line": text}
    assert acting(written) <= {"\u200c", "\u200d"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@given(st.text())
def test_json_keeps_its_meaning_in_any_encoding(encoding: str, text: str) -> None:
    """What the stream's encoding does not have is spelled as JSON does, and never fails."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)

    GuardedStream(stream).write(json.dumps({"line": text}, ensure_ascii=False))
    stream.flush()

    assert json.loads(raw.getvalue().decode(encoding)) == {"line": text}


def test_large_texts_are_looked_at_by_kinds_of_characters() -> None:
    """A text of a million characters, tabs, escapes and joiners among them, is spelled out like a short one."""
    piece = "a\tb\x1b[2J é\u200dé ad\u200dmin\n"
    times = 50_000

    assert guard(piece * times, colours=False) == "a\tb\\u001b[2J é\u200dé ad\\u200dmin\n" * times


def test_colours_are_for_terminals() -> None:
    """Our own colours pass where somebody sees them, and only there; other sequences pass nowhere."""
    text = "\x1b[1;31merror\x1b[0m \x1b[2Jx\n"
    terminal, pipe = Terminal(), io.StringIO()

    assert GuardedStream(terminal).write(text) == len(text)
    GuardedStream(pipe).write(text)

    assert terminal.getvalue() == "\x1b[1;31merror\x1b[0m \\u001b[2Jx\n"
    assert pipe.getvalue() == "\\u001b[1;31merror\\u001b[0m \\u001b[2Jx\n"


@pytest.mark.parametrize("paint", get_args(Paint))
def test_each_of_our_colours_passes(paint: Paint) -> None:
    """Whatever is painted is seen in its colour."""
    painted = Style(enabled=True).paint(paint, "x")

    assert guard(painted, colours=True) == painted


def hostile(event: Event) -> Event:
    """Return an event all of whose free texts are hostile."""
    free = {each.name for each in fields(event) if isinstance(getattr(event, each.name), str)}
    fixed = {"step", "stream", "kind", "result", "phase"}
    changes: dict[str, object] = dict.fromkeys(free - fixed, HOSTILE)
    if isinstance(event, events.PlanReady):
        poisoned = [replace(change, canister=HOSTILE, reason=HOSTILE) for change in event.changes]
        changes["changes"] = tuple(
            replace(change, details=tuple(replace(each, field=HOSTILE, before=HOSTILE) for each in change.details)) for change in poisoned
        )
    if isinstance(event, (events.RunStarted, events.NothingChanged)):
        changes["canisters"] = (HOSTILE,)
    return replace(event, **changes)  # type: ignore[arg-type]  # its own fields


def test_no_event_acts_on_a_pipe(event: Event) -> None:
    """Whatever field of whatever event a stranger has written, it is shown as text."""
    output, talk = GuardedStream.around(io.StringIO()), GuardedStream.around(io.StringIO())
    display = PlainLines(output, talk)

    display.emit(hostile(event))
    display.close()

    shown = f"{output.unguarded.getvalue()}{talk.unguarded.getvalue()}"  # type: ignore[attr-defined]  # a guarded stream
    assert acting(shown) == set()


def test_no_event_acts_on_the_live_table(every_event: tuple[Event, ...]) -> None:
    """On a terminal nothing acts but what draws the table."""
    talk, output = Terminal(), Terminal()
    display = LiveTable(GuardedStream.around(output), GuardedStream.around(talk), style=Style(enabled=True), clock=lambda: 0.0)

    for event in every_event:
        display.emit(hostile(event))
    display.close()

    assert acting(DRAWN.sub("", talk.getvalue())) == set()
    assert acting(OURS.sub("", output.getvalue())) == set()


def test_no_error_acts() -> None:
    """An error's summary, detail and hint are shown as text."""
    text = render_error(DeployError(HOSTILE, detail=HOSTILE, hint=HOSTILE), base=ROOT)

    assert acting(text) == set()
