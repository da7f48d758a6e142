"""The cycles ledger: ICRC-1 and ICRC-2, and cycles on their way into canisters and back."""

from itertools import pairwise

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import ANONYMOUS, MANAGEMENT_CANISTER, Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.icrc3 import value_hash
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, GOVERNANCE_ID
from tests.support.scripted_network import OWNER, SECOND, START_TIME, STRANGER
from tests.support.system_network import FEE, TRILLION, SystemNetwork, account, err, ok

DAY = 24 * 3600 * SECOND
NOBODY = Principal(GOVERNANCE_ID)
"""A canister id at which there is none."""


@pytest.fixture
def network() -> SystemNetwork:
    """Return a network whose owner has a thousand trillion cycles."""
    return SystemNetwork()


def approve(network: SystemNetwork, amount: int, spender: Principal = STRANGER, **more: object) -> object:
    """Let somebody take the owner's cycles."""
    return network.call(CYCLES_LEDGER_ID, "icrc2_approve", {"spender": account(spender), "amount": amount, **more})


def test_the_token_is_described(network: SystemNetwork) -> None:
    """Name, symbol, decimals, fee and standards are those of the mainnet's ledger."""
    names = ("icrc1_name", "icrc1_symbol", "icrc1_decimals", "icrc1_fee", "icrc1_minting_account")

    described = [network.query(CYCLES_LEDGER_ID, name) for name in names]
    standards = {entry["name"] for entry in network.query(CYCLES_LEDGER_ID, "icrc1_supported_standards")}
    metadata = dict(network.query(CYCLES_LEDGER_ID, "icrc1_metadata"))

    assert described == ["Trillion Cycles", "TCYCLES", 12, FEE, None]
    assert {"ICRC-1", "ICRC-2", "ICRC-3"} <= standards
    assert (metadata["icrc1:fee"], metadata["icrc1:symbol"]) == (Variant("Nat", FEE), Variant("Text", "TCYCLES"))


def test_a_transfer_moves_cycles_for_a_fee(network: SystemNetwork) -> None:
    """The receiver gets the amount, the sender pays it and the fee, the fee is gone; subaccounts are accounts of their own."""
    supply, before = network.query(CYCLES_LEDGER_ID, "icrc1_total_supply"), network.cycles()

    index = ok(network.transfer(5, STRANGER, fee=FEE))
    ok(network.call(CYCLES_LEDGER_ID, "icrc1_transfer", {"to": account(STRANGER, b"\x01" * 32), "amount": 7}))

    assert network.cycles(STRANGER) == 5
    assert network.query(CYCLES_LEDGER_ID, "icrc1_balance_of", account(STRANGER, b"\x01" * 32)) == 7
    assert network.query(CYCLES_LEDGER_ID, "icrc1_balance_of", account(STRANGER, bytes(32))) == 5
    assert network.cycles() == before - 12 - 2 * FEE
    assert network.query(CYCLES_LEDGER_ID, "icrc1_total_supply") == supply - 2 * FEE
    assert index == 2


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"amount": 10**20}, Variant("InsufficientFunds", {"balance": 1000 * TRILLION})),
        ({"amount": 2**200}, Variant("InsufficientFunds", {"balance": 1000 * TRILLION})),
        ({"fee": 1}, Variant("BadFee", {"expected_fee": FEE})),
        ({"fee": 1, "amount": 10**20}, Variant("BadFee", {"expected_fee": FEE})),
        ({"created_at_time": START_TIME - DAY - 61 * SECOND}, Variant("TooOld")),
    ],
    ids=["funds", "huge", "fee", "fee-first", "old"],
)
def test_transfers_that_are_refused(network: SystemNetwork, more: dict[str, object], error: Variant) -> None:
    """Each refusal is the standard's, and leaves no block."""
    argument = {"to": account(STRANGER), "amount": 1, **more}

    assert err(network.call(CYCLES_LEDGER_ID, "icrc1_transfer", argument)) == error
    assert len(network.cycles_ledger.blocks) == 2


def test_a_transfer_from_the_future_is_refused(network: SystemNetwork) -> None:
    """A minute ahead of the ledger's time is accepted, more is not; the error says what time it is."""
    ok(network.transfer(1, STRANGER, created_at_time=START_TIME + 59 * SECOND))

    error = err(network.transfer(1, STRANGER, created_at_time=START_TIME + 61 * SECOND))

    assert error.label == "CreatedInFuture"


def test_duplicates_are_refused_for_a_day(network: SystemNetwork) -> None:
    """The same transfer with the same time happens once; with another memo, or after it was forgotten, it is another one."""
    created = START_TIME - DAY - 50 * SECOND
    index = ok(network.transfer(1, STRANGER, created_at_time=created))

    assert err(network.transfer(1, STRANGER, created_at_time=created)) == Variant("Duplicate", {"duplicate_of": index})
    ok(network.transfer(1, STRANGER, created_at_time=created, memo=b"other"))
    ok(network.transfer(1, STRANGER))
    ok(network.transfer(1, STRANGER))
    network.scripted.time.now += 20 * SECOND
    assert err(network.transfer(1, STRANGER, created_at_time=created)) == Variant("TooOld")
    ok(network.transfer(1, STRANGER))
    assert len(network.cycles_ledger.seen) == 0


@pytest.mark.parametrize(
    "argument",
    [{"to": account(STRANGER, b"short"), "amount": 1}, {"to": account(STRANGER), "amount": 1, "memo": bytes(33)}],
    ids=["subaccount", "memo"],
)
def test_what_is_malformed_traps(network: SystemNetwork, argument: dict[str, object]) -> None:
    """A subaccount or a memo of a wrong length is a trap, as in the reference ledgers."""
    refused = network.respond(CYCLES_LEDGER_ID, "icrc1_transfer", argument)

    assert isinstance(refused, Rejection)
    assert refused.error_code == "IC0503"
    assert len(network.cycles_ledger.blocks) == 2


def test_an_allowance_is_used_up(network: SystemNetwork) -> None:
    """A spender takes what was approved, fees included, and no more; the balance of the spender does not matter."""
    ok(approve(network, 2 * TRILLION))

    argument = {"from": account(OWNER), "to": account(STRANGER), "amount": TRILLION}
    ok(network.call(CYCLES_LEDGER_ID, "icrc2_transfer_from", argument, caller=STRANGER))
    error = err(network.call(CYCLES_LEDGER_ID, "icrc2_transfer_from", argument, caller=STRANGER))

    assert error == Variant("InsufficientAllowance", {"allowance": TRILLION - FEE})
    asked = {"account": account(OWNER), "spender": account(STRANGER)}
    assert network.query(CYCLES_LEDGER_ID, "icrc2_allowance", asked) == {"allowance": TRILLION - FEE, "expires_at": None}
    assert network.cycles(STRANGER) == TRILLION


def test_approvals_expire_and_are_guarded(network: SystemNetwork) -> None:
    """An allowance ends at its time, is replaced only as expected, and cannot be for oneself."""
    ends = START_TIME + 10 * SECOND
    ok(approve(network, 5, expires_at=ends))
    asked = {"account": account(OWNER), "spender": account(STRANGER)}

    assert err(approve(network, 9, expected_allowance=4)) == Variant("AllowanceChanged", {"current_allowance": 5})
    assert err(approve(network, 9, expires_at=START_TIME)).label == "Expired"
    assert network.query(CYCLES_LEDGER_ID, "icrc2_allowance", asked) == {"allowance": 5, "expires_at": ends}
    listed = ok(network.query(CYCLES_LEDGER_ID, "icrc103_get_allowances", {}))
    assert [(entry["to_spender"], entry["allowance"]) for entry in listed] == [(account(STRANGER), 5)]
    network.scripted.time.now = ends
    assert network.query(CYCLES_LEDGER_ID, "icrc2_allowance", asked) == {"allowance": 0, "expires_at": None}
    assert isinstance(network.respond(CYCLES_LEDGER_ID, "icrc2_approve", {"spender": account(OWNER), "amount": 1}), Rejection)


def test_a_canister_is_created_for_its_price(network: SystemNetwork) -> None:
    """The canister gets the cycles less the network's fee, and the caller as its controller."""
    before = network.cycles()

    made = ok(network.create())

    canister = network.scripted.state.canisters[made["canister_id"].raw]
    assert canister.settings.controllers == (OWNER.raw,)
    assert 0 < canister.cycles < 2 * TRILLION
    assert network.cycles() == before - 2 * TRILLION - FEE


def test_a_creation_is_remembered(network: SystemNetwork) -> None:
    """Asked again with the same time, the ledger names the canister; asked while it is made, it cannot yet."""
    first = network.submit(CYCLES_LEDGER_ID, "create_canister", {"amount": 2 * TRILLION, "created_at_time": START_TIME})
    assert network.scripted.replica.run(1)
    again = network.create(created_at_time=START_TIME)

    made = ok(network.answer(CYCLES_LEDGER_ID, "create_canister", first))
    assert err(again) == Variant("Duplicate", {"duplicate_of": made["block_id"], "canister_id": None})
    assert err(network.create(created_at_time=START_TIME)) == Variant(
        "Duplicate", {"duplicate_of": made["block_id"], "canister_id": made["canister_id"]}
    )
    assert ok(network.create(created_at_time=START_TIME + 1))["canister_id"] != made["canister_id"]


def test_settings_and_subnet_of_a_creation(network: SystemNetwork) -> None:
    """Settings reach the canister; the network's own subnet may be chosen, any other gives the cycles back."""
    settings = {"controllers": [STRANGER], "freezing_threshold": 77}
    subnet = Principal(network.scripted.replica.keys.subnet_id)
    before = network.cycles()

    here = {"settings": settings, "subnet_selection": Variant("Subnet", {"subnet": subnet})}
    made = ok(network.create(creation_args=here))
    paid = before - network.cycles()
    elsewhere = {"settings": None, "subnet_selection": Variant("Subnet", {"subnet": NOBODY})}
    error = err(network.create(creation_args=elsewhere))

    canister = network.scripted.state.canisters[made["canister_id"].raw]
    assert (canister.settings.controllers, canister.settings.freezing_threshold) == ((STRANGER.raw,), 77)
    assert error.label == "FailedToCreate"
    assert "does not exist" in error.value["error"]  # type: ignore[index]
    assert before - network.cycles() == paid + 2 * FEE


def test_a_creation_with_too_few_cycles_is_refunded(network: SystemNetwork) -> None:
    """What the creation does not get comes back to the account, in a block that the error names."""
    before = network.cycles()

    error = err(network.create(cycles=TRILLION // 20))

    assert error.label == "FailedToCreate"
    assert error.value["refund_block"] == error.value["fee_block"] + 1  # type: ignore[index]
    assert network.cycles() == before - 2 * FEE


def test_a_withdrawal_reaches_a_canister(network: SystemNetwork) -> None:
    """Cycles go from the account into the canister's balance."""
    canister = network.scripted.create()
    before, account_before = network.scripted.canister(canister).cycles, network.cycles()

    ok(network.call(CYCLES_LEDGER_ID, "withdraw", {"amount": TRILLION, "to": canister}))

    assert network.scripted.canister(canister).cycles == before + TRILLION
    assert network.cycles() == account_before - TRILLION - FEE


@pytest.mark.parametrize(
    ("argument", "label"),
    [
        ({"amount": 1, "to": OWNER}, "InvalidReceiver"),
        ({"amount": 0, "to": NOBODY}, "GenericError"),
        ({"amount": 10**20, "to": NOBODY}, "InsufficientFunds"),
    ],
    ids=["key", "nothing", "funds"],
)
def test_withdrawals_that_are_refused(network: SystemNetwork, argument: dict[str, object], label: str) -> None:
    """A principal of a key, nothing at all, or more than there is: nothing happens."""
    before = network.cycles()

    assert err(network.call(CYCLES_LEDGER_ID, "withdraw", argument)).label == label
    assert network.cycles() == before


def test_a_withdrawal_to_nobody_is_refunded(network: SystemNetwork) -> None:
    """Cycles for a canister that is not there come back, less the fees of two blocks, with the reason."""
    before = network.cycles()

    error = err(network.call(CYCLES_LEDGER_ID, "withdraw", {"amount": TRILLION, "to": NOBODY}))

    assert error.label == "FailedToWithdraw"
    assert error.value["rejection_code"] == Variant("DestinationInvalid")  # type: ignore[index]
    assert network.cycles() == before - 2 * FEE


def test_cycles_of_others_are_withdrawn_and_refunded(network: SystemNetwork) -> None:
    """`withdraw_from` and `create_canister_from` use an allowance, and give it back with the cycles, each for its fee."""
    ok(approve(network, 10 * TRILLION))
    canister, before = network.scripted.create(), network.cycles()
    asked = {"account": account(OWNER), "spender": account(STRANGER)}

    ok(network.call(CYCLES_LEDGER_ID, "withdraw_from", {"from": account(OWNER), "to": canister, "amount": TRILLION}, caller=STRANGER))
    failed = {"from": account(OWNER), "to": NOBODY, "amount": TRILLION}
    error = err(network.call(CYCLES_LEDGER_ID, "withdraw_from", failed, caller=STRANGER))
    made = ok(network.call(CYCLES_LEDGER_ID, "create_canister_from", {"from": account(OWNER), "amount": TRILLION}, caller=STRANGER))

    assert network.scripted.state.canisters[made["canister_id"].raw].settings.controllers == (STRANGER.raw,)
    assert error.value["approval_refund_block"] is not None  # type: ignore[index]
    assert network.query(CYCLES_LEDGER_ID, "icrc2_allowance", asked)["allowance"] == 8 * TRILLION - 5 * FEE
    assert network.cycles() == before - 2 * TRILLION - 5 * FEE


def test_a_deposit_needs_more_than_the_fee(network: SystemNetwork) -> None:
    """A user has no cycles to deposit: that traps, as a deposit of no more than the fee does."""
    refused = network.respond(CYCLES_LEDGER_ID, "deposit", {"to": account(OWNER)})

    assert isinstance(refused, Rejection)
    assert "less than the cycles ledger fee" in refused.message


def test_blocks_are_a_chain(network: SystemNetwork) -> None:
    """Every block names the hash of the one before it, as ICRC-3 counts it, and the newest is certified."""
    ok(network.transfer(1, STRANGER, memo=b"hello", created_at_time=START_TIME))
    ok(approve(network, 5, expires_at=START_TIME + SECOND))
    ok(network.create())

    answer = network.query(CYCLES_LEDGER_ID, "icrc3_get_blocks", [{"start": 0, "length": 100}, {"start": 2, "length": 1}])

    blocks = [entry["block"] for entry in answer["blocks"]]
    assert [entry["id"] for entry in answer["blocks"]] == [0, 1, 2, 3, 4, 2]
    assert answer["log_length"] == 5
    for before, after in pairwise(blocks[:5]):
        assert dict(after.value)["phash"] == Variant("Blob", value_hash(before))
    transaction = dict(dict(blocks[2].value)["tx"].value)
    assert (transaction["op"], transaction["memo"], transaction["amt"]) == (
        Variant("Text", "xfer"),
        Variant("Blob", b"hello"),
        Variant("Nat", 1),
    )
    assert network.query(CYCLES_LEDGER_ID, "icrc3_get_tip_certificate") is not None


def test_every_account_is_covered(network: SystemNetwork) -> None:
    """The ledger has at least the cycles of all accounts, whatever has happened."""
    ok(network.create())
    err(network.create(cycles=TRILLION // 20))
    err(network.call(CYCLES_LEDGER_ID, "withdraw", {"amount": TRILLION, "to": NOBODY}))
    ok(network.transfer(TRILLION, ANONYMOUS))

    assert network.scripted.state.canisters[CYCLES_LEDGER_ID].cycles >= network.cycles_ledger.total_supply()


def test_the_management_canister_has_no_account(network: SystemNetwork) -> None:
    """Nobody can send it cycles, or approve it."""
    sent = err(network.transfer(1, MANAGEMENT_CANISTER))
    approved = err(approve(network, 1, spender=MANAGEMENT_CANISTER))

    assert [error.value["error_code"] for error in (sent, approved)] == [100_001, 100_001]  # type: ignore[index]
    assert len(network.cycles_ledger.blocks) == 2


def test_approvals_are_listed_over_the_accounts_of_an_owner(network: SystemNetwork) -> None:
    """The list goes on with the owner's accounts behind the one that was asked for, from a spender on if one is named."""
    first, second = bytes(31) + b"\x01", bytes(31) + b"\x02"
    for subaccount in (first, second):
        ok(network.call(CYCLES_LEDGER_ID, "icrc1_transfer", {"to": account(OWNER, subaccount), "amount": 2 * FEE}))
        ok(approve(network, 7, from_subaccount=subaccount))
    ok(approve(network, 5))
    ok(approve(network, 5, spender=NOBODY))

    def listed(asked: dict[str, object]) -> list[tuple[object, object]]:
        entries = ok(network.query(CYCLES_LEDGER_ID, "icrc103_get_allowances", asked))
        return [(entry["from_account"], entry["to_spender"]) for entry in entries]

    everything = listed({})
    assert [owner for owner, _ in everything] == [account(OWNER), account(OWNER), account(OWNER, first), account(OWNER, second)]
    assert listed({"from_account": account(OWNER, first)}) == everything[2:]
    assert listed({"from_account": account(OWNER), "prev_spender": everything[0][1]}) == everything[1:]
    assert listed({"from_account": account(STRANGER)}) == []


def test_minting_costs_its_block_nothing(network: SystemNetwork) -> None:
    """A block says what it cost; ICRC-10 is among the standards."""
    block = network.query(CYCLES_LEDGER_ID, "icrc3_get_blocks", [{"start": 0, "length": 1}])["blocks"][0]["block"]
    standards = network.query(CYCLES_LEDGER_ID, "icrc10_supported_standards")

    assert dict(block.value)["fee"] == Variant("Nat", 0)
    assert "ICRC-10" in {entry["name"] for entry in standards}
    assert standards == network.query(CYCLES_LEDGER_ID, "icrc1_supported_standards")
