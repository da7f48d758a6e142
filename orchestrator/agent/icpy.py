"""ic-py's agent on our client: scripts keep their `Canister` objects, and every answer is verified.

    with open_icpy_agent("http://127.0.0.1:8000", root_key=key) as agent:
        print(Canister(agent, canister_id, candid).greet("you"))

Needs the extra `icp-orchestrator[ic-py]`. Unlike ic-py's own agent this one raises `RejectError` for a rejected query,
verifies certificates and node signatures, gives every update call its nonce, and never blocks an event loop.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from orchestrator.agent.client import Client, fetch_network_status
from orchestrator.agent.transport import HttpTransport
from orchestrator.core.principal import Principal
from orchestrator.errors import RejectError, TransportError
from orchestrator.protocol.certificate import MAINNET_ROOT_KEY
from orchestrator.protocol.keys import AnonymousIdentity, Identity, SignedDelegation

try:
    from ic.agent import Agent
except ImportError as error:
    raise ImportError("ic-py is not installed: `pip install icp-orchestrator[ic-py]`") from error

from orchestrator.agent.icpy_values import decode_reply

__all__ = ["IcpyIdentity", "VerifiedAgent", "open_icpy_agent"]

_INTERFACE_METHOD = "__get_candid_interface_tmp_hack"
_INTERFACE_SECTION = "candid:service"


class IcpyIdentity:
    """One of ic-py's identities (`Identity`, `DelegateIdentity`) as one of ours."""

    def __init__(self, identity: Any) -> None:
        self._identity = identity

    @property
    def principal(self) -> Principal:
        """The sender of the requests."""
        return Principal(self._identity.sender().bytes)

    @property
    def public_key_der(self) -> bytes | None:
        """The DER-encoded key that the principal comes from."""
        return None if getattr(self._identity, "anonymous", False) else bytes(self._identity.der_pubkey)

    @property
    def delegations(self) -> tuple[SignedDelegation, ...]:
        """The chain of a delegated identity; ic-py drops targets, so that a chain with targets is refused by the network."""
        return tuple(SignedDelegation.from_envelope(entry) for entry in getattr(self._identity, "delegations", ()))

    def sign(self, message: bytes) -> bytes | None:
        """Return the signature of a message."""
        signature: bytes | None = self._identity.sign(message)[1]
        return signature


class VerifiedAgent(Agent):  # type: ignore[misc]  # ic-py carries no types
    """Drop-in for `ic.agent.Agent`: its calls travel by a `Client` that runs in a thread of its own."""

    def __init__(self, client: Client, portal: BlockingPortal, identity: Any) -> None:
        """Take an open client and the portal to its event loop."""
        super().__init__(identity, None, root_key=client.root_key_der)
        self._orchestrator_client = client
        self._portal = portal

    def query_raw(
        self, canister_id: Any, method_name: str, arg: bytes, return_type: Any = None, effective_canister_id: Any = None
    ) -> list[dict[str, Any]]:
        """Query a method and decode its reply; raises `RejectError`, which ic-py would return as if it were data."""
        canister = _principal(canister_id)
        effective = canister if effective_canister_id is None else _principal(effective_canister_id)
        ask = partial(self._orchestrator_client.query, canister, method_name, bytes(arg), effective_canister_id=effective)
        try:
            return decode_reply(self._portal.call(ask), return_type)
        except RejectError:
            interface = self._read_interface(canister) if method_name == _INTERFACE_METHOD else None
            if interface is None:
                raise
            return [{"type": "text", "value": interface}]

    def _read_interface(self, canister_id: Principal) -> str | None:
        """Read the interface where canisters of today keep it: `Canister(agent, id)` asks for it by an old name."""
        data = self._portal.call(self._orchestrator_client.read_metadata, canister_id, _INTERFACE_SECTION)
        return None if data is None else data.decode("utf-8", errors="replace")

    def update_raw(
        self, canister_id: Any, method_name: str, arg: bytes, return_type: Any = None, effective_canister_id: Any = None, **_options: Any
    ) -> list[dict[str, Any]]:
        """Call an update method and decode its certified reply; ic-py's options for polling have no meaning here."""
        canister = _principal(canister_id)
        effective = canister if effective_canister_id is None else _principal(effective_canister_id)
        send = partial(self._orchestrator_client.update, canister, method_name, bytes(arg), effective_canister_id=effective)
        return decode_reply(self._portal.call(send), return_type)

    def read_state_raw(self, canister_id: Any, paths: Sequence[Sequence[bytes]]) -> dict[str, Any]:
        """Return a verified certificate in the shape that `ic.certificate.lookup` reads."""
        certificate = self._portal.call(self._orchestrator_client.read_state, paths, _principal(canister_id))
        return {"tree": certificate.tree, "signature": certificate.signature}

    async def query_raw_async(self, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        """`query_raw` for an event loop, which is not blocked."""
        return await anyio.to_thread.run_sync(partial(self.query_raw, *arguments, **options))

    async def update_raw_async(self, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        """`update_raw` for an event loop, which is not blocked."""
        return await anyio.to_thread.run_sync(partial(self.update_raw, *arguments, **options))

    async def read_state_raw_async(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """`read_state_raw` for an event loop, which is not blocked."""
        return await anyio.to_thread.run_sync(partial(self.read_state_raw, *arguments, **options))


def _principal(value: Any) -> Principal:
    """Take what ic-py's users give: a text, or a principal of theirs or ours."""
    if isinstance(value, Principal):
        return value
    return Principal.from_text(value) if isinstance(value, str) else Principal(value.bytes)


@contextmanager
def open_icpy_agent(url: str, *, identity: Any = None, root_key: bytes | None = MAINNET_ROOT_KEY) -> Iterator[VerifiedAgent]:
    """Open an agent for ic-py's `Canister`: `identity` is one of ic-py's or of ours (None: anonymous).

    `root_key` None takes the key that the network itself names: right for a local network, and for no other.
    """
    ours: Identity = identity if hasattr(identity, "principal") else IcpyIdentity(identity) if identity is not None else AnonymousIdentity()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(HttpTransport(url)) as transport:
        key = root_key
        if key is None:
            key = portal.call(fetch_network_status, transport).root_key
        if key is None:
            raise TransportError("the network names no root key", slug="agent/root-key", hint="give it as `root_key`")
        yield VerifiedAgent(Client(transport, ours, key), portal, identity)
