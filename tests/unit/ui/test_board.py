"""What every canister is doing."""

from orchestrator import events
from orchestrator.events import Event
from orchestrator.ui.board import Board


def test_rows_follow_the_events() -> None:
    """A canister's row says what it does, since when, and its last line of output."""
    board = Board()
    board.apply(events.BuildStarted(canister="a", total=1), 1.0)
    board.apply(events.BuildOutput(canister="a", index=1, total=1, stream="stdout", line="hello"), 2.0)
    (busy,) = board.rows

    board.apply(events.BuildFinished(canister="a", sha256="00", size=1, seconds=1), 3.0)
    (idle,) = board.rows

    assert (busy.state, busy.text, busy.since, busy.output) == ("busy", "building", 1.0, "hello")
    assert (idle.state, idle.text, idle.since, idle.output) == ("idle", "built", 3.0, "")


def test_in_flight_is_what_was_begun_and_not_ended() -> None:
    """Only steps without an end are in flight: what an interrupted run has to name."""
    board = Board()
    board.apply(events.StepStarted(canister="a", step="install", index=1, total=1), 0)
    board.apply(events.StepStarted(canister="b", step="sync-plugin", index=1, total=1, name="seed"), 0)
    board.apply(events.StepStarted(canister="c", step="create", index=1, total=1), 0)
    board.apply(events.StepFinished(canister="c", step="create", index=1, total=1, seconds=1), 0)

    assert board.in_flight == ("a: installing", "b: syncing by plugin `seed`")


def test_a_row_counts_steps() -> None:
    """Of several steps a row says which one is running, failed or done, also while it compiles."""
    board = Board()
    texts = []
    for event in (
        events.StepStarted(canister="a", step="sync-plugin", index=2, total=3, name="seed"),
        events.StepPhase(canister="a", step="sync-plugin", index=2, total=3, phase="compiling", detail="2 MB", name="seed"),
        events.StepFinished(canister="a", step="sync-plugin", index=2, total=3, seconds=1, name="seed"),
    ):
        board.apply(event, 0)
        texts.append(board.rows[0].text)

    assert texts == [
        "syncing by plugin `seed` (2 of 3)",
        "syncing by plugin `seed` (2 of 3): compiling (2 MB), once per machine",
        "synced by plugin `seed` (2 of 3)",
    ]


def test_every_event_is_taken(every_event: tuple[Event, ...]) -> None:
    """No event confuses the board, and every canister has a row once it does something."""
    board = Board()
    for event in every_event:
        board.apply(event, 0.0)

    assert [(row.canister, row.state) for row in board.rows] == [("backend", "done"), ("worker", "failed"), ("frontend", "done")]
