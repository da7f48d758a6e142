"""Every function of the system API with pointers, sizes and numbers at and beyond every border: a trap, never a crash."""

from dataclasses import replace

import pytest

from orchestrator.replica.vm.api import SYSTEM_CALLS, SystemCall
from orchestrator.replica.vm.interface import Message, MessageKind
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import CONTROLLER, NOW, VIEW, module, send

PAGE = 65_536
NUMBERS = (0, 1, 16, PAGE - 1, PAGE, PAGE + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
MAX_CASES = 120
"""Combinations per function; longer signatures take a regular sample of all of them."""

RANGES = {
    "_copy": (0, 2),
    "msg_reply_data_append": (0, 1),
    "msg_reject": (0, 1),
    "call_data_append": (0, 1),
    "certified_data_set": (0, 1),
    "is_controller": (0, 1),
    "stable64_write": (1, 2),
    "stable_write": (1, 2),
    "stable64_read": (0, 2),
    "stable_read": (0, 2),
    "env_var_name_exists": (0, 1),
    "env_var_value_size": (0, 1),
    "env_var_name_copy": (1, 3),
    "env_var_value_copy": (2, 4),
}
"""Which parameters are the start and the length of a range of main memory, by name or its end."""

SIXTEEN_BYTES_AT = {
    name: len(call.parameters) - 1 for name, call in SYSTEM_CALLS.items() if name.endswith("128") and call.parameters.endswith("I")
}
WIDTHS = [
    pytest.param(name, wide, id=f"{name}-{'wasm64' if wide else 'wasm32'}")
    for name, call in SYSTEM_CALLS.items()
    for wide in (False, True)
    if call.parameters and not (wide and call.narrow_only)
]
"""Every function that takes something, in every width that it exists in."""
VIEWED = replace(VIEW, environment_variables={"NAME": "value"}, cycles=2**127)


def cases(call: SystemCall) -> list[tuple[int, ...]]:
    """Return tuples of arguments."""
    places = [len(NUMBERS) ** place for place in range(len(call.parameters))]
    total = len(NUMBERS) ** len(call.parameters)
    return [tuple(NUMBERS[index // place % len(NUMBERS)] for place in places) for index in range(0, total, max(1, total // MAX_CASES) | 1)]


def canister(call: SystemCall, arguments: list[tuple[int, ...]], *, wide: bool) -> bytes:
    """Return a canister with one export per tuple, named after its place."""
    letters = call.parameters.replace("I", "l" if wide else "i")
    prepare = ""
    names = {call.name}
    if call.name.startswith("call_") and call.name != "call_new":
        pointer = "i64" if wide else "i32"
        prepare = f"(call $call_new {f'({pointer}.const 0)' * 8})"
        names.add("call_new")
    exports = []
    for index, values in enumerate(arguments):
        text = " ".join(
            f"({'i32' if letter == 'i' else 'i64'}.const {value % 2 ** (32 if letter == 'i' else 64)})"
            for letter, value in zip(letters, values, strict=True)
        )
        body = f"(call ${call.name} {text})"
        exports.append(f'(func (export "case {index}") {prepare} {f"(drop {body})" if call.result else body})')
    return module(sorted(names), "\n".join(exports), wide=wide)


def is_outside(call: SystemCall, values: tuple[int, ...], *, wide: bool) -> bool:
    """Return whether a range of main memory that the function was given lies outside of it."""
    mask = 2**64 - 1 if wide else 2**32 - 1
    if call.name in SIXTEEN_BYTES_AT:
        return (values[SIXTEEN_BYTES_AT[call.name]] & mask) + 16 > PAGE
    key = call.name if call.name in RANGES else next((end for end in RANGES if call.name.endswith(end)), None)
    if key is None:
        return False
    start, length = (values[position] & (2**64 - 1 if call.parameters[position] == "l" else mask) for position in RANGES[key])
    return start + length > PAGE


@pytest.mark.parametrize("bindings", ["native", "portable"])
@pytest.mark.parametrize(("name", "wide"), WIDTHS)
def test_arguments_at_every_border_trap_at_worst(name: str, wide: bool, bindings: str) -> None:  # noqa: FBT001 - parametrized
    """Each combination ends in success or a trap with a text; a range outside of memory always traps, and nothing is left after a rollback."""
    call = SYSTEM_CALLS[name]
    machine = WasmMachine(rollback="copying", bindings="native" if bindings == "native" else "portable")
    arguments = cases(call)
    instance = machine.instantiate(machine.load(canister(call, arguments, wide=wide)))
    kind = min(call.kinds - {MessageKind.START, MessageKind.INIT} or call.kinds)
    message = Message(
        kind=kind,
        now=NOW,
        caller=CONTROLLER,
        arg=b"argument",
        method="method",
        reject_code=4,
        reject_message="no",
        cycles_available=2**127,
        data_certificate=lambda: b"certificate",
    )
    for index, values in enumerate(arguments):
        outcome = send(instance, f"case {index}", kind=kind, message=message, view=VIEWED)
        assert outcome.trap is None or (
            outcome.trap.message.startswith(("Canister", "Environment")) and outcome.trap.error_code.startswith("IC05")
        ), values
        if is_outside(call, values, wide=wide):
            assert outcome.trap is not None, values
        instance.rollback()
    assert (instance.memory_bytes, instance.stable_bytes) == (PAGE, 0)
