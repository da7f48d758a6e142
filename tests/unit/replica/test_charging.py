"""Cycles that canisters pay: for messages, for calls, for time; and what becomes of those that cannot."""

from dataclasses import replace
from typing import cast

import pytest

from orchestrator.candid import Variant
from orchestrator.core.principal import Principal
from orchestrator.replica.canister import CanisterStatus
from orchestrator.replica.fees import APPLICATION_SUBNET, frozen_cycles
from orchestrator.replica.messages import Response
from orchestrator.replica.rejects import Rejection
from orchestrator.replica.rent import RENT_INTERVAL_NS
from orchestrator.replica.vm.interface import Callback, Reply
from tests.support.scripted_machine import Function, Run, ScriptedMachine, answer, ignore
from tests.support.scripted_network import OWNER, SECOND, ScriptedNetwork, encode_argument

UPDATE_NEEDS = APPLICATION_SUBNET.execution(40_000_000_000, wide=False)
ONE_INSTRUCTION = APPLICATION_SUBNET.execution(1, wide=False)
INGRESS = APPLICATION_SUBNET.ingress_cost(len("work"))
DAYS_180 = 180 * 86_400


@pytest.fixture
def network() -> ScriptedNetwork:
    """Return a network where everything has its price."""
    return ScriptedNetwork(fees=APPLICATION_SUBNET)


def trap(run: Run) -> None:
    """Trap after accepting cycles."""
    run.accept_cycles(run.message.cycles_available)
    run.trap()


def deploy(network: ScriptedNetwork, exports: dict[str, Function] | None = None) -> Principal:
    """Deploy a canister that works, traps, answers queries and beats."""
    given: dict[str, Function] = {
        "canister_update work": answer(b"done"),
        "canister_update trap": trap,
        "canister_query look": answer(b"seen"),
        "canister_heartbeat": lambda run: run.memory.update(beats=cast("int", run.memory.get("beats", 0)) + 1),
    }
    return network.deploy(network.machine.module({**given, **(exports or {})}))


def rejected(response: Response | None) -> tuple[int, str, str]:
    """Return code, error code and text of a reject."""
    assert isinstance(response, Rejection), response
    return response.code, response.error_code, response.message


def poor(network: ScriptedNetwork, canister: Principal, beyond_frozen: int) -> None:
    """Leave a canister so many cycles beyond those that are frozen."""
    record = network.canister(canister)
    record.forget_size()
    record.cycles = frozen_cycles(record, APPLICATION_SUBNET) + beyond_frozen


@pytest.mark.parametrize("method", ["work", "trap"])
def test_a_message_costs_its_reception_and_what_it_executed(network: ScriptedNetwork, method: str) -> None:
    """Also when it traps; the status tells what was consumed for what."""
    canister = deploy(network)
    record = network.canister(canister)
    before = record.cycles
    executed = record.consumed.get("instructions", 0)
    network.call(canister, method)
    assert before - record.cycles == INGRESS + ONE_INSTRUCTION
    assert record.consumed["instructions"] - executed == ONE_INSTRUCTION
    assert record.consumed["ingress_induction"] >= INGRESS


def test_queries_and_inspection_are_free(network: ScriptedNetwork) -> None:
    """What one node alone executes costs nothing."""
    canister = deploy(network, {"canister_inspect_message": ignore})
    before = network.canister(canister).cycles
    assert network.replica.query(canister.raw, "look", b"", OWNER.raw) == Reply(b"seen")
    assert isinstance(network.submit(canister, "work"), Rejection)
    assert network.canister(canister).cycles == before


def test_who_cannot_pay_the_longest_message_runs_none(network: ScriptedNetwork) -> None:
    """The reject is IC0207, transient, and tells how much is missing; cycles that were sent come back."""
    canister = deploy(network)
    poor(network, canister, INGRESS + UPDATE_NEEDS - 7)
    code, error, text = rejected(network.call(canister, "work"))
    assert (code, error) == (2, "IC0207")
    assert text == f"Canister {canister} is out of cycles: please top up the canister with at least 7 additional cycles"
    network.managed("provisional_top_up_canister", {"canister_id": canister, "amount": 10**9})
    assert network.call(canister, "work") == Reply(b"done")


def test_a_frozen_canister_takes_neither_calls_nor_queries(network: ScriptedNetwork) -> None:
    """Not even a user's call is received; its tasks wait; it can still be managed and topped up."""
    canister = deploy(network)
    network.managed("update_settings", {"canister_id": canister, "settings": {"freezing_threshold": DAYS_180}})
    poor(network, canister, -1)
    refusal = network.submit(canister, "work")
    assert rejected(cast("Rejection", refusal))[:2] == (2, "IC0207")
    _, error, text = rejected(network.replica.query(canister.raw, "look", b"", OWNER.raw))
    assert (error, "because it's frozen" in text) == ("IC0207", True)
    network.time.now += 2 * SECOND
    network.replica.tick()
    network.run()
    assert network.canister(canister).cycles > 0
    assert "beats" not in network.canister(canister).instance.memory  # type: ignore[union-attr]  # a scripted instance
    assert isinstance(network.manage("stop_canister", {"canister_id": canister}), Reply)
    assert network.canister(canister).status is CanisterStatus.STOPPED


def test_code_is_installed_only_where_it_can_be_paid_for(network: ScriptedNetwork) -> None:
    """Without the cycles for the longest installation nothing happens; a failed one costs what it executed."""
    canister = network.create()
    wasm = network.machine.module({"canister_init": trap})
    poor(network, canister, 10**11)
    code, error, text = rejected(network.install(canister, wasm))
    assert (code, error) == (2, "IC0207")
    assert text.startswith(f"Canister installation failed with `Canister {canister} is out of cycles: please top up")
    network.canister(canister).cycles = before = 10**13
    assert isinstance(network.install(canister, wasm), Rejection)
    assert before - network.canister(canister).cycles >= ONE_INSTRUCTION
    assert network.canister(canister).consumed["instructions"] == ONE_INSTRUCTION


def test_unused_cycles_of_a_response_come_back(network: ScriptedNetwork) -> None:
    """A call sets aside the longest response and callback, and pays the bytes and instructions it had."""
    callee = deploy(network)
    reserve = APPLICATION_SUBNET.response_reserve(wide=False)
    seen: list[int] = []

    def go(run: Run) -> None:
        run.call(callee.raw, "work", on_reply=Callback(1, 0))
        fee = APPLICATION_SUBNET.request(len("work")) + reserve
        run.outcome.calls[-1] = replace(run.outcome.calls[-1], fee=fee, reserved=reserve)
        run.outcome.balance_change -= fee

    def done(run: Run) -> None:
        seen.append(run.view.cycles)
        run.reply()

    caller = network.deploy(network.machine.module({"canister_update go": go}, functions={1: done}))
    before = network.canister(caller).cycles
    assert isinstance(network.call(caller, "go"), Reply)
    sent = APPLICATION_SUBNET.request(len("work")) + APPLICATION_SUBNET.call_byte * len(b"done")
    assert before - network.canister(caller).cycles == APPLICATION_SUBNET.ingress_cost(2) + 2 * ONE_INSTRUCTION + sent
    assert network.canister(caller).consumed["request_and_response_transmission"] == sent
    assert seen[0] < before - UPDATE_NEEDS


def test_memory_that_cannot_be_kept_is_not_taken(network: ScriptedNetwork) -> None:
    """A message that grows memory beyond what its canister could keep traps, and leaves no trace."""

    def grow(run: Run) -> None:
        run.memory.update({str(number): number for number in range(10_000)})
        run.reply()

    canister = deploy(network, {"canister_update grow": grow})
    poor(network, canister, APPLICATION_SUBNET.ingress_cost(len("grow")) + UPDATE_NEEDS)
    network.managed("update_settings", {"canister_id": canister, "settings": {"freezing_threshold": DAYS_180}})
    poor(network, canister, INGRESS + UPDATE_NEEDS)
    code, error, text = rejected(network.call(canister, "grow"))
    assert (code, error) == (5, "IC0532")
    assert "cannot grow memory by 655360000 bytes due to insufficient cycles" in text
    assert network.canister(canister).instance.memory == {}  # type: ignore[union-attr]  # a scripted instance


def wait(network: ScriptedNetwork, seconds: int) -> None:
    """Let time pass."""
    network.replica.tick()
    network.time.now += seconds * SECOND
    network.replica.tick()


def test_time_costs_memory_and_allocated_computing(network: ScriptedNetwork) -> None:
    """Every ten seconds canisters pay for what they hold."""
    canister = network.create(compute_allocation=2, memory_allocation=1024**3)
    record = network.canister(canister)
    before = record.cycles
    wait(network, 20)
    assert record.consumed["memory"] == pytest.approx(2_540_000)
    assert record.consumed["compute_allocation"] == pytest.approx(400_000_000)
    paid = before - record.cycles
    assert paid == record.consumed["memory"] + record.consumed["compute_allocation"]
    network.time.now += RENT_INTERVAL_NS // 2
    network.replica.tick()
    assert before - record.cycles == paid


def test_time_before_a_network_starts_costs_nothing(network: ScriptedNetwork) -> None:
    """A network that was stopped for a year does not send a bill."""
    canister = network.create(compute_allocation=3)
    network.time.now += 365 * 86_400 * SECOND
    again = ScriptedNetwork(machine=network.machine, time=network.time, state=network.state, fees=APPLICATION_SUBNET)
    before = again.canister(canister).cycles
    again.replica.tick()
    assert again.canister(canister).cycles == before


def test_a_canister_without_cycles_loses_code_snapshots_history_and_allocations(network: ScriptedNetwork) -> None:
    """Its settings, its count of changes and its id stay; open calls are rejected; it can be topped up and used again."""
    callee = deploy(network)
    machine = network.machine

    def hang(run: Run) -> None:
        run.call(callee.raw, "work", on_reply=Callback(1, 0))

    canister = network.deploy(machine.module({"canister_update hang": hang}))
    network.managed("take_canister_snapshot", {"canister_id": canister})
    network.managed("update_settings", {"canister_id": canister, "settings": {"compute_allocation": 1}})
    request = network.submit(canister, "hang")
    network.replica.run(1)
    record = network.canister(canister)
    record.cycles, changes = 5, record.total_changes
    wait(network, 20)
    assert (record.cycles, record.instance, record.snapshots, record.history) == (0, None, {}, [])
    assert (record.settings.compute_allocation, record.total_changes) == (0, changes)
    network.run()
    assert rejected(network.response(request))[0] == 4
    network.managed("provisional_top_up_canister", {"canister_id": canister, "amount": 10**13})
    assert isinstance(network.install(canister, machine.module({})), Reply)


def test_what_is_created_costs_the_fee_and_the_creator_is_told(network: ScriptedNetwork) -> None:
    """A canister creates one with the fee and something; the something is the new one's balance."""
    creations: list[object] = []

    def create(run: Run) -> None:
        amount = APPLICATION_SUBNET.canister_creation + 123
        arg = b"DIDL\x01\x6c\x00\x01\x00"
        run.call(b"", "create_canister", arg, cycles=amount, on_reply=Callback(1, 0), on_reject=Callback(2, 0))

    functions: dict[int, Function] = {1: lambda run: creations.append(run.message.arg), 2: lambda run: run.trap(run.message.reject_message)}
    maker = network.deploy(network.machine.module({"canister_update create": create}, functions=functions))
    network.call(maker, "create")
    assert len(creations) == 1
    new = max(network.state.canisters)
    assert network.state.canisters[new].cycles == 123
    assert network.state.canisters[new].consumed["canister_creation"] == APPLICATION_SUBNET.canister_creation


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"compute_allocation": 50}, "IC0530"), ({"memory_allocation": 2**43}, "IC0531")],
    ids=["computing", "memory"],
)
def test_settings_that_would_freeze_the_canister_are_refused(network: ScriptedNetwork, settings: dict[str, int], error: str) -> None:
    """An allocation has to be paid for the time of the freezing threshold."""
    canister = network.create()
    network.canister(canister).cycles = 10**12
    response = network.manage("update_settings", {"canister_id": canister, "settings": settings})
    assert rejected(response)[1] == error
    assert network.canister(canister).settings.compute_allocation == 0


def test_a_system_canister_pays_nothing() -> None:
    """What is free has its price for others only."""
    network = ScriptedNetwork(machine=ScriptedMachine(), fees=APPLICATION_SUBNET)
    canister = deploy(network)
    network.canister(canister).is_free = True
    network.canister(canister).cycles = 0
    assert network.call(canister, "work") == Reply(b"done")
    wait(network, 100)
    assert (network.canister(canister).cycles, network.canister(canister).instance is None) == (0, False)


def test_metrics_tell_what_was_consumed(network: ScriptedNetwork) -> None:
    """canister_metrics has a counter for each use, for controllers only."""
    canister = deploy(network)
    network.call(canister, "work")
    wait(network, 100)
    metrics = network.replica.query(
        b"", "canister_metrics", b"DIDL\x01\x6c\x01\xb3\xc4\xb1\xf2\x04\x68\x01\x00" + _principal(canister), OWNER.raw
    )
    assert isinstance(metrics, Reply), metrics
    told = cast("dict[str, dict[str, int]]", network.managed("canister_metrics", {"canister_id": canister}))["cycles_consumed"]
    assert told["instructions"] == network.canister(canister).consumed["instructions"]
    assert told["memory"] > 0
    assert told["http_outcalls"] == 0
    stranger = network.manage("canister_metrics", {"canister_id": canister}, caller=Principal(b"\x04"))
    assert rejected(stranger)[1] == "IC0512"


def _principal(canister: Principal) -> bytes:
    return b"\x01" + bytes([len(canister.raw)]) + canister.raw


def test_modes_of_installing_pay_alike(network: ScriptedNetwork) -> None:
    """An upgrade pays for pre_upgrade and post_upgrade together."""
    exports: dict[str, Function] = {"canister_pre_upgrade": ignore, "canister_post_upgrade": ignore}
    canister = network.deploy(network.machine.module(exports))
    before = network.canister(canister).consumed.get("instructions", 0)
    assert isinstance(network.install(canister, network.machine.module(exports), mode=Variant("upgrade")), Reply)
    assert network.canister(canister).consumed["instructions"] - before == 2 * ONE_INSTRUCTION


@pytest.mark.parametrize("method", ["upload_chunk", "take_canister_snapshot", "upload_canister_snapshot_metadata"])
def test_what_cannot_be_kept_is_not_stored(network: ScriptedNetwork, method: str) -> None:
    """Chunks and snapshots need the cycles that keep them for the freezing threshold; a refusal leaves nothing."""
    canister = deploy(network, {"canister_init": lambda run: run.stable.update({str(number): number for number in range(1000)})})
    network.managed("update_settings", {"canister_id": canister, "settings": {"freezing_threshold": 100 * DAYS_180}})
    poor(network, canister, 3 * 10**9)
    extra: dict[str, dict[str, object]] = {
        "upload_chunk": {"chunk": b"chunk"},
        "upload_canister_snapshot_metadata": {
            "wasm_module_size": 1,
            "globals": [],
            "wasm_memory_size": 2**20,
            "stable_memory_size": 0,
            "certified_data": b"",
        },
    }
    record = network.canister(canister)
    refused = network.manage(method, {"canister_id": canister, **extra.get(method, {})})
    assert rejected(refused)[1] == "IC0532"
    assert (record.chunks, record.snapshots) == ({}, {})
    record.cycles *= 100
    assert isinstance(network.manage(method, {"canister_id": canister, **extra.get(method, {})}), Reply)


@pytest.mark.parametrize("succeeds", [True, False])
def test_hooks_of_an_upgrade_cannot_burn_the_same_cycles_twice(network: ScriptedNetwork, *, succeeds: bool) -> None:
    """What pre_upgrade burned is gone for post_upgrade, and back when the upgrade fails; no balance falls below zero."""
    seen: list[int] = []

    def burn(run: Run) -> None:
        seen.append(run.view.cycles)
        run.outcome.balance_change -= run.view.cycles
        run.outcome.burned += run.view.cycles
        if not succeeds and len(seen) > 1:
            run.trap()

    canister = network.deploy(network.machine.module({"canister_pre_upgrade": burn}))
    record = network.canister(canister)
    network.install(canister, network.machine.module({"canister_post_upgrade": burn}), mode=Variant("upgrade"))
    assert seen[0] > 10**12
    assert seen[1] == 0
    assert record.consumed.get("burned_cycles", 0) == (seen[0] if succeeds else 0)
    assert (0 <= record.cycles < 10**12) == succeeds
    assert isinstance(network.manage("canister_status", {"canister_id": canister}), Reply)


def test_a_snapshot_that_cannot_be_kept_is_not_loaded(network: ScriptedNetwork) -> None:
    """Loading needs the cycles that keep its memory for the freezing threshold; a refusal leaves the old code running."""
    large = deploy(network, {"canister_init": lambda run: run.stable.update({str(number): number for number in range(1000)})})
    snapshot = cast("dict[str, object]", network.managed("take_canister_snapshot", {"canister_id": large}))["id"]
    canister = deploy(network)
    network.managed("update_settings", {"canister_id": canister, "settings": {"freezing_threshold": 100 * DAYS_180}})
    poor(network, canister, 50 * 10**9)
    record = network.canister(canister)
    before = (record.module_hash, record.instance, record.version)
    arguments: dict[str, object] = {"canister_id": canister, "snapshot_id": snapshot}
    assert rejected(network.manage("load_canister_snapshot", arguments))[1] == "IC0532"
    assert (record.module_hash, record.instance, record.version) == before
    assert network.call(canister, "work") == Reply(b"done")
    record.cycles *= 1000
    assert isinstance(network.manage("load_canister_snapshot", arguments), Reply)


def test_memory_of_a_message_that_is_undone_is_not_taken_for_paid(network: ScriptedNetwork) -> None:
    """A message that grows and then tells a wrong version of its canister does not let the next one grow as far unpaid."""

    def grow(run: Run) -> None:
        run.stable.update({str(number): number for number in range(1000)})
        if run.message.method == "wrong":
            said = {"canister_id": Principal(run.view.id), "sender_canister_version": run.view.version + 1}
            run.call(b"", "uninstall_code", encode_argument("uninstall_code", said))

    canister = deploy(network, {"canister_update wrong": grow, "canister_update grow": grow})
    network.managed("update_settings", {"canister_id": canister, "settings": {"freezing_threshold": 100 * DAYS_180}})
    poor(network, canister, 2 * UPDATE_NEEDS)
    assert "does not match the actual sender canister version" in rejected(network.call(canister, "wrong"))[2]
    assert rejected(network.call(canister, "grow"))[1] == "IC0532"


@pytest.mark.parametrize("setting", [{"memory_allocation": 2**40}, {"compute_allocation": 100}])
def test_settings_that_are_refused_freeze_nothing(network: ScriptedNetwork, setting: dict[str, int]) -> None:
    """What the canister would have had to keep for them does not stop its messages."""
    canister = deploy(network)
    poor(network, canister, 2 * UPDATE_NEEDS)
    assert isinstance(network.manage("update_settings", {"canister_id": canister, "settings": setting}), Rejection)
    assert network.call(canister, "work") == Reply(b"done")
