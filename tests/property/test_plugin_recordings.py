"""Recordings: what is written is read, and what is replayed is followed in every order that is allowed, and in no other."""

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.authoring.recording import RecordedCall, Recording
from orchestrator.engine.authoring.recording_file import read_recording, write_recording
from orchestrator.engine.authoring.replay import Replay
from orchestrator.engine.authoring.trace import EndedError
from orchestrator.sandbox.reports import TrialSection
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest
from tests.support.recordings import recording

TEXT = st.text(max_size=4)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
ANSWERS = st.one_of(st.tuples(st.binary(), st.none()), st.tuples(st.none(), TEXT))
CALLS = st.builds(
    lambda answer, **fields: RecordedCall(result=answer[0], error=answer[1], **fields),
    answer=ANSWERS,
    method=st.text(max_size=5),
    type=st.sampled_from(["update", "query"]),
    direct=st.booleans(),
    cycles=st.integers(0, 2**64 - 1),
    arg=st.binary(max_size=20),
    batch=st.none() | st.integers(1, 3),
    target=st.none() | st.text(max_size=5),
)
SECTIONS = st.builds(
    TrialSection,
    name=st.text(max_size=5),
    direct=st.booleans(),
    target=st.none() | st.text(max_size=5),
    result=st.none() | st.binary(max_size=20),
    error=st.none() | TEXT,
)
RECORDINGS = st.builds(
    Recording,
    component_sha256=TEXT,
    interface=st.none() | TEXT,
    environment=TEXT,
    canister_id=TEXT,
    identity_principal=TEXT,
    proxy=st.none() | TEXT,
    dirs=TEXTS,
    files=TEXTS,
    options=PAIRS,
    fields=PAIRS,
    canisters=PAIRS,
    calls=st.lists(CALLS, max_size=5).map(tuple),
    sections=st.lists(SECTIONS, max_size=3).map(tuple),
)


@settings(max_examples=10)  # each writes a file
@given(RECORDINGS)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> None:
    """Every recording comes back as it was."""
    folder = tmp_path_factory.getbasetemp()
    write_recording(folder / "r.json", recording)

    assert read_recording(folder, folder / "r.json") == recording


def asked(call: RecordedCall) -> CanisterCallRequest:
    """Return the request that a recorded call is the answer of."""
    return CanisterCallRequest(
        method=call.method, arg=call.arg, call_type=call.type, direct=call.direct, cycles=call.cycles, target=call.target
    )


def numbered(groups: list[int]) -> list[list[RecordedCall]]:
    """Return groups of calls that are all different: a single call, or a batch."""
    calls = iter(range(1_000))
    return [
        [
            RecordedCall(
                method=f"m{next(calls)}",
                type="update",
                direct=False,
                cycles=0,
                arg=b"",
                result=b"r",
                error=None,
                batch=index if size > 1 else None,
            )
            for _ in range(size)
        ]
        for index, size in enumerate(groups, start=1)
    ]


def follow(recorded: list[RecordedCall], order: list[RecordedCall]) -> int:
    """Make the calls in an order; return how many were answered before the first difference."""
    replay = Replay(recording(*recorded), {})

    async def run() -> int:
        for count, call in enumerate(order):
            try:
                await replay.answer(asked(call))
            except CanisterCallError:
                continue
            except EndedError:
                return count
        return len(order)

    return anyio.run(run)


@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_batches_may_come_in_any_order(data: st.DataObject, groups: list[int]) -> None:
    """Calls may change places within their batch."""
    recorded = numbered(groups)
    order = [call for group in recorded for call in data.draw(st.permutations(group))]

    assert follow([call for group in recorded for call in group], order) == len(order)


@given(st.data(), st.lists(st.integers(1, 3), min_size=2, max_size=4))
def test_groups_keep_their_order(data: st.DataObject, groups: list[int]) -> None:
    """Calls of different batches may not change places: the first that is too early ends the run."""
    recorded = numbered(groups)
    flat = [call for group in recorded for call in group]
    order = list(data.draw(st.permutations(flat)))
    places = {call.method: number for number, group in enumerate(recorded) for call in group}
    expected = next((count for count, call in enumerate(order) if places[call.method] != places[flat[count].method]), len(flat))

    assert follow(flat, order) == expected
