"""Ranges that are not in memory, or not in the value: refused in the words that people know from the mainnet."""

import pytest

from orchestrator.replica.vm.interface import Message, MessageKind
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import NOW, module, send

MESSAGE = Message(kind=MessageKind.UPDATE, now=NOW, caller=b"\x04", arg=b"12345", reject_code=4, reject_message="error", method="name")


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "expected"),
    [
        (
            "msg_arg_data_copy",
            (65_535, 0, 2),
            MessageKind.UPDATE,
            "ic0.msg_arg_data_copy heap: src=65535 + length=2 exceeds the slice size=65536",
        ),
        ("msg_arg_data_copy", (0, 4, 2), MessageKind.UPDATE, "ic0.msg_arg_data_copy payload: src=4 + length=2 exceeds the slice size=5"),
        ("msg_caller_copy", (0, 0, 128), MessageKind.UPDATE, "ic0.msg_caller_copy id: src=0 + length=128 exceeds the slice size=1"),
        ("canister_self_copy", (0, 3, 2), MessageKind.UPDATE, "ic0.canister_self_copy id: src=3 + length=2 exceeds the slice size=4"),
        (
            "msg_reject_msg_copy",
            (0, 0, 8),
            MessageKind.REJECT_CALLBACK,
            "ic0.msg_reject_msg_copy msg: src=0 + length=8 exceeds the slice size=5",
        ),
        (
            "msg_method_name_copy",
            (0, 0, 5),
            MessageKind.INSPECT_MESSAGE,
            "ic0.msg_method_name_copy payload: src=0 + length=5 exceeds the slice size=4",
        ),
        ("msg_reply_data_append", (65_536, 1), MessageKind.UPDATE, "msg.reply: src=65536 + length=1 exceeds the slice size=65536"),
        ("msg_reject", (65_000, 1000), MessageKind.UPDATE, "ic0.msg_reject: src=65000 + length=1000 exceeds the slice size=65536"),
        (
            "canister_cycle_balance128",
            (65_521,),
            MessageKind.UPDATE,
            "ic0_canister_cycle_balance128 failed because dst + size is out of bounds. Found dst = 65521 and size = 16 while must be <= 65536",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else None,
)
def test_the_range_and_the_size_are_told(name: str, arguments: tuple[int, ...], kind: MessageKind, expected: str) -> None:
    """A contract violation names the function, the range, and how much there is; memory is looked at first."""
    call = f"(call ${name} {' '.join(f'(i32.const {value})' for value in arguments)})"
    machine = WasmMachine(rollback="copying")
    instance = machine.instantiate(machine.load(module([name], f'(func (export "f") {call})')))
    trap = send(instance, "f", kind=kind, message=MESSAGE).trap
    assert trap is not None
    assert (trap.message, trap.error_code) == (f"Canister violated contract: {expected}", "IC0504")


def test_a_method_name_of_any_bytes_is_passed_on() -> None:
    """What is no UTF-8 in the name of a called method is replaced, as on the mainnet; the callee will not have that method."""
    body = f"""(data (i32.const 0) "a\\ff") (func (export "f")
      (call $call_new (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 2) {"(i32.const 0)" * 4}) (drop (call $call_perform)))"""
    machine = WasmMachine(rollback="copying")
    outcome = send(machine.instantiate(machine.load(module(["call_new", "call_perform"], body))), "f")
    assert [call.method for call in outcome.calls] == ["a�"]
