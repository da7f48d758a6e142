"""Identity, environment, time, certified data, counters, debugging aids, prices."""

from dataclasses import replace

import pytest

from orchestrator.replica.vm.interface import CanisterView, Message, MessageKind, Outcome
from orchestrator.replica.vm.limits import MAX_LOG_LINE_BYTES
from orchestrator.replica.vm.machine import WasmMachine
from tests.support.vm import CONTROLLER, NOW, VIEW, module, send

MACHINE = WasmMachine(rollback="copying")
ENVIRONMENT = {"PUBLIC_URL": "http://x", "A": "ü"}


def run(
    body: str,
    names: str,
    *,
    wide: bool = False,
    view: CanisterView = VIEW,
    kind: MessageKind = MessageKind.UPDATE,
    message: Message | None = None,
    data: str = "",
) -> Outcome:
    """Run a function body; it may log a number with `$show` and memory from 0 on with `$print`."""
    pointer = "i64" if wide else "i32"
    helpers = f"""(data ({pointer}.const 0) "{data}")
      (func $widen (param {pointer}) (result i64) {"(local.get 0)" if wide else "(i64.extend_i32_u (local.get 0))"})
      (func $print (param {pointer}) (call $debug_print ({pointer}.const 0) (local.get 0)))
      (func $show (param i64) (i64.store ({pointer}.const 0) (local.get 0)) (call $print ({pointer}.const 8)))"""
    raw = module(
        ["debug_print", *names.split()], f'{helpers} (func (export "canister_update f") {body.replace("P.", pointer + ".")})', wide=wide
    )
    return send(MACHINE.instantiate(MACHINE.load(raw)), "canister_update f", kind=kind, view=view, message=message)


def numbers(outcome: Outcome) -> list[int]:
    """Return the numbers that were logged."""
    assert outcome.trap is None
    return [int.from_bytes(line, "little") for line in outcome.logs]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("name", "expected"), [("canister_self", VIEW.id), ("subnet_self", b"subnet"), ("root_key", b"root key")])
def test_identities_are_copied(name: str, expected: bytes, wide: bool) -> None:  # noqa: FBT001 - parametrized
    """A canister learns its id, its subnet's id and the root key."""
    outcome = run(
        f"(call ${name}_copy (P.const 0) (P.const 0) (call ${name}_size)) (call $print (call ${name}_size))",
        f"{name}_copy {name}_size",
        wide=wide,
    )
    assert outcome.logs == [expected]


def test_numbers_about_the_canister() -> None:
    """Status, version and time are those of the message."""
    body = "(call $show (i64.extend_i32_u (call $canister_status))) (call $show (call $canister_version)) (call $show (call $time))"
    assert numbers(run(body, "canister_status canister_version time", view=replace(VIEW, status=3, version=99))) == [3, 99, NOW]


def test_timer_returns_what_was_set_before() -> None:
    """The first call returns the canister's timer, the second what the first set; the last one counts."""
    body = "(call $show (call $global_timer_set (i64.const 5))) (call $show (call $global_timer_set (i64.const 0)))"
    outcome = run(body, "global_timer_set", view=replace(VIEW, global_timer=3))
    assert numbers(outcome) == [3, 5]
    assert outcome.global_timer == 0


def test_controllers_are_recognized() -> None:
    """A controller is one, others are not, and what cannot be a principal traps."""
    check = "(call $show (i64.extend_i32_u (call $is_controller (i32.const 64) (i32.const {size}))))"
    data = "\\00" * 64 + "\\01controller"
    assert CONTROLLER == b"\x01controller"
    assert numbers(run(check.format(size=11) + check.format(size=10), "is_controller", data=data)) == [1, 0]
    trap = run(check.format(size=30), "is_controller").trap
    assert trap is not None
    assert "invalid principal" in trap.message


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (MessageKind.UPDATE, 1),
        (MessageKind.REPLICATED_QUERY, 1),
        (MessageKind.START, 1),
        (MessageKind.QUERY, 0),
        (MessageKind.COMPOSITE_REPLY_CALLBACK, 0),
        (MessageKind.INSPECT_MESSAGE, 0),
    ],
)
def test_replicated_execution_is_told(kind: MessageKind, expected: int) -> None:
    """Only what every node runs is replicated."""
    assert numbers(run("(call $show (i64.extend_i32_u (call $in_replicated_execution)))", "in_replicated_execution", kind=kind)) == [
        expected
    ]


def test_instructions_are_counted() -> None:
    """The counter grows with the work, counts the context's earlier messages, and traps for unknown counters."""
    body = """(call $show (call $performance_counter (i32.const 0)))
      (local.set $i (i32.const 1000)) (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (call $show (call $performance_counter (i32.const 0))) (call $show (call $performance_counter (i32.const 1)))"""
    message = Message(kind=MessageKind.UPDATE, now=NOW, context_instructions=10**12)
    outcome = run(f"(local $i i32) {body}", "performance_counter", message=message)
    first, second, third = numbers(outcome)
    assert 4_000 < second - first < 10_000
    assert third - 10**12 > second
    assert outcome.instructions > second
    trap = run("(drop (call $performance_counter (i32.const 2)))", "performance_counter").trap
    assert trap is not None
    assert "counter type 2" in trap.message


def test_certified_data_is_told_and_limited() -> None:
    """32 bytes are taken, 33 trap."""
    assert run("(call $certified_data_set (i32.const 0) (i32.const 32))", "certified_data_set").certified_data == bytes(32)
    trap = run("(call $certified_data_set (i32.const 0) (i32.const 33))", "certified_data_set").trap
    assert trap is not None
    assert "no larger than 32 bytes" in trap.message


def test_certificate_is_made_when_it_is_asked_for() -> None:
    """The certificate is there in a query that has one, made once; elsewhere it is not."""
    made: list[bytes] = []

    def certificate() -> bytes:
        made.append(b"certificate")
        return made[-1]

    names = "data_certificate_present data_certificate_size data_certificate_copy"
    present = "(call $show (i64.extend_i32_u (call $data_certificate_present)))"
    body = f"{present} (call $data_certificate_copy (i32.const 0) (i32.const 0) (call $data_certificate_size)) (call $print (call $data_certificate_size))"
    message = Message(kind=MessageKind.QUERY, now=NOW, data_certificate=certificate)
    assert run(body, names, kind=MessageKind.QUERY, message=message).logs[1] == b"certificate"
    assert len(made) == 1
    assert numbers(run(present, names, message=message)) == [0]
    without = run(body, names, kind=MessageKind.QUERY)
    assert without.trap is not None
    assert without.logs == [bytes(8)]


@pytest.mark.parametrize("wide", [False, True])
def test_environment_variables_are_listed_and_found(wide: bool) -> None:  # noqa: FBT001 - parametrized
    """Count, names by index in order, values by name; sizes are in bytes."""
    body = """(call $show (call $widen (call $env_var_count))) (call $show (call $widen (call $env_var_name_size (P.const 1))))
      (call $env_var_name_copy (P.const 1) (P.const 0) (P.const 0) (P.const 10)) (call $print (P.const 10))
      (call $show (i64.extend_i32_u (call $env_var_name_exists (P.const 64) (P.const 1))))
      (call $show (i64.extend_i32_u (call $env_var_name_exists (P.const 64) (P.const 2))))
      (call $show (call $widen (call $env_var_value_size (P.const 64) (P.const 1))))
      (call $env_var_value_copy (P.const 64) (P.const 1) (P.const 0) (P.const 0) (P.const 2)) (call $print (P.const 2))"""
    names = "env_var_count env_var_name_size env_var_name_copy env_var_name_exists env_var_value_size env_var_value_copy"
    outcome = run(body, names, wide=wide, view=replace(VIEW, environment_variables=ENVIRONMENT), data="\\00" * 64 + "A")
    expected: list[int | bytes] = [2, 10, b"PUBLIC_URL", 1, 0, 2, "ü".encode()]
    assert outcome.logs == [item if isinstance(item, bytes) else item.to_bytes(8, "little") for item in expected]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("(drop (call $env_var_name_size (i32.const 2)))", "index 2 is out of bounds. The number of environment variables is 2."),
        ("(drop (call $env_var_value_size (i32.const 64) (i32.const 2)))", "Environment variable AB not found."),
        ("(drop (call $env_var_name_exists (i32.const 64) (i32.const 3)))", "UTF-8"),
        ("(drop (call $env_var_name_exists (i32.const 64) (i32.const 129)))", "129 bytes long"),
        (
            "(call $env_var_value_copy (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 2))",
            "ic0.env_var_value_copy value: src=1 + length=2 exceeds the slice size=2",
        ),
    ],
)
def test_unknown_environment_variables_trap(body: str, reason: str) -> None:
    """What is not there traps and says so."""
    names = "env_var_name_size env_var_value_size env_var_name_exists env_var_value_copy"
    trap = run(body, names, view=replace(VIEW, environment_variables=ENVIRONMENT), data="\\00" * 64 + "AB\\ff").trap
    assert trap is not None
    assert reason in trap.message


def test_traps_carry_their_message_and_log_it() -> None:
    """`ic0.trap` ends the message with the reference's text, without bytes that are not UTF-8, and goes to the log."""
    outcome = run("(call $trap (i32.const 0) (i32.const 5))", "trap", data="boo\\ffm")
    assert outcome.trap is not None
    assert (outcome.trap.message, outcome.trap.error_code) == ("Canister called `ic0.trap` with message: 'boom'", "IC0503")
    assert outcome.logs == [b"[TRAP]: boo\xffm"]


def test_printing_never_traps_and_is_cut() -> None:
    """A line outside of memory becomes a note; a long one is cut."""
    assert run("(call $print (i32.const -1))", "").logs == [b"(debug_print message out of memory bounds)"]
    assert run("(call $print (i32.const 65536))", "").logs == [bytes(MAX_LOG_LINE_BYTES)]


def test_log_keeps_the_newest_lines() -> None:
    """A canister that logs without end keeps its last 2 MiB."""
    body = "(local $i i32) (loop $l (i32.store (i32.const 0) (local.get $i)) (call $print (i32.const 32768)) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))"
    logs = run(body, "").logs
    assert len(logs) == 64
    assert logs[-1][0] == 99


def test_prices_are_those_of_the_mainnet() -> None:
    """Creating a canister, an outcall and signing cost what the price list of 13 nodes says; unknown keys get codes."""
    price = "(call $debug_print (i32.const 0) (i32.const 16))"
    names = "cost_create_canister cost_http_request cost_call cost_sign_with_ecdsa cost_sign_with_schnorr cost_vetkd_derive_key"
    body = f"""(call $cost_create_canister (i32.const 0)) {price}
      (call $cost_http_request (i64.const 1) (i64.const 1) (i32.const 0)) {price}
      (drop (call $cost_sign_with_ecdsa (i32.const 64) (i32.const 5) (i32.const 0) (i32.const 0))) {price}
      (drop (call $cost_vetkd_derive_key (i32.const 70) (i32.const 10) (i32.const 0) (i32.const 0))) {price}
      (call $show (i64.extend_i32_u (call $cost_sign_with_ecdsa (i32.const 64) (i32.const 5) (i32.const 1) (i32.const 0))))
      (call $show (i64.extend_i32_u (call $cost_sign_with_schnorr (i32.const 64) (i32.const 4) (i32.const 1) (i32.const 0))))"""
    data = "\\00" * 64 + "key_1\\00test_key_1"
    assert numbers(run(body, names, data=data)) == [500_000_000_000, 49_140_000 + 5_200 + 10_400, 26_153_846_153, 10_000_000_000, 1, 2]
    assert run("(call $cost_call (i64.const -1) (i64.const -1) (i32.const 0))", names).trap is None
