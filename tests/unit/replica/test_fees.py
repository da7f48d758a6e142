"""The prices, and what follows from them for a canister."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.replica.fees import APPLICATION_SUBNET, FREE, frozen_cycles, idle_cycles_burned_per_day, memory_metrics, memory_usage
from orchestrator.replica.limits import MAX_CHUNK_BYTES, NANOSECONDS
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.replica_modules import counter
from tests.support.scripted_network import ScriptedNetwork
from tests.support.vm import VIEW, module, send

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "embedded-network.md"
GIB = 1024**3
DAY_NS = 86_400 * NANOSECONDS


@pytest.mark.parametrize(
    ("what", "price"),
    [
        (APPLICATION_SUBNET.execution(10**9, wide=False), 1_005_000_000),
        (APPLICATION_SUBNET.execution(10**9, wide=True), 2_005_000_000),
        (APPLICATION_SUBNET.request(100), 360_000),
        (APPLICATION_SUBNET.ingress_cost(100), 1_400_000),
        (APPLICATION_SUBNET.canister_creation, 500_000_000_000),
        (sum(APPLICATION_SUBNET.rent(memory_bytes=GIB, compute_percent=0, nanoseconds=NANOSECONDS)), 127_000),
        (sum(APPLICATION_SUBNET.rent(memory_bytes=0, compute_percent=1, nanoseconds=NANOSECONDS)), 10_000_000),
        (sum(APPLICATION_SUBNET.rent(memory_bytes=GIB, compute_percent=0, nanoseconds=30 * DAY_NS)), 329_184_000_000),
        (sum(FREE.rent(memory_bytes=GIB, compute_percent=9, nanoseconds=DAY_NS)), 0),
    ],
    ids=["narrow", "wide", "request", "ingress", "creation", "storage", "computing", "a month", "free"],
)
def test_prices_are_those_of_the_documentation(what: int, price: int) -> None:
    """The page "Cycle costs" has these numbers, for 13 nodes."""
    assert what == price


def test_the_page_tells_these_prices() -> None:
    """Each row of the table has the number of the code, and there are no others."""
    fees = APPLICATION_SUBNET
    said = {
        "a message that it executes": fees.message,
        "an instruction": fees.instruction,
        "an instruction of a module with 64-bit memory": fees.wide_instruction,
        "a call to another canister": fees.call,
        "a byte of such a call and of its response": fees.call_byte,
        "a user's call": fees.ingress,
        "a byte of such a call": fees.ingress_byte,
        "a GiB of memory, for a second": fees.storage_gib_second,
        "a percent of allocated computing, for a second": fees.compute_percent_second,
    }
    section = PAGE.read_text(encoding="utf-8").partition("## Prices")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert rows == ["| for | cycles |", *(f"| {what} | {price:,} |" for what, price in said.items())]


def test_the_system_api_tells_the_price_of_a_canister() -> None:
    """ic0.cost_create_canister and the fee that is taken are one number."""
    machine = WasmMachine()
    body = """(func (export "canister_update tell") (call $cost_create_canister (i32.const 0)) (call $debug_print (i32.const 0) (i32.const 16)))"""
    outcome = send(machine.instantiate(machine.load(module(["cost_create_canister", "debug_print"], body))), "canister_update tell")
    assert int.from_bytes(outcome.logs[0], "little") == APPLICATION_SUBNET.canister_creation


def test_the_freezing_limit_keeps_a_canister_for_its_threshold() -> None:
    """It is the idle cost of a day times the days of the threshold; a memory allocation counts as if it were used."""
    network = ScriptedNetwork(fees=APPLICATION_SUBNET)
    canister = network.canister(network.create(memory_allocation=GIB, freezing_threshold=10 * 86_400, compute_allocation=1))
    per_day = idle_cycles_burned_per_day(canister, APPLICATION_SUBNET)
    assert per_day == 127_000 * 86_400 + 10_000_000 * 86_400
    assert frozen_cycles(canister, APPLICATION_SUBNET) == 10 * per_day
    canister.reserved_cycles = 3 * per_day
    canister.forget_size()
    assert frozen_cycles(canister, APPLICATION_SUBNET) == 7 * per_day
    canister.forget_size()
    assert frozen_cycles(canister, FREE) == 0


def test_memory_usage_is_the_sum_of_its_parts_whatever_happens() -> None:
    """The number that is looked at before each message follows installs, chunks, snapshots, settings and logs."""
    network = ScriptedNetwork(machine=WasmMachine(), fees=APPLICATION_SUBNET)  # type: ignore[arg-type]  # any machine will do
    made = network.create()
    canister = network.canister(made)

    def check() -> int:
        assert memory_usage(canister) == sum(memory_metrics(canister).values()) == network.status(made)["memory_size"]
        return memory_usage(canister)

    sizes = [check()]
    network.install(made, counter())
    sizes.append(check())
    network.managed("upload_chunk", {"canister_id": made, "chunk": b"chunk"})
    sizes.append(check())
    assert sizes[-1] - sizes[-2] == MAX_CHUNK_BYTES
    network.managed("take_canister_snapshot", {"canister_id": made})
    sizes.append(check())
    network.call(made, "inc_and_trap")
    sizes.append(check())
    network.managed("update_settings", {"canister_id": made, "settings": {"controllers": []}})
    assert memory_usage(canister) > sizes[-1]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("wide", [False, True], ids=["wasm32", "wasm64"])
def test_performing_a_call_takes_what_cost_call_tells(wide: bool) -> None:  # noqa: FBT001 # parametrized
    """ic0.cost_call and the balance before and after ic0.call_perform agree."""
    pointer = "i64" if wide else "i32"
    zeroes = f"({pointer}.const 0)"
    body = f"""
    (data ({pointer}.const 16) "method")
    (func (export "canister_update go")
      (call $cost_call (i64.const 6) (i64.const 4) ({pointer}.const 64))
      (call $canister_cycle_balance128 ({pointer}.const 80))
      (call $call_new {zeroes} {zeroes} ({pointer}.const 16) ({pointer}.const 6) {zeroes} {zeroes} {zeroes} {zeroes})
      (call $call_data_append ({pointer}.const 16) ({pointer}.const 4))
      (drop (call $call_perform))
      (call $canister_cycle_balance128 ({pointer}.const 96))
      (call $debug_print ({pointer}.const 64) ({pointer}.const 48)))
    """
    names = ["cost_call", "canister_cycle_balance128", "call_new", "call_data_append", "call_perform", "debug_print"]
    network = ScriptedNetwork(machine=WasmMachine(), fees=APPLICATION_SUBNET)  # type: ignore[arg-type]  # any machine will do
    made = network.deploy(module(names, body, wide=wide))
    network.call(made, "go")
    line = network.canister(made).logs[0].content
    cost, before, after = (int.from_bytes(line[at : at + 16], "little") for at in (0, 16, 32))
    assert before - after == cost == APPLICATION_SUBNET.request(10) + APPLICATION_SUBNET.response_reserve(wide=wide)


def test_a_call_that_cannot_be_paid_for_is_not_performed() -> None:
    """ic0.call_perform returns 2 and gives the attached cycles back."""
    zeroes = "(i32.const 0) " * 8
    body = f"""(func (export "canister_update go") (call $call_new {zeroes}) (call $call_cycles_add128 (i64.const 0) (i64.const 500))
      (i32.store (i32.const 0) (call $call_perform)) (call $debug_print (i32.const 0) (i32.const 4)))"""
    machine = WasmMachine()
    loaded = machine.load(module(["call_new", "call_cycles_add128", "call_perform", "debug_print"], body))
    outcome = send(machine.instantiate(loaded), "canister_update go", view=replace(VIEW, cycles=1000, call_fee=501))
    assert (outcome.logs, outcome.calls, outcome.balance_change) == ([b"\2\0\0\0"], [], 0)
