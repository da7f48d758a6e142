"""Batches of canister calls and options, from a plugin of the extension's world to the tool and back."""

from pathlib import Path

import pytest

from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_BATCH_BYTES, MAX_BATCH_CALLS, MAX_METHOD_BYTES, Limits
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest
from tests.support.components import BatchCall, component_that_reports_batch, component_that_reports_options
from tests.support.plugin_runs import Run, run_now

both_ways = pytest.mark.parametrize("wrap", [True, False], ids=["wrapped", "plain"])
NONE_MADE = "and none of it was made; make several batches of it"


def echo(request: CanisterCallRequest) -> bytes:
    """Answer with the argument and what is no UTF-8; refuse the method `no`."""
    if request.method == "no":
        raise CanisterCallError(f"außer Betrieb: {request.arg.decode()}")
    return b"\xff\x00" + request.arg


def results_of(run: Run, count: int) -> list[tuple[str, bytes]]:
    """Read the results that the plugin reported after `count` calls of its batch."""
    return [(call.method, call.arg) for call in run.calls[count:]]


@both_ways
def test_calls_arrive_as_made_and_results_in_place(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """Every field of every call crosses, bytes and texts of any kind, and each result is in its call's place."""
    calls = [
        BatchCall(method="größe".encode(), arg=bytes(range(256)), cycles=2**64 - 1),
        BatchCall(method=b"no", arg=b"7", query=True),
        BatchCall(method=b"", arg=b"", direct=True),
        BatchCall(method=b"q", arg=b"\x80" * 70_001, query=True, direct=True, cycles=1),
    ]

    run = run_now(component_that_reports_batch(calls), component_cache, wrap=wrap, answer=echo)

    assert run.result.outcome == "ok"
    assert run.calls[:4] == [
        CanisterCallRequest(
            method=call.method.decode(),
            arg=call.arg,
            call_type="query" if call.query else "update",
            direct=call.direct,
            cycles=call.cycles,
        )
        for call in calls
    ]
    assert results_of(run, 4) == [
        ("ok", b"\xff\x00" + calls[0].arg),
        ("err", "außer Betrieb: 7".encode()),
        ("ok", b"\xff\x00"),
        ("ok", b"\xff\x00" + calls[3].arg),
    ]


@both_ways
def test_empty_batch(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A batch of no calls has no results and costs no call."""
    run = run_now(component_that_reports_batch([]), component_cache, wrap=wrap)

    assert (run.result.outcome, run.result.calls, run.calls) == ("ok", 0, [])


@both_ways
def test_most_calls_of_a_batch(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """As many calls as one batch may have are made; one more, and none is, and every result says why."""
    fits = run_now(component_that_reports_batch([BatchCall()] * MAX_BATCH_CALLS), component_cache, wrap=wrap)
    over = run_now(component_that_reports_batch([BatchCall()] * (MAX_BATCH_CALLS + 1)), component_cache, wrap=wrap)

    assert fits.result.calls == 2 * MAX_BATCH_CALLS
    reason = f"canister call failed: a batch of {MAX_BATCH_CALLS + 1} calls is 1 over the limit of {MAX_BATCH_CALLS}, {NONE_MADE}"
    assert results_of(over, 0) == [("err", reason.encode())] * (MAX_BATCH_CALLS + 1)


@both_ways
def test_one_call_of_a_batch_is_too_long(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A method that is too long is an error in its place; the others are made."""
    calls = [BatchCall(method=b"a"), BatchCall(method=b"m" * (MAX_METHOD_BYTES + 1)), BatchCall(method=b"b")]

    run = run_now(component_that_reports_batch(calls), component_cache, wrap=wrap, answer=echo)

    assert [call.method for call in run.calls[:2]] == ["a", "b"]
    words = f"canister call failed: the method's name of {MAX_METHOD_BYTES + 1} bytes is 1 over the limit of {MAX_METHOD_BYTES}"
    assert results_of(run, 2) == [("ok", b"\xff\x00"), ("err", words.encode()), ("ok", b"\xff\x00")]


def test_a_large_batch(component_cache: Path) -> None:
    """A batch may hold eight arguments of the size that a network takes, and its replies as much."""

    def numbered(request: CanisterCallRequest) -> bytes:
        return request.arg if request.method == "ok" else request.arg[:-1] + request.method.encode()

    calls = [BatchCall(method=b"%d" % number, zeros=2_000_000) for number in range(8)]

    run = run_now(component_that_reports_batch(calls), component_cache, answer=numbered)

    assert run.result.outcome == "ok"
    assert results_of(run, 8) == [("ok", bytes(1_999_999) + b"%d" % number) for number in range(8)]


def test_batch_of_too_many_bytes(component_cache: Path) -> None:
    """A batch that holds too much is not made, and every result says by how much."""
    calls = [BatchCall(zeros=MAX_ARGUMENT_BYTES)] * (MAX_BATCH_BYTES // MAX_ARGUMENT_BYTES)

    run = run_now(component_that_reports_batch(calls), component_cache)

    results = results_of(run, 0)
    assert len(results) == len(calls)
    assert all(method == "err" for method, _ in results)
    assert f"over the limit of {MAX_BATCH_BYTES}, {NONE_MADE}" in results[0][1].decode()


def test_an_argument_of_a_batch_is_too_long(component_cache: Path) -> None:
    """The limit of one argument holds inside a batch as well."""
    calls = [BatchCall(zeros=MAX_ARGUMENT_BYTES + 3), BatchCall(arg=b"fits")]

    run = run_now(component_that_reports_batch(calls), component_cache, answer=echo)

    words = f"canister call failed: the argument of {MAX_ARGUMENT_BYTES + 3} bytes is 3 over the limit of {MAX_ARGUMENT_BYTES}"
    assert results_of(run, 1) == [("err", words.encode()), ("ok", b"\xff\x00fits")]


@both_ways
def test_batches_count_against_the_calls_of_the_step(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A batch that goes over the step's calls ends the plugin with a limit's own words, and none of it is made."""
    run = run_now(component_that_reports_batch([BatchCall()] * 5), component_cache, wrap=wrap, limits=Limits(max_calls=4))

    assert (run.result.outcome, run.result.limit, run.result.slug) == ("limit", "calls", "plugin/limit-calls")
    assert run.result.error == "plugin made more than 4 canister calls: 5 would be 1 over the limit"
    assert run.calls == []


@both_ways
def test_options(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """Options come in their order, doubles included; without any there are none."""
    options = (("level", "9"), ("größe", ""), ("level", "1 = 2"))
    run = run_now(component_that_reports_options(), component_cache, wrap=wrap, options=options)
    none = run_now(component_that_reports_options(), component_cache, wrap=wrap)

    assert [(call.method, call.arg.decode()) for call in run.calls] == list(options)
    assert (none.result.outcome, none.calls) == ("ok", [])
