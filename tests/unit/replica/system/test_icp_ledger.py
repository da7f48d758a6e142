"""The ICP ledger: ICRC-1 and ICRC-2, and the older methods whose accounts are identifiers."""

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.accounts import identifier
from orchestrator.replica.system.ids import GOVERNANCE_ID, ICP_LEDGER_ID
from tests.support.scripted_network import OWNER, SECOND, START_TIME, STRANGER
from tests.support.system_network import SystemNetwork, account, err, ok

ICP_FEE = 10_000
FUNDS = 1_000_000 * 10**8
DAY = 24 * 3600 * SECOND
MINTING = Principal(GOVERNANCE_ID)


@pytest.fixture
def network() -> SystemNetwork:
    """Return a network whose owner has a million ICP."""
    return SystemNetwork()


def send(network: SystemNetwork, amount: int, to: bytes, *, fee: int = ICP_FEE, **more: object) -> object:
    """Call the older `transfer`."""
    argument = {"memo": 7, "amount": {"e8s": amount}, "fee": {"e8s": fee}, "to": to, **more}
    return network.call(ICP_LEDGER_ID, "transfer", argument)


def test_both_ways_see_the_same_account(network: SystemNetwork) -> None:
    """What the older method sends, the newer ones show, and the other way round."""
    ok(send(network, 5, identifier(STRANGER.raw)))
    ok(network.transfer(6, STRANGER, canister=ICP_LEDGER_ID))

    assert network.icp(STRANGER) == 11
    asked = {"account": identifier(STRANGER.raw)}
    assert network.query(ICP_LEDGER_ID, "account_balance", asked) == {"e8s": 11}
    assert network.query(ICP_LEDGER_ID, "account_balance_dfx", {"account": identifier(STRANGER.raw).hex()}) == {"e8s": 11}
    assert network.query(ICP_LEDGER_ID, "account_identifier", account(STRANGER)) == identifier(STRANGER.raw)
    assert network.icp() == FUNDS - 11 - 2 * ICP_FEE


def test_the_token_is_described_twice(network: SystemNetwork) -> None:
    """The older and the newer methods say the same of the token."""
    older = [network.query(ICP_LEDGER_ID, name) for name in ("name", "symbol", "decimals")]

    assert older == [{"name": "Internet Computer"}, {"symbol": "ICP"}, {"decimals": 8}]
    assert [network.query(ICP_LEDGER_ID, f"icrc1_{name}") for name in ("name", "symbol", "decimals")] == ["Internet Computer", "ICP", 8]
    assert network.query(ICP_LEDGER_ID, "transfer_fee", {}) == {"transfer_fee": {"e8s": ICP_FEE}}
    assert network.query(ICP_LEDGER_ID, "icrc1_minting_account") == account(MINTING)
    assert network.query(ICP_LEDGER_ID, "is_ledger_ready")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"fee": {"e8s": 9}}, Variant("BadFee", {"expected_fee": {"e8s": ICP_FEE}})),
        ({"amount": {"e8s": 2**63}}, Variant("InsufficientFunds", {"balance": {"e8s": FUNDS}})),
        ({"created_at_time": {"timestamp_nanos": START_TIME - 2 * DAY}}, Variant("TxTooOld", {"allowed_window_nanos": DAY})),
        ({"created_at_time": {"timestamp_nanos": START_TIME + DAY}}, Variant("TxCreatedInFuture")),
    ],
    ids=["fee", "funds", "old", "future"],
)
def test_older_transfers_that_are_refused(network: SystemNetwork, changes: dict[str, object], error: Variant) -> None:
    """The errors have the older method's names and shapes."""
    argument = {"memo": 0, "amount": {"e8s": 1}, "fee": {"e8s": ICP_FEE}, "to": identifier(STRANGER.raw), **changes}

    assert err(network.call(ICP_LEDGER_ID, "transfer", argument)) == error


def test_an_older_duplicate(network: SystemNetwork) -> None:
    """The same transfer with the same time happens once; another memo makes another one."""
    created = {"timestamp_nanos": START_TIME}
    index = ok(send(network, 5, identifier(STRANGER.raw), created_at_time=created))

    assert err(send(network, 5, identifier(STRANGER.raw), created_at_time=created)) == Variant("TxDuplicate", {"duplicate_of": index})
    ok(send(network, 5, identifier(STRANGER.raw), created_at_time=created, memo=8))
    ok(send(network, 5, identifier(STRANGER.raw)))


def test_identifiers_are_checked(network: SystemNetwork) -> None:
    """ICP is not sent to what is no identifier."""
    argument = {"memo": 0, "amount": {"e8s": 1}, "fee": {"e8s": ICP_FEE}, "to": bytes(32)}

    refused = network.respond(ICP_LEDGER_ID, "transfer", argument)

    assert isinstance(refused, Rejection)
    assert "Invalid account identifier" in refused.message


def test_burning(network: SystemNetwork) -> None:
    """A transfer to the minting account burns, without a fee; so little that it would not pay one is refused."""
    ok(send(network, ICP_FEE, identifier(GOVERNANCE_ID), fee=0))

    assert network.icp() == FUNDS - ICP_FEE
    assert err(network.transfer(1, MINTING, canister=ICP_LEDGER_ID)) == Variant("BadBurn", {"min_burn_amount": ICP_FEE})
    assert err(network.transfer(ICP_FEE, MINTING, canister=ICP_LEDGER_ID, fee=ICP_FEE)) == Variant("BadFee", {"expected_fee": 0})
    block = network.query(ICP_LEDGER_ID, "query_blocks", {"start": 2, "length": 1})["blocks"][0]
    assert block["transaction"]["operation"].label == "Burn"


def test_blocks(network: SystemNetwork) -> None:
    """Blocks tell what happened, in the interface's words; a range beyond the end is empty."""
    ok(send(network, 5, identifier(STRANGER.raw)))
    ok(network.call(ICP_LEDGER_ID, "icrc2_approve", {"spender": account(STRANGER), "amount": 9, "expires_at": START_TIME + SECOND}))
    spent = {"from": account(OWNER), "to": account(STRANGER), "amount": 1}
    err(network.call(ICP_LEDGER_ID, "icrc2_transfer_from", spent, caller=STRANGER))

    answer = network.query(ICP_LEDGER_ID, "query_blocks", {"start": 0, "length": 100})

    operations = [block["transaction"]["operation"].label for block in answer["blocks"]]
    assert operations == ["Mint", "Mint", "Transfer", "Approve"]
    assert (answer["chain_length"], answer["first_block_index"], answer["archived_blocks"]) == (4, 0, [])
    assert answer["blocks"][2]["transaction"]["memo"] == 7
    assert answer["blocks"][3]["transaction"]["operation"].value["expires_at"] == {"timestamp_nanos": START_TIME + SECOND}
    assert network.query(ICP_LEDGER_ID, "query_blocks", {"start": 9, "length": 1})["blocks"] == []
    assert network.query(ICP_LEDGER_ID, "tip_of_chain")["tip_index"] == 3
    assert network.query(ICP_LEDGER_ID, "archives") == {"archives": []}


def test_approvals_by_identifier(network: SystemNetwork) -> None:
    """Allowances are listed by identifiers, and removed by them."""
    ok(network.call(ICP_LEDGER_ID, "icrc2_approve", {"spender": account(STRANGER), "amount": 9}))
    asked = {"from_account_id": identifier(OWNER.raw).hex()}

    listed = network.query(ICP_LEDGER_ID, "get_allowances", asked)
    ok(network.call(ICP_LEDGER_ID, "remove_approval", {"spender": identifier(STRANGER.raw)}))

    assert [(entry["to_spender_id"], entry["allowance"]) for entry in listed] == [(identifier(STRANGER.raw).hex(), {"e8s": 9})]
    assert network.query(ICP_LEDGER_ID, "get_allowances", asked) == []


def test_send_dfx(network: SystemNetwork) -> None:
    """The method of the first tools sends to an identifier in hexadecimal, and traps where others answer with an error."""
    argument = {"memo": 0, "amount": {"e8s": 5}, "fee": {"e8s": ICP_FEE}, "to": identifier(STRANGER.raw).hex()}

    index = network.call(ICP_LEDGER_ID, "send_dfx", argument)
    refused = network.respond(ICP_LEDGER_ID, "send_dfx", {**argument, "fee": {"e8s": 0}})

    assert index == 2
    assert isinstance(refused, Rejection)
    assert network.icp(STRANGER) == 5


def test_nobody_mints_but_the_minting_account(network: SystemNetwork) -> None:
    """Neither a spender nor an approval makes ICP; what is minted fits into an amount, and never goes to where it came from."""
    taken = {"from": account(MINTING), "to": account(STRANGER), "amount": 5}
    supply = network.query(ICP_LEDGER_ID, "icrc1_total_supply")

    by_spender = network.respond(ICP_LEDGER_ID, "icrc2_transfer_from", taken, caller=STRANGER)
    approved = network.respond(ICP_LEDGER_ID, "icrc2_approve", {"spender": account(STRANGER), "amount": 5}, caller=MINTING)
    too_much = network.respond(ICP_LEDGER_ID, "icrc1_transfer", {"to": account(STRANGER), "amount": 2**64 - 1}, caller=MINTING)
    to_itself = err(network.transfer(5, MINTING, canister=ICP_LEDGER_ID, caller=MINTING))
    ok(network.transfer(5, STRANGER, canister=ICP_LEDGER_ID, caller=MINTING))

    assert all(isinstance(answer, Rejection) for answer in (by_spender, approved, too_much))
    assert to_itself.label == "InsufficientFunds"
    assert network.icp(STRANGER) == 5
    assert network.query(ICP_LEDGER_ID, "icrc1_total_supply") == supply + 5


def test_amounts_have_64_bits(network: SystemNetwork) -> None:
    """More than that nobody can have; an approval of more is one of all there can be."""
    assert err(network.transfer(2**64, STRANGER, canister=ICP_LEDGER_ID)) == Variant("InsufficientFunds", {"balance": FUNDS})
    ok(network.call(ICP_LEDGER_ID, "icrc2_approve", {"spender": account(STRANGER), "amount": 2**80}))

    asked = {"account": account(OWNER), "spender": account(STRANGER)}
    assert network.query(ICP_LEDGER_ID, "icrc2_allowance", asked)["allowance"] == 2**64 - 1


def test_the_fee_makes_no_other_transaction(network: SystemNetwork) -> None:
    """A transfer or an approval that names the fee is the one that does not."""
    transfer = {"to": account(STRANGER), "amount": 5, "created_at_time": START_TIME}
    approval = {"spender": account(STRANGER), "amount": 5, "created_at_time": START_TIME}

    for method, argument in (("icrc1_transfer", transfer), ("icrc2_approve", approval)):
        index = ok(network.call(ICP_LEDGER_ID, method, argument))
        again = err(network.call(ICP_LEDGER_ID, method, {**argument, "fee": ICP_FEE}))
        assert again == Variant("Duplicate", {"duplicate_of": index})


def test_the_window_is_a_day(network: SystemNetwork) -> None:
    """A transaction may be a day old, and not more."""
    ok(network.transfer(5, STRANGER, canister=ICP_LEDGER_ID, created_at_time=START_TIME - DAY + SECOND))

    assert err(network.transfer(5, STRANGER, canister=ICP_LEDGER_ID, created_at_time=START_TIME - DAY - SECOND)).label == "TooOld"
