"""Calls between canisters as the interface specification has them: answers, traps, cleanup, order, deadlines, stopping."""

import pytest

from orchestrator.core.principal import Principal
from tests.support.replica_client import ReplicaClient
from tests.support.universal import RUN, Program, numbers
from tests.support.universal_client import Universal, deploy, rejected

CANISTER_ERROR = 5
RELAY_REJECT = Program().answer("msg_reject_code").answer_value("msg_reject_msg").reply()


@pytest.fixture(scope="module")
def one(network: ReplicaClient) -> Universal:
    """Deploy the canister that calls."""
    return deploy(network)


@pytest.fixture(scope="module", params=["wasm32", "wasm64"])
def two(request: pytest.FixtureRequest, network: ReplicaClient) -> Universal:
    """Deploy the canister that is called."""
    return deploy(network, wide=request.param == "wasm64")


def reject_of(caller: Universal, callee: Principal, method: str, arg: Program | bytes = b"") -> tuple[int, str]:
    """Return the reject code and text that a call gets."""
    reply = caller.update(Program().send(callee, method, arg, reject=RELAY_REJECT))
    return int.from_bytes(reply[:8], "little"), reply[8:].decode()


def test_calls_are_answered(one: Universal, two: Universal) -> None:
    """Updates and queries of another canister and of oneself answer with what they replied, and see the caller."""
    program = Program().answer_value("msg_caller").reply()
    for callee in (one, two):
        for method in ("update", "query"):
            assert one.update(Program().send(callee.id, method, program)) == one.id.raw


def test_only_updates_leave_something_behind(one: Universal, two: Universal) -> None:
    """A called update's writes stay, a called query's do not."""
    write = Program().set_global(2).reply(b"")
    one.update(Program().send(two.id, "update", Program().set_global(1).reply()))
    one.update(Program().send(two.id, "query", write))
    assert two.kept() == 1
    one.update(Program().send(two.id, "update", write))
    assert two.kept() == 2


def test_failures_of_the_callee_are_told(one: Universal, two: Universal) -> None:
    """A trap and silence have code 5 with the callee's words, a reject has 4, what does not exist 3 or 5."""
    code, text = reject_of(one, two.id, "update", Program().trap("mind the gap"))
    assert (code, "mind the gap" in text) == (5, True)
    assert reject_of(one, two.id, "update", Program())[0] == CANISTER_ERROR
    assert reject_of(one, two.id, "update", Program().reject("no")) == (4, "no")
    assert reject_of(one, two.id, "missing")[0] == CANISTER_ERROR
    assert reject_of(one, two.id, "composite", Program().reply())[0] == CANISTER_ERROR
    for nobody in (Principal(b"\xff\xff\xff\xff\x00\x00\x00\x01\x01\x01"), one.client.identity.principal, Principal(b"foo")):
        assert reject_of(one, nobody, "update")[0] == 3


def test_a_reply_has_reject_code_zero(one: Universal, two: Universal) -> None:
    """The reply callback may ask for the reject code."""
    callback = Program().answer("msg_reject_code").reply()
    assert numbers(one.update(Program().send(two.id, "query", Program().reply(), reply=callback))) == [0]


def test_a_second_answer_traps(one: Universal, two: Universal) -> None:
    """A callback that answers what is answered already traps and is undone; the first answer counts."""
    again = Program().set_global(9).reply(b"second")
    first = Program().set_global(3).reply(b"first").send(two.id, "query", Program().reply(), reply=again, reject=again)
    assert one.update(first) == b"first"
    settle(one)
    assert one.kept() == 3


def test_what_is_appended_before_a_call_is_dropped(one: Universal, two: Universal) -> None:
    """Each message's reply starts empty."""
    callback = Program().append(b"BAR").reply()
    assert one.update(Program().append(b"FOO").send(two.id, "query", Program().reply(), reply=callback)) == b"BAR"


def test_cleanup_runs_only_after_a_trap(one: Universal, two: Universal) -> None:
    """A callback's trap undoes the callback, not what ran before the call, and runs cleanup, whose writes stay."""
    trapping = Program().set_cell(0, 9).set_cell(1, 9).trap("callback")
    for other_side, expected in ((Program().reply(), "callback"), (Program().reject("x"), "callback")):
        one.update(Program().set_cell(0, 0).set_cell(1, 0).set_cell(2, 0).reply())
        call = Program().set_cell(0, 1)
        call.send(two.id, "update", other_side, reply=trapping, reject=trapping, cleanup=Program().set_cell(2, 4))
        error = rejected(one.update, call)
        assert (error.code, error.error_code, expected in error.message) == (5, "IC0503", True)
        assert numbers(one.query(Program().answer_cell(0).answer_cell(1).answer_cell(2).reply())) == [1, 0, 4]
    calm = Program().reply(b"calm")
    one.update(Program().send(two.id, "query", Program().reply(), reply=calm, cleanup=Program().set_cell(2, 5)))
    assert numbers(one.query(Program().answer_cell(2).reply())) == [4]


def test_a_trapping_cleanup_is_undone(one: Universal, two: Universal) -> None:
    """Cleanup's own trap leaves what was before it, and the call is rejected with the callback's trap."""
    cleanup = Program().set_cell(3, 8).trap("cleanup")
    call = Program().set_cell(3, 7).send(two.id, "query", Program().reply(), reply=Program().trap("callback"), cleanup=cleanup)
    assert "callback" in rejected(one.update, call).message
    assert numbers(one.query(Program().answer_cell(3).reply())) == [7]


def test_cleanup_may_not_answer_or_call(one: Universal, two: Universal) -> None:
    """Replying, rejecting and calling in cleanup are contract violations: what it wrote is undone."""
    for forbidden in (Program().reply(b"x"), Program().reject("x"), Program().send(two.id, "query", Program().reply())):
        cleanup = Program().set_cell(4, 8).include(forbidden)
        call = Program().set_cell(4, 7).send(two.id, "query", Program().reply(), reply=Program().trap("callback"), cleanup=cleanup)
        assert "callback" in rejected(one.update, call).message
        assert numbers(one.query(Program().answer_cell(4).reply())) == [7]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("trap", "good", b"good"), ("good", "trap", b"good"), ("trap", "trap", None)],
    ids=["reply-after-trap", "trap-after-reply", "both-trap"],
)
def test_one_of_two_callbacks_is_enough(one: Universal, two: Universal, first: str, second: str, expected: bytes | None) -> None:
    """A call is answered by whichever callback answers; it fails only when none can any more."""
    callbacks = {"trap": Program().trap("callback traps"), "good": Program().reply(b"good")}
    program = Program()
    for name in (first, second):
        program.send(two.id, "query", Program().reply(), reply=callbacks[name])
    if expected is None:
        assert rejected(one.update, program).code == CANISTER_ERROR
    else:
        assert one.update(program) == expected


def test_a_call_under_construction_is_replaced(one: Universal, two: Universal) -> None:
    """call_new forgets what was begun before, with its data and its cycles."""
    begun = Program().run("call_new", b"foo", b"bar", RUN, Program(), RUN, Program()).run("call_data_append", b"hey")
    begun.run("call_cycles_add128", 0, 1_000_000)
    before = one.balance()
    assert one.update(begun.send(two.id, "query", Program().reply(b"fresh"))) == b"fresh"
    assert abs(one.balance() - before) < 10**9 or one.balance() <= before


def test_calls_wait_for_the_end_of_the_message(one: Universal, two: Universal) -> None:
    """A message that traps after call_perform has not called anybody."""
    two.update(Program().set_global(5).reply())
    rejected(one.update, Program().send(two.id, "update", Program().set_global(6).reply()).trap("changed my mind"))
    settle(one)
    assert two.kept() == 5


def test_queries_cannot_call(one: Universal, two: Universal) -> None:
    """Calling from a query traps however the query is run; a composite query may."""
    program = Program().send(two.id, "query", Program().reply(b"composite"))
    assert rejected(one.query, program).code == CANISTER_ERROR
    assert rejected(one.replicated_query, program).code == CANISTER_ERROR
    assert reject_of(one, two.id, "query", program)[0] == CANISTER_ERROR
    assert one.composite(program) == b"composite"


def test_composite_queries_nest_and_trap_like_calls(one: Universal, two: Universal) -> None:
    """Callbacks of a composite query see replies and rejects, and its cleanup and writes leave nothing behind."""
    inner = Program().send(one.id, "query", Program().reply(b"inner"))
    assert one.composite(Program().send(two.id, "composite", inner)) == b"inner"
    reply = one.composite(Program().send(two.id, "query", Program().trap("inside"), reject=RELAY_REJECT))
    assert (reply[0], b"inside" in reply) == (5, True)
    assert one.composite(Program().send(two.id, "update", b"", reject=RELAY_REJECT))[0] == CANISTER_ERROR
    one.update(Program().set_global(1).reply())
    write = Program().set_global(9).send(two.id, "query", Program().reply(), reply=Program().answer_global().reply())
    assert numbers(one.composite(write)) == [9]
    assert one.kept() == 1


def test_messages_to_one_canister_keep_their_order(one: Universal, two: Universal) -> None:
    """Ten calls of one message arrive in the order in which they were made."""
    two.update(Program().set_cell(0, 0).reply())
    program = Program()
    for _ in range(9):
        program.send(two.id, "update", Program().add_to_cell(0, 1).answer_cell(0).reply(), reply=Program(), reject=Program())
    assert numbers(one.update(program.send(two.id, "update", Program().answer_cell(0).reply()))) == [9]


def test_a_callbacks_table_index_may_be_nonsense(one: Universal, two: Universal) -> None:
    """A callback that is not in the table, or has another type, traps when it is due, not before."""
    for index in (1, 999_999, (1 << 32) - 1):
        program = Program().set_cell(5, 1).run("call_new", two.id.raw, b"query", index, 0, index, 0)
        error = rejected(one.update, program.run("call_data_append", Program().reply().encode()).run("call_perform"))
        assert error.code == CANISTER_ERROR
        assert numbers(one.query(Program().answer_cell(5).reply())) == [1]
        one.update(Program().set_cell(5, 0).reply())


def test_bounded_wait_calls_tell_their_deadline(one: Universal, two: Universal) -> None:
    """The callee of a bounded-wait call sees when the caller stops waiting, others see none."""
    look = Program().answer("msg_deadline").answer("time").reply()
    deadline, now = numbers(one.update(Program().send(two.id, "update", look, timeout=10)))
    assert 9 * 10**9 <= deadline - now <= 10 * 10**9
    assert numbers(one.update(Program().send(two.id, "update", look)))[0] == 0


@pytest.mark.slow
def test_a_bounded_wait_ends(network: ReplicaClient, one: Universal) -> None:
    """A caller that waits a second for somebody who never answers gets reject code 6, while the other goes on."""
    busy = deploy(network)
    again = Program().push(busy.id.raw, b"query", RUN).step("self").push(RUN).step("self").step("call_new")
    again.run("call_data_append", Program().reply().encode()).run("call_perform")
    forever = Program().send(busy.id, "query", Program().reply(), reply=again, reject=again)
    reply = one.update(Program().send(busy.id, "update", forever, reply=Program().reply(b""), reject=RELAY_REJECT, timeout=1))
    assert (reply[0], b"expired" in reply) == (6, True)
    network.manage("uninstall_code", {"canister_id": busy.id, "sender_canister_version": None})
    settle(one)


def test_a_large_argument_and_reply_pass(one: Universal, two: Universal) -> None:
    """Nearly 2 MiB go through a call between canisters, and out to the user."""
    size = 2 * 1024 * 1024 - 1000
    arg = Program().run("msg_reply_data_append", 65_536, size).reply()
    grow = Program().push(40).step("memory_grow").step("drop").reply()
    two.update(grow)
    assert len(one.update(Program().send(two.id, "update", arg))) == size
    argument = Program().send(two.id, "update", Program().answer("msg_arg_data_size").reply().encode() + bytes(size - 300))
    assert numbers(one.update(argument))[0] > size - 300


def test_stopping_waits_for_open_calls(one: Universal, two: Universal) -> None:
    """A stopping canister refuses new calls and stops after the answer that it waits for; then it can be started again."""
    management, empty = Principal(b""), b"DIDL\x00\x00"
    one.client.manage("stop_canister", {"canister_id": two.id})
    assert reject_of(one, two.id, "update", Program().reply())[0] == CANISTER_ERROR
    error = rejected(two.update, Program().reply())
    assert (error.code, error.error_code) == (5, "IC0508")
    one.client.manage("start_canister", {"canister_id": two.id})
    assert two.update(Program().reply(empty)) == empty
    assert one.update(Program().send(management, "raw_rand", empty))[:4] == b"DIDL"


def settle(canister: Universal) -> None:
    """Return once every message that was under way has run: stopping waits for them."""
    canister.client.manage("stop_canister", {"canister_id": canister.id})
    canister.client.manage("start_canister", {"canister_id": canister.id})
