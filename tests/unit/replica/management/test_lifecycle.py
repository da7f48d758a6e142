"""Creating, configuring, starting, stopping and deleting canisters."""

import hashlib
from typing import cast

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica import limits
from orchestrator.replica.canister import CanisterStatus
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.vm.interface import Callback, Module, Reply
from tests.support.scripted_machine import Function, Run, ScriptedMachine
from tests.support.scripted_network import OWNER, STRANGER, ScriptedNetwork, encode_argument


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return an empty network."""
    return ScriptedNetwork()


class BrokenMachine(ScriptedMachine):
    """A machine that cannot load anything because of a bug."""

    def load(self, wasm: bytes) -> Module:
        """Fail."""
        raise ZeroDivisionError(wasm)


def error_code(response: Response | None) -> str:
    """Return the error code of a reject."""
    assert isinstance(response, Rejection), response
    return response.error_code


def test_a_new_canister_has_its_creator_as_controller(network: ScriptedNetwork) -> None:
    """Without settings the defaults hold, the balance is the provisional one, and no code is there."""
    status = network.status(network.create())
    assert status["cycles"] == limits.DEFAULT_PROVISIONAL_CYCLES
    assert status["module_hash"] is None
    settings = status["settings"]
    assert isinstance(settings, dict)
    assert settings["controllers"] == [OWNER]
    assert (settings["freezing_threshold"], settings["log_memory_limit"]) == (2_592_000, 4096)


def test_amount_and_id_can_be_chosen(network: ScriptedNetwork) -> None:
    """A specified id must be free and one that this network hosts."""
    wanted = Principal.from_text("ryjl3-tyaaa-aaaaa-aaaba-cai")
    result = network.managed("provisional_create_canister_with_cycles", {"amount": 7, "specified_id": wanted})
    assert result == {"canister_id": wanted}
    assert network.canister(wanted).cycles == 7
    assert error_code(network.manage("provisional_create_canister_with_cycles", {"specified_id": wanted})) == "IC0538"
    assert error_code(network.manage("provisional_create_canister_with_cycles", {"specified_id": OWNER})) == "IC0405"


def test_ids_are_never_given_twice(network: ScriptedNetwork) -> None:
    """A deleted canister's id stays used."""
    first = network.create()
    network.managed("stop_canister", {"canister_id": first})
    network.managed("delete_canister", {"canister_id": first})
    assert network.create() != first
    assert first.raw not in network.state.canisters


def test_settings_change_only_where_given(network: ScriptedNetwork) -> None:
    """Every setting can be changed, and what is not mentioned stays."""
    canister = network.create()
    changes = {
        "compute_allocation": 5,
        "memory_allocation": 1 << 30,
        "freezing_threshold": 60,
        "reserved_cycles_limit": 9,
        "minimum_incoming_canister_call_cycles": 3,
        "wasm_memory_limit": 1 << 20,
        "wasm_memory_threshold": 1 << 10,
        "log_memory_limit": 8192,
        "log_visibility": Variant("public"),
        "snapshot_visibility": Variant("allowed_viewers", [STRANGER]),
        "status_visibility": Variant("allowed_viewers", [STRANGER]),
        "environment_variables": [{"name": "MODE", "value": "test"}],
        "controllers": [OWNER, STRANGER],
    }
    network.managed("update_settings", {"canister_id": canister, "settings": changes})
    network.managed("update_settings", {"canister_id": canister, "settings": {"compute_allocation": 6}})
    settings = network.status(canister)["settings"]
    assert settings == {**changes, "compute_allocation": 6}


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"compute_allocation": 101}, "IC0504 ComputeAllocation expected to be in the range [0..100], got 101"),
        ({"memory_allocation": 2**64}, "IC0504 MemoryAllocation expected to be in the range [0..18446744073709551615]"),
        ({"reserved_cycles_limit": 2**128}, "IC0504 Reserved cycles limit expected to be in the range of [0..2^128-1]"),
        ({"minimum_incoming_canister_call_cycles": 2**128}, "IC0504 Minimum incoming canister call cycles"),
        ({"wasm_memory_limit": 2**48 + 1}, "IC0504 Wasm memory limit expected to be in the range of [0..2^48]"),
        ({"wasm_memory_threshold": 2**48 + 1}, "IC0504 Wasm memory threshold expected to be in the range of [0..2^48]"),
        ({"log_memory_limit": 2**21 + 1}, "IC0504 Log memory limit"),
        ({"controllers": [Principal(bytes([number])) for number in range(11)]}, "IC0408 Error decoding candid"),
        (
            {"log_visibility": Variant("allowed_viewers", [Principal(bytes([number])) for number in range(11)])},
            "IC0408 Error decoding candid",
        ),
        ({"environment_variables": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, "IC0408 Duplicate environment variables"),
        (
            {"environment_variables": [{"name": f"A{number}", "value": ""} for number in range(21)]},
            "IC0408 Too many environment variables: 21 (max: 20)",
        ),
        ({"environment_variables": [{"name": "A", "value": "x" * 129}]}, "IC0408 Environment variable value"),
        ({"environment_variables": [{"name": "n" * 129, "value": ""}]}, "IC0408 Environment variable name"),
    ],
    ids=[
        "computing",
        "memory",
        "reserved",
        "minimum",
        "wasm limit",
        "threshold",
        "logs",
        "controllers",
        "viewers",
        "twice",
        "many",
        "value",
        "name",
    ],
)
def test_settings_beyond_the_limits_are_refused(network: ScriptedNetwork, settings: dict[str, object], error: str) -> None:
    """A bad setting changes nothing, neither alone nor next to a good one."""
    canister = network.create()
    before = network.canister(canister).settings
    changed = network.manage("update_settings", {"canister_id": canister, "settings": {**settings, "freezing_threshold": 1}})
    assert isinstance(changed, Rejection)
    assert f"{changed.error_code} {changed.message}".startswith(error)
    assert network.canister(canister).settings == before


@pytest.mark.parametrize("method", ["start_canister", "stop_canister", "delete_canister", "uninstall_code", "stored_chunks"])
def test_only_controllers_may_manage(network: ScriptedNetwork, method: str) -> None:
    """A stranger is refused before anything happens; a canister that is not there is said to be missing."""
    canister = network.create()
    refused = network.manage(method, {"canister_id": canister}, caller=STRANGER)
    assert error_code(refused) == "IC0512"
    assert error_code(network.manage(method, {"canister_id": Principal(b"\x07\x01\x01")})) == "IC0301"
    assert network.canister(canister).status is CanisterStatus.RUNNING


def test_deleting_needs_a_stopped_canister(network: ScriptedNetwork) -> None:
    """A running canister is not deleted."""
    canister = network.create()
    assert error_code(network.manage("delete_canister", {"canister_id": canister})) == "IC0510"
    assert canister.raw in network.state.canisters


def test_anybody_may_top_up(network: ScriptedNetwork) -> None:
    """The provisional top-up adds fresh cycles."""
    canister = network.create()
    network.managed("provisional_top_up_canister", {"canister_id": canister, "amount": 5}, caller=STRANGER)
    assert network.canister(canister).cycles == limits.DEFAULT_PROVISIONAL_CYCLES + 5


@pytest.mark.parametrize("method", ["create_canister", "deposit_cycles", "canister_info", "fetch_canister_logs"])
def test_methods_for_canisters_only_are_refused_to_users(network: ScriptedNetwork, method: str) -> None:
    """Users cannot send these as calls."""
    argument = {"canister_id": network.create()} if method != "create_canister" else {}
    assert error_code(network.manage(method, argument)) == "IC0406"


def test_unknown_and_unsupported_methods_differ_in_words(network: ScriptedNetwork) -> None:
    """A name that is no method's, and a method that is for canisters only."""
    unknown = network.call(Principal(b""), "no_such_method", b"DIDL\x00\x00")
    missing = network.call(Principal(b""), "sign_with_ecdsa", b"DIDL\x00\x00")
    assert isinstance(unknown, Rejection)
    assert isinstance(missing, Rejection)
    assert "does not expose method no_such_method" in unknown.message
    assert "can not be called via ingress messages" in missing.message


def test_a_failure_inside_is_a_reject(caplog: pytest.LogCaptureFixture) -> None:
    """A bug in a method ends that call only, with a log entry."""
    broken = ScriptedNetwork(machine=BrokenMachine())
    canister = broken.create()
    assert error_code(broken.install(canister, b"anything")) == "IC0101"
    assert broken.status(canister)["module_hash"] is None
    assert "install_code failed" in caplog.text


def test_arguments_that_do_not_decode_are_refused(network: ScriptedNetwork) -> None:
    """Bytes that are no Candid get a reject, not a failure."""
    assert error_code(network.call(Principal(b""), "stop_canister", b"rubbish")) == "IC0408"


def calling(network: ScriptedNetwork, method: str, argument: bytes, *, cycles: int = 0) -> Principal:
    """Deploy a canister whose `go` calls the management canister and passes on the answer."""

    def go(run: Run) -> None:
        run.call(b"", method, argument, cycles=cycles, on_reply=Callback(1, 0), on_reject=Callback(2, 0))

    callbacks: dict[int, Function] = {
        1: lambda run: run.reply(run.message.arg),
        2: lambda run: run.reject(run.message.reject_message),
    }
    return network.deploy(network.machine.module({"canister_update go": go}, functions=callbacks))


def test_a_canister_creates_canisters_with_its_cycles(network: ScriptedNetwork) -> None:
    """The fee is taken, the rest is the new canister's, whose controller is the creator."""
    cycles = limits.CANISTER_CREATION_FEE_CYCLES + 1000
    creator = calling(network, "create_canister", encode_argument("create_canister", {}), cycles=cycles)
    before = network.canister(creator).cycles
    assert isinstance(network.call(creator, "go"), Reply)
    created = max(network.state.canisters)
    assert network.state.canisters[created].cycles == 1000
    assert network.state.canisters[created].settings.controllers == (creator.raw,)
    assert network.canister(creator).cycles == before - cycles


def test_too_few_cycles_create_nothing(network: ScriptedNetwork) -> None:
    """The cycles come back."""
    creator = calling(network, "create_canister", encode_argument("create_canister", {}), cycles=5)
    before = network.canister(creator).cycles, len(network.state.canisters)
    response = network.call(creator, "go")
    assert isinstance(response, Rejection)
    assert response.message.startswith("IC0403")
    assert (network.canister(creator).cycles, len(network.state.canisters)) == before


def test_deposited_cycles_arrive(network: ScriptedNetwork) -> None:
    """A canister gives its cycles to another one."""
    target = network.create()
    giver = calling(network, "deposit_cycles", encode_argument("deposit_cycles", {"canister_id": target}), cycles=77)
    assert isinstance(network.call(giver, "go"), Reply)
    assert network.canister(target).cycles == limits.DEFAULT_PROVISIONAL_CYCLES + 77


def test_random_bytes_come_from_the_source_of_entropy(network: ScriptedNetwork) -> None:
    """raw_rand returns 32 bytes."""
    assert network.call(calling(network, "raw_rand", b"DIDL\x00\x00"), "go") == Reply(b"DIDL\x01m{\x01\x00\x20" + b"\x07" * 32)


def test_the_code_runs_under_the_memory_limit_of_its_settings(network: ScriptedNetwork) -> None:
    """What is set as `wasm_memory_limit` is what the machine is told to hold the canister to."""
    seen: list[int] = []

    def look(run: Run) -> None:
        seen.append(run.view.wasm_memory_limit)
        run.reply()

    canister = network.deploy(network.machine.module({"canister_query limit": look}))
    network.managed("update_settings", {"canister_id": canister, "settings": {"wasm_memory_limit": 1 << 20}})
    network.replica.query(canister.raw, "limit", b"", OWNER.raw)
    assert seen == [1 << 20]


def test_starting_and_stopping_count_as_versions(network: ScriptedNetwork) -> None:
    """Every request does, also one that changes nothing, and so does the moment in which it has stopped."""
    canister = network.create()
    versions = []
    for method in ("stop_canister", "stop_canister", "start_canister", "start_canister"):
        network.managed(method, {"canister_id": canister})
        versions.append(network.canister(canister).version)
    assert versions == [2, 3, 4, 5]


def test_creation_is_recorded_with_the_hash_of_its_variables(network: ScriptedNetwork) -> None:
    """The hash is that of a map, and is there only when variables were given."""
    plain, given = network.create(), network.create(environment_variables=[{"name": "MODE", "value": "test"}])
    assert network.canister(plain).history[0].environment_hash is None
    expected = hashlib.sha256(hashlib.sha256(b"MODE").digest() + hashlib.sha256(b"test").digest()).digest()
    assert network.canister(given).history[0].environment_hash == expected


def test_a_memory_limit_below_what_is_used_is_refused(network: ScriptedNetwork) -> None:
    """A limit that has been passed already would only surprise later."""
    canister = network.deploy(network.machine.module({"canister_init": lambda run: run.memory.update(a=1, b=2)}))
    refused = network.manage("update_settings", {"canister_id": canister, "settings": {"wasm_memory_limit": 65_536}})
    assert error_code(refused) == "IC0504"
    assert isinstance(network.manage("update_settings", {"canister_id": canister, "settings": {"wasm_memory_limit": 131_072}}), Reply)


@pytest.mark.parametrize("method", ["install_code", "uninstall_code", "take_canister_snapshot", "load_canister_snapshot"])
def test_the_code_of_a_system_canister_stays(network: ScriptedNetwork, method: str) -> None:
    """A controller of the proxy canister may configure it, but neither replace its code nor take a copy."""
    canister = network.deploy(network.machine.module({}))
    network.canister(canister).is_free = True
    extra: dict[str, dict[str, object]] = {
        "install_code": {"mode": Variant("reinstall"), "wasm_module": b"", "arg": b""},
        "load_canister_snapshot": {"snapshot_id": b"any"},
    }
    refused = network.manage(method, {"canister_id": canister, **extra.get(method, {})})
    assert isinstance(refused, Rejection)
    assert "belongs to the embedded network" in refused.message
    assert network.status(canister)["module_hash"] is not None


def test_a_balance_has_128_bits(network: ScriptedNetwork) -> None:
    """More is neither made nor kept."""
    canister = network.create()
    largest = 2**128 - 1
    for amount in (largest, 1):
        network.managed("provisional_top_up_canister", {"canister_id": canister, "amount": amount})
        assert network.status(canister)["cycles"] == largest
    assert error_code(network.manage("provisional_top_up_canister", {"canister_id": canister, "amount": largest + 1})) == "IC0408"
    assert error_code(network.manage("provisional_create_canister_with_cycles", {"amount": largest + 1})) == "IC0408"
    rich = cast("dict[str, Principal]", network.managed("provisional_create_canister_with_cycles", {"amount": largest}))["canister_id"]
    assert network.status(rich)["cycles"] == largest
