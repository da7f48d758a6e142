"""The cycles minting canister: payments in ICP, canisters for cycles, and what it says of the network."""

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.ids import CYCLES_MINTING_ID, GOVERNANCE_ID
from orchestrator.replica.system.minting_payments import MEMOS
from tests.support.scripted_network import OWNER, STRANGER
from tests.support.system_network import FEE, SystemNetwork, err, ok

ICP = 10**8
ICP_FEE = 10_000
CYCLES_PER_ICP = 3_520_000_000_000
NOBODY = Principal(GOVERNANCE_ID)
TOP_UP, CREATE, MINT = MEMOS["notify_top_up"], MEMOS["notify_create_canister"], MEMOS["notify_mint_cycles"]


@pytest.fixture
def network() -> SystemNetwork:
    """Return a network whose owner has a million ICP."""
    return SystemNetwork()


def notify(network: SystemNetwork, method: str, block: int, *, caller: Principal = OWNER, **more: object) -> object:
    """Tell the canister of a payment."""
    return network.call(CYCLES_MINTING_ID, method, {"block_index": block, **more}, caller=caller)


def test_what_it_says_of_the_network(network: SystemNetwork) -> None:
    """There is one subnet, without a type, and the price of ICP is fixed."""
    assert network.query(CYCLES_MINTING_ID, "get_default_subnets") == [Principal(network.scripted.replica.keys.subnet_id)]
    assert network.query(CYCLES_MINTING_ID, "get_subnet_types_to_subnets") == {"data": []}
    rate = network.query(CYCLES_MINTING_ID, "get_icp_xdr_conversion_rate")
    assert rate["data"]["xdr_permyriad_per_icp"] == 35_200
    assert rate["certificate"]


def test_icp_becomes_cycles_of_the_account(network: SystemNetwork) -> None:
    """The account gets the cycles less the ledger's fee; the ICP is burned; asking again changes nothing."""
    before, supply = network.cycles(), network.icp_ledger.total_supply()
    block = network.pay(ICP, MINT, OWNER)

    first, again = notify(network, "notify_mint_cycles", block), notify(network, "notify_mint_cycles", block)

    assert first == again
    assert ok(first)["minted"] == CYCLES_PER_ICP
    assert ok(first)["balance"] == network.cycles() == before + CYCLES_PER_ICP - FEE
    assert network.icp_ledger.total_supply() == supply - ICP - ICP_FEE


def test_icp_becomes_cycles_of_a_canister(network: SystemNetwork) -> None:
    """A top-up goes to the canister of the subaccount, whoever tells of it."""
    canister = network.scripted.create()
    before = network.scripted.canister(canister).cycles
    block = network.pay(ICP, TOP_UP, canister)

    assert ok(notify(network, "notify_top_up", block, canister_id=canister, caller=STRANGER)) == CYCLES_PER_ICP
    assert ok(notify(network, "notify_top_up", block, canister_id=canister)) == CYCLES_PER_ICP
    assert network.scripted.canister(canister).cycles == before + CYCLES_PER_ICP


def test_icp_becomes_a_canister(network: SystemNetwork) -> None:
    """The controller of the subaccount controls the new canister; asking again names the same one."""
    block = network.pay(ICP, CREATE, OWNER)

    made = ok(notify(network, "notify_create_canister", block, controller=OWNER))

    assert network.scripted.canister(made).settings.controllers == (OWNER.raw,)
    assert ok(notify(network, "notify_create_canister", block, controller=OWNER)) == made


def test_a_payment_for_nobody_is_sent_back(network: SystemNetwork) -> None:
    """ICP for a canister that is not there comes back less the fees, which are burned; once, however often it is asked for."""
    before, supply = network.icp(), network.icp_ledger.total_supply()
    block = network.pay(ICP, TOP_UP, NOBODY)

    error = err(notify(network, "notify_top_up", block, canister_id=NOBODY))

    assert error.label == "Refunded"
    assert error.value["reason"].startswith("Depositing cycles failed with code 3: IC0301")  # type: ignore[index]
    assert error.value["block_index"] == block + 1  # type: ignore[index]
    assert network.icp() == before - 4 * ICP_FEE
    assert err(notify(network, "notify_top_up", block, canister_id=NOBODY)) == error
    assert network.icp() == before - 4 * ICP_FEE
    assert network.icp_ledger.total_supply() == supply - 4 * ICP_FEE


def test_a_payment_too_small_for_a_canister(network: SystemNetwork) -> None:
    """ICP that does not pay for a canister comes back, with the reason and the subnet that gave it."""
    block = network.pay(ICP // 100, CREATE, OWNER)

    error = err(notify(network, "notify_create_canister", block, controller=OWNER))

    subnet = Principal(network.scripted.replica.keys.subnet_id)
    assert error.value["reason"].startswith(f"Creating canister in subnet {subnet} failed with code")  # type: ignore[index]


def test_a_payment_too_small_to_be_sent_back(network: SystemNetwork) -> None:
    """What the fees of a refund would eat is burned."""
    supply = network.icp_ledger.total_supply()
    block = network.pay(2 * ICP_FEE, TOP_UP, NOBODY)

    error = err(notify(network, "notify_top_up", block, canister_id=NOBODY))

    assert error.label == "Refunded"
    assert error.value["block_index"] is None  # type: ignore[index]
    assert network.icp_ledger.total_supply() == supply - 3 * ICP_FEE


@pytest.mark.parametrize(
    ("memo", "subaccount", "block", "words"),
    [
        (TOP_UP, OWNER, 99, "Block 99 not found"),
        (TOP_UP, OWNER, 0, "must be of type Transfer"),
        (TOP_UP, OWNER, 2, "Intent in the block"),
        (MINT, STRANGER, 2, "Destination account in the block"),
    ],
    ids=["absent", "minting", "memo", "subaccount"],
)
def test_what_is_no_payment(network: SystemNetwork, memo: int, subaccount: Principal, block: int, words: str) -> None:
    """A block that pays for something else is refused, and stays to be told of rightly."""
    network.pay(ICP, memo, subaccount)

    error = err(notify(network, "notify_mint_cycles", block))

    assert error.label == "InvalidTransaction"
    assert words in str(error.value)


def test_a_block_pays_for_one_thing(network: SystemNetwork) -> None:
    """While a payment is worked on, telling of it again says so."""
    block = network.pay(ICP, MINT, OWNER)
    first = network.submit(CYCLES_MINTING_ID, "notify_mint_cycles", {"block_index": block})
    second = network.submit(CYCLES_MINTING_ID, "notify_mint_cycles", {"block_index": block})
    network.scripted.run()

    ok(network.answer(CYCLES_MINTING_ID, "notify_mint_cycles", first))
    assert err(network.answer(CYCLES_MINTING_ID, "notify_mint_cycles", second)) == Variant("Processing")


def test_users_have_no_cycles_to_create_with(network: SystemNetwork) -> None:
    """`create_canister` takes attached cycles, which users cannot attach."""
    error = err(network.call(CYCLES_MINTING_ID, "create_canister", {}))

    assert error == Variant("Refunded", {"refund_amount": 0, "create_error": "Insufficient cycles attached."})


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("set_authorized_subnetwork_list", {"who": None, "subnets": []}),
        ("update_subnet_type", Variant("Add", "fast")),
        ("change_subnet_type_assignment", Variant("Add", {"subnets": [], "subnet_type": "fast"})),
    ],
)
def test_what_is_for_the_governance_canister(network: SystemNetwork, method: str, argument: object) -> None:
    """Nobody else changes subnets."""
    refused = network.respond(CYCLES_MINTING_ID, method, argument)

    assert isinstance(refused, Rejection)
    assert "Only the governance canister" in refused.message


def test_a_type_of_subnet_that_is_not_there(network: SystemNetwork) -> None:
    """A payment for a canister on a type of subnet that the network lacks is sent back."""
    block = network.pay(ICP, CREATE, OWNER)

    error = err(notify(network, "notify_create_canister", block, controller=OWNER, subnet_type="fiduciary"))

    assert (error.label, error.value["reason"]) == ("Refunded", "Provided subnet type fiduciary does not exist")  # type: ignore[index]
