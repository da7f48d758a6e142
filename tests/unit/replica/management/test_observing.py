"""Status, history, metadata and logs: what is told, and to whom."""

from dataclasses import replace
from typing import cast

import pytest

from orchestrator.candid import Variant, decode
from orchestrator.core.principal import Principal
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Reply, Section
from tests.support.scripted_machine import Function, Run, ignore
from tests.support.scripted_network import OWNER, STRANGER, ScriptedNetwork, encode_argument, signature


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


def ask(network: ScriptedNetwork, method: str, canister: Principal, caller: Principal) -> Response:
    """Query the management canister about a canister."""
    return network.replica.query(b"", method, encode_argument(method, {"canister_id": canister}), caller.raw)


def error_code(response: Response | None) -> str:
    """Return the error code of a reject."""
    assert isinstance(response, Rejection), response
    return response.error_code


def test_the_status_has_every_field_of_the_interface(network: ScriptedNetwork) -> None:
    """Nothing that the interface declares is left out, for an empty canister and for a full one."""
    canister = network.create()
    assert network.status(canister)["module_hash"] is None
    network.install(canister, network.machine.module({}, metadata={"a": Section(public=True, content=b"123")}))
    status = network.status(canister)
    assert (status["status"], status["version"], status["ready_for_migration"]) == (Variant("running"), 1, False)
    metrics = cast("dict[str, int]", status["memory_metrics"])
    assert metrics["custom_sections_size"] == 4
    assert status["memory_size"] == sum(metrics.values())


def test_the_status_is_for_controllers_unless_set_otherwise(network: ScriptedNetwork) -> None:
    """A stranger sees it only when listed, or when it is public."""
    canister = network.create()
    assert error_code(ask(network, "canister_status", canister, STRANGER)) == "IC0542"
    for visibility in (Variant("allowed_viewers", [STRANGER]), Variant("public")):
        network.managed("update_settings", {"canister_id": canister, "settings": {"status_visibility": visibility}})
        assert isinstance(ask(network, "canister_status", canister, STRANGER), Reply)
    assert error_code(ask(network, "canister_status", Principal(b"\x03\x01\x01"), OWNER)) == "IC0301"


def logs(response: Response) -> list[tuple[int, bytes]]:
    """Return index and text of every line."""
    assert isinstance(response, Reply), response
    records = cast("dict[str, list[dict[str, object]]]", decode(response.data, signature("fetch_canister_logs")[1])[0])
    return [(cast("int", record["idx"]), cast("bytes", record["content"])) for record in records["canister_log_records"]]


def test_logs_are_for_those_who_may_see_them(network: ScriptedNetwork) -> None:
    """Controllers read what was printed and why messages trapped; others when the settings say so."""

    def talk(run: Run) -> None:
        run.outcome.logs.append(b"line " + run.message.arg)
        run.reply()

    canister = network.deploy(network.machine.module({"canister_update talk": talk, "canister_query ask": talk}))
    network.call(canister, "talk", b"one")
    network.replica.query(canister.raw, "ask", b"not kept", OWNER.raw)
    network.call(canister, "talk", b"two")
    assert logs(ask(network, "fetch_canister_logs", canister, OWNER)) == [(0, b"line one"), (1, b"line two")]
    assert error_code(ask(network, "fetch_canister_logs", canister, STRANGER)) == "IC0406"
    network.managed("update_settings", {"canister_id": canister, "settings": {"log_visibility": Variant("public")}})
    assert len(logs(ask(network, "fetch_canister_logs", canister, STRANGER))) == 2


def test_the_oldest_lines_go_when_the_log_is_full(network: ScriptedNetwork) -> None:
    """The log keeps at most its limit of bytes, and numbering goes on."""
    canister = network.create()
    network.managed("update_settings", {"canister_id": canister, "settings": {"log_memory_limit": 10}})
    for number in range(4):
        network.canister(canister).log(number, b"12%d" % number)
    assert logs(ask(network, "fetch_canister_logs", canister, OWNER)) == [(1, b"121"), (2, b"122"), (3, b"123")]


def asking(network: ScriptedNetwork, method: str, argument: dict[str, object]) -> Response | None:
    """Call the management canister from a canister and return what it says."""

    def go(run: Run) -> None:
        run.call(b"", method, encode_argument(method, argument), on_reply=Callback(1, 0), on_reject=Callback(2, 0))

    callbacks: dict[int, Function] = {
        1: lambda run: run.reply(run.message.arg),
        2: lambda run: run.reject(run.message.reject_message),
    }
    return network.call(network.deploy(network.machine.module({"canister_update go": go}, functions=callbacks)), "go")


def test_canisters_read_each_others_history(network: ScriptedNetwork) -> None:
    """Creation, installs and changes of controllers are told in their order, with who did them."""
    canister = network.create()
    network.install(canister, network.machine.module({}))
    network.managed("update_settings", {"canister_id": canister, "settings": {"controllers": [OWNER, STRANGER]}})
    network.managed("uninstall_code", {"canister_id": canister})
    response = asking(network, "canister_info", {"canister_id": canister, "num_requested_changes": 3})
    assert isinstance(response, Reply)
    info = cast("dict[str, object]", decode(response.data, signature("canister_info")[1])[0])
    changes = cast("list[dict[str, Variant]]", info["recent_changes"])
    assert info["total_num_changes"] == 4
    assert [change["details"].label for change in changes] == ["code_deployment", "controllers_change", "code_uninstall"]
    assert changes[0]["origin"] == Variant("from_user", {"user_id": OWNER})
    assert (info["module_hash"], info["controllers"]) == (None, [OWNER, STRANGER])


def test_canisters_read_public_metadata_only(network: ScriptedNetwork) -> None:
    """A canister that is no controller gets public sections and hears that others are not there."""
    sections = {"open": Section(public=True, content=b"for all"), "closed": Section(public=False, content=b"for few")}
    canister = network.deploy(network.machine.module({"canister_update u": ignore}, metadata=sections))
    found = asking(network, "canister_metadata", {"canister_id": canister, "name": "open"})
    assert isinstance(found, Reply)
    assert decode(found.data, signature("canister_metadata")[1]) == [{"value": b"for all"}]
    for name in ("closed", "missing"):
        assert isinstance(asking(network, "canister_metadata", {"canister_id": canister, "name": name}), Rejection)


def test_one_answer_has_the_newest_lines_that_fit(network: ScriptedNetwork) -> None:
    """Logs may be larger than an answer: the oldest lines are left out, and a range finds them."""
    canister = network.create(log_memory_limit=2**21)
    for number in range(70):
        network.canister(canister).log(number, b"x" * 30_000)
    response = ask(network, "fetch_canister_logs", canister, OWNER)
    indexes = [index for index, _ in logs(response)]
    assert indexes == list(range(70 - 66, 70))
    argument = {"canister_id": canister, "filter": Variant("by_idx", {"start": 1, "end": 3})}
    found = network.replica.query(b"", "fetch_canister_logs", encode_argument("fetch_canister_logs", argument), OWNER.raw)
    assert [index for index, _ in logs(found)] == [1, 2]


def test_a_lower_limit_drops_the_oldest_lines_at_once(network: ScriptedNetwork) -> None:
    """What is told afterwards fits the new limit."""
    canister = network.create()
    for number in range(4):
        network.canister(canister).log(number, b"x" * 1000)
    network.managed("update_settings", {"canister_id": canister, "settings": {"log_memory_limit": 2500}})
    assert [index for index, _ in logs(ask(network, "fetch_canister_logs", canister, OWNER))] == [2, 3]


def test_logs_outlive_upgrades_but_not_reinstalls(network: ScriptedNetwork) -> None:
    """Their numbers go on in any case."""
    canister = network.deploy(network.machine.module({"canister_post_upgrade": lambda run: run.outcome.logs.append(b"upgraded")}))
    network.canister(canister).log(1, b"before")
    wasm = network.machine.module({"canister_post_upgrade": lambda run: run.outcome.logs.append(b"upgraded")})
    network.install(canister, wasm, mode=Variant("upgrade"))
    assert logs(ask(network, "fetch_canister_logs", canister, OWNER)) == [(0, b"before"), (1, b"upgraded")]
    network.install(
        canister, network.machine.module({"canister_init": lambda run: run.outcome.logs.append(b"new")}), mode=Variant("reinstall")
    )
    assert logs(ask(network, "fetch_canister_logs", canister, OWNER)) == [(2, b"new")]


def test_empty_lines_do_not_pile_up(network: ScriptedNetwork) -> None:
    """A canister that prints nothing again and again, or whose log keeps nothing, takes no more and more memory."""
    canister = network.canister(network.create(log_memory_limit=10))
    for number in range(30):
        canister.log(number, b"")
    assert [record.index for record in canister.logs] == list(range(20, 30))
    canister.settings = replace(canister.settings, log_memory_limit=0)
    canister.log(30, b"line")
    assert (len(canister.logs), canister.log_bytes, canister.next_log_index) == (0, 0, 31)
