"""Calls of the Candid page: arguments as text in, an outcome in words out."""

from dataclasses import dataclass
from typing import Literal

from orchestrator.candid import encode, format_message, parse_values
from orchestrator.candid import types as T
from orchestrator.core.principal import Principal
from orchestrator.errors import CandidError
from orchestrator.replica import limits
from orchestrator.replica.http.gateway.candid_interface import kind_of, load_service
from orchestrator.replica.http.gateway.canisters import UPDATE_TIMEOUT_SECONDS, Canisters, NotAnsweredError
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection

__all__ = ["CallRequest", "Outcome", "call_method"]

_TRAPS = frozenset({"IC0502", "IC0503"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A method and one text for each of its arguments."""

    canister_id: Principal
    method: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended; `mistakes` are arguments, by their place, with what is wrong with them."""

    kind: Literal["reply", "reject", "trap", "error"]
    title: str
    text: str
    mistakes: tuple[tuple[int, str], ...] = ()


async def call_method(canisters: Canisters, asked: CallRequest) -> Outcome:
    """Call a method as the anonymous identity, by a query where the method is one; never raises for what a user can cause."""
    try:
        service = await load_service(canisters, asked.canister_id)
    except CandidError as error:
        return Outcome(kind="error", title="Not called", text=_words(error))
    method = service.methods.get(asked.method)
    if method is None:
        return Outcome(kind="error", title="Not called", text=f"The canister has no method `{asked.method}`.")
    if len(asked.arguments) != len(method.arguments):
        text = f"The method takes {len(method.arguments)} arguments, not {len(asked.arguments)}."
        return Outcome(kind="error", title="Not called", text=text)
    values, mistakes = _parse(asked.arguments, method.arguments)
    if mistakes:
        return Outcome(kind="error", title="Not called", text="", mistakes=mistakes)
    return await _send(canisters, asked, method, encode(method.arguments, values))


def _parse(texts: tuple[str, ...], types: tuple[T.Type, ...]) -> tuple[list[object], tuple[tuple[int, str], ...]]:
    """Read each text at its type; an empty one stands for null where that is a value."""
    values: list[object] = []
    mistakes: list[tuple[int, str]] = []
    for index, (text, type_) in enumerate(zip(texts, types, strict=True)):
        try:
            values += parse_values(f"({text})", [type_], strict=True)
        except CandidError as error:
            mistakes.append((index, _words(error)))
    return values, tuple(mistakes)


async def _send(canisters: Canisters, asked: CallRequest, method: T.Function, arg: bytes) -> Outcome:
    is_query = "query" in kind_of(method)
    if len(arg) > limits.MAX_INGRESS_BYTES:
        return Outcome(kind="error", title="Not called", text=f"The arguments have more than {limits.MAX_INGRESS_BYTES} bytes.")
    try:
        response = await (canisters.query if is_query else canisters.update)(asked.canister_id, asked.method, arg)
    except NotAnsweredError:
        return Outcome(
            kind="error", title="Still running", text=f"The call takes longer than {UPDATE_TIMEOUT_SECONDS:.0f} seconds; it goes on."
        )
    return _outcome(response, method)


def _outcome(response: Response, method: T.Function) -> Outcome:
    if isinstance(response, Rejection):
        is_trap = response.error_code in _TRAPS
        title = "Trapped" if is_trap else f"Rejected, code {response.code}"
        return Outcome(kind="trap" if is_trap else "reject", title=f"{title} ({response.error_code})", text=response.message)
    if "oneway" in method.annotations:
        return Outcome(kind="reply", title="Sent", text="")
    try:
        return Outcome(kind="reply", title="Reply", text=format_message(response.data, method.results))
    except CandidError as error:
        text = f"{_words(error)}\n\n{response.data.hex()}"
        return Outcome(kind="error", title="A reply of other types than the interface tells", text=text)


def _words(error: CandidError) -> str:
    text = error.summary if not error.detail else f"{error.summary}: {error.detail}"
    return f"{text[:1].upper()}{text[1:]}."
