"""A canister that is not there: answers a plugin's calls from what the author wrote down."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

import anyio.lowlevel

from orchestrator.engine.authoring.methods import argument_problem
from orchestrator.errors import CandidError, UsageError
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, SectionRequest

if TYPE_CHECKING:
    from orchestrator.candid.types import Type
    from orchestrator.engine.authoring.methods import Methods

__all__ = ["EMPTY_REPLY", "Answer", "Answerer", "CallFailure", "MockCanister", "Replies"]

EMPTY_REPLY: Final = b"DIDL\0\0"
"""What a method answers for which nothing was said: no values, in hex 4449444c0000."""


@dataclass(frozen=True, slots=True)
class CallFailure:
    """An answer that makes the call fail; the plugin is given `text` as the reason."""

    text: str


Computed: TypeAlias = Callable[[CanisterCallRequest], bytes | str | CallFailure | Awaitable[bytes | str | CallFailure]]
"""A model of a method: is given the call, and gives its answer at once or as an awaitable."""
Answer: TypeAlias = bytes | str | CallFailure | Computed
"""A reply as bytes or as Candid text such as `(1 : nat)`, a failure, or a function that makes one of these."""
Replies: TypeAlias = Mapping[str, Answer | Sequence[Answer]]
"""The answers of each method; those of a list come in its order, and the last one stays."""


class Answerer(Protocol):
    """Answers a plugin's calls."""

    async def answer(self, request: CanisterCallRequest) -> bytes:
        """Return the reply; raise `CanisterCallError` to make the call fail."""
        ...

    async def read_section(self, asked: SectionRequest) -> bytes | None:
        """Return a section of a module, or `None` where there is none; raise `CanisterCallError` where it cannot be read."""
        ...


class MockCanister:
    """Answers from a list for each method; what is not listed, from `otherwise`."""

    def __init__(
        self,
        replies: Replies,
        otherwise: Answer = EMPTY_REPLY,
        methods: "Methods | None" = None,
        sections: Mapping[str, bytes] | None = None,
    ) -> None:
        """Take the answers, the methods as far as they are known, and the sections that all modules have.

        Raises `UsageError` for text that is no reply of its method.
        """
        self._methods = methods or {}
        self._answers = {method: self._prepared(method, answers) for method, answers in replies.items()}
        self._otherwise = otherwise
        self._sections = sections or {}

    async def answer(self, request: CanisterCallRequest) -> bytes:
        """Give the method's next answer; an argument that is not of the method's types is refused, as a canister does."""
        problem = argument_problem(self._methods, request.method, request.arg) if request.target is None else None
        if problem is not None:
            raise CanisterCallError(f"canister call failed: the argument is not what `{request.method}` takes: {problem}")
        answers = self._answers.get(request.method)
        answer = self._otherwise if answers is None else answers[0]
        if answers is not None and len(answers) > 1:
            del answers[0]
        if callable(answer):
            computed = answer(request)
            answer = await computed if isawaitable(computed) else computed
        if isinstance(answer, str):
            answer = self._encode(request.method, answer)
        if isinstance(answer, CallFailure):
            raise CanisterCallError(answer.text)
        if not isinstance(answer, (bytes, bytearray, memoryview)):
            raise TypeError(f"a model of `{request.method}` answered with {type(answer).__name__}, not bytes, Candid text or CallFailure")
        return bytes(answer)

    async def read_section(self, asked: SectionRequest) -> bytes | None:
        """Give the section, whatever the canister."""
        await anyio.lowlevel.checkpoint()
        return self._sections.get(asked.name)

    def _prepared(self, method: str, answers: Answer | Sequence[Answer]) -> list[Answer]:
        listed: list[Answer] = list(answers) if isinstance(answers, (list, tuple)) else [cast("Answer", answers)]
        if not listed:
            raise UsageError(
                f"the list of replies of `{method}` is empty", slug="usage/reply", hint="leave the method out for an empty reply"
            )
        return [self._encode(method, answer) if isinstance(answer, str) else answer for answer in listed]

    def _encode(self, method: str, text: str) -> bytes:
        function = self._methods.get(method)
        return _encode_reply(method, text, None if function is None else function.results)


def _encode_reply(method: str, text: str, types: "Sequence[Type] | None") -> bytes:
    """Encode a reply that is written as Candid text; raises `UsageError`."""
    from orchestrator.candid import parse_arguments

    try:
        return parse_arguments(text, types)
    except CandidError as error:
        raise UsageError(
            f"the reply of `{method}` is not Candid text: {error.summary}",
            slug="usage/reply",
            detail=error.detail,
            hint='write values in parentheses, with types where they matter, such as `(1 : nat, "text")`',
        ) from error
