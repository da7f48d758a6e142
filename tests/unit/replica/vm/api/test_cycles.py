"""Balances, accepting, burning; numbers of 64 and 128 bits."""

from dataclasses import replace

import pytest

from orchestrator.replica.vm.interface import CanisterView, Message, MessageKind, Outcome
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import NOW, VIEW, module, send

MACHINE = WasmMachine(rollback="copying")
BIG = (3 << 64) + 5


def run(
    body: str,
    names: str,
    *,
    view: CanisterView = VIEW,
    available: int = 0,
    refunded: int = 0,
    kind: MessageKind = MessageKind.UPDATE,
    responded: bool = False,
) -> Outcome:
    """Run a function body; it may log the 16 bytes at 0 with `$show`."""
    show = "(func $show (call $debug_print (i32.const 0) (i32.const 16)))"
    raw = module(["debug_print", *names.split()], f'{show} (func (export "canister_update f") {body})')
    message = Message(kind=kind, now=NOW, cycles_available=available, cycles_refunded=refunded, responded=responded)
    return send(MACHINE.instantiate(MACHINE.load(raw)), "canister_update f", kind=kind, message=message, view=view)


def shown(outcome: Outcome) -> list[int]:
    """Return the numbers that were logged."""
    assert outcome.trap is None
    return [int.from_bytes(line, "little") for line in outcome.logs]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("canister_cycle_balance128", BIG),
        ("canister_liquid_cycle_balance128", BIG - 4),
        ("msg_cycles_available128", BIG + 1),
        ("msg_cycles_refunded128", BIG + 2),
    ],
)
def test_amounts_of_128_bits_are_written(name: str, expected: int) -> None:
    """Balance, what may be spent of it, what is offered and what came back are written as 16 bytes."""
    view = replace(VIEW, cycles=BIG, frozen_cycles=4)
    outcome = run(
        f"(call ${name} (i32.const 0)) (call $show)", name, view=view, available=BIG + 1, refunded=BIG + 2, kind=MessageKind.REPLY_CALLBACK
    )
    assert shown(outcome) == [expected]


@pytest.mark.parametrize("name", ["canister_cycle_balance", "msg_cycles_available", "msg_cycles_refunded"])
def test_amounts_of_64_bits_are_returned_or_trap(name: str) -> None:
    """The 64-bit functions return small amounts and trap on those that do not fit."""
    body = f"(i64.store (i32.const 0) (call ${name})) (call $show)"
    kind = MessageKind.REPLY_CALLBACK
    small = 2**64 - 1
    assert shown(run(body, name, view=replace(VIEW, cycles=small), available=small, refunded=small, kind=kind)) == [small]
    trap = run(body, name, view=replace(VIEW, cycles=BIG), available=BIG, refunded=BIG, kind=kind).trap
    assert trap is not None
    assert trap.message == "Canister trapped: cycles amount exceeds 64-bit representation"


def test_accepting_moves_as_much_as_there_is() -> None:
    """Two acceptances take what is offered and no more; the balance grows by it."""
    body = """(call $msg_cycles_accept128 (i64.const 0) (i64.const 60) (i32.const 0)) (call $show)
      (i64.store (i32.const 0) (call $msg_cycles_accept (i64.const -1))) (call $show)
      (call $msg_cycles_available128 (i32.const 0)) (call $show) (call $canister_cycle_balance128 (i32.const 0)) (call $show)"""
    outcome = run(body, "msg_cycles_accept128 msg_cycles_accept msg_cycles_available128 canister_cycle_balance128", available=100)
    assert shown(outcome) == [60, 40, 0, VIEW.cycles + 100]
    assert (outcome.cycles_accepted, outcome.balance_change) == (100, 100)


def test_nothing_is_left_to_accept_after_the_response() -> None:
    """A response refunds what was not accepted, in the same message and in later ones."""
    body = "(call $msg_cycles_accept128 (i64.const 1) (i64.const 0) (i32.const 0)) (call $show)"
    names = "msg_cycles_accept128 msg_reply"
    assert shown(run(f"(call $msg_reply) {body}", names, available=100)) == [0]
    assert shown(run(body, names, available=100, responded=True, kind=MessageKind.REPLY_CALLBACK)) == [0]


def test_burning_stops_at_what_may_be_spent() -> None:
    """A canister cannot burn its frozen cycles."""
    outcome = run(
        "(call $cycles_burn128 (i64.const 1) (i64.const 0) (i32.const 0)) (call $show)",
        "cycles_burn128",
        view=replace(VIEW, frozen_cycles=10),
    )
    assert shown(outcome) == [VIEW.cycles - 10]
    assert outcome.balance_change == 10 - VIEW.cycles


@pytest.mark.parametrize(
    "call", ["(drop (call $mint_cycles (i64.const 1)))", "(call $mint_cycles128 (i64.const 0) (i64.const 1) (i32.const 0))"]
)
def test_nobody_makes_cycles(call: str) -> None:
    """Making cycles is refused with the reference's words."""
    trap = run(call, "mint_cycles mint_cycles128").trap
    assert trap is not None
    assert "non Cycles Minting Canister" in trap.message
