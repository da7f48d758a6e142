"""What only larger networks have is rejected in words; what can be told of this one is told."""

from typing import cast

import pytest

from orchestrator.candid import Variant, decode, encode
from orchestrator.candid import types as T  # the name that Candid's types go by
from orchestrator.candid.types import NAT64, PRINCIPAL, Opt, record
from orchestrator.core.principal import Principal
from orchestrator.replica.management.elsewhere import REFUSED
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Function, Run
from tests.support.scripted_network import OWNER, ScriptedNetwork, signature

SUBNET = record({"subnet_id": PRINCIPAL})
NODE_METRICS = record({"subnet_id": PRINCIPAL, "start_at_timestamp_nanos": NAT64})


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def ask(network: ScriptedNetwork, method: str, arg: bytes) -> bytes | str:
    """Let a canister call the management canister; returns the reply, or what its callback is told of a reject."""
    seen: list[bytes | str] = []
    functions: dict[int, Function] = {
        1: lambda run: seen.append(run.message.arg),
        2: lambda run: seen.append(f"{run.message.reject_code} {run.message.reject_message}"),
    }

    def go(run: Run) -> None:
        run.call(b"", method, arg, on_reply=Callback(1, 0), on_reject=Callback(2, 0))

    caller = network.deploy(network.machine.module({"canister_update go": go}, functions=functions))
    network.call(caller, "go")
    return seen[0]


def smallest(kind: T.Type) -> object:
    """Return the emptiest value of a type."""
    match T.resolve(kind):
        case T.Opt():
            return None
        case T.Vec(element):
            return b"" if element == T.NAT8 else []
        case T.Record(fields):
            return {field.label: smallest(field.type) for field in fields}
        case T.Variant(fields):
            return Variant(fields[0].label, smallest(fields[0].type))
        case T.Primitive() as primitive:
            return {T.TEXT: "", T.PRINCIPAL: OWNER, T.NULL: None}.get(primitive, 0)
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("method", sorted(REFUSED))
def test_methods_of_larger_networks_name_the_launcher_that_has_them(network: ScriptedNetwork, method: str) -> None:
    """The reject is one of the mainnet's codes, and says which networks offer the method."""
    heard = ask(network, method, encode(signature(method)[0], [smallest(kind) for kind in signature(method)[0]]))
    assert isinstance(heard, str)
    assert heard[0] in "45"
    assert "launcher: pocket-ic" in heard


def test_only_canisters_may_ask(network: ScriptedNetwork) -> None:
    """A user's call of such a method is refused as on the mainnet."""
    refused = network.submit(Principal(b""), "http_request")
    assert isinstance(refused, Rejection)
    assert (refused.error_code, refused.message) == ("IC0406", "ic00 method http_request can not be called via ingress messages")


def test_the_subnet_tells_its_versions(network: ScriptedNetwork) -> None:
    """For its own id only."""
    own = Principal(network.replica.keys.subnet_id)
    reply = ask(network, "subnet_info", encode([SUBNET], [{"subnet_id": own}]))
    assert isinstance(reply, bytes)
    told = cast("dict[str, object]", decode(reply, signature("subnet_info")[1])[0])
    assert told["registry_version"] == 1
    assert ask(network, "subnet_info", encode([SUBNET], [{"subnet_id": OWNER}])) == (
        f"4 IC0404: Could not find subnet {OWNER}. This network has one subnet, {own}."
    )


def test_there_is_no_history_of_node_metrics(network: ScriptedNetwork) -> None:
    """The list is empty."""
    argument = {"subnet_id": Principal(network.replica.keys.subnet_id), "start_at_timestamp_nanos": 0}
    reply = ask(network, "node_metrics_history", encode([NODE_METRICS], [argument]))
    assert isinstance(reply, bytes)
    assert decode(reply, signature("node_metrics_history")[1]) == [[]]


def test_there_are_no_subnet_admins(network: ScriptedNetwork) -> None:
    """Nobody lists canisters."""
    response = network.replica.query(b"", "list_canisters", b"DIDL\x00\x00", OWNER.raw)
    assert isinstance(response, Rejection)
    assert "only subnet admins" in response.message


@pytest.mark.parametrize(("said", "works"), [(None, True), (1, True), (0, False), (2, False)])
def test_a_canister_tells_its_own_version_rightly_or_traps(network: ScriptedNetwork, said: int | None, works: bool) -> None:  # noqa: FBT001 # parametrized
    """A call to the management canister with another sender_canister_version fails the message that sends it."""
    kind = record({"sender_canister_version": Opt(NAT64)})

    def go(run: Run) -> None:
        arg = encode([kind], [{"sender_canister_version": said}])
        run.call(b"", "create_canister", arg, cycles=10**12, on_reply=Callback(1, 0))

    functions: dict[int, Function] = {1: lambda run: run.reply()}
    caller = network.deploy(network.machine.module({"canister_update go": go}, functions=functions))
    assert network.canister(caller).version == 1
    response = network.call(caller, "go")
    assert isinstance(response, Reply) == works, response
    if isinstance(response, Rejection):
        assert response.error_code == "IC0521"
        assert len(network.state.canisters) == 1
    else:
        new = network.state.canisters[max(network.state.canisters)]
        assert (new.history[0].by_canister, new.history[0].origin_version) == (True, said)
