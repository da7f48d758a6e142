"""System canisters answer, reject or trap, whatever they are sent: none of them ever fails by a mistake of its own."""

import random

import pytest

from orchestrator.candid import Variant, encode, load_interface
from orchestrator.core.principal import ANONYMOUS, MANAGEMENT_CANISTER, Principal
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.accounts import identifier
from orchestrator.replica.system.ids import CYCLES_LEDGER_ID, CYCLES_MINTING_ID, ICP_LEDGER_ID, PROXY_ID
from orchestrator.replica.vm.interface import Reply
from tests.support.candid_generator import CandidGenerator
from tests.support.scripted_network import OWNER, START_TIME
from tests.support.system_network import TRILLION, SystemNetwork

INTERFACES = {CYCLES_LEDGER_ID: "cycles_ledger", CYCLES_MINTING_ID: "cycles_minting", ICP_LEDGER_ID: "icp_ledger", PROXY_ID: "proxy"}
METHODS = [
    (canister, method)
    for canister, interface in INTERFACES.items()
    for method in sorted(load_interface(interface).service.methods)  # type: ignore[union-attr]  # all have a service
]
NAMES = [f"{INTERFACES[canister]}-{method}" for canister, method in METHODS]
ROUNDS = 40
PEOPLE = (OWNER, ANONYMOUS, Principal(PROXY_ID), Principal(b"\x09"), MANAGEMENT_CANISTER)
AMOUNTS = (0, 1, 10_000, 10**8, TRILLION, 2 * TRILLION, 2**64 - 1)
LIKELY: dict[str, tuple[object, ...]] = {
    **dict.fromkeys(("subaccount", "from_subaccount", "spender_subaccount", "to_subaccount"), (bytes(32), b"\x01" * 32)),
    **dict.fromkeys(("owner", "to", "canister_id", "controller"), (*PEOPLE, *(identifier(person.raw) for person in PEOPLE))),
    **dict.fromkeys(("amount", "e8s", "cycles", "expected_allowance"), AMOUNTS),
    **dict.fromkeys(("created_at_time", "timestamp_nanos", "expires_at"), (START_TIME, START_TIME + 10**9, 0)),
    **dict.fromkeys(("block_index", "start", "length", "take"), (0, 1, 2, 5, 100, 2**63)),
    "fee": (0, 10_000, 10**8),
    "memo": (b"", bytes(8), 0x41455243, 0x544E494D, 0x50555054),
    "method": ("icrc1_balance_of", "create_canister", "proxy", ""),
    "args": (b"DIDL\x00\x00", b""),
}
"""What fields of these names often hold, by type."""
MISTAKE = "IC0521"


@pytest.fixture(scope="module")
def network() -> SystemNetwork:
    """Return a network that all of them share, with what went before."""
    return SystemNetwork()


def plausible(value: object, draw: random.Random, name: str = "") -> object:
    """Return the value with what is likely in the places that have a form: more than nonsense gets further than checks."""
    if isinstance(value, dict):
        return {label: plausible(item, draw, str(label)) for label, item in value.items()}
    if isinstance(value, Variant):
        return Variant(value.label, plausible(value.value, draw, name))
    choices = LIKELY.get(name)
    if choices is None or type(value) not in {type(choice) for choice in choices}:
        return value
    return draw.choice([choice for choice in choices if type(choice) is type(value)])


@pytest.mark.parametrize(("canister", "method"), METHODS, ids=NAMES)
def test_any_argument_of_the_right_type(network: SystemNetwork, canister: bytes, method: str) -> None:
    """Values that fit the type, however odd, are answered or refused; the ledgers still add up."""
    service = load_interface(INTERFACES[canister]).service
    assert service is not None
    signature = service.methods[method]
    draw = random.Random(method)  # noqa: S311 # reproducible test data
    generator = CandidGenerator(draw.getrandbits(32))

    for turn in range(ROUNDS):
        values = [generator.value(argument) for argument in signature.arguments]
        arg = encode(signature.arguments, [plausible(value, draw) for value in values] if turn % 2 else values)
        caller = draw.choice((OWNER, ANONYMOUS, Principal(b"\x09")))
        response = network.scripted.call(Principal(canister), method, arg, caller=caller)
        assert isinstance(response, Reply) or (isinstance(response, Rejection) and response.error_code != MISTAKE), response

    assert network.scripted.state.canisters[CYCLES_LEDGER_ID].cycles >= network.cycles_ledger.total_supply() > TRILLION
