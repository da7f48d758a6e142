"""The scheduler: calls between canisters, what traps undo, cycles, timers, deadlines and stopping."""

import pytest

from orchestrator.core.principal import Principal
from orchestrator.replica.canister import CanisterStatus
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Function, Run, answer, ignore
from tests.support.scripted_network import SECOND, ScriptedNetwork, encode_argument

ON_REPLY, ON_REJECT, ON_CLEANUP = Callback(1, 11), Callback(2, 22), Callback(3, 33)


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def caller_of(
    network: ScriptedNetwork,
    callee: Principal,
    *,
    method: str = "work",
    cycles: int = 0,
    timeout_seconds: int | None = None,
    functions: dict[int, Function] | None = None,
) -> Principal:
    """Deploy a canister whose `go` calls `method` of another one and whose callbacks pass on what came."""

    def go(run: Run) -> None:
        run.memory["went"] = True
        run.call(
            callee.raw,
            method,
            b"ping",
            cycles=cycles,
            on_reply=ON_REPLY,
            on_reject=ON_REJECT,
            on_cleanup=ON_CLEANUP,
            timeout_seconds=timeout_seconds,
        )

    def pass_reply(run: Run) -> None:
        run.memory["refunded"] = run.message.cycles_refunded
        run.reply(b"got " + run.message.arg)

    def pass_reject(run: Run) -> None:
        run.memory["refunded"] = run.message.cycles_refunded
        run.reply(f"{run.message.reject_code} {run.message.reject_message}".encode())

    def note_cleanup(run: Run) -> None:
        run.memory["cleaned"] = run.environment

    callbacks: dict[int, Function] = {1: pass_reply, 2: pass_reject, 3: note_cleanup, **(functions or {})}
    return network.deploy(network.machine.module({"canister_update go": go}, functions=callbacks))


def rejection(response: Response | None) -> tuple[int, str]:
    """Return the reject code and error code of a response."""
    assert isinstance(response, Rejection), response
    return response.code, response.error_code


def test_a_reply_runs_the_reply_callback(network: ScriptedNetwork) -> None:
    """The callee's reply reaches the caller's callback, whose reply reaches the user."""
    callee = network.deploy(network.machine.module({"canister_update work": answer(b"pong")}))
    caller = caller_of(network, callee)
    assert network.call(caller, "go") == Reply(b"got pong")
    assert not network.state.contexts
    assert not network.state.callbacks


def test_an_explicit_reject_runs_the_reject_callback(network: ScriptedNetwork) -> None:
    """A canister's reject arrives with code 4 and exactly its own words."""
    callee = network.deploy(network.machine.module({"canister_update work": lambda run: run.reject("not today")}))
    assert network.call(caller_of(network, callee), "go") == Reply(b"4 not today")


def test_a_trap_of_the_callee_is_rejected_with_its_error_code(network: ScriptedNetwork) -> None:
    """Canisters see a system reject as code 5 with the error code in front of the text."""
    callee = network.deploy(network.machine.module({"canister_update work": lambda run: run.trap("oh")}))
    response = network.call(caller_of(network, callee), "go")
    assert response == Reply(f"5 IC0503: Error from Canister {callee}: Canister called `ic0.trap` with message: 'oh'".encode())


def test_a_missing_canister_is_destination_invalid(network: ScriptedNetwork) -> None:
    """A call to nobody ends with code 3."""
    response = network.call(caller_of(network, Principal(b"\x09\x01\x01")), "go")
    assert isinstance(response, Reply)
    assert response.data.startswith(b"3 IC0301")


def test_a_trap_undoes_what_the_message_wrote(network: ScriptedNetwork) -> None:
    """Memory after a trapped update is what it was before it."""

    def write_and_trap(run: Run) -> None:
        run.memory["written"] = True
        run.trap()

    def read(run: Run) -> None:
        run.reply(repr(sorted(run.memory)).encode())

    canister = network.deploy(network.machine.module({"canister_update write": write_and_trap, "canister_update read": read}))
    assert rejection(network.call(canister, "write")) == (5, "IC0503")
    assert network.call(canister, "read") == Reply(b"[]")


def test_a_trapped_callback_runs_cleanup_and_rejects(network: ScriptedNetwork) -> None:
    """The callback's writes are undone, cleanup's are kept, and the user hears of the trap."""

    def trapping(run: Run) -> None:
        run.memory["lost"] = True
        run.trap("in the callback")

    callee = network.deploy(network.machine.module({"canister_update work": answer(b"")}))
    caller = caller_of(network, callee, functions={1: trapping})
    assert rejection(network.call(caller, "go")) == (5, "IC0503")
    instance = network.canister(caller).instance
    assert vars(instance)["memory"] == {"went": True, "cleaned": 33}


def test_a_trapped_cleanup_is_undone(network: ScriptedNetwork) -> None:
    """When cleanup traps too, only what was there before the callback remains."""

    def trap(run: Run) -> None:
        run.memory["lost"] = True
        run.trap()

    callee = network.deploy(network.machine.module({"canister_update work": answer(b"")}))
    caller = caller_of(network, callee, functions={1: trap, 3: trap})
    network.call(caller, "go")
    assert vars(network.canister(caller).instance)["memory"] == {"went": True}


def test_a_failure_of_the_machine_ends_the_message_only(network: ScriptedNetwork, caplog: pytest.LogCaptureFixture) -> None:
    """A bug of the virtual machine is a reject and a log entry, undoes the message, and the network goes on."""

    def break_it(run: Run) -> None:
        run.memory["half"] = "done"
        raise ZeroDivisionError

    exports: dict[str, Function] = {"canister_update break": break_it, "canister_update go": lambda run: run.reply(b"%d" % len(run.memory))}
    canister = network.deploy(network.machine.module(exports))
    assert rejection(network.call(canister, "break")) == (5, "IC0521")
    assert network.call(canister, "go") == Reply(b"0")
    assert "virtual machine failed" in caplog.text


def test_not_answering_is_a_reject(network: ScriptedNetwork) -> None:
    """When nothing can answer any more the call ends with IC0506."""
    canister = network.deploy(network.machine.module({"canister_update go": ignore}))
    assert rejection(network.call(canister, "go")) == (5, "IC0506")


def test_accepted_cycles_move_and_the_rest_comes_back(network: ScriptedNetwork) -> None:
    """Of the attached cycles the accepted ones are the callee's, the others return with the response."""

    def take(run: Run) -> None:
        run.accept_cycles(30)
        run.reply()

    callee = network.deploy(network.machine.module({"canister_update work": take}))
    caller = caller_of(network, callee, cycles=100)
    before = network.canister(caller).cycles, network.canister(callee).cycles
    network.call(caller, "go")
    assert (network.canister(caller).cycles, network.canister(callee).cycles) == (before[0] - 30, before[1] + 30)
    assert vars(network.canister(caller).instance)["memory"]["refunded"] == 70


def test_a_trap_gives_all_cycles_back(network: ScriptedNetwork) -> None:
    """A callee that traps has accepted nothing."""

    def take_and_trap(run: Run) -> None:
        run.accept_cycles(30)
        run.trap()

    callee = network.deploy(network.machine.module({"canister_update work": take_and_trap}))
    caller = caller_of(network, callee, cycles=100)
    before = network.canister(caller).cycles
    network.call(caller, "go")
    assert network.canister(caller).cycles == before


def test_too_few_cycles_are_refused_and_returned(network: ScriptedNetwork) -> None:
    """The minimum of the settings holds for calls of other canisters, not for users."""
    callee = network.deploy(network.machine.module({"canister_update work": answer(b"fine")}))
    network.managed("update_settings", {"canister_id": callee, "settings": {"minimum_incoming_canister_call_cycles": 50}})
    caller = caller_of(network, callee, cycles=49)
    before = network.canister(caller).cycles
    response = network.call(caller, "go")
    assert isinstance(response, Reply)
    assert response.data.startswith(b"5 IC0520")
    assert network.canister(caller).cycles == before
    assert network.call(callee, "work") == Reply(b"fine")


def test_a_query_method_called_as_update_keeps_nothing(network: ScriptedNetwork) -> None:
    """A replicated query answers, and its writes are undone."""

    def count(run: Run) -> None:
        run.memory["count"] = True
        run.reply(b"%d" % len(run.memory))

    canister = network.deploy(network.machine.module({"canister_query count": count}))
    assert [network.call(canister, "count"), network.call(canister, "count")] == [Reply(b"1"), Reply(b"1")]


@pytest.mark.parametrize(
    ("exports", "code"),
    [({}, "IC0536"), ({"canister_composite_query work": ignore}, "IC0527")],
    ids=["missing", "composite"],
)
def test_methods_that_cannot_be_called_as_updates(network: ScriptedNetwork, exports: dict[str, Function], code: str) -> None:
    """An unknown method and a composite query are told apart."""
    canister = network.deploy(network.machine.module(exports))
    assert rejection(network.call(canister, "work")) == (5, code)


def test_two_messages_to_one_canister_keep_their_order(network: ScriptedNetwork) -> None:
    """Calls of one message start in the order in which they were made."""

    def note(run: Run) -> None:
        run.memory.setdefault("seen", [])
        seen = run.memory["seen"]
        assert isinstance(seen, list)
        seen.append(run.message.arg.decode())
        run.reply()

    callee = network.deploy(network.machine.module({"canister_update note": note}))

    def go(run: Run) -> None:
        for word in (b"one", b"two", b"three"):
            run.call(callee.raw, "note", word)
        run.reply()

    network.call(network.deploy(network.machine.module({"canister_update go": go})), "go")
    assert vars(network.canister(callee).instance)["memory"]["seen"] == ["one", "two", "three"]


def make_waiting(network: ScriptedNetwork) -> tuple[Principal, Principal]:
    """Deploy a caller whose callee never answers, because it waits for itself in turn."""

    def loop(run: Run) -> None:
        run.call(run.view.id, "work", on_reply=ON_REPLY, on_reject=ON_REJECT)

    callee = network.deploy(network.machine.module({"canister_update work": loop}))
    return caller_of(network, callee, timeout_seconds=10), callee


def step(network: ScriptedNetwork, times: int) -> None:
    """Execute a few messages of a queue that never gets empty."""
    for _ in range(times):
        network.replica.run(1)


def test_a_bounded_wait_ends_at_its_deadline(network: ScriptedNetwork) -> None:
    """After the timeout the reject callback runs with code 6, whatever the callee does."""
    caller, _ = make_waiting(network)
    request = network.submit(caller, "go")
    step(network, 5)
    assert network.response(request) is None
    network.time.now += 11 * SECOND
    network.replica.tick()
    step(network, 10)
    assert network.response(request) == Reply(b"6 IC0601: Call deadline has expired.")


def test_a_request_past_its_expiry_is_not_started(network: ScriptedNetwork) -> None:
    """A queued request whose expiry passes is rejected, and the canister does not run."""
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"ran")}))
    request = network.submit(canister, "go")
    network.time.now += 1000 * SECOND
    network.run()
    assert rejection(network.response(request)) == (2, "IC0202")


def test_stopping_waits_for_open_calls(network: ScriptedNetwork) -> None:
    """A stopping canister takes no calls, finishes what is open, and only then the stop is answered."""
    callee = network.deploy(network.machine.module({"canister_update work": answer(b"pong")}))
    caller = caller_of(network, callee)
    open_call = network.submit(caller, "go")
    step(network, 1)
    argument = network_argument(caller)
    stop = network.submit(Principal(b""), "stop_canister", argument)
    late = network.submit(caller, "go")
    network.state.queue.rotate(2)
    step(network, 2)
    assert network.canister(caller).status is CanisterStatus.STOPPING
    assert network.response(stop) is None
    assert rejection(network.response(late)) == (5, "IC0509")
    network.run()
    assert network.response(open_call) == Reply(b"got pong")
    assert isinstance(network.response(stop), Reply)
    assert network.canister(caller).status is CanisterStatus.STOPPED
    assert rejection(network.call(caller, "go")) == (5, "IC0508")


def test_a_stop_that_takes_too_long_is_rejected(network: ScriptedNetwork) -> None:
    """After five minutes the stop request fails, and the canister goes on stopping."""
    caller, _ = make_waiting(network)
    network.submit(caller, "go")
    step(network, 3)
    stop = network.submit(Principal(b""), "stop_canister", network_argument(caller))
    step(network, 5)
    network.time.now += 301 * SECOND
    callbacks = list(network.state.callbacks)
    network.state.callbacks.clear()
    network.replica.tick()
    assert rejection(network.response(stop)) == (2, "IC0206")
    assert callbacks


def test_starting_cancels_a_stop(network: ScriptedNetwork) -> None:
    """Whoever waits for a stop hears that the canister was started."""
    caller, _ = make_waiting(network)
    network.submit(caller, "go")
    step(network, 3)
    stop = network.submit(Principal(b""), "stop_canister", network_argument(caller))
    step(network, 5)
    start = network.submit(Principal(b""), "start_canister", network_argument(caller))
    step(network, 5)
    assert isinstance(network.response(start), Reply)
    assert rejection(network.response(stop)) == (5, "IC0511")
    assert network.canister(caller).status is CanisterStatus.RUNNING


def test_uninstalling_rejects_open_calls_and_refunds_later(network: ScriptedNetwork) -> None:
    """Callers hear at once; a response that comes later only brings its cycles back."""
    callee = network.deploy(network.machine.module({"canister_update work": answer(b"")}))
    caller = caller_of(network, callee, cycles=100)
    before = network.canister(caller).cycles
    request = network.submit(caller, "go")
    step(network, 1)
    network.submit(Principal(b""), "uninstall_code", network_argument(caller))
    network.state.queue.rotate(1)
    step(network, 1)
    assert rejection(network.response(request)) == (4, "IC0406")
    network.run()
    assert network.canister(caller).cycles == before
    assert not network.state.contexts


def test_what_a_canister_prints_is_kept(network: ScriptedNetwork) -> None:
    """Lines of updates are logged, and so are traps; both survive the rollback."""

    def talk(run: Run) -> None:
        run.outcome.logs.append(b"about to fail")
        run.outcome.trap = None
        run.reply()

    canister = network.deploy(network.machine.module({"canister_update talk": talk}))
    network.call(canister, "talk")
    assert [record.content for record in network.canister(canister).logs] == [b"about to fail"]


def network_argument(canister: Principal) -> bytes:
    """Encode an argument that only names a canister."""
    return encode_argument("stop_canister", {"canister_id": canister})
