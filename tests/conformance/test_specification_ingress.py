"""What lets messages in and what is certified about a canister, as the interface specification has it."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from orchestrator.candid import Variant, encode
from orchestrator.candid.types import PRINCIPAL, record
from orchestrator.core.principal import MANAGEMENT_CANISTER
from orchestrator.protocol import cbor
from orchestrator.protocol.hash_tree import Absent, Found, lookup
from tests.support.replica_client import CallRejectedError, ReplicaClient
from tests.support.universal import Program, numbers
from tests.support.universal_client import Universal, deploy, rejected

ACCEPT = Program().run("accept_message")
CERTIFICATE = Program().answer_value("data_certificate").reply()


@pytest.fixture(scope="module")
def guarded(network: ReplicaClient) -> Universal:
    """Deploy a canister that inspects messages."""
    return deploy(network, Program().on("inspect_message", ACCEPT), inspect=True)


@pytest.fixture
def other(network: ReplicaClient) -> Iterator[ReplicaClient]:
    """Return a client with another key."""
    with ReplicaClient(str(network.http.base_url), network.root_key) as made:
        yield made


def guard(canister: Universal, program: Program) -> None:
    """Let a canister inspect messages with this program from now on."""
    canister.reinstall(Program().on("inspect_message", program))


def test_inspection_lets_in_or_not(guarded: Universal) -> None:
    """Accepted messages run; what is not accepted, accepted twice, or trapped on is refused before it runs."""
    guard(guarded, ACCEPT)
    assert guarded.update(Program().reply(b"in")) == b"in"
    for program, error_code in (
        (Program(), "IC0406"),
        (Program().run("accept_message").run("accept_message"), "IC0504"),
        (Program().trap("no entry"), "IC0503"),
        (Program().reply(), "IC0504"),
        (Program().step("recurse"), "IC0502"),
    ):
        guard(guarded, program)
        error = rejected(guarded.update, Program().set_global(9).reply())
        assert error.error_code == error_code
        assert guarded.kept() == 0


def test_a_refused_message_leaves_no_trace(guarded: Universal) -> None:
    """It has no request status, and may be sent again once it is welcome."""
    guard(guarded, Program())
    client = guarded.client
    request = client.prepare(guarded.id, "update", Program().reply(b"at last").encode())
    with pytest.raises(CallRejectedError):
        client.finish(request, client.submit(request, guarded.id))
    path = [b"request_status", request.request_id]
    assert client.certificate([path], guarded.id).lookup(path) == Absent()
    guard(guarded, ACCEPT)
    assert client.finish(request, client.submit(request, guarded.id)) == b"at last"


def test_inspection_sees_the_message(guarded: Universal, other: ReplicaClient) -> None:
    """Method name, caller and argument are what was sent; what inspection writes is gone."""
    guard(guarded, Program().use_value("msg_method_name", "trap"))
    assert "'update'" in rejected(guarded.update, Program().reply()).message
    guard(guarded, Program().use_value("msg_arg_data", "trap"))
    with pytest.raises(CallRejectedError, match="tell me"):
        guarded.client.call(guarded.id, "update", b"tell me")
    guard(guarded, Program().set_global(8).run("debug_print", b"seen").run("accept_message"))
    assert numbers(guarded.update(Program().answer_global().reply())) == [0]
    guard(guarded, Program().keep(0, "is_controller", other.identity.principal.raw).use_value("msg_caller", "trap"))
    with pytest.raises(CallRejectedError) as caught:
        other.call(guarded.id, "update", b"")
    assert caught.value.error_code == "IC0503"


def test_inspection_is_for_users_updates_only(guarded: Universal) -> None:
    """Queries, calls of canisters and management calls are not inspected; a query method called as an update is."""
    guard(guarded, Program())
    assert guarded.query(Program().reply(b"q")) == b"q"
    caller = deploy(guarded.client)
    assert caller.update(Program().send(guarded.id, "update", Program().reply(b"c"))) == b"c"
    assert guarded.client.status(guarded.id)["module_hash"] is not None
    assert rejected(guarded.replicated_query, Program().reply()).error_code == "IC0406"


def test_certified_data_is_told_in_queries_only(network: ReplicaClient) -> None:
    """A query has a certificate of it; updates and queries that all nodes run have none."""
    canister = deploy(network)
    present = Program().answer("data_certificate_present").reply()
    assert [numbers(run(present)) for run in (canister.query, canister.composite)] == [[1], [1]]
    assert [numbers(run(present)) for run in (canister.update, canister.replicated_query)] == [[0], [0]]
    assert numbers(canister.update(Program().send(canister.id, "query", present))) == [0]
    assert rejected(canister.update, CERTIFICATE).error_code == "IC0504"


def certified(canister: Universal) -> bytes:
    """Return the certified data that the canister's certificate shows, after verifying the certificate."""
    content = canister.query(CERTIFICATE)
    canister.client.verify(content)
    tree = cast("dict[str, Any]", cbor.loads(content))["tree"]
    found = lookup(tree, [b"canister", canister.id.raw, b"certified_data"])
    assert isinstance(found, Found)
    return found.value


def test_certified_data_is_what_was_set_last(network: ReplicaClient) -> None:
    """It is empty at first, is not changed by what traps or is too large, and is cleared with the code."""
    canister = deploy(network)
    assert certified(canister) == b""
    canister.update(Program().run("certified_data_set", b"one").run("certified_data_set", b"two").reply())
    assert certified(canister) == b"two"
    rejected(canister.update, Program().run("certified_data_set", b"three").trap("no"))
    rejected(canister.update, Program().run("certified_data_set", bytes(33)).reply())
    rejected(canister.query, Program().run("certified_data_set", b"query").reply())
    assert certified(canister) == b"two"
    canister.upgrade()
    assert certified(canister) == b"two"
    canister.update(Program().on("pre_upgrade", Program().run("certified_data_set", b"before")).reply())
    canister.upgrade()
    assert certified(canister) == b"before"
    canister.upgrade(Program().run("certified_data_set", b"after"))
    assert certified(canister) == b"after"
    canister.reinstall(Program().run("certified_data_set", bytes(range(32))))
    assert certified(canister) == bytes(range(32))
    canister.reinstall()
    assert certified(canister) == b""


def test_settings_reach_the_code(network: ReplicaClient) -> None:
    """Environment variables and controllers are seen by the next message."""
    canister = deploy(network)
    settings = {
        "environment_variables": [{"name": "B", "value": "two"}, {"name": "A", "value": "one"}],
        "controllers": [network.identity.principal, canister.id],
    }
    network.manage("update_settings", {"canister_id": canister.id, "settings": settings, "sender_canister_version": None})
    program = Program().answer("env_var_count").answer("is_controller", canister.id.raw).answer("env_var_name_exists", b"C")
    assert numbers(canister.query(program.reply())) == [2, 1, 0]
    names = Program().answer_value("env_var_name", 0).answer_value("env_var_name", 1).answer_value("env_var_value", b"B")
    assert canister.query(names.reply()) == b"ABtwo"


def test_a_canister_may_manage_itself(network: ReplicaClient) -> None:
    """It asks for its own status without being its controller, and is refused that of others."""
    canister, other = deploy(network), deploy(network)
    for target, works in ((canister, True), (other, False)):
        arg = encode([record({"canister_id": PRINCIPAL})], [{"canister_id": target.id}])
        program = Program().send(MANAGEMENT_CANISTER, "canister_status", arg, reply=Program().reply(b"status"))
        if works:
            assert canister.update(program) == b"status"
        else:
            assert "not allowed to call canister_status" in rejected(canister.update, program).message


def test_stopped_canisters_are_upgraded_but_not_called(network: ReplicaClient) -> None:
    """Queries and updates are refused with the state's name; an upgrade works, and start brings it back."""
    canister = deploy(network)
    network.manage("stop_canister", {"canister_id": canister.id})
    for run in (canister.update, canister.query, canister.composite):
        assert rejected(run, Program().reply()).error_code == "IC0508"
    network.install(canister.id, canister.module, mode=Variant("upgrade", None), arg=b"")
    network.manage("start_canister", {"canister_id": canister.id})
    assert canister.query(Program().reply(b"back")) == b"back"
