"""The cycles ledger: a creation that can be asked for twice and happens once."""

from dataclasses import dataclass, field
from typing import Any

import anyio.lowlevel
import pytest

from orchestrator.agent import cycles_ledger
from orchestrator.agent.cycles_ledger import CYCLES_LEDGER, CreatedCanister, CyclesLedger
from orchestrator.agent.values import CanisterSettings
from orchestrator.candid import Variant, decode, encode
from orchestrator.core.principal import Principal
from orchestrator.errors import AgentError
from tests.support.fake_network import CANISTER, NOW

pytestmark = pytest.mark.anyio
SUBNET = Principal(b"subnet")
FUNCTION = cycles_ledger._method("create_canister")


@dataclass(slots=True)
class FakeLedger:
    """A ledger that remembers creations by their time and arguments."""

    error: Variant | None = None
    made: dict[bytes, int] = field(default_factory=dict)
    last: Any = None

    async def update(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Take a creation."""
        await anyio.lowlevel.checkpoint()
        assert (canister_id, method, effective_canister_id) == (CYCLES_LEDGER, "create_canister", None)
        self.last = decode(arg, FUNCTION.arguments)[0]
        if self.error is not None:
            return encode(FUNCTION.results, [Variant("Err", self.error)])
        if arg in self.made:
            duplicate = Variant("Duplicate", {"duplicate_of": self.made[arg], "canister_id": CANISTER})
            return encode(FUNCTION.results, [Variant("Err", duplicate)])
        self.made[arg] = 40 + len(self.made)
        return encode(FUNCTION.results, [Variant("Ok", {"block_id": self.made[arg], "canister_id": CANISTER})])

    async def query(self, canister_id: Principal, method: str, arg: bytes, *, effective_canister_id: Principal | None = None) -> bytes:
        """Tell a balance."""
        await anyio.lowlevel.checkpoint()
        assert (canister_id, method, effective_canister_id) == (CYCLES_LEDGER, "icrc1_balance_of", None)
        self.last = decode(arg, cycles_ledger._method("icrc1_balance_of").arguments)[0]
        return encode(cycles_ledger._method("icrc1_balance_of").results, [10**13])


async def test_asking_twice_makes_one_canister() -> None:
    """The same creation, asked for again after its answer was lost, names the canister that the first one made."""
    ledger = CyclesLedger(fake := FakeLedger(), fake)
    settings = CanisterSettings(controllers=(SUBNET,), compute_allocation=1, wasm_memory_limit=5, environment_variables={"a": "b"})
    first = await ledger.create_canister(cycles=100, created_at_ns=NOW, settings=settings, subnet_id=SUBNET)
    second = await ledger.create_canister(cycles=100, created_at_ns=NOW, settings=settings, subnet_id=SUBNET)
    assert first == CreatedCanister(canister_id=CANISTER, block_index=40)
    assert second == CreatedCanister(canister_id=CANISTER, block_index=40, duplicate=True)
    assert fake.last["created_at_time"] == NOW
    assert fake.last["creation_args"]["subnet_selection"] == Variant("Subnet", {"subnet": SUBNET})
    assert fake.last["creation_args"]["settings"]["controllers"] == [SUBNET]
    third = await ledger.create_canister(cycles=100, created_at_ns=NOW + 1)
    assert not third.duplicate


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Variant("InsufficientFunds", {"balance": 12}), "insufficient cycles"),
        (Variant("TemporarilyUnavailable"), "temporarily unavailable"),
        (Variant("TooOld"), "more than a day ago"),
        (Variant("CreatedInFuture", {"ledger_time": 5}), "in the future"),
        (Variant("Duplicate", {"duplicate_of": 5, "canister_id": None}), "seen this creation"),
        (Variant("FailedToCreate", {"error": "full", "fee_block": None, "refund_block": 6}), "was not created"),
        (Variant("GenericError", {"message": "odd", "error_code": 1}), "refused"),
    ],
)
async def test_every_error_is_told(error: Variant, words: str) -> None:
    """Each of the ledger's errors has its words, and its fields as detail."""
    with pytest.raises(AgentError) as caught:
        await CyclesLedger(fake := FakeLedger(error), fake).create_canister(cycles=1, created_at_ns=NOW)
    assert words in caught.value.summary
    assert caught.value.slug == ("agent/insufficient-cycles" if error.label == "InsufficientFunds" else "agent/cycles-ledger")
    for value in error.value.values() if isinstance(error.value, dict) else ():
        assert str(value) in str(caught.value.detail)


async def test_a_balance_is_read() -> None:
    """The balance of a principal's default account."""
    ledger = CyclesLedger(fake := FakeLedger(), fake)
    assert await ledger.fetch_balance(SUBNET) == 10**13
    assert fake.last == {"owner": SUBNET, "subaccount": None}
