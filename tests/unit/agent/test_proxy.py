"""Calls through a proxy canister: wrapped, unwrapped, and every way to fail in its own words."""

from dataclasses import dataclass, field
from typing import Any

import anyio.lowlevel
import pytest

from orchestrator.agent.management import Management
from orchestrator.agent.proxy import ProxySender, encode_proxy_call, read_proxy_reply
from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.errors import AgentError
from tests.support.fake_network import CANISTER

pytestmark = pytest.mark.anyio
PROXY = Principal(b"proxy")
SERVICE = load_interface("proxy").service
assert SERVICE is not None
FUNCTION = SERVICE.methods["proxy"]


@dataclass(slots=True)
class FakeProxy:
    """A proxy canister that answers every call in one way."""

    answer: Variant
    calls: list[Any] = field(default_factory=list)

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Take a call of the proxy's method."""
        await anyio.lowlevel.checkpoint()
        assert (canister_id, method, effective_canister_id) == (PROXY, "proxy", None)
        self.calls.append(decode(arg, FUNCTION.arguments)[0])
        return encode(FUNCTION.results, [self.answer])

    async def query(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Refuse: a proxy forwards update calls only."""
        raise AssertionError((canister_id, method, arg, effective_canister_id))


async def test_a_call_is_forwarded_with_its_cycles() -> None:
    """The proxy gets canister, method, argument and cycles; its result is the call's reply."""
    fake = FakeProxy(Variant("Ok", {"result": b"reply"}))
    assert await ProxySender(fake, PROXY, cycles=7).update(CANISTER, "greet", b"arg") == b"reply"
    assert fake.calls == [{"canister_id": CANISTER, "method": "greet", "args": b"arg", "cycles": 7}]


async def test_management_calls_are_forwarded() -> None:
    """Management calls travel by the proxy as any other."""
    fake = FakeProxy(Variant("Ok", {"result": b"DIDL\x00\x00"}))
    await Management(ProxySender(fake, PROXY), fake).stop_canister(CANISTER)
    assert (fake.calls[0]["canister_id"], fake.calls[0]["method"], fake.calls[0]["cycles"]) == (MANAGEMENT_CANISTER, "stop_canister", 0)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            Variant("InsufficientCycles", {"available": 5, "required": 9}),
            "proxy call failed: Proxy canister has insufficient cycles. Available: 5, required: 9",
        ),
        (Variant("CallFailed", {"reason": "IC0503: trapped"}), "proxy call failed: IC0503: trapped"),
        (Variant("UnauthorizedUser"), "proxy call failed: Unauthorized: you are not in the proxy canister's controllers list"),
    ],
)
async def test_the_proxys_errors_keep_their_words(error: Variant, text: str) -> None:
    """Each of the proxy's errors has its text, slug and hint."""
    with pytest.raises(AgentError) as caught:
        await ProxySender(FakeProxy(Variant("Err", error)), PROXY).update(CANISTER, "greet", b"")
    assert caught.value.summary == text
    assert caught.value.slug == "agent/proxy"
    assert caught.value.hint


def test_another_canisters_reply_is_not_a_proxys() -> None:
    """A reply of another shape names the proxy as the problem."""
    with pytest.raises(AgentError, match="failed to decode proxy canister response"):
        read_proxy_reply(b"DIDL\x00\x00")


def test_encoding_alone() -> None:
    """The argument can be encoded without sending, for a journal."""
    assert decode(encode_proxy_call(CANISTER, "m", b"a"), FUNCTION.arguments)[0] == {
        "canister_id": CANISTER,
        "method": "m",
        "args": b"a",
        "cycles": 0,
    }
