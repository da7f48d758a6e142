"""Whatever is asked of the ledgers, in whatever order: their blocks explain their balances, and nothing is made or lost."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.principal import Principal
from orchestrator.replica.system.accounts import principal_subaccount
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, GOVERNANCE_ID, ICP_LEDGER_ID
from orchestrator.replica.system.installing import restore_native
from orchestrator.replica.system.minting_payments import MEMOS
from orchestrator.replica.system.token_ledger import TokenLedger
from tests.support.scripted_network import OWNER, START_TIME, STRANGER
from tests.support.system_network import TRILLION, SystemNetwork, account

NOBODY = Principal(GOVERNANCE_ID)
PEOPLE = (OWNER, STRANGER, NOBODY)
LEDGERS = (CYCLES_LEDGER_ID, ICP_LEDGER_ID)
people, ledgers = st.sampled_from(PEOPLE), st.sampled_from(LEDGERS)
amounts = st.sampled_from((0, 1, 10_000, 10**8, 3 * 10**8, TRILLION, 10**15, 10**30))
times = st.sampled_from((None, START_TIME, START_TIME + 1))
STEPS = st.one_of(
    st.tuples(st.just("transfer"), ledgers, people, people, amounts, times),
    st.tuples(st.just("approve"), ledgers, people, people, amounts, times),
    st.tuples(st.just("take"), ledgers, people, people, amounts, times),
    st.tuples(st.just("create"), people, amounts, times),
    st.tuples(st.just("withdraw"), people, st.booleans(), amounts, times),
    st.tuples(st.just("pay"), people, st.sampled_from(sorted(MEMOS)), amounts),
)


def perform(network: SystemNetwork, canister: Principal, step: tuple[Any, ...]) -> None:
    """Do one thing; it may be refused, or trap."""
    kind, *rest = step
    if kind in {"transfer", "approve", "take"}:
        ledger, who, other, amount, created = rest
        arguments = {
            "transfer": ("icrc1_transfer", {"to": account(other), "amount": amount, "created_at_time": created}),
            "approve": ("icrc2_approve", {"spender": account(other), "amount": amount, "created_at_time": created}),
            "take": ("icrc2_transfer_from", {"from": account(other), "to": account(who), "amount": amount, "created_at_time": created}),
        }
        network.respond(ledger, *arguments[kind], caller=who)
    elif kind == "create":
        who, amount, created = rest
        network.respond(CYCLES_LEDGER_ID, "create_canister", {"amount": amount, "created_at_time": created}, caller=who)
    elif kind == "withdraw":
        who, there, amount, created = rest
        argument = {"amount": amount, "to": canister if there else NOBODY, "created_at_time": created}
        network.respond(CYCLES_LEDGER_ID, "withdraw", argument, caller=who)
    else:
        _pay(network, canister, *rest)


def _pay(network: SystemNetwork, canister: Principal, who: Principal, method: str, amount: int) -> None:
    """Pay the minting canister, and tell it twice."""
    target = canister if method == "notify_top_up" else who
    if who == NOBODY or network.icp(who) < amount + 10_000:  # its ICP is minted, not paid
        return
    block = network.pay(amount, MEMOS[method], target, caller=who)
    more = {"notify_top_up": {"canister_id": canister}, "notify_create_canister": {"controller": who}, "notify_mint_cycles": {}}[method]
    for _ in range(2):
        network.minted(method, block, who, **more)


def replayed(ledger: TokenLedger) -> Counter[bytes]:
    """Return the balances that the blocks alone explain."""
    balances: Counter[bytes] = Counter()
    for index in ledger.blocks:
        block = ledger.blocks[index]
        transaction = block.transaction
        fee = (block.fee or 0) + (transaction.fee or 0 if transaction.operation in {"xfer", "approve"} else 0)
        if transaction.operation in {"mint", "xfer"}:
            balances[transaction.receiver or b""] += transaction.amount
        if transaction.operation in {"burn", "xfer"}:
            balances[transaction.sender or b""] -= transaction.amount
        if transaction.operation != "mint":
            balances[transaction.sender or b""] -= fee
    return balances


@settings(max_examples=60)
@given(st.lists(STEPS, min_size=1, max_size=12))
def test_blocks_explain_balances(steps: list[tuple[Any, ...]]) -> None:
    """The balances are what the blocks add up to, none is negative, and the cycles of all accounts are really there."""
    network = SystemNetwork()
    canister = network.scripted.create()

    for step in steps:
        perform(network, canister, step)

    for ledger in (network.cycles_ledger, network.icp_ledger):
        assert dict(ledger.balances.items()) == {key: amount for key, amount in replayed(ledger).items() if amount}
        assert all(amount > 0 for _, amount in ledger.balances.items())
        assert len(ledger.pending) == 0
    assert network.scripted.state.canisters[CYCLES_LEDGER_ID].cycles >= network.cycles_ledger.total_supply()


@settings(max_examples=30)
@given(st.lists(STEPS, min_size=1, max_size=8), st.lists(STEPS, max_size=4))
def test_a_restart_changes_nothing(before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> None:
    """What a ledger does after it was read from disk, at once or from what was saved after every step, is what it would have done."""
    networks = [SystemNetwork(), SystemNetwork(), SystemNetwork()]
    for number, network in enumerate(networks):
        canister = network.scripted.create()
        parts: dict[bytes, dict[int, bytes]] = {canister_id: {} for canister_id in LEDGERS}
        for step in before:
            perform(network, canister, step)
            save(network, parts)
        if number:
            restart(network, parts if number == 1 else {})
        for step in after:
            perform(network, canister, step)

    first, *others = ([_without_times(network.cycles_ledger), _without_times(network.icp_ledger)] for network in networks)
    assert others == [first, first]


def save(network: SystemNetwork, parts: dict[bytes, dict[int, bytes]]) -> None:
    """Take what has changed in both ledgers."""
    for canister_id, saved in parts.items():
        changes = network.instance(canister_id).collect(whole=not saved, max_bytes=10**9)
        assert changes is not None
        saved.update(changes.memory)


def restart(network: SystemNetwork, parts: Mapping[bytes, Mapping[int, bytes]]) -> None:
    """Go on with what was saved of both ledgers, or with what they write to disk now."""
    for canister_id in LEDGERS:
        canister = network.scripted.state.canisters[canister_id]
        with TemporaryDirectory() as folder:
            network.instance(canister_id).save(Path(folder))
            source = None if canister_id in parts else Path(folder)
            canister.instance = restore_native(canister.wasm or b"", source, parts.get(canister_id, {}))


def _without_times(ledger: TokenLedger) -> list[object]:
    blocks = [(ledger.blocks[index].transaction, ledger.blocks[index].fee) for index in ledger.blocks]
    return [blocks, sorted(ledger.balances.items()), sorted(ledger.allowances), len(ledger.seen)]


def test_subaccounts_of_principals_differ() -> None:
    """Two principals never share the account that they pay the minting canister through."""
    assert len({principal_subaccount(person.raw) for person in PEOPLE}) == len(PEOPLE)
