"""Arguments, callers, and responding."""

from dataclasses import replace

import pytest

from orchestrator.replica.vm.interface import Message, MessageKind, Reject, Reply
from orchestrator.replica.vm.limits import MAX_QUERY_REPLY_BYTES, MAX_REPLY_BYTES
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import CONTROLLER, NOW, module, send

MACHINE = WasmMachine(rollback="copying")
BASE = Message(kind=MessageKind.UPDATE, now=NOW, caller=CONTROLLER)
VALUES = """
(func (export "canister_update {name}")
  (call ${name}_copy ({p}.const 0) ({p}.const 1) ({p}.sub (call ${name}_size) ({p}.const 1)))
  (call $msg_reply_data_append ({p}.const 0) ({p}.sub (call ${name}_size) ({p}.const 1)))
  (call $msg_reply))
"""


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("msg_arg_data", MessageKind.UPDATE, b"argument"),
        ("msg_caller", MessageKind.QUERY, CONTROLLER),
        ("msg_caller_info_data", MessageKind.UPDATE, b"attributes"),
        ("msg_caller_info_signer", MessageKind.UPDATE, b"signer"),
        ("msg_reject_msg", MessageKind.REJECT_CALLBACK, b"went wrong"),
    ],
)
def test_value_is_copied_from_any_offset(name: str, kind: MessageKind, expected: bytes, wide: bool) -> None:  # noqa: FBT001 - parametrized
    """`_size` and `_copy` hand out the value of the message, here without its first byte."""
    names = [f"{name}_size", f"{name}_copy", "msg_reply_data_append", "msg_reply"]
    body = VALUES.format(name=name, p="i64" if wide else "i32")
    instance = MACHINE.instantiate(MACHINE.load(module(names, body, wide=wide)))
    message = replace(
        BASE,
        kind=kind,
        arg=b"argument",
        caller_info_data=b"attributes",
        caller_info_signer=b"signer",
        reject_code=4,
        reject_message="went wrong",
    )
    assert send(instance, f"canister_update {name}", kind=kind, message=message).response == Reply(expected[1:])


def run(body: str, names: str, *, kind: MessageKind = MessageKind.UPDATE, message: Message = BASE, times: int = 1) -> object:
    """Run a function body and return its response, or the text of its trap."""
    instance = MACHINE.instantiate(
        MACHINE.load(module(names.split(), f'(data (i32.const 0) "text\\ff") (func (export "canister_update f") {body})'))
    )
    for _ in range(times):
        outcome = send(instance, "canister_update f", kind=kind, message=message)
    return outcome.trap.message if outcome.trap else outcome.response


def test_reply_is_what_was_appended() -> None:
    """Appended pieces make up the reply in order."""
    body = "(call $msg_reply_data_append (i32.const 0) (i32.const 2)) (call $msg_reply_data_append (i32.const 2) (i32.const 2)) (call $msg_reply)"
    assert run(body, "msg_reply_data_append msg_reply") == Reply(b"text")


def test_appended_data_is_forgotten_without_a_reply() -> None:
    """Data that is not replied with is gone at the end of the message."""
    assert run("(call $msg_reply_data_append (i32.const 0) (i32.const 2))", "msg_reply_data_append", times=2) is None


def test_rejection_carries_its_text() -> None:
    """A rejection has the text; text that is not UTF-8 traps."""
    assert run("(call $msg_reject (i32.const 0) (i32.const 4))", "msg_reject") == Reject("text")
    assert "UTF-8" in str(run("(call $msg_reject (i32.const 0) (i32.const 5))", "msg_reject"))


@pytest.mark.parametrize(
    "second",
    ["(call $msg_reply)", "(call $msg_reject (i32.const 0) (i32.const 0))", "(call $msg_reply_data_append (i32.const 0) (i32.const 0))"],
)
def test_nobody_responds_twice(second: str) -> None:
    """After a response every further one traps, within a message and across the messages of a call."""
    names = "msg_reply msg_reject msg_reply_data_append"
    assert "already replied" in str(run(f"(call $msg_reply) {second}", names))
    assert "already replied" in str(run(second, names, message=replace(BASE, responded=True)))


@pytest.mark.parametrize(("kind", "limit"), [(MessageKind.UPDATE, MAX_REPLY_BYTES), (MessageKind.QUERY, MAX_QUERY_REPLY_BYTES)])
def test_replies_are_limited(kind: MessageKind, limit: int) -> None:
    """A reply may be as long as the limit and not one byte longer."""
    body = '(func (export "canister_update f") (call $msg_reply_data_append (i32.const 0) (i32.const {size})) (call $msg_reply))'
    modules = [module(["msg_reply_data_append", "msg_reply"], body.format(size=size), pages=64) for size in (limit, limit + 1)]
    fits, exceeds = (MACHINE.instantiate(MACHINE.load(raw)) for raw in modules)
    assert send(fits, "canister_update f", kind=kind).response == Reply(bytes(limit))
    assert "cannot be larger" in str(send(exceeds, "canister_update f", kind=kind).trap)


def test_reject_code_and_deadline_are_the_messages() -> None:
    """`msg_reject_code` and `msg_deadline` return what the message says; no reject message without a reject."""
    answer = "(i64.store (i32.const 8) {call}) (call $msg_reply_data_append (i32.const 8) (i32.const 8)) (call $msg_reply)"
    names = "msg_reject_code msg_deadline msg_reject_msg_size msg_reply_data_append msg_reply"
    message = replace(BASE, reject_code=5, deadline=77)
    kind = MessageKind.REJECT_CALLBACK
    code = answer.format(call="(i64.extend_i32_u (call $msg_reject_code))")
    assert run(code, names, kind=kind, message=message) == Reply((5).to_bytes(8, "little"))
    assert run(answer.format(call="(call $msg_deadline)"), names, kind=kind, message=message) == Reply((77).to_bytes(8, "little"))
    assert "no reject message" in str(run("(drop (call $msg_reject_msg_size))", names, kind=kind))


def test_messages_are_accepted_once() -> None:
    """`accept_message` is told in the outcome; a second call traps."""
    text = '(func (export "once") (call $accept_message)) (func (export "twice") (call $accept_message) (call $accept_message)) (func (export "no"))'
    instance = MACHINE.instantiate(MACHINE.load(module(["accept_message"], text)))
    outcomes = {name: send(instance, name, kind=MessageKind.INSPECT_MESSAGE) for name in ("once", "twice", "no")}
    assert outcomes["once"].accepted
    assert not outcomes["no"].accepted
    assert outcomes["twice"].trap is not None


def test_method_name_is_there_for_inspection() -> None:
    """`canister_inspect_message` learns which method is called."""
    body = """(func (export "inspect")
      (call $msg_method_name_copy (i32.const 0) (i32.const 0) (call $msg_method_name_size))
      (call $debug_print (i32.const 0) (call $msg_method_name_size)))"""
    instance = MACHINE.instantiate(MACHINE.load(module(["msg_method_name_size", "msg_method_name_copy", "debug_print"], body)))
    outcome = send(instance, "inspect", kind=MessageKind.INSPECT_MESSAGE, message=replace(BASE, method="grüßen"))
    assert outcome.logs == ["grüßen".encode()]
