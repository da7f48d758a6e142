"""Every event as text."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import events
from orchestrator.core.plan import Change, Detail
from orchestrator.errors import Span
from orchestrator.events import EVENTS, Event
from orchestrator.ui.sentences import render_event, render_seconds, render_size, shorten_name
from orchestrator.ui.style import Style

EXPECTED = """\
Deploy of backend, frontend on environment `local` (network `local`)
Starting the `local` network (embedded)…
Network `local` started: http://localhost:8000 (process 42)
To stop the network, run `orchestrator network stop local`
Network `local` is running: http://127.0.0.1:8000
[backend] building in 2 steps
[backend] | compiling
[backend] built in 1.50 s: 120.6 KiB, sha256 0123456789ab…
[worker] build failed at step 2 of 2: command `make` failed with status 2
Plan for environment `local` (digest abcdef012345):

  backend
    + create     it does not exist
    + install    it is empty
  frontend
    ~ settings   settings differ
        compute_allocation: 5 (new)
        freezing_threshold: 30 → 60
        log_visibility: public (removed)
    ! reinstall  asked for by --mode (destructive)
  worker
    = unchanged  nothing differs

4 changes to 2 canisters, 1 of them destructive.
Nothing to change: environment `local` is as the project says
[backend] installing
[backend] seed | sent 3
[backend] syncing by plugin `seed` (1 of 2): compiling (18.1 MB), once per machine
[backend] synced by plugin `seed` (1 of 2) in 0.25 s
[frontend] skipped syncing by script (2 of 2): its inputs did not change
[worker] failed upgrading: the module trapped
Created canister backend with ID uxrrr-q7777-77774-qaaaq-cai
  frontend: http://uxrrr-q7777-77774-qaaaq-cai.localhost:8000/
warning[manifest/ignored-key]: canister `backend`: the key `x` has no effect
hint: remove it
[backend] trying again (2): canister_status: connection refused
[backend] still waiting for the answer to `install_code` (1 min 15 s)
[backend] an interrupted run was installing: it took effect (the module hash is the new one)
Finished in 2.00 s"""


def test_examples_are_complete(every_event: tuple[Event, ...]) -> None:
    """The examples have every kind of event once, so nothing that a run can report goes untested."""
    assert [type(event) for event in every_event if type(event) in EVENTS] == [type(event) for event in every_event]
    assert {type(event) for event in every_event} == set(EVENTS)


def test_every_event_reads_as_expected(every_event: tuple[Event, ...]) -> None:
    """The text of every event, word for word."""
    assert "\n".join(render_event(event) for event in every_event) == EXPECTED


def test_colour_adds_nothing_but_colour(event: Event) -> None:
    """Without its escape sequences the coloured text is the plain one."""
    coloured = render_event(event, style=Style(enabled=True))

    plain = "".join(part.partition("m")[2] if index else part for index, part in enumerate(coloured.split("\x1b[")))
    assert plain == render_event(event)


def test_output_of_strangers_cannot_act_on_the_terminal() -> None:
    """Control characters in a plugin's output are spelled out; ordinary text of any script stays."""
    line = "\x1b[2Jこんにちは\r\x07\u202e"
    event = events.StepOutput(canister="a", step="sync-plugin", index=1, total=1, stream="stdout", line=line)

    assert render_event(event) == "[a] | \\x1b[2Jこんにちは\\x0d\\x07\\u202e"


def test_what_a_plugin_writes_to_stderr_bears_its_canister_alone() -> None:
    """Lines that stay read as icp-cli prints them, whatever the step is called."""
    event = events.StepOutput(canister="a", step="sync-plugin", index=1, total=1, stream="stderr", line="4 sent", name="seed")

    assert render_event(event) == "[a] 4 sent"


def test_what_a_plugin_writes_to_stderr_never_looks_like_a_line_of_ours() -> None:
    """Where there are colours, our lines begin in bold and its lines do not, whatever they imitate."""
    wrote = events.StepOutput(canister="a", step="sync-plugin", index=1, total=1, stream="stderr", line="synced by plugin `seed` in 0.01 s")
    told = events.StepFinished(canister="a", step="sync-plugin", index=1, total=1, seconds=0.01, name="seed")
    style = Style(enabled=True)

    assert render_event(wrote) == render_event(told)
    assert render_event(told, style=style).startswith(style.paint("bold", "[a]"))
    assert render_event(wrote, style=style) == render_event(wrote)


def test_an_error_of_several_lines_keeps_them() -> None:
    """What went wrong is shown line by line; none but the first begins at the margin."""
    summary = "plugin returned error: three texts are bad:\r\n- a\n\n[b] synced by plugin\x1b\n"
    failed = events.StepFailed(canister="a", step="sync-plugin", index=1, total=1, slug="plugin/err", summary=summary, name="seed")
    warned = events.Warned(slug="a/b", summary=summary)

    for event in (failed, warned):
        first, *more = render_event(event).split("\n")
        assert first.endswith("plugin returned error: three texts are bad:")
        assert more == ["  - a", "", "  [b] synced by plugin\\x1b"]


@pytest.mark.parametrize(
    ("phase", "detail", "expected"),
    [
        ("compiling", "", "compiling, once per machine"),
        ("quiet", "20 s", "no sign of life for 20 s: it neither computes nor calls nor writes"),
        ("running", "", "going on"),
    ],
)
def test_phases_say_what_takes_long(phase: events.PluginPhase, detail: str, expected: str) -> None:
    """A long compilation and a silent plugin are told in words."""
    event = events.StepPhase(canister="a", step="sync-plugin", index=1, total=1, phase=phase, detail=detail, name="seed")

    assert render_event(event) == f"[a] syncing by plugin `seed`: {expected}"


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        ("frontend", None, "  a: aaaaa-aa (No gateway URL available)"),
        ("backend", None, "  a: aaaaa-aa (Candid UI not available)"),
        ("backend", "http://x/", "  a: http://x/"),
    ],
)
def test_canister_without_an_address_says_so(kind: str, url: str | None, expected: str) -> None:
    """A canister without URL shows its id and the reason."""
    event = events.CanisterUrl(canister="a", id="aaaaa-aa", kind="frontend" if kind == "frontend" else "backend", url=url)

    assert render_event(event) == expected


def test_uncertified_page_is_remarked_on() -> None:
    """Whoever opens the address knows that nobody has verified what it shows."""
    url = "http://aaaaa-aa.raw.localhost:8000/"
    event = events.CanisterUrl(canister="a", id="aaaaa-aa", kind="frontend", url=url, certified=False)

    assert render_event(event) == f"  a: {url} (uncertified)"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0.00 s"), (0.214, "0.21 s"), (12.34, "12.3 s"), (60, "1 min 0 s"), (185.4, "3 min 5 s")],
)
def test_durations(seconds: float, expected: str) -> None:
    """Durations are as precise as their size deserves."""
    assert render_seconds(seconds) == expected


@pytest.mark.parametrize(("size", "expected"), [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (3 * 1024**2, "3.0 MiB")])
def test_sizes(size: int, expected: str) -> None:
    """Sizes use binary units."""
    assert render_size(size) == expected


def test_hashes_are_shortened() -> None:
    """A plan shows the beginning of a hash; other values are whole."""
    details = (Detail(field="module_hash", before="a" * 64, after="b" * 64), Detail(field="x", before=None, after="c" * 63))
    change = Change(canister="a", action="upgrade", reason="the module differs", details=details)

    text = render_event(events.PlanReady(environment="local", digest="00", changes=(change,)))

    assert f"module_hash: {'a' * 12}… → {'b' * 12}…" in text
    assert f"x: {'c' * 63} (new)" in text


@pytest.mark.parametrize(
    ("took_effect", "verdict"),
    [(True, "it took effect (seen)"), (False, "it did not take effect (seen)"), (None, "seen")],
)
def test_what_was_settled_is_not_overstated(took_effect: bool | None, verdict: str) -> None:  # noqa: FBT001  # the event's own value
    """An operation whose effect does not matter is not said to have failed."""
    event = events.OperationSettled(canister="backend", step="upgrade", operation="00", took_effect=took_effect, evidence="seen")

    assert render_event(event) == f"[backend] an interrupted run was upgrading: {verdict}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("seed", "seed"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
        ("echo a\necho b", "echo a…"),
        ("\n echo a\n", "echo a"),
        ("", ""),
    ],
)
def test_a_steps_name_is_one_short_line(name: str, shown: str) -> None:
    """A script's name is its command: what does not fit into a line of its own is left out, and an ellipsis says so."""
    assert shorten_name(name) == shown


def test_an_interrupted_plugin_is_named() -> None:
    """Which of a canister's plugins was cut off is told."""
    event = events.OperationSettled(
        canister="a", step="sync-plugin", operation="00", took_effect=None, evidence="it runs again", name="seed"
    )

    assert render_event(event) == "[a] an interrupted run was syncing by plugin `seed`: it runs again"


def test_a_warning_points_at_its_place() -> None:
    """The place stands below what is said, by the file's name, with its line as in errors; no secret of the line is shown."""
    place = Span(path=Path("/project/icp.yaml"), line=13, column=9, length=5, text="  type: https://me:hunter2@recipes.test/a.hbs")

    text = render_event(events.Warned(slug="plugin/named-pipe", summary="odd", hint="look", place=place))
    bare = render_event(events.Warned(slug="plugin/named-pipe", summary="odd", hint="look", place=replace(place, text="")))

    assert text == (
        "warning[plugin/named-pipe]: odd\n  --> icp.yaml:13:9\n   |\n"
        "13 |   type: https://***@recipes.test/a.hbs\n   |         ^^^^^\nhint: look"
    )
    assert bare == "warning[plugin/named-pipe]: odd\n  --> icp.yaml:13:9\nhint: look"
