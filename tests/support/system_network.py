"""The system canisters of a replica without HTTP, files or WebAssembly: called in process, with Candid on both sides."""

from dataclasses import dataclass, field
from typing import Any, cast

from orchestrator.candid import Variant, decode, encode, load_interface
from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.accounts import identifier, principal_subaccount
from orchestrator.replica.system.cycles_ledger import CyclesLedgerCode
from orchestrator.replica.system.icp_ledger import IcpLedgerCode
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, CYCLES_MINTING_ID, ICP_LEDGER_ID, PROXY_ID
from orchestrator.replica.system.native import NativeInstance
from orchestrator.replica.vm.interface import Reply
from tests.support.scripted_network import OWNER, ScriptedNetwork

__all__ = ["FEE", "TRILLION", "SystemNetwork", "account", "err", "ok"]

TRILLION = 10**12
FEE = 100_000_000
"""Of the cycles ledger."""
INTERFACES = {CYCLES_LEDGER_ID: "cycles_ledger", CYCLES_MINTING_ID: "cycles_minting", ICP_LEDGER_ID: "icp_ledger", PROXY_ID: "proxy"}


def account(owner: Principal, subaccount: bytes | None = None) -> dict[str, object]:
    """Return a Candid account."""
    return {"owner": owner, "subaccount": subaccount}


def ok(answer: object) -> Any:
    """Return what an `Ok` carries; anything else fails the test."""
    assert isinstance(answer, Variant), answer
    assert answer.label == "Ok", answer
    return answer.value


def err(answer: object) -> Variant:
    """Return the error that an `Err` carries; anything else fails the test."""
    assert isinstance(answer, Variant), answer
    assert answer.label == "Err", answer
    assert isinstance(answer.value, Variant)
    return answer.value


@dataclass(slots=True)
class SystemNetwork:
    """A network with its system canisters, on which the owner has the funds of an identity."""

    scripted: ScriptedNetwork = field(default_factory=ScriptedNetwork)

    def __post_init__(self) -> None:
        """Install the canisters and fund the owner."""
        self.scripted.replica.install_system_canisters()
        self.scripted.replica.seed_accounts([OWNER.raw])

    def respond(self, canister: bytes, method: str, *arguments: object, caller: Principal = OWNER) -> Any:
        """Call an update method and return its result, or the rejection."""
        signature = _signature(canister, method)
        response = self.scripted.call(Principal(canister), method, encode(signature.arguments, arguments), caller=caller)
        return self._result(response, signature)

    def submit(self, canister: bytes, method: str, *arguments: object, caller: Principal = OWNER) -> bytes:
        """Queue an update call without executing it, and return its request id."""
        request = self.scripted.submit(
            Principal(canister), method, encode(_signature(canister, method).arguments, arguments), caller=caller
        )
        assert isinstance(request, bytes), request
        return request

    def answer(self, canister: bytes, method: str, request_id: bytes) -> Any:
        """Return how a queued call ended."""
        return self._result(self.scripted.response(request_id), _signature(canister, method))

    def call(self, canister: bytes, method: str, *arguments: object, caller: Principal = OWNER) -> Any:
        """Call an update method and return its result; a rejection fails the test."""
        result = self.respond(canister, method, *arguments, caller=caller)
        assert not isinstance(result, Rejection), result
        return result

    def query(self, canister: bytes, method: str, *arguments: object, caller: Principal = OWNER) -> Any:
        """Evaluate a query method and return its result; a rejection fails the test."""
        signature = _signature(canister, method)
        response = self.scripted.replica.query(canister, method, encode(signature.arguments, arguments), caller.raw)
        result = self._result(response, signature)
        assert not isinstance(result, Rejection), result
        return result

    def transfer(
        self, amount: int, receiver: Principal, *, canister: bytes = CYCLES_LEDGER_ID, caller: Principal = OWNER, **more: object
    ) -> Any:
        """Call `icrc1_transfer` of one of the ledgers."""
        return self.call(canister, "icrc1_transfer", {"to": account(receiver), "amount": amount, **more}, caller=caller)

    def create(self, *, caller: Principal = OWNER, cycles: int = 2 * TRILLION, **more: object) -> Any:
        """Create a canister with cycles of the ledger."""
        return self.call(CYCLES_LEDGER_ID, "create_canister", {"amount": cycles, **more}, caller=caller)

    def pay(self, amount: int, memo: int, subaccount: Principal, *, caller: Principal = OWNER) -> int:
        """Send ICP, in e8s, to the minting canister, and return the block."""
        receiver = identifier(CYCLES_MINTING_ID, principal_subaccount(subaccount.raw))
        transfer = {"memo": memo, "amount": {"e8s": amount}, "fee": {"e8s": 10_000}, "to": receiver}
        return cast("int", ok(self.call(ICP_LEDGER_ID, "transfer", transfer, caller=caller)))

    def minted(self, method: str, block: int, caller: Principal, **more: object) -> Any:
        """Tell the minting canister of a payment, and return its answer or a rejection."""
        return self.respond(CYCLES_MINTING_ID, method, {"block_index": block, **more}, caller=caller)

    def cycles(self, owner: Principal = OWNER) -> int:
        """Return the cycles of an account."""
        return cast("int", self.query(CYCLES_LEDGER_ID, "icrc1_balance_of", account(owner)))

    def icp(self, owner: Principal = OWNER) -> int:
        """Return the e8s of an account."""
        return cast("int", self.query(ICP_LEDGER_ID, "icrc1_balance_of", account(owner)))

    @property
    def cycles_ledger(self) -> CyclesLedgerCode:
        """Return the cycles ledger's code."""
        code = self.instance(CYCLES_LEDGER_ID).code
        assert isinstance(code, CyclesLedgerCode)
        return code

    @property
    def icp_ledger(self) -> IcpLedgerCode:
        """Return the ICP ledger's code."""
        code = self.instance(ICP_LEDGER_ID).code
        assert isinstance(code, IcpLedgerCode)
        return code

    def instance(self, canister: bytes) -> NativeInstance:
        """Return a system canister's instance."""
        found = self.scripted.state.canisters[canister].instance
        assert isinstance(found, NativeInstance)
        return found

    @staticmethod
    def _result(response: object, signature: Any) -> Any:
        if isinstance(response, Reply):
            values = decode(response.data, signature.results)
            return values[0] if values else None
        assert isinstance(response, Rejection), response
        return response


def _signature(canister: bytes, method: str) -> Any:
    service = load_interface(INTERFACES[canister]).service
    assert service is not None
    return service.methods[method]
