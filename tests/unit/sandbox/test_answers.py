"""The answers to a plugin's calls, on the tool's side."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from orchestrator.errors import OutcomeUnknownError
from orchestrator.sandbox.answers import Answers, TooManyCallsError
from orchestrator.sandbox.frames import Call, Reply
from orchestrator.sandbox.limits import CALLS_AT_ONCE, MAX_BATCH_REPLY_BYTES, MAX_ERROR_CHARACTERS, Limits
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest


def asked(method: str = "m", argument: bytes = b"", *, query: bool = False) -> Call:
    """Ask for a call."""
    return Call(method=method, argument=argument, query=query, direct=False, cycles=0)


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run to the end, which comes within seconds or not at all."""

    async def bounded() -> Any:
        with anyio.fail_after(30):
            return await main()

    return anyio.run(bounded)


def test_several_at_once_and_never_more() -> None:
    """A batch has as many calls under way as the limit says: that many arrive before any is answered, and no more."""
    under_way = most = 0

    async def main() -> list[Reply]:
        full = anyio.Event()

        async def call(_request: CanisterCallRequest) -> bytes:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way == CALLS_AT_ONCE:
                full.set()
            await full.wait()
            await anyio.lowlevel.checkpoint()
            under_way -= 1
            return b""

        return await Answers(Limits(), call).answer_batch([asked()] * CALLS_AT_ONCE * 4)

    replies = run(main)

    assert most == CALLS_AT_ONCE
    assert len(replies) == CALLS_AT_ONCE * 4


def test_replies_stand_in_the_places_of_their_calls() -> None:
    """However the calls end, the first reply belongs to the first call."""

    async def main() -> list[Reply]:
        ended = [anyio.Event() for _ in range(CALLS_AT_ONCE)]

        async def call(request: CanisterCallRequest) -> bytes:
            number = int(request.method)
            if number + 1 < len(ended):
                await ended[number + 1].wait()
            ended[number].set()
            if number == 2:
                raise CanisterCallError("no")
            return request.arg

        answers = Answers(Limits(), call)
        replies = await answers.answer_batch([asked(str(number), bytes([number])) for number in range(CALLS_AT_ONCE)])
        assert answers.calls == CALLS_AT_ONCE
        return replies

    replies = run(main)

    assert [reply.payload for reply in replies] == [b"no" if number == 2 else bytes([number]) for number in range(CALLS_AT_ONCE)]
    assert [reply.accepted for reply in replies].count(False) == 1


def test_a_failure_ends_the_batch_and_nothing_that_is_under_way() -> None:
    """A call whose outcome nobody knows comes out; its neighbours are ended first, and those not begun are not made."""
    begun: list[str] = []
    ended: list[str] = []

    async def main() -> None:
        full, failed = anyio.Event(), anyio.Event()

        async def call(request: CanisterCallRequest) -> bytes:
            begun.append(request.method)
            if len(begun) == CALLS_AT_ONCE:
                full.set()
            await full.wait()
            if request.method == "0":
                failed.set()
                raise OutcomeUnknownError("lost")
            await failed.wait()
            await anyio.lowlevel.checkpoint()
            ended.append(request.method)
            return b""

        await Answers(Limits(), call).answer_batch([asked(str(number)) for number in range(CALLS_AT_ONCE * 2)])

    with pytest.raises(OutcomeUnknownError, match="lost"):
        run(main)

    assert begun == [str(number) for number in range(CALLS_AT_ONCE)]
    assert sorted(["0", *ended]) == sorted(begun)


def test_too_many_calls_are_not_made() -> None:
    """The call that goes over the limit is not made, and a batch that does not fit is not begun."""
    made = 0

    async def call(_request: CanisterCallRequest) -> bytes:
        nonlocal made
        made += 1
        await anyio.lowlevel.checkpoint()
        return b""

    async def main() -> None:
        answers = Answers(Limits(max_calls=3), call)
        await answers.answer_batch([asked()] * 2)
        with pytest.raises(TooManyCallsError) as caught:
            await answers.answer_batch([asked()] * 2)
        assert caught.value.count == 4
        await answers.answer(asked())
        with pytest.raises(TooManyCallsError):
            await answers.answer(asked())

    run(main)

    assert made == 3


def test_bounds_of_one_call() -> None:
    """An argument over the run's limit is refused unmade, a reply over it is told with what became of the call."""

    async def call(request: CanisterCallRequest) -> bytes:
        await anyio.lowlevel.checkpoint()
        return request.arg * 2

    async def main() -> list[Reply]:
        answers = Answers(Limits(max_argument_bytes=3, max_reply_bytes=5), call)
        return [
            await answers.answer(asked(argument=argument, query=query))
            for argument, query in ((b"ab", False), (b"abcd", False), (b"abc", False), (b"abc", True))
        ]

    replies = run(main)

    assert replies[0] == Reply(accepted=True, payload=b"abab")
    assert [reply.payload.decode() for reply in replies[1:]] == [
        "canister call failed: the argument of 4 bytes is 1 over the limit of 3",
        "canister call failed: the reply of 6 bytes is 1 over the limit of 5; the call was made",
        "canister call failed: the reply of 6 bytes is 1 over the limit of 5",
    ]


def test_a_long_reason_is_cut() -> None:
    """A plugin gets so much of a reason, and learns how much is missing."""

    async def call(_request: CanisterCallRequest) -> bytes:
        await anyio.lowlevel.checkpoint()
        raise CanisterCallError("ü" * (MAX_ERROR_CHARACTERS + 7))

    reply = run(lambda: Answers(Limits(), call).answer(asked()))

    assert reply.payload.decode() == "ü" * MAX_ERROR_CHARACTERS + "… 7 characters truncated"


def test_replies_of_a_batch_are_bounded() -> None:
    """Once the replies hold too much together, the rest of the batch is not made, and says so."""
    made = 0

    async def call(_request: CanisterCallRequest) -> bytes:
        nonlocal made
        made += 1
        await anyio.lowlevel.checkpoint()
        return bytes(MAX_BATCH_REPLY_BYTES // 4)

    replies = run(lambda: Answers(Limits(), call).answer_batch([asked()] * CALLS_AT_ONCE * 2))

    refused = [reply.payload.decode() for reply in replies if not reply.accepted]
    assert made + len(refused) == len(replies)
    assert refused
    assert all("this call was not made" in text and f"over the limit of {MAX_BATCH_REPLY_BYTES}" in text for text in refused)
