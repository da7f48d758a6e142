"""The client: update calls, queries and certified reads of one network as one identity.

Every reply of an update call is proven by a certificate, every reply of a query by a node's signature; there is no
way to switch that off. Source: the interface specification, page "HTTPS interface".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.agent.answers import FORBIDDEN, decode_map
from orchestrator.agent.clock import Clock, SystemClock
from orchestrator.agent.endpoints import Endpoints, retry_read
from orchestrator.agent.nodes import NodeKeys
from orchestrator.agent.rejects import read_reject
from orchestrator.agent.state import INGRESS_EXPIRY_NS, RequestStatus, StateReader, lookup_optional
from orchestrator.agent.submission import Submission
from orchestrator.agent.transport import Transport
from orchestrator.core.principal import Principal
from orchestrator.errors import CertificateError, ProtocolError, SignatureError, TransportError
from orchestrator.protocol import cbor
from orchestrator.protocol.certificate import Certificate
from orchestrator.protocol.envelope import SignedRequest, sign_call, sign_query
from orchestrator.protocol.keys import AnonymousIdentity, Identity
from orchestrator.protocol.response import verify_response

__all__ = ["CanisterInfo", "Client", "NetworkStatus", "fetch_network_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatus:
    """What a network says about itself, unproven.

    `root_key` is DER-encoded, None where the network does not tell (the mainnet's is a constant);
    `health` is the replica's own word, such as `healthy`.
    """

    root_key: bytes | None
    health: str | None
    version: str | None

    @property
    def healthy(self) -> bool:
        """Whether the replica calls itself healthy."""
        return self.health == "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanisterInfo:
    """The certified public state of a canister; `module_hash` is None when it is empty."""

    module_hash: bytes | None
    controllers: tuple[Principal, ...]


async def fetch_network_status(transport: Transport, clock: Clock | None = None, *, patient: bool = True) -> NetworkStatus:
    """Fetch a network's own description, which is how a local network's root key is learnt; the impatient ask once."""
    waiting = clock or SystemClock()
    fetch = Endpoints(transport, waiting).fetch_status
    fields = await (retry_read(waiting, fetch) if patient else fetch())
    root_key, health, version = (fields.get(name) for name in ("root_key", "replica_health_status", "impl_version"))
    return NetworkStatus(
        root_key=root_key if isinstance(root_key, bytes) else None,
        health=health if isinstance(health, str) else None,
        version=version if isinstance(version, str) else None,
    )


class Client:
    """Talks to one network as one identity."""

    def __init__(self, transport: Transport, identity: Identity | None, root_key_der: bytes, clock: Clock | None = None) -> None:
        self._transport = transport
        self._identity: Identity = identity or AnonymousIdentity()
        self._clock: Clock = clock or SystemClock()
        self._endpoints = Endpoints(transport, self._clock)
        self._state = StateReader(self._endpoints, self._identity, root_key_der, self._clock)
        self._nodes = NodeKeys(self._state, root_key_der, self._clock)
        self._root_key_der = root_key_der

    @property
    def identity(self) -> Identity:
        """Who signs the requests."""
        return self._identity

    @property
    def root_key_der(self) -> bytes:
        """The key that every answer is checked against."""
        return self._root_key_der

    @property
    def url(self) -> str:
        """The network's base URL."""
        return self._transport.url

    def now_ns(self) -> int:
        """Return the time that requests are signed with, in nanoseconds since 1970."""
        return self._clock.now_ns()

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Call an update method and return its certified reply.

        `effective_canister_id` is needed for the management canister only. Raises `RejectError`, `TransportError`
        when the call was not accepted, and `OutcomeUnknownError` when nothing tells what became of it.
        """
        return await self.submit(self.prepare_update(canister_id, method, arg), effective_canister_id or canister_id)

    def prepare_update(self, canister_id: Principal, method: str, arg: bytes) -> SignedRequest:
        """Sign an update call without sending it, so that its id can be written down first."""
        return sign_call(self._identity, canister_id, method, arg, expiry_ns=self._clock.now_ns() + INGRESS_EXPIRY_NS)

    async def submit(self, signed: SignedRequest, effective_canister_id: Principal) -> bytes:
        """Send a signed call until its outcome is known and return its reply; errors as for `update`."""
        return await Submission(self._endpoints, self._state, self._clock, signed, effective_canister_id).run()

    async def fetch_request_status(self, request_id: bytes, effective_canister_id: Principal) -> RequestStatus:
        """Fetch the certified status of a request that this identity sent, perhaps in an earlier run."""
        return await self._state.fetch_request_status(request_id, effective_canister_id)

    async def query(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Call a query method and return its reply, signed by a node of the canister's subnet.

        Raises `RejectError`, `TransportError`, and `SignatureError` when the answer does not verify.
        """
        effective = effective_canister_id or canister_id
        response = await retry_read(self._clock, lambda: self._query_verified(canister_id, method, arg, effective))
        match response:
            case {"status": "replied", "reply": {"arg": bytes(reply)}}:
                return reply
        raise read_reject(response)

    async def _query_verified(self, canister_id: Principal, method: str, arg: bytes, effective: Principal) -> dict[str, object]:
        signed = sign_query(self._identity, canister_id, method, arg, expiry_ns=self._clock.now_ns() + INGRESS_EXPIRY_NS)
        response = decode_map(await self._endpoints.post("query", "canister", effective, signed.body))
        if response.get("status") not in {"replied", "rejected"}:
            raise TransportError(
                "the network's answer is neither a reply nor a reject", slug="agent/not-cbor", detail=f"fields: {sorted(response)}"
            )
        nodes = await self._nodes.fetch(effective)
        try:
            verify_response(response, request_id=signed.request_id, nodes=nodes, now_ns=self._clock.now_ns())
        except SignatureError as error:
            if error.slug != "protocol/unknown-node":
                raise
            nodes = await self._nodes.fetch(effective, anew=True)
            verify_response(response, request_id=signed.request_id, nodes=nodes, now_ns=self._clock.now_ns())
        return response

    async def read_state(
        self, paths: Sequence[Sequence[bytes]], canister_id: Principal | None = None, *, subnet_id: Principal | None = None
    ) -> Certificate:
        """Fetch a verified certificate that shows the values under some paths, for a canister or a subnet."""
        return await self._state.fetch(paths, canister_id=canister_id, subnet_id=subnet_id)

    async def status(self) -> NetworkStatus:
        """Fetch what the network says about itself, unproven."""
        return await fetch_network_status(self._transport, self._clock)

    async def read_metadata(self, canister_id: Principal, name: str) -> bytes | None:
        """Return a metadata section of a canister's module, None when it certainly has none of that name.

        A private section is shown to controllers only; for anybody else it is None as well.
        """
        path = [b"canister", canister_id.raw, b"metadata", name.encode("utf-8")]
        try:
            return lookup_optional(await self._state.fetch([path], canister_id=canister_id), path)
        except TransportError as error:
            if error.slug != FORBIDDEN:
                raise
            return None

    async def read_canister_info(self, canister_id: Principal) -> CanisterInfo | None:
        """Return a canister's certified module hash and controllers; None when there is no such canister."""
        base = [b"canister", canister_id.raw]
        certificate = await self._state.fetch([[*base, b"module_hash"], [*base, b"controllers"]], canister_id=canister_id)
        controllers = lookup_optional(certificate, [*base, b"controllers"])
        if controllers is None:
            return None
        return CanisterInfo(module_hash=lookup_optional(certificate, [*base, b"module_hash"]), controllers=_decode_principals(controllers))


def _decode_principals(data: bytes) -> tuple[Principal, ...]:
    try:
        values = cbor.loads(data)
        if isinstance(values, list) and all(isinstance(value, bytes) for value in values):
            return tuple(sorted(Principal(value) for value in values))
    except (ProtocolError, ValueError) as error:
        raise CertificateError("a canister's certified controllers are malformed", detail=str(error)) from error
    raise CertificateError("a canister's certified controllers are malformed", detail="not a list of principals")
