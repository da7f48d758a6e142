"""Canister calls of plugins: to a universal canister, whose counters tell in the end how often each call took effect."""

from tests.support.components import CALL_RESULT, OK, Guest, component_that_calls, component_that_returns_reply, error
from tests.support.plugin_cases.case import PluginCase
from tests.support.universal import Program

__all__ = ["CALLS", "DIRECT", "PROXIED"]

_RESULT = error(f"(i32.load (i32.const {CALL_RESULT + 4}))", f"(i32.load (i32.const {CALL_RESULT + 8}))")
_CANISTER, _USER = 10, 29
_MANY = 40


def _counting(cell: int, reply: bytes = b"") -> Program:
    return Program().add_to_cell(cell, 1).reply(reply)


def _failed(
    name: str, text: str, program: Program | bytes = b"", *, method: str = "update", query: bool = False, cell: int | None = None
) -> PluginCase:
    """Return a call's error as the plugin's own."""
    arg = program.encode() if isinstance(program, Program) else program
    component = component_that_returns_reply(method, arg, query=query)
    return PluginCase(
        name=name,
        component=component,
        slug="plugin/err",
        summary=f"plugin returned error: {text}",
        theirs=f"plugin returned error: {text}",
        cell=cell,
    )


def _answered(name: str, text: str, program: Program, *, query: bool = False, cell: int | None = None) -> PluginCase:
    return _failed(name, text, program, method="query" if query else "update", query=query, cell=cell)


def _seen(name: str, program: Program, wanted: str, *, query: bool = False, direct: bool = False, cycles: int = 0) -> PluginCase:
    """Fail unless the reply is as `wanted`, which tells by its address `$reply` and its length `$length`."""
    guest = Guest()
    call = guest.call("query" if query else "update", program.encode(), query=query, direct=direct, cycles=cycles)
    other = guest.error("something else")
    body = f"""(local $reply i32) (local $length i32)
      {call}
      (if (i32.load8_u (i32.const {CALL_RESULT})) (then {_RESULT} return))
      (local.set $reply (i32.load (i32.const {CALL_RESULT + 4}))) (local.set $length (i32.load (i32.const {CALL_RESULT + 8})))
      (if (result i32) {wanted} (then {OK}) (else {other}))"""
    return PluginCase(name=name, component=guest.plugin(body))


def _cycles(name: str, attached: int, seen: int, *, direct: bool = False) -> PluginCase:
    """Fail unless the canister was sent these cycles: as the proxy attaches them, and nobody else."""
    program = Program().answer_wide("msg_cycles_available128").reply()
    return _seen(name, program, f"(i64.eq (i64.load (local.get $reply)) (i64.const {seen}))", direct=direct, cycles=attached)


def _caller(name: str, length: int, *, query: bool = False, direct: bool = False) -> PluginCase:
    """Fail unless the caller is one whose principal has so many bytes: a canister's has 10, a user's 29."""
    program = Program().answer_value("msg_caller").reply()
    return _seen(name, program, f"(i32.eq (local.get $length) (i32.const {length}))", query=query, direct=direct)


def _rejected(code: str, message: str, error_code: str) -> str:
    return f'canister call failed: The replica returned a rejection error: reject code {code}, reject message {message}, error code Some("{error_code}")'


_FROM = "Error from Canister {canister}: "
_COUNT_AND_TRAP = Program().add_to_cell(7, 1).trap("ouch")

CALLS = (
    PluginCase(name="call", component=component_that_calls("update", _counting(1).encode()), cell=1),
    PluginCase(name="call-many", component=component_that_calls("update", _counting(2).encode(), times=_MANY), cell=2),
    PluginCase(name="call-direct", component=component_that_calls("update", _counting(3).encode(), direct=True), cell=3),
    PluginCase(name="query", component=component_that_calls("query", _counting(4).encode(), query=True), cell=4),
    PluginCase(name="call-query-method", component=component_that_calls("query", _counting(5).encode()), cell=5),
    PluginCase(name="query-cycles", component=component_that_calls("query", _counting(6).encode(), query=True, cycles=2**64 - 1), cell=6),
    _cycles("direct-cycles", 2**64 - 1, 0, direct=True),
    _caller("direct-caller", _USER, direct=True),
    _caller("query-caller", _USER, query=True),
    _answered("reply", "the reply", _counting(8, b"the reply"), cell=8),
    _answered("query-reply", "the reply", Program().reply(b"the reply"), query=True),
    _answered("empty-reply", "", Program().reply()),
)
"""With a proxy or without, the end is the same."""

DIRECT = (
    _answered("reject", _rejected("CanisterReject", "no thanks", "IC0406"), Program().add_to_cell(9, 1).reject("no thanks"), cell=9),
    _answered(
        "trap", _rejected("CanisterError", _FROM + "Canister called `ic0.trap` with message: 'ouch'", "IC0503"), _COUNT_AND_TRAP, cell=7
    ),
    _answered("no-reply", _rejected("CanisterError", _FROM + "Canister did not reply to the call", "IC0506"), Program()),
    _failed("unknown-method", _rejected("CanisterError", _FROM + "Canister has no update method 'absent'.", "IC0536"), method="absent"),
    _failed(
        "unknown-query",
        _rejected("CanisterError", _FROM + "Canister has no query method 'absent'.", "IC0536"),
        method="absent",
        query=True,
    ),
    _answered("query-reject", _rejected("CanisterReject", "no thanks", "IC0406"), Program().reject("no thanks"), query=True),
    _cycles("cycles-nowhere", 2**64 - 1, 0),
    _caller("caller", _USER),
)
"""Without a proxy."""


def _forwarded(code: str, number: int, message: str) -> str:
    return f"Proxy call failed: Call Rejected, reject_code: {code} ({number}), reject_message: {message}"


PROXIED = (
    PluginCase(
        name="proxy-id",
        component=Guest().plugin(error("(local.get $proxy)", "(local.get $proxy-length)")),
        slug="plugin/err",
        summary="plugin returned error: {proxy}",
        theirs="plugin returned error: {proxy}",
    ),
    _caller("proxied-caller", _CANISTER),
    _cycles("cycles", 123_456, 123_456),
    _answered("proxied-reject", _forwarded("CanisterReject", 4, "no thanks"), Program().add_to_cell(9, 1).reject("no thanks"), cell=9),
    _answered(
        "proxied-trap",
        _forwarded("CanisterError", 5, "IC0503: " + _FROM + "Canister called `ic0.trap` with message: 'ouch'"),
        _COUNT_AND_TRAP,
        cell=7,
    ),
    _answered("proxied-no-reply", _forwarded("CanisterError", 5, "IC0506: " + _FROM + "Canister did not reply to the call"), Program()),
    _failed(
        "proxied-unknown-method",
        _forwarded("CanisterError", 5, "IC0536: " + _FROM + "Canister has no update method 'absent'."),
        method="absent",
    ),
    _answered("query-by-itself", _rejected("CanisterReject", "no thanks", "IC0406"), Program().reject("no thanks"), query=True),
    PluginCase(
        name="too-many-cycles",
        component=(lacking := Guest()).plugin(
            lacking.call("update", Program().add_to_cell(10, 1).reply().encode(), cycles=2**64 - 1) + _RESULT
        ),
        slug="plugin/err",
        theirs="Proxy canister has insufficient cycles. Available: ",
        cell=10,
    ),
)
"""With a proxy."""
