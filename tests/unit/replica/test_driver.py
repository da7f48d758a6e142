"""The driver: calls end, wait or are delayed; background work goes on whatever happens."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import anyio
import anyio.from_thread
import pytest

from orchestrator.core.principal import Principal
from orchestrator.errors import StoreError
from orchestrator.protocol.certificate import Certificate, read_certificate
from orchestrator.protocol.hash_tree import Found
from orchestrator.replica.driver import CallEnd, Driver
from orchestrator.replica.replica import UserCall
from orchestrator.replica.requests import RequestState
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Function, Run, answer
from tests.support.scripted_network import EXPIRY, OWNER, SECOND, ScriptedNetwork

LIMIT_SECONDS = 30
_NUMBERS = itertools.count(1)


@dataclass(slots=True)
class Memory:
    """Persistence that counts, fails when told to, and calls back."""

    network: ScriptedNetwork
    created: int = 0
    failures: int = 0
    checkpoints: int = 0
    on_checkpoint: Callable[[], None] = lambda: None

    def save_created(self) -> None:
        """Count and forget the new canisters."""
        self.created += len(self.network.state.created)
        self.network.state.created.clear()

    def checkpoint(self) -> float:
        """Fail as often as told to, then count."""
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        self.checkpoints += 1
        self.on_checkpoint()
        return 0.0


def user_call(canister: Principal, method: str) -> UserCall:
    """Make a call of the owner."""
    return UserCall(
        request_id=next(_NUMBERS).to_bytes(32, "little"),
        sender=OWNER.raw,
        canister_id=canister.raw,
        method=method,
        arg=b"",
        expiry=EXPIRY,
        effective_id=canister.raw,
    )


def make_driver(network: ScriptedNetwork, *, delay_seconds: float = 0.0) -> Driver:
    """Make a driver; needs a running event loop."""
    return Driver(network.replica, Memory(network), limiter=anyio.CapacityLimiter(1), artificial_delay_seconds=delay_seconds)


def waiting_canister(network: ScriptedNetwork) -> Principal:
    """Deploy a canister whose `go` is answered only when its timer has run."""

    def go(run: Run) -> None:
        run.call(run.view.id, "wait", on_reply=Callback(1, 0), timeout_seconds=1, on_reject=Callback(1, 0))

    def wait(run: Run) -> None:
        run.call(run.view.id, "wait", on_reply=Callback(2, 0), on_reject=Callback(2, 0))

    callbacks: dict[int, Function] = {1: answer(b"at last")}
    return network.deploy(network.machine.module({"canister_update go": go, "canister_update wait": wait}, functions=callbacks))


def test_a_quick_call_ends_with_its_certificate() -> None:
    """One job is enough, and a refusal is no certificate."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"done")}))

    async def check() -> None:
        driver = make_driver(network)
        good = await driver.call(user_call(canister, "go"), timeout_seconds=LIMIT_SECONDS)
        refused = await driver.call(user_call(Principal(b"\x01\x01"), "go"), timeout_seconds=LIMIT_SECONDS)
        assert good.certificate is not None
        assert refused.refusal is not None
        assert refused.refusal.error_code == "IC0301"

    anyio.run(check)


def test_a_slow_call_is_under_way_and_ends_later() -> None:
    """A call beyond its time is neither refused nor certified; asking again gets its end, without a second run."""
    network = ScriptedNetwork()
    canister = waiting_canister(network)

    async def check() -> None:
        driver = make_driver(network)
        call = user_call(canister, "go")
        assert await driver.call(call, timeout_seconds=0) == CallEnd()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.keep_running)
            tasks.start_soon(driver.keep_ticking)
            network.time.now += 2 * SECOND
            with anyio.fail_after(LIMIT_SECONDS):
                end = await driver.call(call, timeout_seconds=LIMIT_SECONDS)
            tasks.cancel_scope.cancel()
        assert end.certificate is not None

    anyio.run(check)


def test_a_delayed_call_is_received_first() -> None:
    """The call is known at once and starts when its time has come."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"done")}))

    async def check() -> None:
        driver = make_driver(network, delay_seconds=0.05)
        call = user_call(canister, "go")
        assert await driver.submit(call) is None
        record = network.replica.request(call.request_id)
        assert record is not None
        assert record.state is RequestState.RECEIVED
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.keep_running)
            tasks.start_soon(driver.keep_delaying)
            with anyio.fail_after(LIMIT_SECONDS):
                end = await driver.call(call, timeout_seconds=LIMIT_SECONDS)
            tasks.cancel_scope.cancel()
        assert end.certificate is not None

    anyio.run(check)


def test_created_canisters_are_saved_before_the_answer() -> None:
    """Whoever hears of a new canister's id can rely on it."""
    network = ScriptedNetwork()

    async def check() -> None:
        memory = Memory(network)
        driver = Driver(network.replica, memory, limiter=anyio.CapacityLimiter(1))
        call = user_call(Principal(b""), "provisional_create_canister_with_cycles")
        argument = b"DIDL\x01l\x00\x01\x00"
        end = await driver.call(
            UserCall(
                request_id=call.request_id,
                sender=call.sender,
                canister_id=b"",
                method=call.method,
                arg=argument,
                expiry=call.expiry,
                effective_id=b"",
            ),
            timeout_seconds=LIMIT_SECONDS,
        )
        assert end.certificate is not None
        assert memory.created == 1

    anyio.run(check)


def test_a_failed_checkpoint_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk is logged and does not end the network."""
    network = ScriptedNetwork()

    async def check() -> None:
        done = anyio.Event()
        memory = Memory(network, failures=2, on_checkpoint=lambda: anyio.from_thread.run_sync(done.set))
        driver = Driver(network.replica, memory, limiter=anyio.CapacityLimiter(1))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: driver.keep_checkpoints(min_pause_seconds=0.001))
            with anyio.fail_after(LIMIT_SECONDS):
                await done.wait()
            tasks.cancel_scope.cancel()
        assert memory.failures == 0

    anyio.run(check)
    assert caplog.text.count("could not be saved") == 2


def test_what_is_queued_leaves_room_after_a_while() -> None:
    """A slice ends when its time is over, however few messages it has executed; while stopping after one."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"done")}))
    seconds = itertools.count()

    async def check() -> None:
        driver = Driver(network.replica, Memory(network), limiter=anyio.CapacityLimiter(1), monotonic=lambda: next(seconds))
        for _ in range(3):
            call = user_call(canister, "go")
            assert network.replica.accept(call) is None
            network.replica.enqueue(call)
        async with anyio.create_task_group() as tasks:
            assert await driver.submit(user_call(canister, "go")) is None
            assert len(network.state.queue) == 3
            tasks.start_soon(driver.keep_interrupting)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert network.machine.interrupts == 1

    anyio.run(check)


def test_calls_that_come_together_share_a_signature() -> None:
    """Each gets its own certificate, of the same time, and none gets another's."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"done")}))
    calls = [user_call(canister, "go") for _ in range(10)]
    certificates: dict[bytes, Certificate] = {}

    async def check() -> None:
        driver = make_driver(network)

        async def one(call: UserCall) -> None:
            end = await driver.call(call, timeout_seconds=LIMIT_SECONDS)
            assert end.certificate is not None
            certificates[call.request_id] = read_certificate(end.certificate)

        async with anyio.create_task_group() as tasks:
            for call in calls:
                tasks.start_soon(one, call)

    anyio.run(check)
    for call in calls:
        assert certificates[call.request_id].lookup([b"request_status", call.request_id, b"reply"]) == Found(b"done")
        assert certificates[call.request_id].list_labels([b"request_status"]) == [call.request_id]
    assert len({certificate.signature for certificate in certificates.values()}) <= 2  # the first went alone


def test_the_same_call_twice_at_once_runs_once() -> None:
    """Both who wait get the certificate, and the canister hears of it once."""
    network = ScriptedNetwork()
    runs: list[int] = []

    def go(run: Run) -> None:
        runs.append(1)
        answer(b"done")(run)

    canister = network.deploy(network.machine.module({"canister_update go": go}))
    ends: list[CallEnd] = []

    async def check() -> None:
        driver, call = make_driver(network), user_call(canister, "go")

        async def one() -> None:
            ends.append(await driver.call(call, timeout_seconds=LIMIT_SECONDS))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(one)
        ends.append(await driver.call(call, timeout_seconds=LIMIT_SECONDS))

    anyio.run(check)
    assert runs == [1]
    assert [end.certificate is not None for end in ends] == [True] * 4


def test_a_failed_job_fails_alone() -> None:
    """Others that went to the thread together with it get their results."""
    network = ScriptedNetwork()
    results: list[object] = []

    async def check() -> None:
        driver = make_driver(network)

        async def one(number: int) -> None:
            try:
                results.append(await driver.run(lambda: 1 // number))
            except ZeroDivisionError as error:
                results.append(type(error))

        async with anyio.create_task_group() as tasks:
            for number in (1, 0, 1, 1):
                tasks.start_soon(one, number)

    anyio.run(check)
    assert results == [1, ZeroDivisionError, 1, 1]


def test_a_job_whose_caller_left_does_not_run() -> None:
    """Whoever is cancelled while waiting takes the job along, and the next one gets its turn."""
    network = ScriptedNetwork()
    ran: list[str] = []

    async def check() -> None:
        driver = make_driver(network)
        is_running, may_end = anyio.Event(), threading.Event()

        def block() -> None:
            anyio.from_thread.run_sync(is_running.set)
            may_end.wait(LIMIT_SECONDS)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.run, block)
            await is_running.wait()
            async with anyio.create_task_group() as leaving:
                leaving.start_soon(driver.run, lambda: ran.append("left"))
                await anyio.wait_all_tasks_blocked()
                leaving.cancel_scope.cancel()
            may_end.set()
            await driver.run(lambda: ran.append("stayed"))

    anyio.run(check)
    assert ran == ["stayed"]


def test_questions_do_not_wait_for_calls() -> None:
    """What only asks goes to the thread apart from calls, however they come in."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"done")}))
    order: list[str] = []

    async def check() -> None:
        driver = make_driver(network)

        async def ask() -> None:
            await driver.run(lambda: order.append(f"asked with {len(network.state.queue)} queued"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.submit, user_call(canister, "go"))
            tasks.start_soon(driver.submit, user_call(canister, "go"))
            tasks.start_soon(ask)
            tasks.start_soon(driver.submit, user_call(canister, "go"))

    anyio.run(check)
    assert order == ["asked with 0 queued"]


def test_what_time_ends_is_told_at_the_next_tick() -> None:
    """A request that ends without any message being executed, as a stop that took too long does, is certified soon."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"done")}))

    async def check() -> None:
        driver = make_driver(network)
        call = user_call(canister, "go")
        assert network.replica.accept(call) is None
        record = network.replica.request(call.request_id)
        assert record is not None
        network.state.requests.put(replace(record, is_queued=True))
        ends: list[CallEnd] = []

        async def wait() -> None:
            ends.append(await driver.call(call, timeout_seconds=LIMIT_SECONDS))
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await driver.run_own(lambda: network.state.requests.finish(call.request_id, Reply(b"late")))
            tasks.start_soon(driver.keep_running)
            tasks.start_soon(driver.keep_ticking)
        assert [end.certificate is not None for end in ends] == [True]

    anyio.run(check)
