"""What becomes of open calls when canisters are stopped, started, upgraded, uninstalled and deleted meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from orchestrator.candid import Variant
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.universal import RUN, Program, numbers
from tests.support.universal_client import Universal, deploy, rejected

pytestmark = pytest.mark.slow

RELEASED = 9
"""The cell that ends the waiting of a busy canister."""
MAX_POLLS = 2_000
JOIN_SECONDS = 60
RELAY = Program().answer("msg_reject_code").answer_value("msg_reject_msg").reply()


class Waiting:
    """A call under way in a thread of its own, by a client of its own."""

    def __init__(self, client: ReplicaClient, run: Callable[[ReplicaClient], object]) -> None:
        self._own = ReplicaClient(str(client.http.base_url), client.root_key, client.identity)
        self._run = run
        self._answers: list[object] = []
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        with self._own as own:
            try:
                self._answers.append(self._run(own))
            except CallRejectedError as error:
                self._answers.append(error)

    def answer(self) -> object:
        """Return what came of the call, or its reject."""
        self._thread.join(JOIN_SECONDS)
        return self._answers[0]


@pytest.fixture
def busy(network: ReplicaClient) -> Iterator[Universal]:
    """Deploy a canister that answers calls of `wait_for_it` only once its cell says so."""
    made = deploy(network)
    yield made
    made.client.manage("uninstall_code", {"canister_id": made.id, "sender_canister_version": None})


def wait_for_it(busy: Universal) -> Program:
    """Return a program that keeps the busy canister calling itself until it is released, then replies."""
    again = Program().push(busy.id.raw, b"query", RUN).step("self").push(RUN).step("self").step("call_new")
    again.run("call_data_append", Program().reply().encode()).run("call_perform").end()
    loop = Program().unless(RELEASED, again).reply(b"at last")
    return Program().send(busy.id, "query", Program().reply(), reply=loop, reject=loop)


def release(busy: Universal) -> None:
    """Let the busy canister answer."""
    busy.update(Program().set_cell(RELEASED, 1).reply())


@contextmanager
def caller_of(busy: Universal, **callbacks: Program) -> Iterator[tuple[Universal, Waiting]]:
    """Deploy a canister and have it wait for the busy one; yield both once the call is open."""
    caller = deploy(busy.client)
    program = Program().set_global(1).send(busy.id, "update", wait_for_it(busy), **callbacks)  # type: ignore[arg-type]
    waiting = Waiting(busy.client, lambda client: client.call(caller.id, "update", program.encode()))
    assert any(caller.kept() == 1 for _ in range(MAX_POLLS))
    yield caller, waiting
    release(busy)


def state(canister: Universal) -> str:
    """Return running, stopping or stopped."""
    status = canister.client.status(canister.id)["status"]
    assert isinstance(status, Variant)
    return str(status.label)


def test_stopping_waits_for_the_answer(busy: Universal) -> None:
    """A stopping canister takes no calls, still gets its answer and passes it on, and only then is stopped."""
    with caller_of(busy) as (caller, waiting):
        stopping = Waiting(busy.client, lambda client: client.manage("stop_canister", {"canister_id": caller.id}))
        assert any(state(caller) == "stopping" for _ in range(MAX_POLLS))
        assert rejected(caller.update, Program().reply()).error_code == "IC0509"
        assert rejected(caller.query, Program().reply()).error_code == "IC0509"
        release(busy)
        assert waiting.answer() == b"at last"
        assert stopping.answer() == []
        assert state(caller) == "stopped"


def test_starting_again_cancels_the_stop(busy: Universal) -> None:
    """Whoever waits for the stop is told so; the canister runs and the open call goes on."""
    with caller_of(busy) as (caller, waiting):
        stopping = Waiting(busy.client, lambda client: client.manage("stop_canister", {"canister_id": caller.id}))
        assert any(state(caller) == "stopping" for _ in range(MAX_POLLS))
        busy.client.manage("start_canister", {"canister_id": caller.id})
        cancelled = stopping.answer()
        assert isinstance(cancelled, CallRejectedError)
        assert "cancelled" in cancelled.message
        assert caller.query(Program().reply(b"runs")) == b"runs"
        release(busy)
        assert waiting.answer() == b"at last"


def test_a_running_canister_is_not_deleted(busy: Universal) -> None:
    """Neither is one that is stopping."""
    with caller_of(busy) as (caller, _waiting):
        for expected in ("running", "stopping"):
            with pytest.raises(CallRejectedError, match="must be stopped") as caught:
                busy.client.manage("delete_canister", {"canister_id": caller.id})
            assert (caught.value.error_code, state(caller)) == ("IC0510", expected)
            stopping = Waiting(busy.client, lambda client: client.manage("stop_canister", {"canister_id": caller.id}))
            assert any(state(caller) == "stopping" for _ in range(MAX_POLLS))
        release(busy)
        stopping.answer()
        busy.client.manage("delete_canister", {"canister_id": caller.id})
        with pytest.raises(CallRejectedError, match="not found"):
            busy.client.status(caller.id)


def test_uninstalling_rejects_open_calls(busy: Universal) -> None:
    """The caller's own caller hears at once; the late answer meets whatever code is there then and harms nothing."""
    with caller_of(busy, reply=Program().set_global(66).reply(b"too late")) as (caller, waiting):
        busy.client.manage("uninstall_code", {"canister_id": caller.id, "sender_canister_version": None})
        error = waiting.answer()
        assert isinstance(error, CallRejectedError)
        assert (error.code, error.error_code) == (4, "IC0406")
        busy.client.install(caller.id, caller.module, arg=Program().set_global(5).encode())
        release(busy)
        busy.client.manage("stop_canister", {"canister_id": caller.id})
        busy.client.manage("start_canister", {"canister_id": caller.id})
        assert caller.kept() == 5


def test_uninstalling_the_callee_rejects_too(busy: Universal) -> None:
    """A caller whose callee loses its code in the middle of a call gets a reject, and can handle it."""
    with caller_of(busy, reject=RELAY) as (_caller, waiting):
        busy.client.manage("uninstall_code", {"canister_id": busy.id, "sender_canister_version": None})
        answer = waiting.answer()
        assert isinstance(answer, bytes)
        assert answer[0] == 4
        busy.client.install(busy.id, busy.module, arg=b"")


def test_upgrading_keeps_calls_open(busy: Universal) -> None:
    """The answer of a call that was open during an upgrade runs in the new code, which has lost its memory."""
    with caller_of(busy) as (caller, waiting):
        caller.upgrade(Program().set_global(7))
        release(busy)
        error = waiting.answer()
        assert isinstance(error, CallRejectedError)
        assert error.code == 5
        assert caller.kept() == 7


def test_many_canisters_call_each_other_in_a_ring(network: ReplicaClient) -> None:
    """A message passes through twenty canisters and back, each adding its own id."""
    ring = [deploy(network, wide=index % 2 == 1) for index in range(20)]
    program = Program().reply(b"turn")
    for canister in reversed(ring[1:]):
        callback = Program().answer_value("msg_arg_data").answer_value("canister_self").reply()
        program = Program().send(canister.id, "update", program, reply=callback)
    assert ring[0].update(program) == b"turn" + b"".join(canister.id.raw for canister in reversed(ring[:-1]))


def test_many_calls_at_once(network: ReplicaClient) -> None:
    """Updates from eight clients at once run one after the other, none twice, none lost."""
    canister = deploy(network)
    program = Program().add_to_cell(0, 1).answer_cell(0).reply().encode()
    several = [Waiting(network, lambda client: [client.call(canister.id, "update", program) for _ in range(12)]) for _ in range(8)]
    seen = [answer for waiting in several for answer in waiting.answer()]  # type: ignore[attr-defined]
    assert sorted(numbers(b"".join(seen))) == list(range(1, 97))


def test_four_hundred_calls_in_one_message(network: ReplicaClient) -> None:
    """All of them are made, and all answers come."""
    canister, other = deploy(network), deploy(network)
    one = Program().send(other.id, "query", Program().reply(), reply=Program().add_to_cell(0, 1), reject=Program().add_to_cell(1, 1))
    program = Program()
    for _ in range(400):
        program.include(one)
    canister.update(program.reply())
    canister.client.manage("stop_canister", {"canister_id": canister.id})
    canister.client.manage("start_canister", {"canister_id": canister.id})
    assert numbers(canister.query(Program().answer_cell(0).answer_cell(1).reply())) == [400, 0]
