"""Update calls through a proxy canister, which forwards them as itself and can attach cycles.

The proxy serves its controllers only and answers `variant { Ok : record { result : blob }; Err : … }`.
"""

from typing import Any

from orchestrator.agent.senders import UpdateSender
from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.core.principal import Principal
from orchestrator.errors import AgentError, CandidDecodeError

__all__ = ["ProxyError", "ProxySender", "encode_proxy_call", "read_proxy_reply"]

_METHOD = "proxy"


class ProxyError(AgentError):
    """Raised when the proxy refused a call, or the call that it forwarded failed; `reason` is in icp-cli's words."""

    default_slug = "agent/proxy"

    def __init__(self, reason: str, *, hint: str, summary: str | None = None) -> None:
        """Take the reason; without a `summary` it is said of the call through the proxy."""
        super().__init__(summary or f"proxy call failed: {reason}", hint=hint)
        self.reason = reason


class ProxySender:
    """Sends update calls through one proxy canister; `sender` reaches the proxy itself.

    `cycles` are attached to every call by the proxy, from its own balance.
    """

    def __init__(self, sender: UpdateSender, proxy_canister_id: Principal, *, cycles: int = 0) -> None:
        self._sender = sender
        self._proxy = proxy_canister_id
        self._cycles = cycles

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:  # noqa: ARG002 - the proxy's own calls need none
        """Call an update method as the proxy canister and return its reply.

        Raises `ProxyError` when the proxy or the forwarded call fails, and what the
        sender raises when the proxy cannot be reached.
        """
        reply = await self._sender.update(self._proxy, _METHOD, encode_proxy_call(canister_id, method, arg, cycles=self._cycles))
        return read_proxy_reply(reply)


def encode_proxy_call(canister_id: Principal, method: str, arg: bytes, *, cycles: int = 0) -> bytes:
    """Encode the argument of the proxy's `proxy` method."""
    service = load_interface("proxy").service
    if service is None:
        raise AgentError("the packaged interface of the proxy canister has no service")
    record = {"canister_id": canister_id, "method": method, "args": arg, "cycles": cycles}
    return encode(service.methods[_METHOD].arguments, [record])


def read_proxy_reply(reply: bytes) -> bytes:
    """Return the forwarded call's reply from the proxy's; raise `ProxyError` for what failed."""
    service = load_interface("proxy").service
    try:
        answer: Any = decode(reply, service.methods[_METHOD].results if service else ())[0]
    except CandidDecodeError as error:
        reason = f"failed to decode proxy canister response: {error.summary}"
        raise ProxyError(reason, hint="check that the proxy is a proxy canister", summary=reason) from error
    if answer.label == "Ok":
        result: bytes = answer.value["result"]
        return result
    raise _describe(answer.value)


def _describe(error: Variant) -> ProxyError:
    """Return the proxy's own error; its numbers are grouped as icp-cli does."""
    fields: Any = error.value
    if error.label == "InsufficientCycles":
        text = f"Proxy canister has insufficient cycles. Available: {fields['available']:_}, required: {fields['required']:_}"
        return ProxyError(text, hint="top up the proxy canister, or attach fewer cycles")
    if error.label == "CallFailed":
        hint = "the forwarded call failed: its own error is in the message"
        return ProxyError(f"Proxy call failed: {fields['reason']}", hint=hint, summary=f"proxy call failed: {fields['reason']}")
    text = "Unauthorized: you are not in the proxy canister's controllers list"
    return ProxyError(text, hint="let a controller of the proxy canister add this identity")
