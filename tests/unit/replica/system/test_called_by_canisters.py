"""System canisters as other canisters call them, with cycles attached."""

import pytest

from orchestrator.candid import decode, encode, load_interface
from orchestrator.core.principal import Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, CYCLES_MINTING_ID
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Run
from tests.support.scripted_network import OWNER
from tests.support.system_network import FEE, TRILLION, SystemNetwork, account, err, ok


@pytest.fixture
def network() -> SystemNetwork:
    """Return a network with its system canisters."""
    return SystemNetwork()


def ask(network: SystemNetwork, callee: bytes, method: str, argument: object, *, cycles: int) -> tuple[Principal, object]:
    """Deploy a canister that makes one call with cycles; return it, and what it was answered."""
    interface = {CYCLES_LEDGER_ID: "cycles_ledger", CYCLES_MINTING_ID: "cycles_minting"}[callee]
    service = load_interface(interface).service
    assert service is not None
    signature = service.methods[method]
    arg = encode(signature.arguments, [argument])

    def go(run: Run) -> None:
        run.call(callee, method, arg, cycles=cycles, on_reply=Callback(1, 0), on_reject=Callback(2, 0))

    functions = {1: lambda run: run.reply(run.message.arg), 2: lambda run: run.reject(run.message.reject_message)}
    canister = network.scripted.deploy(network.scripted.machine.module({"canister_update go": go}, functions=functions))
    response = network.scripted.call(canister, "go")
    if isinstance(response, Reply):
        return canister, decode(response.data, signature.results)[0]
    assert isinstance(response, Rejection)
    return canister, response


def test_a_deposit_becomes_an_account(network: SystemNetwork) -> None:
    """What a canister deposits is in the account, less the fee, and gone from the canister."""
    before = network.cycles()

    canister, answer = ask(network, CYCLES_LEDGER_ID, "deposit", {"to": account(OWNER)}, cycles=TRILLION)

    assert answer == {"balance": before + TRILLION - FEE, "block_index": 2}
    assert network.cycles() == before + TRILLION - FEE
    assert network.scripted.canister(canister).cycles == 99 * TRILLION


def test_a_deposit_of_the_fee_comes_back(network: SystemNetwork) -> None:
    """A deposit that would leave nothing traps, and the canister keeps its cycles."""
    canister, answer = ask(network, CYCLES_LEDGER_ID, "deposit", {"to": account(OWNER)}, cycles=FEE)

    assert isinstance(answer, Rejection)
    assert "Cannot deposit 0 cycles" in answer.message
    assert network.scripted.canister(canister).cycles == 100 * TRILLION


def test_a_canister_creates_a_canister(network: SystemNetwork) -> None:
    """The minting canister creates for whoever attaches the cycles, who is the controller."""
    canister, answer = ask(network, CYCLES_MINTING_ID, "create_canister", {}, cycles=TRILLION)

    made = ok(answer)
    assert network.scripted.canister(made).settings.controllers == (canister.raw,)
    assert network.scripted.canister(canister).cycles == 99 * TRILLION


def test_a_creation_that_fails_gives_cycles_back(network: SystemNetwork) -> None:
    """Cycles that do not suffice for a canister come back: all of them, or all but a little when it was tried."""
    canister, answer = ask(network, CYCLES_MINTING_ID, "create_canister", {}, cycles=TRILLION // 100)
    tried, second = ask(network, CYCLES_MINTING_ID, "create_canister", {}, cycles=TRILLION // 5)

    assert err(answer).label == err(second).label == "Refunded"
    assert network.scripted.canister(canister).cycles == 100 * TRILLION
    assert network.scripted.canister(tried).cycles == 100 * TRILLION - 100_000_000
