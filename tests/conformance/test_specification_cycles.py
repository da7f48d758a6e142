"""Cycles as the interface specification has them: sent, accepted, refunded, burned, never lost."""

import pytest

from orchestrator.candid import encode
from orchestrator.candid.types import PRINCIPAL, record
from orchestrator.core.principal import Principal
from tests.support.replica_client import ReplicaClient
from tests.support.universal import RUN, Program, numbers
from tests.support.universal_client import Universal, deploy, rejected

TRILLION = 10**12
START = 80 * TRILLION
SLACK = TRILLION // 10
"""What executing and storing may cost in a test; far less than any amount that is sent."""
MANAGEMENT = Principal(b"")
CANISTER_ID = record({"canister_id": PRINCIPAL})
ACCEPT_ALL = Program().run("msg_cycles_accept128", (1 << 64) - 1, (1 << 64) - 1, 256)
REFUND = Program().answer_wide("msg_cycles_refunded128").reply()


@pytest.fixture
def one(network: ReplicaClient) -> Universal:
    """Deploy a canister with 80 trillion cycles."""
    return deploy(network, cycles=START)


@pytest.fixture
def two(network: ReplicaClient) -> Universal:
    """Deploy another one."""
    return deploy(network, cycles=START, wide=True)


def near(amount: int, expected: int) -> bool:
    """Say if an amount is what is expected, but for what execution costs."""
    return expected - SLACK <= amount <= expected


def accepting(amount: int) -> Program:
    """Return a program that takes an amount and answers what it got."""
    return Program().answer_wide("msg_cycles_accept128", 0, amount)


def wide_number(reply: bytes) -> int:
    """Return the number of 16 bytes at the start of a reply."""
    return int.from_bytes(reply[:16], "little")


def test_a_canister_begins_with_what_it_was_given(one: Universal) -> None:
    """The balance is the same seen from inside in every mode, and in the status."""
    look = Program().answer_wide("canister_cycle_balance128").reply()
    assert all(near(wide_number(run(look)), START) for run in (one.update, one.query, one.replicated_query, one.composite))
    assert near(int(str(one.client.status(one.id)["cycles"])), START)
    assert near(numbers(one.query(Program().answer("canister_cycle_balance").reply()))[0], START)


def test_accepted_cycles_change_hands(one: Universal, two: Universal) -> None:
    """What is accepted is the callee's, the rest comes back and is told to the callback."""
    program = Program().send(two.id, "update", accepting(20 * TRILLION).reply(), cycles=30 * TRILLION, reply=REFUND)
    assert wide_number(one.update(program)) == 10 * TRILLION
    assert near(one.balance(), 60 * TRILLION)
    assert near(two.balance(), 100 * TRILLION)


def test_no_more_is_accepted_than_is_there(one: Universal, two: Universal) -> None:
    """Accepting more, or twice, takes what is available; what is available is told."""
    available = Program().answer_wide("msg_cycles_available128")
    other_side = available.answer_wide("msg_cycles_accept128", 1 << 62, 0).answer_wide("msg_cycles_accept128", 0, 1).reply()
    reply = one.update(Program().send(two.id, "update", other_side, cycles=TRILLION))
    assert [wide_number(reply[start : start + 16]) for start in (0, 16, 32)] == [TRILLION, TRILLION, 0]
    assert wide_number(one.update(accepting(1).reply())) == 0


@pytest.mark.parametrize("ending", [Program().trap("no"), Program().reject("no"), Program()], ids=["trap", "reject", "silence"])
def test_what_a_failed_call_carried_comes_back(one: Universal, two: Universal, ending: Program) -> None:
    """All of it after a trap; after an explicit reject and after silence, what was not accepted."""
    program = Program().send(two.id, "update", ending, cycles=5 * TRILLION, reply=Program().trap("no reply"), reject=REFUND)
    assert wide_number(one.update(program)) == 5 * TRILLION
    assert near(one.balance(), START)
    assert near(two.balance(), START)


def test_accepting_and_trapping_takes_nothing(one: Universal, two: Universal) -> None:
    """A trap gives back what the same message accepted."""
    other_side = Program().include(ACCEPT_ALL).trap("no")
    assert wide_number(one.update(Program().send(two.id, "update", other_side, cycles=5 * TRILLION, reject=REFUND))) == 5 * TRILLION
    assert near(two.balance(), START)


def test_cycles_may_be_accepted_in_a_callback(one: Universal, two: Universal) -> None:
    """What a call carried stays available until it is answered, across the callee's own calls."""
    later = Program().include(ACCEPT_ALL).answer_wide("msg_cycles_available128").reply()
    other_side = Program().send(one.id, "query", Program().reply(), reply=later)
    assert wide_number(one.update(Program().send(two.id, "update", other_side, cycles=7 * TRILLION))) == 0
    assert near(two.balance(), START + 7 * TRILLION)


def test_refunds_arrive_step_by_step(one: Universal) -> None:
    """Nested calls get back their own cycles each."""
    inner = Program().answer("msg_cycles_refunded").reply()
    middle = Program().send(one.id, "update", Program().reply(), cycles=5, reply=inner)
    outer = Program().answer_value("msg_arg_data").answer("msg_cycles_refunded").reply()
    assert numbers(one.update(Program().send(one.id, "update", middle, cycles=10, reply=outer))) == [5, 10]
    assert near(one.balance(), START)


def test_cycles_under_way_are_in_no_balance(one: Universal) -> None:
    """A canister that calls itself with cycles lacks them while they travel, and while its call is built."""
    look = Program().answer_wide("canister_cycle_balance128").reply()
    assert near(wide_number(one.update(Program().send(one.id, "update", look, cycles=20 * TRILLION))), 60 * TRILLION)
    building = Program().run("call_new", b"foo", b"bar", RUN, 0, RUN, 0).run("call_cycles_add128", 0, 40 * TRILLION)
    building.answer_wide("canister_cycle_balance128").run("call_new", b"foo", b"bar", RUN, 0, RUN, 0)
    reply = one.update(building.answer_wide("canister_cycle_balance128").reply())
    assert near(wide_number(reply), 40 * TRILLION)
    assert near(wide_number(reply[16:]), 80 * TRILLION)
    assert near(one.balance(), START)


def test_nobody_sends_what_it_has_not(one: Universal, two: Universal) -> None:
    """Attaching more than the balance traps, also when the cycles would have come with the same call."""
    assert rejected(one.update, Program().send(two.id, "update", cycles=START + 1)).code == 5
    early = Program().send(one.id, "update", Program().reply(), cycles=100 * TRILLION).include(ACCEPT_ALL)
    early_reply = Program().send(two.id, "update", early, cycles=40 * TRILLION, reply=Program().trap("no"), reject=REFUND)
    assert wide_number(one.update(early_reply)) == 40 * TRILLION
    late = Program().include(ACCEPT_ALL).send(one.id, "update", Program().include(ACCEPT_ALL).reply(), cycles=100 * TRILLION)
    assert wide_number(one.update(Program().send(two.id, "update", late, cycles=40 * TRILLION, reply=REFUND))) == 0
    assert near(two.balance(), 20 * TRILLION)
    assert near(one.balance(), 140 * TRILLION)


def test_burned_cycles_are_gone(one: Universal) -> None:
    """Burning takes what it says and tells it."""
    assert wide_number(one.update(Program().answer_wide("cycles_burn128", 0, 3 * TRILLION).reply())) == 3 * TRILLION
    assert near(one.balance(), 77 * TRILLION)


def test_a_canister_cannot_mint(one: Universal) -> None:
    """Minting is for one system canister."""
    assert rejected(one.update, Program().answer("mint_cycles", 1).reply()).code == 5
    assert rejected(one.update, Program().answer_wide("mint_cycles128", 0, 1).reply()).code == 5


def test_canisters_give_cycles_by_the_management_canister(one: Universal, two: Universal) -> None:
    """deposit_cycles gives another canister all that the call carries; to nobody, they come back."""
    arg = encode([CANISTER_ID], [{"canister_id": two.id}])
    one.update(Program().send(MANAGEMENT, "deposit_cycles", arg, cycles=11 * TRILLION))
    assert near(two.balance(), 91 * TRILLION)
    nobody = encode([CANISTER_ID], [{"canister_id": Principal(b"\0\0\0\0\0\x0f\xff\xff\x01\x01")}])
    rejected(one.update, Program().send(MANAGEMENT, "deposit_cycles", nobody, cycles=11 * TRILLION))
    assert near(one.balance(), 69 * TRILLION)


def test_balances_beyond_64_bits_are_told_by_the_wide_function_only(network: ReplicaClient) -> None:
    """The 64-bit function traps."""
    rich = deploy(network, cycles=1 << 65)
    assert rejected(rich.query, Program().answer("canister_cycle_balance").reply()).code == 5
    assert near(rich.balance(), 1 << 65)
