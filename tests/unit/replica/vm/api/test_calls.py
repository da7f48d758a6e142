"""Calls to other canisters: assembling, performing, and what cannot be done."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from orchestrator.replica.vm.interface import Callback, MessageKind, Outcome, OutgoingCall
from orchestrator.replica.vm.limits import MAX_CALL_TIMEOUT_SECONDS, MAX_OUTGOING_CALLS_PER_CALLEE, MAX_PAYLOAD_BYTES
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import VIEW, module, send

MACHINE = WasmMachine(rollback="copying")
NAMES = ["call_new", "call_on_cleanup", "call_data_append", "call_with_best_effort_response", "call_cycles_add128", "call_perform"]
NEW = "(call $call_new {callee} {name} (P.const 1) (P.const 11) (P.const 2) (P.const 22))".format(
    callee="(P.const 0) (P.const 3)", name="(P.const 3) (P.const 6)"
)
PERFORM = "(drop (call $call_perform))"


def run(
    body: str, *, wide: bool = False, kind: MessageKind = MessageKind.UPDATE, pages: int = 1, open_calls: Mapping[bytes, int] | None = None
) -> Outcome:
    """Run a function body, in which `P` stands for the pointer type."""
    pointer = "i64" if wide else "i32"
    text = f'(data (P.const 0) "\\01\\02\\03method\\ff") (func (export "canister_update f") (local $i i32) {body})'.replace(
        "P.", f"{pointer}."
    )
    names = [*NAMES, "canister_cycle_balance128", "debug_print"]
    instance = MACHINE.instantiate(MACHINE.load(module(names, text, wide=wide, pages=pages)))
    return send(instance, "canister_update f", kind=kind, view=replace(VIEW, open_calls=open_calls or {}))


@pytest.mark.parametrize("wide", [False, True])
def test_call_carries_everything_it_was_given(wide: bool) -> None:  # noqa: FBT001 - parametrized
    """Callee, method, argument, cycles, callbacks and timeout arrive in the outcome, and the balance goes down."""
    body = f"""{NEW} (call $call_on_cleanup (P.const 3) (P.const 33)) (call $call_data_append (P.const 0) (P.const 2))
      (call $call_data_append (P.const 2) (P.const 1)) (call $call_cycles_add128 (i64.const 0) (i64.const 500))
      (call $call_with_best_effort_response (i32.const 10)) {PERFORM}"""
    outcome = run(body, wide=wide)
    assert outcome.trap is None
    assert outcome.balance_change == -500
    assert outcome.calls == [
        OutgoingCall(
            callee=b"\1\2\3",
            method="method",
            arg=b"\1\2\3",
            cycles=500,
            on_reply=Callback(1, 11),
            on_reject=Callback(2, 22),
            on_cleanup=Callback(3, 33),
            timeout_seconds=10,
        )
    ]


def test_calls_that_are_not_performed_leave_nothing() -> None:
    """A call that is dropped, by the end of the message or by a new call, gives its cycles back."""
    attach = "(call $call_cycles_add128 (i64.const 0) (i64.const 7))"
    assert (run(f"{NEW} {attach}").calls, run(f"{NEW} {attach}").balance_change) == ([], 0)
    replaced = run(f"{NEW} {attach} {NEW} {PERFORM}")
    assert (len(replaced.calls), replaced.calls[0].cycles, replaced.balance_change) == (1, 0, 0)


@pytest.mark.parametrize(
    "step",
    [
        "(call $call_on_cleanup (P.const 0) (P.const 0))",
        "(call $call_data_append (P.const 0) (P.const 0))",
        "(call $call_with_best_effort_response (i32.const 1))",
        "(call $call_cycles_add128 (i64.const 0) (i64.const 0))",
        PERFORM,
    ],
)
def test_steps_without_a_call_under_construction_trap(step: str) -> None:
    """Nothing can be added before `call_new` or after `call_perform`."""
    for body in (step, f"{NEW} {PERFORM} {step}"):
        trap = run(body).trap
        assert trap is not None
        assert "no call is under construction" in trap.message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{NEW} (call $call_on_cleanup (P.const 0) (P.const 0)) (call $call_on_cleanup (P.const 0) (P.const 0))", "at most once"),
        (f"{NEW} (call $call_with_best_effort_response (i32.const 1)) (call $call_with_best_effort_response (i32.const 1))", "already set"),
        (f"{NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 1000001))", "1000000 cycles to spend"),
        (f"{NEW} (call $call_cycles_add128 (i64.const 1) (i64.const 0))", "18446744073709551616 are requested"),
        (f"{NEW} (call $call_data_append (P.const 0) (P.const {MAX_PAYLOAD_BYTES + 1}))", "cannot be larger"),
        (NEW.replace("(P.const 0) (P.const 3)", "(P.const 0) (P.const 30)", 1), "invalid principal"),
        (NEW.replace("(P.const 3) (P.const 6)", "(P.const 3) (P.const 20001)", 1), "20001 bytes"),
    ],
)
def test_what_the_contract_forbids_traps(body: str, reason: str) -> None:
    """Each breach of the contract traps and says which."""
    trap = run(body, pages=200).trap
    assert trap is not None
    assert reason in trap.message
    assert trap.error_code == "IC0504"


def test_full_queue_is_reported_to_the_canister() -> None:
    """`call_perform` returns 2 when 500 calls to one canister wait, and gives the cycles back."""
    perform = f"{NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 1)) (i32.store (i32.const 100) (call $call_perform))"
    loop = f"(loop $next {perform} (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $next (i32.lt_u (local.get $i) (i32.const 501))))"
    outcome = run(f"{loop} (call $debug_print (i32.const 100) (i32.const 4))")
    assert (outcome.logs, len(outcome.calls), outcome.balance_change) == (
        [b"\2\0\0\0"],
        MAX_OUTGOING_CALLS_PER_CALLEE,
        -MAX_OUTGOING_CALLS_PER_CALLEE,
    )


def test_calls_of_earlier_messages_count() -> None:
    """With 499 calls to a canister under way, a message can make one more; calls to others are not counted."""
    body = f"{NEW} {PERFORM} {NEW} (i32.store (i32.const 100) (call $call_perform)) (call $debug_print (i32.const 100) (i32.const 4))"
    for open_calls, expected in (({b"\1\2\3": 499}, 2), ({b"\1\2\3": 498}, 0), ({b"another": 500}, 0)):
        outcome = run(body, open_calls=open_calls)
        assert outcome.logs == [expected.to_bytes(4, "little")]


def test_long_timeouts_are_cut() -> None:
    """A timeout above the limit of the network counts as the limit."""
    assert (
        run(f"{NEW} (call $call_with_best_effort_response (i32.const -1)) {PERFORM}").calls[0].timeout_seconds == MAX_CALL_TIMEOUT_SECONDS
    )


def test_balance_shows_attached_cycles_at_once() -> None:
    """The balance that the canister sees goes down as cycles are attached."""
    body = f"{NEW} (call $call_cycles_add128 (i64.const 0) (i64.const 9)) (call $canister_cycle_balance128 (P.const 64)) (call $debug_print (P.const 64) (P.const 16))"
    assert run(body).logs == [(VIEW.cycles - 9).to_bytes(16, "little")]
