"""Queries: answered from the committed state, never changing it; composite queries call others."""

import pytest

from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Function, Run, answer, ignore
from tests.support.scripted_network import OWNER, STRANGER, ScriptedNetwork, encode_argument


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def query(network: ScriptedNetwork, canister: Principal, method: str, arg: bytes = b"") -> Response:
    """Evaluate a query of the owner."""
    return network.replica.query(canister.raw, method, arg, OWNER.raw)


def error_code(response: Response | None) -> str:
    """Return the error code of a reject."""
    assert isinstance(response, Rejection), response
    return response.error_code


def test_a_query_changes_nothing(network: ScriptedNetwork) -> None:
    """What a query writes is gone for the next one."""

    def count(run: Run) -> None:
        run.memory[f"entry {len(run.memory)}"] = True
        run.reply(b"%d" % len(run.memory))

    canister = network.deploy(network.machine.module({"canister_query count": count}))
    assert [query(network, canister, "count"), query(network, canister, "count")] == [Reply(b"1"), Reply(b"1")]


@pytest.mark.parametrize(
    ("function", "code"),
    [(lambda run: run.trap(), "IC0503"), (lambda run: run.reject("no"), "IC0406"), (ignore, "IC0506")],
    ids=["trap", "reject", "silence"],
)
def test_failed_queries_say_why(network: ScriptedNetwork, function: Function, code: str) -> None:
    """A trap, a reject and a missing reply have their own codes."""
    canister = network.deploy(network.machine.module({"canister_query ask": function}))
    assert error_code(query(network, canister, "ask")) == code


def test_queries_need_a_running_canister_with_the_method(network: ScriptedNetwork) -> None:
    """No canister, no module, no method, and a stopped canister are told apart."""
    empty = network.create()
    full = network.deploy(network.machine.module({"canister_update ask": ignore}))
    stopped = network.deploy(network.machine.module({"canister_query ask": answer(b"")}))
    network.managed("stop_canister", {"canister_id": stopped})
    asked = [query(network, canister, "ask") for canister in (Principal(b"\x05\x01\x01"), empty, full, stopped)]
    assert [error_code(response) for response in asked] == ["IC0301", "IC0537", "IC0536", "IC0508"]


def test_the_data_certificate_is_for_the_users_query_only(network: ScriptedNetwork) -> None:
    """A query gets a certificate of its certified data; the same method called as update gets none."""

    def look(run: Run) -> None:
        run.reply(b"yes" if run.message.data_certificate is not None and run.message.data_certificate() else b"no")

    canister = network.deploy(network.machine.module({"canister_query look": look}))
    assert query(network, canister, "look") == Reply(b"yes")
    assert network.call(canister, "look") == Reply(b"no")


def asking(network: ScriptedNetwork, callee: Principal, method: str) -> Principal:
    """Deploy a canister whose composite query `ask` passes on what another one answers."""

    def ask(run: Run) -> None:
        run.memory["asked"] = True
        run.call(callee.raw, method, run.message.arg, on_reply=Callback(1, 0), on_reject=Callback(2, 0))

    def pass_reply(run: Run) -> None:
        assert run.memory == {"asked": True}, "a callback sees what its query wrote"
        run.reply(b"<" + run.message.arg + b">")

    callbacks: dict[int, Function] = {1: pass_reply, 2: lambda run: run.reply(run.message.reject_message.encode())}
    return network.deploy(network.machine.module({"canister_composite_query ask": ask}, functions=callbacks))


def test_a_composite_query_calls_others(network: ScriptedNetwork) -> None:
    """Calls nest, callbacks see their own query's writes, and nothing is kept."""
    base = network.deploy(network.machine.module({"canister_query echo": lambda run: run.reply(run.message.arg)}))
    middle = asking(network, base, "echo")
    outer = asking(network, middle, "ask")
    for _ in range(2):
        assert query(network, outer, "ask", b"hello") == Reply(b"<<hello>>")
    assert vars(network.canister(outer).instance)["memory"] == {}


def test_a_composite_query_hears_of_rejects(network: ScriptedNetwork) -> None:
    """A failing callee runs the reject callback with its error code in the text."""
    base = network.deploy(network.machine.module({"canister_query echo": lambda run: run.trap("broken")}))
    response = query(network, asking(network, base, "echo"), "ask")
    assert isinstance(response, Reply)
    assert response.data.startswith(b"IC0503: Error from Canister")


def test_a_composite_query_may_call_itself_until_it_is_too_deep(network: ScriptedNetwork) -> None:
    """Each nested call starts from the committed state; beyond the limit the innermost call is rejected."""
    depths: list[int] = []

    def ask(run: Run) -> None:
        assert run.memory == {}, "a nested call starts from the committed state"
        depths.append(len(depths))
        run.memory["mine"] = len(depths)
        run.call(run.view.id, "ask", on_reply=Callback(1, 0), on_reject=Callback(2, 0))

    callbacks: dict[int, Function] = {
        1: lambda run: run.reply(run.message.arg),
        2: lambda run: run.reply(run.message.reject_message.encode()),
    }
    canister = network.deploy(network.machine.module({"canister_composite_query ask": ask}, functions=callbacks))
    response = query(network, canister, "ask")
    assert isinstance(response, Reply)
    assert response.data.startswith(b"IC0525")
    assert len(depths) == 7


def test_a_composite_query_may_not_go_on_for_ever(network: ScriptedNetwork) -> None:
    """Once the instructions of all its parts exceed the limit of a query, no further call is made, and the next query is free again."""

    def work(run: Run) -> None:
        run.outcome.instructions = limits.MAX_COMPOSITE_QUERY_INSTRUCTIONS // 3
        run.reply()

    asked: list[int] = []

    def ask(run: Run) -> None:
        asked.append(1)
        run.call(callee.raw, "work", on_reply=Callback(1, 0), on_reject=Callback(1, 0))

    callee = network.deploy(network.machine.module({"canister_query work": work}))
    canister = network.deploy(network.machine.module({"canister_composite_query ask": ask}, functions={1: ask}))
    assert error_code(query(network, canister, "ask")) == "IC0526"
    assert len(asked) == 4
    assert query(network, callee, "work") == Reply(b"")


def test_inspect_message_decides_about_users(network: ScriptedNetwork) -> None:
    """A canister refuses a call before anything of it runs, by caller or by trapping."""

    def inspect(run: Run) -> None:
        if run.message.method == "trap":
            run.trap()
        run.outcome.accepted = run.message.caller == OWNER.raw

    exports = {"canister_inspect_message": inspect, "canister_update work": answer(b"done"), "canister_update trap": ignore}
    canister = network.deploy(network.machine.module(exports))
    assert network.call(canister, "work") == Reply(b"done")
    assert error_code(network.call(canister, "work", caller=STRANGER)) == "IC0406"
    assert error_code(network.call(canister, "trap")) == "IC0503"


def test_query_statistics_are_counted(network: ScriptedNetwork) -> None:
    """The status counts queries and their bytes."""
    canister = network.deploy(network.machine.module({"canister_query ask": answer(b"12345")}))
    query(network, canister, "ask", b"123")
    stats = network.status(canister)["query_stats"]
    assert stats == {
        "num_calls_total": 1,
        "num_instructions_total": 1,
        "request_payload_bytes_total": 3,
        "response_payload_bytes_total": 5,
    }


def test_the_management_canister_answers_queries_too(network: ScriptedNetwork) -> None:
    """canister_status may be asked as a query; methods that change something may not."""
    canister = network.create()
    status = query(network, Principal(b""), "canister_status", encode_argument("canister_status", {"canister_id": canister}))
    stop = query(network, Principal(b""), "stop_canister", encode_argument("stop_canister", {"canister_id": canister}))
    assert isinstance(status, Reply)
    assert error_code(stop) == "IC0536"
