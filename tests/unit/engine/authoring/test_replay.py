"""A recording is followed strictly, and the first call that is not the recorded one is described."""

import anyio
import pytest

from orchestrator.candid import parse_arguments
from orchestrator.engine.authoring.recording import RecordedCall
from orchestrator.engine.authoring.replay import Replay
from orchestrator.engine.authoring.trace import EndedError
from orchestrator.sandbox.reports import TrialSection
from orchestrator.sandbox.request import CallType, CanisterCallError, CanisterCallRequest, SectionRequest
from tests.support.recordings import recording

GREETING = parse_arguments('("hi")', None)
PUT = RecordedCall(method="put", type="update", direct=False, cycles=0, arg=GREETING, result=b"r", error=None)


def asked(arg: bytes = GREETING, *, call_type: CallType = "update", direct: bool = False, cycles: int = 0) -> CanisterCallRequest:
    """Return a call of `put`."""
    return CanisterCallRequest(method="put", arg=arg, call_type=call_type, direct=direct, cycles=cycles)


@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        pytest.param(asked(parse_arguments('("ho")', None)), ' update put\n-("hi")\n+("ho")', id="argument"),
        pytest.param(asked(call_type="query"), '-update put\n+query put\n ("hi")', id="type"),
        pytest.param(asked(direct=True, cycles=5), '-update put\n+update put, direct, with 5 cycles\n ("hi")', id="way"),
        pytest.param(asked(b"\1\2"), " update put\n-hex 4449444c000171026869\n+hex 0102", id="no-candid"),
    ],
)
def test_another_call_ends_the_run(request_: CanisterCallRequest, detail: str) -> None:
    """What differs of the call is marked, what is the same is said once."""
    replay = Replay(recording(PUT), {})

    with pytest.raises(EndedError) as caught:
        anyio.run(replay.answer, request_)

    assert (caught.value.ended.error, caught.value.ended.detail) == ("the plugin's call 1 is not the one of the recording", detail)
    assert replay.missing() is None


def test_a_call_too_many_ends_the_run() -> None:
    """After the last recorded call there is no other."""
    replay = Replay(recording(PUT), {})

    assert anyio.run(replay.answer, asked()) == b"r"
    with pytest.raises(EndedError, match="call 2 is not in the recording, which ends after 1") as caught:
        anyio.run(replay.answer, asked())
    assert caught.value.ended.detail == '+update put\n+("hi")'


def test_calls_that_are_left_out_are_told() -> None:
    """A plugin that ends before the recording does has not followed it."""
    missing = Replay(recording(PUT, PUT), {}).missing()

    assert missing is not None
    assert (missing.error, missing.detail) == (
        "the plugin ended after 0 of 2 recorded calls",
        'the next one was\n-update put\n-("hi")',
    )


def test_sections_are_answered_as_recorded() -> None:
    """Each as often as it is asked for, in any order, its error too; another one ends the run."""
    found = TrialSection(name="a", direct=True, result=b"x")
    none = TrialSection(name="b", direct=True)
    failed = TrialSection(name="a", direct=True, target="ledger", error="no such canister")
    replay = Replay(recording(sections=(found, none, failed)), {})

    def read(section: TrialSection) -> bytes | None:
        return anyio.run(replay.read_section, SectionRequest(target=section.target, name=section.name, direct=section.direct))

    assert [read(none), read(found), read(found)] == [None, b"x", b"x"]
    with pytest.raises(CanisterCallError, match="no such canister"):
        read(failed)
    with pytest.raises(EndedError, match="a section that is not in the recording") as caught:
        read(TrialSection(name="c", direct=False, target="ledger"))
    assert caught.value.ended.detail == "+section c of ledger"
