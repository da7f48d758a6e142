"""Plugins that hand the host what is no text, no memory and no call, and read what they should not get."""

from pathlib import Path

import pytest

from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.request import CanisterCallRequest
from tests.support.components import CALL_RESULT, OK, Guest, component_that_prints
from tests.support.plugin_runs import run_now

both_ways = pytest.mark.parametrize("wrap", [True, False], ids=["wrapped", "plain"])
BEYOND = 0x7FFF_0000
CALL = "(call $canister-call {method} {arg} {kind} (i32.const 0) (i64.const 0) (i32.const 32))"


def call_with(guest: Guest, *, method: str | None = None, arg: str = "(i32.const 0) (i32.const 0)", kind: int = 0) -> bytes:
    """Build a plugin that makes a call with these (address, length) pairs, and then returns ok."""
    made = CALL.format(method=method or guest.text("m"), arg=arg, kind=f"(i32.const {kind})")
    return guest.plugin(made + OK)


@pytest.mark.parametrize(
    ("text", "wrap"),
    [
        pytest.param(b"\xff\xfe", True, id="no start"),
        pytest.param(b"\xed\xa0\x80", True, id="half a surrogate"),
        pytest.param(b"ok\x80", False, id="no end, plain"),
    ],
)
def test_a_method_name_that_is_no_text(component_cache: Path, text: bytes, wrap: bool) -> None:  # noqa: FBT001
    """Bytes that are not UTF-8 are no name: the plugin traps and the canister is not called."""
    guest = Guest()

    run = run_now(call_with(guest, method=guest.text(text)), component_cache, wrap=wrap)

    assert (run.result.outcome, run.calls) == ("trap", [])
    assert run.result.error == "plugin trapped: it passed the host text that is not UTF-8"


def test_an_error_that_is_no_text(component_cache: Path) -> None:
    """An error text that is not UTF-8 is a trap, said so."""
    guest = Guest()

    result = run_now(guest.plugin(guest.error(b"\xc3\x28")), component_cache).result

    assert (result.outcome, result.error) == ("trap", "plugin trapped: it passed the host text that is not UTF-8")


@pytest.mark.parametrize(
    ("part", "address", "length", "wrap"),
    [
        pytest.param("method", BEYOND, 1, True, id="far"),
        pytest.param("arg", 1024, BEYOND, True, id="long"),
        pytest.param("arg", -1, 1, True, id="last byte"),
        pytest.param("arg", 1024, -1, True, id="longest"),
        pytest.param("method", -16, 32, True, id="around"),
        pytest.param("arg", -16, 32, False, id="around, plain"),
        pytest.param("method", 1024, BEYOND, False, id="long, plain"),
    ],
)
def test_memory_that_is_not_there(component_cache: Path, part: str, address: int, length: int, wrap: bool) -> None:  # noqa: FBT001
    """Addresses and lengths beyond the plugin's memory, also those that wrap around, are a trap; no byte of others' memory is sent."""
    pair = f"(i32.const {address}) (i32.const {length})"
    guest = Guest()

    plugin = call_with(guest, method=pair) if part == "method" else call_with(guest, arg=pair)

    run = run_now(plugin, component_cache, wrap=wrap)

    assert (run.result.outcome, run.calls) == ("trap", [])


@both_ways
def test_a_kind_of_call_that_does_not_exist(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A call is an update or a query; another number is a trap."""
    run = run_now(call_with(Guest(), kind=2), component_cache, wrap=wrap)

    assert (run.result.outcome, run.calls) == ("trap", [])


@pytest.mark.parametrize(
    ("address", "wrap"),
    [
        pytest.param(BEYOND, True, id="far"),
        pytest.param(-1, True, id="last byte"),
        pytest.param(-16, False, id="last block, plain"),
        pytest.param(3, True, id="odd"),
    ],
)
def test_an_allocator_that_lies(component_cache: Path, address: int, wrap: bool) -> None:  # noqa: FBT001
    """A reply is written to where the plugin's allocator says, or nowhere: an address beyond its memory is a trap."""
    guest = Guest()
    lie = f"(if (i32.load8_u (i32.const 8)) (then (return (i32.const {address}))))"
    plugin = guest.plugin(f"(i32.store8 (i32.const 8) (i32.const 1)) {guest.call('get', b'')} {OK}", allocating=lie)

    run = run_now(plugin, component_cache, wrap=wrap, answer=lambda _request: b"reply")

    assert run.result.outcome == ("ok" if address == 3 else "trap")
    assert len(run.calls) == 1


def test_an_allocator_that_never_returns(component_cache: Path) -> None:
    """An allocator that computes for ever while it is asked for room for a reply ends at the compute limit."""
    guest = Guest()
    loop = "(if (i32.load8_u (i32.const 8)) (then (loop $again (br $again))))"
    plugin = guest.plugin(f"(i32.store8 (i32.const 8) (i32.const 1)) {guest.call('get', b'')} {OK}", allocating=loop)

    result = run_now(plugin, component_cache, limits=Limits(compute_seconds=0.2, timeout_seconds=20)).result

    assert (result.outcome, result.limit) == ("limit", "compute")


@both_ways
def test_replies_of_any_bytes(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A reply reaches the plugin as it came: handed back as an argument it has the same bytes."""
    reply = bytes(range(256)) * 300
    guest = Guest()
    again = CALL.format(
        method=guest.text("back"),
        arg=f"(i32.load (i32.const {CALL_RESULT + 4})) (i32.load (i32.const {CALL_RESULT + 8}))",
        kind="(i32.const 1)",
    )
    plugin = guest.plugin(guest.call("get", b"", query=True) + again + OK)

    def answer(request: CanisterCallRequest) -> bytes:
        return reply if request.method == "get" else b""

    run = run_now(plugin, component_cache, wrap=wrap, answer=answer)

    assert [call.arg for call in run.calls] == [b"", reply]


ODD_NAMES = ("", "\0", "a\nb", "\x1b[2J", "\u202egnp.exe", "https://icp0.io/", "../m", "µ" * 9_000)


def test_odd_method_names(component_cache: Path) -> None:
    """A method may have any name that is text: it is passed on as it is, for the network to refuse."""
    guest = Guest()

    run = run_now(guest.plugin("".join(guest.call(name, b"") for name in ODD_NAMES) + OK), component_cache)

    assert tuple(call.method for call in run.calls) == ODD_NAMES


def test_output_that_is_no_text(component_cache: Path) -> None:
    """Bytes that are not UTF-8 are replaced, those of escape sequences left out, and the lines around them kept."""
    run = run_now(component_that_prints(stdout=b"before\n\xff\xfe\x80\n\x1b]0;title\x07\x1b[31mred\x1b[0m\nafter"), component_cache)

    assert run.result.stdout == ("before", "\ufffd" * 3, "red", "after")


@both_ways
def test_memory_of_others(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A plugin's memory is its own: what it did not write is zero, also after calls and beside the wrapping component."""
    scan_from, pages = 131_072, 100
    guest = Guest()
    calls = guest.call("m", b"what another plugin may not see " * 2_000) * 3
    plugin = guest.plugin(
        f"""(local $at i32) {calls} (local.set $at (i32.const {scan_from}))
        (loop $next
          (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then {guest.error("not empty")} return))
          (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const {pages << 16}))))
        {OK}""",
        pages=pages,
    )

    result = run_now(plugin, component_cache, wrap=wrap, answer=lambda _request: b"").result

    assert (result.outcome, result.error) == ("ok", None)


@pytest.mark.parametrize(
    ("address", "count", "outcome", "wrap"),
    [
        pytest.param(1024, 0, "ok", True, id="none"),
        pytest.param(1024, BEYOND, "trap", True, id="many"),
        pytest.param(1024, -1, "trap", True, id="most"),
        pytest.param(-32, 2, "trap", True, id="around"),
        pytest.param(1025, 1, "trap", True, id="odd address"),
        pytest.param(1024, 1, "trap", True, id="noise"),
        pytest.param(1024, -1, "trap", False, id="most, plain"),
        pytest.param(1024, 1, "trap", False, id="noise, plain"),
    ],
)
def test_batches_that_are_none(component_cache: Path, address: int, count: int, outcome: str, wrap: bool) -> None:  # noqa: FBT001
    """A batch of calls that are not in the plugin's memory, or are no calls, is a trap; nobody is called."""
    guest = Guest()
    guest.text(b"\xff" * 64)
    plugin = guest.plugin(f"(call $canister-call-batch (i32.const {address}) (i32.const {count}) (i32.const 32)) {OK}", extension=True)

    run = run_now(plugin, component_cache, wrap=wrap)

    assert (run.result.outcome, run.calls) == (outcome, [])
