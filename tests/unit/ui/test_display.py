"""Events on a pipe and as JSON lines."""

import io
import json
from datetime import UTC, datetime

import pytest

from orchestrator import events
from orchestrator.core.plan import Action, Change
from orchestrator.errors import ConsentError, NetworkError
from orchestrator.events import Event, event_to_json
from orchestrator.ui.display import JsonLines, PlainLines

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ID = "uxrrr-q7777-77774-qaaaq-cai"


def json_lines(stream: io.StringIO) -> JsonLines:
    """Return JSON lines with a fixed clock."""
    return JsonLines(stream, clock=lambda: NOON)


def read(stream: io.StringIO) -> list[dict[str, object]]:
    """Return what was written, line by line."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_event_is_one_line_with_the_documented_head(every_event: tuple[Event, ...]) -> None:
    """Each event is one JSON object with schema, sequence, time, name and run, and its own fields."""
    stream = io.StringIO()
    display = json_lines(stream)

    for event in every_event:
        display.emit(event)
    display.close()

    lines = read(stream)
    assert [line["event"] for line in lines] == [event.event for event in every_event]
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    for line, event in zip(lines, every_event, strict=True):
        assert list(line)[:5] == ["schema", "seq", "time", "event", "run"]
        assert (line["schema"], line["time"], line["run"]) == (1, "2026-11-22T12:00:00.000+00:00", "r1")
        assert json.loads(json.dumps(event_to_json(event))).items() <= line.items()


def test_error_comes_before_the_end_and_the_end_is_last() -> None:
    """The last line is `run-finished` even when the run fails; the error is the line before."""
    stream = io.StringIO()
    display = json_lines(stream)
    display.emit(events.RunStarted(run="r1", verb="deploy", environment="local", network="local"))
    display.emit(events.RunFinished(run="r1", result="failed", exit_code=1, seconds=1.0))

    display.close(ConsentError("reinstalling needs consent"))

    lines = read(stream)
    assert [line["event"] for line in lines] == ["run-started", "error", "run-finished"]
    assert (lines[1]["slug"], lines[1]["exit_code"]) == ("deploy/consent", 1)
    assert (lines[2]["result"], lines[2]["exit_code"]) == ("failed", 1)


def test_run_that_never_started_ends_all_the_same() -> None:
    """An error before the engine starts still gives the two last lines."""
    stream = io.StringIO()

    json_lines(stream).close(NetworkError("no"))

    lines = read(stream)
    assert [line["event"] for line in lines] == ["error", "run-finished"]
    assert (lines[1]["exit_code"], lines[1]["result"], lines[1]["run"]) == (1, "failed", None)


def test_results_go_to_output_and_talk_to_talk(every_event: tuple[Event, ...]) -> None:
    """Created canisters and addresses are data; everything else is talk; addresses come last."""
    output, talk = io.StringIO(), io.StringIO()
    display = PlainLines(output, talk)

    for event in every_event:
        display.emit(event)
    display.emit(events.CanisterUrl(canister="backend", id=ID, kind="backend", url=None))
    display.close()

    assert output.getvalue() == (
        f"Created canister backend with ID {ID}\n"
        "Deployed canisters:\n\n"
        f"Frontends (serving http_request):\n  frontend: http://{ID}.localhost:8000/\n\n"
        f"Backends (Candid UI):\n  backend: {ID} (Candid UI not available)\n"
    )
    assert talk.getvalue().startswith("Deploy of backend, frontend")
    assert talk.getvalue().endswith("Finished in 2.00 s\n")
    assert "Plan for environment" in talk.getvalue()


@pytest.mark.parametrize(("show_plan", "action"), [(False, "create"), (True, "unchanged")])
def test_plan_is_left_out_where_it_tells_nothing(show_plan: bool, action: Action) -> None:  # noqa: FBT001  # a table of cases
    """Where the plan is the data, or changes nothing, talk has no copy of it."""
    output, talk = io.StringIO(), io.StringIO()
    display = PlainLines(output, talk, show_plan=show_plan)

    display.emit(events.PlanReady(environment="local", digest="00", changes=(Change(canister="a", action=action, reason="r"),)))
    display.close()

    assert (output.getvalue(), talk.getvalue()) == ("", "")


def test_addresses_are_listed_after_a_failure_too() -> None:
    """What was deployed before something else failed is worth knowing."""
    output, talk = io.StringIO(), io.StringIO()
    display = PlainLines(output, talk)
    display.emit(events.CanisterUrl(canister="a", id=ID, kind="backend", url=None))

    display.close(NetworkError("no"))

    assert output.getvalue().startswith("Deployed canisters:")
