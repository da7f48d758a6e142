"""Calls of the embedded network's system canisters, with Candid on both sides."""

from typing import Any, cast

from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.core.principal import Principal
from orchestrator.protocol import cbor
from orchestrator.protocol.hash_tree import Found
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, CYCLES_MINTING_ID, ICP_LEDGER_ID, PROXY_ID
from tests.support.replica_client import ReplicaClient

__all__ = ["SystemClient"]

_INTERFACES = {CYCLES_LEDGER_ID: "cycles_ledger", CYCLES_MINTING_ID: "cycles_minting", ICP_LEDGER_ID: "icp_ledger", PROXY_ID: "proxy"}
_CREATION_CYCLES = 2 * 10**12


class SystemClient:
    """One identity's view of the system canisters."""

    def __init__(self, client: ReplicaClient) -> None:
        self.client = client

    def call(self, canister: bytes, method: str, argument: object) -> Any:
        """Call an update method and return its one result."""
        signature = _signature(canister, method)
        return decode(self.client.call(Principal(canister), method, encode(signature.arguments, [argument])), signature.results)[0]

    def query(self, canister: bytes, method: str, *arguments: object) -> Any:
        """Evaluate a query method and return its one result."""
        signature = _signature(canister, method)
        return decode(self.client.query(Principal(canister), method, encode(signature.arguments, arguments)), signature.results)[0]

    def balance(self, canister: bytes) -> int:
        """Return what the identity's account has on one of the ledgers."""
        account = {"owner": self.client.identity.principal, "subaccount": None}
        return int(self.query(canister, "icrc1_balance_of", account))

    def cycles(self) -> int:
        """Return the cycles of the identity's account."""
        return self.balance(CYCLES_LEDGER_ID)

    def create(self, created_at: int | None = None) -> Variant:
        """Create a canister with two trillion cycles of the account."""
        argument = {"from_subaccount": None, "created_at_time": created_at, "amount": _CREATION_CYCLES, "creation_args": None}
        return cast("Variant", self.call(CYCLES_LEDGER_ID, "create_canister", argument))

    def controllers(self, canister: Principal) -> list[Principal]:
        """Return the certified controllers of a canister."""
        path = [b"canister", canister.raw, b"controllers"]
        found = self.client.certificate([path], canister).lookup(path)
        assert isinstance(found, Found)
        return [Principal(raw) for raw in cast("list[bytes]", cbor.loads(found.value))]


def _signature(canister: bytes, method: str) -> Any:
    service = load_interface(_INTERFACES[canister]).service
    assert service is not None
    return service.methods[method]
