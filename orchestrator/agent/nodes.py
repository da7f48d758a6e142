"""Which nodes may answer a canister's queries: certified keys, kept for a few minutes.

Source: the interface specification, section "Request: Query call".
"""

from orchestrator.agent.clock import Clock
from orchestrator.agent.state import StateReader
from orchestrator.core.principal import Principal
from orchestrator.protocol.response import SubnetNodes, read_subnet_nodes

__all__ = ["NODE_KEYS_LIFETIME_NS", "NodeKeys"]

NODE_KEYS_LIFETIME_NS = 5 * 60 * 1_000_000_000
"""How long certified node keys are used before they are read again, in nanoseconds."""


class NodeKeys:
    """Fetches and keeps the node keys of the subnets of the canisters that are queried."""

    def __init__(self, state: StateReader, root_key_der: bytes, clock: Clock) -> None:
        self._state = state
        self._root_key_der = root_key_der
        self._clock = clock
        self._kept: dict[Principal, SubnetNodes] = {}

    async def fetch(self, canister_id: Principal, *, anew: bool = False) -> SubnetNodes:
        """Return the nodes of a canister's subnet; `anew` reads them again in any case."""
        kept = self._kept.get(canister_id)
        if kept is None or anew or abs(self._clock.now_ns() - kept.time_ns) > NODE_KEYS_LIFETIME_NS:
            certificate = await self._state.fetch([[b"subnet"]], canister_id=canister_id)
            kept = read_subnet_nodes(certificate, root_key_der=self._root_key_der, canister_id=canister_id)
            self._kept[canister_id] = kept
        return kept
