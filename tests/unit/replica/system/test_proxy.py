"""The proxy canister: whom it serves, what it forwards, and how it says what went wrong."""

import pytest

from orchestrator.agent.proxy import encode_proxy_call, read_proxy_reply
from orchestrator.candid import Variant
from orchestrator.core.principal import MANAGEMENT_CANISTER, Principal
from orchestrator.errors import AgentError
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.system.ids import GOVERNANCE_ID, PROXY_ID
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Run, answer
from tests.support.scripted_network import STRANGER, encode_argument
from tests.support.system_network import TRILLION, SystemNetwork, err, ok


@pytest.fixture
def network() -> SystemNetwork:
    """Return a network whose owner controls the proxy."""
    return SystemNetwork()


def forward(network: SystemNetwork, canister: Principal, method: str, args: bytes = b"", *, cycles: int = 0) -> object:
    """Call through the proxy as the owner."""
    return network.call(PROXY_ID, "proxy", {"canister_id": canister, "method": method, "args": args, "cycles": cycles})


def test_a_call_is_forwarded_with_cycles(network: SystemNetwork) -> None:
    """The callee sees the proxy as its caller, takes what it likes of the cycles, and the rest comes back."""
    seen: list[tuple[bytes, bytes]] = []

    def take(run: Run) -> None:
        seen.append((run.message.caller, run.message.arg))
        run.accept_cycles(7)
        run.reply(b"pong")

    callee = network.scripted.deploy(network.scripted.machine.module({"canister_update work": take}))
    before = network.scripted.state.canisters[PROXY_ID].cycles

    assert ok(forward(network, callee, "work", b"ping", cycles=10)) == {"result": b"pong"}
    assert seen == [(PROXY_ID, b"ping")]
    assert network.scripted.state.canisters[PROXY_ID].cycles == before - 7


def test_it_creates_and_controls_canisters(network: SystemNetwork) -> None:
    """A canister that the proxy made is the proxy's, which forwards what its controllers want of it."""
    ok(forward(network, MANAGEMENT_CANISTER, "create_canister", encode_argument("create_canister", {}), cycles=TRILLION))
    made = next(canister for canister in network.scripted.state.canisters.values() if canister.settings.controllers == (PROXY_ID,))

    stop = encode_argument("stop_canister", {"canister_id": Principal(made.id)})
    ok(forward(network, MANAGEMENT_CANISTER, "stop_canister", stop))

    assert made.status.name == "STOPPED"


def test_only_controllers_are_let_in(network: SystemNetwork) -> None:
    """A stranger's message is refused before it runs; a canister that is no controller is answered so."""
    arg = encode_proxy_call(MANAGEMENT_CANISTER, "raw_rand", b"")
    go = network.scripted.machine.module({"canister_update go": lambda run: ask(run, arg)}, functions={1: pass_on})
    caller = network.scripted.deploy(go)

    refused = network.scripted.submit(Principal(PROXY_ID), "proxy", arg, caller=STRANGER)
    answered = network.scripted.call(caller, "go")

    assert isinstance(refused, Rejection)
    assert refused.error_code == "IC0406"
    assert isinstance(answered, Reply)
    with pytest.raises(AgentError, match="Unauthorized"):
        read_proxy_reply(answered.data)


def ask(run: Run, arg: bytes) -> None:
    """Call the proxy as a canister that does not control it."""
    run.call(PROXY_ID, "proxy", arg, on_reply=Callback(1, 0), on_reject=Callback(1, 0))


def pass_on(run: Run) -> None:
    """Reply with what came."""
    run.reply(run.message.arg)


def test_too_few_cycles(network: SystemNetwork) -> None:
    """More cycles than the proxy has are not tried; the error says how many there are."""
    available = network.scripted.state.canisters[PROXY_ID].cycles

    error = err(forward(network, Principal(GOVERNANCE_ID), "work", cycles=available + 1))

    assert error == Variant("InsufficientCycles", {"available": available, "required": available + 1})


def test_a_reject_is_told(network: SystemNetwork) -> None:
    """The code, its name and the text of a reject are in the reason; the cycles are back."""
    callee = network.scripted.deploy(network.scripted.machine.module({"canister_update work": answer(b"")}))
    before = network.scripted.state.canisters[PROXY_ID].cycles

    absent = err(forward(network, Principal(GOVERNANCE_ID), "work", cycles=5))
    unknown = err(forward(network, callee, "other"))

    assert absent.value["reason"].startswith("Call Rejected, reject_code: DestinationInvalid (3), reject_message: IC0301")  # type: ignore[index]
    assert "CanisterError (5), reject_message: IC0536" in unknown.value["reason"]  # type: ignore[index]
    assert network.scripted.state.canisters[PROXY_ID].cycles == before
