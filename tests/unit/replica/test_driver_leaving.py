"""Clients that leave while the driver has something of theirs: what becomes of it, and of what others want."""

import anyio

from orchestrator.replica.driver import Driver
from orchestrator.replica.replica import UserCall
from orchestrator.replica.requests import RequestState
from tests.support.scripted_machine import answer
from tests.support.scripted_network import EXPIRY, OWNER, ScriptedNetwork

LIMIT_SECONDS = 30


class Nowhere:
    """Persistence that keeps nothing."""

    def save_created(self) -> None:
        """Save nothing."""

    def checkpoint(self) -> float:
        """Save nothing, at once."""
        return 0.0


def test_who_leaves_takes_nobody_along() -> None:
    """A client that leaves while a batch waits for the thread takes neither its own job nor those of others out of it."""
    network = ScriptedNetwork()
    answers: list[str] = []

    async def check() -> None:
        limiter = anyio.CapacityLimiter(1)
        driver = Driver(network.replica, Nowhere(), limiter=limiter)
        leaving = [anyio.CancelScope(), anyio.CancelScope()]

        async def leave(scope: anyio.CancelScope) -> None:
            with scope:
                await driver.run(lambda: answers.append("of one who left"))

        async def stay() -> None:
            await driver.run(lambda: answers.append("of one who stayed"))

        async with anyio.create_task_group() as tasks, limiter:
            for scope in leaving:
                tasks.start_soon(leave, scope)
            tasks.start_soon(stay)
            for scope in leaving:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
            await anyio.wait_all_tasks_blocked()

    anyio.run(check)
    assert answers.count("of one who stayed") == 1
    assert answers.count("of one who left") == 1


def test_a_call_is_taken_in_though_its_sender_leaves() -> None:
    """A question of somebody who has left is not asked any more; a call that has come is executed all the same."""
    network = ScriptedNetwork()
    canister = network.deploy(network.machine.module({"canister_update go": answer(b"done")}))
    call = UserCall(
        request_id=bytes(32), sender=OWNER.raw, canister_id=canister.raw, method="go", arg=b"", expiry=EXPIRY, effective_id=canister.raw
    )
    asked: list[str] = []

    async def check() -> None:
        limiter = anyio.CapacityLimiter(1)
        driver = Driver(network.replica, Nowhere(), limiter=limiter)
        async with anyio.create_task_group() as tasks, limiter:
            tasks.start_soon(driver.run, lambda: asked.append("first"))
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(driver.run, lambda: asked.append("second"))
            tasks.start_soon(lambda: driver.call(call, timeout_seconds=LIMIT_SECONDS))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        record = network.replica.request(call.request_id)
        assert record is not None
        assert record.state is RequestState.REPLIED

    anyio.run(check)
    assert asked == ["first"]
