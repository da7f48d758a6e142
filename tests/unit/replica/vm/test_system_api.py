"""The table of the system API against the specification's."""

import itertools
from pathlib import Path

import pytest

from orchestrator.replica.vm.api import SYSTEM_CALLS
from orchestrator.replica.vm.api.table import CONTEXTS
from orchestrator.replica.vm.interface import MessageKind
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import module, send

TABLE = Path(__file__).parents[3] / "cases" / "vm" / "system_api.txt"
LETTERS = {**CONTEXTS, "Q": (MessageKind.QUERY, MessageKind.REPLICATED_QUERY)}
BEYOND_THE_SPECIFICATION = {"mint_cycles", "mint_cycles128"}


def rows() -> list[list[str]]:
    """Return the rows of the specification's table: name, parameters, result, memories, contexts..."""
    return [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_function_has_the_type_and_the_callers_of_the_specification(row: list[str]) -> None:
    """Each function of the specification is there with its type, its memory widths and exactly its callers."""
    name, parameters, result, memories, *contexts = row
    call = SYSTEM_CALLS[name]
    assert (call.parameters or "-", call.result or "-") == (parameters, result)
    assert call.narrow_only == (memories == "narrow")
    assert call.kinds == {kind for letter in contexts for kind in LETTERS[letter]}


def test_nothing_is_there_that_the_specification_does_not_name() -> None:
    """Besides the specification's functions there are only those that refuse to make cycles."""
    assert set(SYSTEM_CALLS) - {row[0] for row in rows()} == BEYOND_THE_SPECIFICATION


def canister_of_all_calls(*, wide: bool) -> bytes:
    """Return a canister with an export `run <name>` per function, which calls it with zeroes."""
    names = [name for name, call in SYSTEM_CALLS.items() if not (wide and call.narrow_only)]
    exports = []
    for name in names:
        letters = SYSTEM_CALLS[name].parameters.replace("I", "l" if wide else "i")
        call = f"(call ${name} {' '.join('(i32.const 0)' if letter == 'i' else '(i64.const 0)' for letter in letters)})"
        exports.append(f'(func (export "run {name}") {f"(drop {call})" if SYSTEM_CALLS[name].result else call})')
    return module(names, "\n".join(exports), wide=wide)


@pytest.mark.parametrize("wide", [False, True])
def test_every_function_refuses_every_other_caller(wide: bool) -> None:  # noqa: FBT001 - parametrized
    """A function called from where the specification does not allow it traps with the contract violation of the reference."""
    machine = WasmMachine(rollback="copying")
    instance = machine.instantiate(machine.load(canister_of_all_calls(wide=wide)))
    entries = [entry for entry in instance.module.info.exports if entry.startswith("run ")]
    assert len(entries) == sum(not (wide and call.narrow_only) for call in SYSTEM_CALLS.values())
    for entry, kind in itertools.product(entries, MessageKind):
        name = entry.removeprefix("run ")
        trap = send(instance, entry, kind=kind).trap
        refused = trap is not None and trap.error_code == "IC0504" and f'"ic0_{name}" cannot be executed in' in trap.message
        assert refused == (kind not in SYSTEM_CALLS[name].kinds), (name, kind, trap)
        instance.rollback()


def test_wrong_mode_is_named_as_the_reference_names_it() -> None:
    """A call from a query says `non replicated query`, the words that people search for."""
    machine = WasmMachine(rollback="copying")
    body = '(func (export "canister_query q") (drop (call $call_perform)))'
    instance = machine.instantiate(machine.load(module(["call_perform"], body)))
    trap = send(instance, "canister_query q", kind=MessageKind.QUERY).trap
    assert trap is not None
    assert trap.message == 'Canister violated contract: "ic0_call_perform" cannot be executed in non replicated query mode'
