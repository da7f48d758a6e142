"""Running a plugin: what goes in, what comes out, on both ways that bytes can take."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.errors import PluginFailedError, SandboxError
from orchestrator.sandbox.declared import resolve_directory
from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.limits import MAX_ARGUMENT_BYTES, MAX_METHOD_BYTES, MAX_REPLY_BYTES, Limits
from orchestrator.sandbox.outcomes import failure_of
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, InlineFile, Preopen
from tests.support.components import (
    CALL_RESULT,
    OK,
    Guest,
    component_that_calls,
    component_that_fails,
    component_that_prints,
    component_that_returns_ok,
    component_that_returns_reply,
    component_that_touches,
    component_that_traps,
    error,
)
from tests.support.plugin_runs import request_for, run_now

both_ways = pytest.mark.parametrize("wrap", [True, False], ids=["wrapped", "plain"])


@both_ways
def test_ok(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """A plugin that returns ok: no error, nothing written, its interface named."""
    result = run_now(component_that_returns_ok(), component_cache, wrap=wrap).result

    assert result == replace(result, outcome="ok", error=None, slug=None, stdout=(), stderr=(), calls=0, interface="0.1.0")
    assert 0 < result.compute_seconds < 60
    assert failure_of(result) is None


@both_ways
def test_err(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """The plugin's own text is the error, word for word."""
    result = run_now(component_that_fails("häßlich\nzwei"), component_cache, wrap=wrap).result
    failure = failure_of(result)

    assert (result.outcome, result.error) == ("err", "häßlich\nzwei")
    assert isinstance(failure, PluginFailedError)
    assert failure.summary == "plugin returned error: häßlich\nzwei"


def test_trap(component_cache: Path) -> None:
    """A trap is put in words; the backtrace is not among them."""
    result = run_now(component_that_traps(), component_cache).result

    assert result.outcome == "trap"
    assert result.error is not None
    assert "aborted" in result.error
    assert result.detail is not None
    assert result.detail == "wasm trap: wasm `unreachable` instruction executed"


@both_ways
@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("$canister", "rrkah-fqaaa-aaaaa-aaaaq-cai"),
        ("$environment", "prüfung"),
        ("$identity", "2vxsx-fae"),
        ("$proxy", "aaaaa-aa"),
    ],
)
def test_input_texts(component_cache: Path, pointer: str, expected: str, wrap: bool) -> None:  # noqa: FBT001
    """Each text of the input is in its own field."""
    plugin = Guest().plugin(error(f"(local.get {pointer})", f"(local.get {pointer}-length)"))

    result = run_now(plugin, component_cache, wrap=wrap, environment="prüfung", proxy_canister_id="aaaaa-aa").result

    assert result.error == expected


def test_no_proxy(component_cache: Path) -> None:
    """Without a proxy the field is none, and not an empty text."""
    guest = Guest()
    plugin = guest.plugin(f"(if (result i32) (local.get $has-proxy) (then {guest.error('a proxy')}) (else {OK}))")

    assert run_now(plugin, component_cache).result.outcome == "ok"
    assert run_now(plugin, component_cache, proxy_canister_id="").result.error == "a proxy"


@pytest.mark.parametrize(("offset", "expected"), [(0, "a/ä.txt"), (8, "line\r\n\ufeffü"), (16, "b"), (24, "")])
def test_files(component_cache: Path, offset: int, expected: str) -> None:
    """Files come as (name, content), in order, their text unchanged."""
    at = f"(i32.add (local.get $files) (i32.const {offset}))"
    plugin = Guest().plugin(error(f"(i32.load {at})", f"(i32.load (i32.add {at} (i32.const 4)))"))
    files = (InlineFile(name="a/ä.txt", content="line\r\n\ufeffü"), InlineFile(name="b", content=""))

    assert run_now(plugin, component_cache, files=files).result.error == expected


def test_dirs(component_cache: Path, tmp_path: Path) -> None:
    """`dirs` has the entries as the manifest writes them."""
    plugin = Guest().plugin(
        error("(i32.load (i32.add (local.get $dirs) (i32.const 8)))", "(i32.load (i32.add (local.get $dirs) (i32.const 12)))")
    )
    directories = (Preopen(guest="dist", host=tmp_path), Preopen(guest="./x/../ä", host=tmp_path))

    assert run_now(plugin, component_cache, directories=directories).result.error == "./x/../ä"


@both_ways
def test_call_arrives_as_made(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """Every byte value and the largest numbers reach the host; calls are counted."""
    argument = bytes(range(256)) * 3
    plugin = component_that_calls("größe", argument, query=True, direct=True, cycles=2**64 - 1, times=2)

    run = run_now(plugin, component_cache, wrap=wrap)

    expected = CanisterCallRequest(method="größe", arg=argument, call_type="query", direct=True, cycles=2**64 - 1)
    assert run.calls == [expected, expected]
    assert (run.result.outcome, run.result.calls) == ("ok", 2)


@both_ways
def test_update_call(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """An update call that is not direct, with no argument and no method name, is just that."""
    run = run_now(component_that_calls("", b""), component_cache, wrap=wrap)

    assert run.calls == [CanisterCallRequest(method="", arg=b"", call_type="update", direct=False, cycles=0)]


@both_ways
@pytest.mark.parametrize("reply", [b"", b"plain", "süß €".encode(), bytes(range(128)) * 100])
def test_reply(component_cache: Path, reply: bytes, wrap: bool) -> None:  # noqa: FBT001
    """The plugin gets the reply's bytes."""
    result = run_now(component_that_returns_reply(), component_cache, wrap=wrap, answer=lambda _request: reply).result

    assert result.error == reply.decode()


@both_ways
def test_reply_bytes(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """A reply of all byte values arrives unchanged: the plugin sends it back as an argument."""
    guest = Guest()
    plugin = guest.plugin(
        guest.call("get", b"", query=True)
        + f"(call $canister-call {guest.text('put')} (i32.load (i32.const {CALL_RESULT + 4})) (i32.load (i32.const {CALL_RESULT + 8}))"
        + "(i32.const 0) (i32.const 0) (i64.const 0) (i32.const 64))"
        + OK
    )
    reply = bytes(range(256)) * 5

    run = run_now(plugin, component_cache, wrap=wrap, answer=lambda request: reply if request.method == "get" else b"")

    assert [call.arg for call in run.calls] == [b"", reply]


@both_ways
def test_call_error_reaches_the_plugin(component_cache: Path, wrap: bool) -> None:  # noqa: FBT001
    """The text of a `CanisterCallError` is the plugin's err."""

    def refuse(_request: CanisterCallRequest) -> bytes:
        raise CanisterCallError("canister call failed: außer Betrieb")

    result = run_now(component_that_calls("m", b""), component_cache, wrap=wrap, answer=refuse).result

    assert (result.outcome, result.error, result.calls) == ("err", "canister call failed: außer Betrieb", 1)


def test_other_exceptions_end_the_run(component_cache: Path) -> None:
    """What `call` raises otherwise is not the plugin's business and comes out unchanged."""

    def fail(_request: CanisterCallRequest) -> bytes:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        run_now(component_that_calls("m", b""), component_cache, answer=fail)


@pytest.mark.parametrize(
    ("method", "argument", "message"),
    [
        (
            "m",
            b"x" * (MAX_ARGUMENT_BYTES + 1),
            f"the argument of {MAX_ARGUMENT_BYTES + 1} bytes is 1 over the limit of {MAX_ARGUMENT_BYTES}",
        ),
        ("m" * (MAX_METHOD_BYTES + 1), b"", f"the method's name of {MAX_METHOD_BYTES + 1} bytes is 1 over the limit of {MAX_METHOD_BYTES}"),
    ],
    ids=["argument", "method"],
)
def test_oversize_calls(component_cache: Path, method: str, argument: bytes, message: str) -> None:
    """A call above a cap is an error for the plugin, and nobody is called."""
    run = run_now(component_that_calls(method, argument), component_cache)

    assert (run.result.outcome, run.result.error) == ("err", f"canister call failed: {message}")
    assert run.calls == []


@pytest.mark.slow
def test_oversize_call_on_the_plain_way(component_cache: Path) -> None:
    """Without the wrapping component wasmtime itself stops a call that is too large, and the trap says so."""
    run = run_now(component_that_calls("m", b"x" * (MAX_ARGUMENT_BYTES + 1)), component_cache, wrap=False)
    assert (run.result.outcome, run.calls) == ("trap", [])
    assert run.result.error == f"plugin trapped: it passed the host more than {MAX_ARGUMENT_BYTES} bytes in one call or batch"


@pytest.mark.slow
def test_largest_call_and_reply(component_cache: Path) -> None:
    """An argument and a reply at their caps pass; a reply above it is an error for the plugin."""
    plugin = component_that_calls("m" * MAX_METHOD_BYTES, b"\xff" * MAX_ARGUMENT_BYTES)
    fits = run_now(plugin, component_cache, answer=lambda _request: b"\xfe" * MAX_REPLY_BYTES)
    too_long = run_now(plugin, component_cache, answer=lambda _request: b"\xfe" * (MAX_REPLY_BYTES + 1))

    assert fits.result.outcome == "ok"
    assert len(fits.calls[0].arg) == MAX_ARGUMENT_BYTES
    assert too_long.result.error == (
        f"canister call failed: the reply of {MAX_REPLY_BYTES + 1} bytes is 1 over the limit of {MAX_REPLY_BYTES}; the call was made"
    )


def test_lines(component_cache: Path) -> None:
    """Both streams are kept apart and in order, and each line is announced."""
    run = run_now(component_that_prints(stdout=b"one\ntwo", stderr=b"\x1b[31mred\x1b[0m\r\n"), component_cache)

    assert run.result.stdout == ("one", "two")
    assert run.result.stderr == ("red",)
    assert sorted((line.stream, line.text) for line in run.lines) == [("stderr", "red"), ("stdout", "one"), ("stdout", "two")]


def test_lines_before_a_call_come_before_it(component_cache: Path) -> None:
    """What a plugin says before it calls is told before the call is made, so that progress reads in order."""
    guest = Guest()
    say = "(call $write (call $get-stdout) {} (i32.const 48))"
    plugin = guest.plugin(
        "".join(say.format(guest.text(f"line {number}\n")) + guest.call("m", b"") for number in range(20)) + OK, wasi=("stdio",)
    )
    told: list[str] = []

    async def call(_request: CanisterCallRequest) -> bytes:
        await anyio.lowlevel.checkpoint()
        told.append("call")
        return b""

    anyio.run(run_plugin, request_for(plugin, component_cache), call, lambda line: told.append(line.text))

    assert told == [entry for number in range(20) for entry in (f"line {number}", "call")]


def test_output_before_a_trap_is_kept(component_cache: Path) -> None:
    """What a plugin wrote before it trapped is often the only explanation."""
    result = run_now(component_that_prints(stderr=b"about to fail", then="unreachable"), component_cache).result

    assert (result.outcome, result.stderr) == ("trap", ("about to fail",))


def test_wrong_sha256(component_cache: Path) -> None:
    """Bytes that are not those of the hash are refused before anything else."""
    component = component_that_returns_ok()
    request = replace(request_for(component, component_cache), sha256=hashlib.sha256(b"other").hexdigest())

    async def never(_request: CanisterCallRequest) -> bytes:
        raise AssertionError

    result = anyio.run(run_plugin, request, never, lambda _line: None)

    assert (result.outcome, result.slug) == ("refused", "plugin/sha256-mismatch")


@pytest.mark.parametrize(
    ("module", "slug"),
    [
        ("tests.support.bad_workers.silent", "plugin/worker-died"),
        ("tests.support.bad_workers.garbage", "plugin/worker-garbage"),
        ("tests.support.bad_workers.oversize", "plugin/worker-garbage"),
        ("tests.support.bad_workers.misplaced", "plugin/worker-garbage"),
        ("tests.support.bad_workers.killed", "plugin/worker-died"),
    ],
)
def test_worker_that_misbehaves(component_cache: Path, module: str, slug: str) -> None:
    """A worker that dies or does not keep to the conversation is a clear error, whatever it sends."""
    with pytest.raises(SandboxError) as caught:
        run_now(component_that_returns_ok(), component_cache, worker_module=module)

    assert caught.value.slug == slug


def test_worker_that_the_system_starves(component_cache: Path) -> None:
    """A worker whose allocation the system refused has reached the memory limit, and says so."""
    result = run_now(component_that_returns_ok(), component_cache, worker_module="tests.support.bad_workers.starved").result

    assert (result.outcome, result.limit) == ("limit", "memory")


def test_directory_that_vanished(component_cache: Path, tmp_path: Path) -> None:
    """A directory that is gone when the worker opens it is named."""
    result = run_now(component_that_returns_ok(), component_cache, directories=(Preopen(guest="dist", host=tmp_path / "gone"),)).result

    assert (result.outcome, result.slug) == ("refused", "plugin/dir-unreadable")
    assert result.detail is not None
    assert str(tmp_path / "gone") in result.detail


@pytest.mark.parametrize("link", [True, False], ids=["link", "directory"])
def test_directory_that_was_swapped(component_cache: Path, tmp_path: Path, link: bool) -> None:  # noqa: FBT001
    """What took the place of a directory after it was checked is not opened, be it a link or a directory."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "secret").mkdir()
    checked = resolve_directory(tmp_path, "dist")
    (tmp_path / "dist").rename(tmp_path / "old")
    if link:
        (tmp_path / "dist").symlink_to("secret")
    else:
        (tmp_path / "secret").rename(tmp_path / "dist")

    result = run_now(component_that_returns_ok(), component_cache, directories=(checked,)).result

    assert (result.outcome, result.slug) == ("refused", "plugin/dir-unreadable")
    assert "another directory has taken the place" in str(result.detail)


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths relative to the tool's folder mean that folder, although the worker stands elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dist").mkdir()

    result = run_now(component_that_returns_ok(), Path("cache"), directories=(Preopen(guest="dist", host=Path("dist")),)).result

    assert result.outcome == "ok"


def test_files_that_are_too_large_together(component_cache: Path) -> None:
    """Files that fit one by one may still be too much."""
    files = tuple(InlineFile(name=str(number), content="x" * (16 << 20)) for number in range(5))

    assert run_now(component_that_returns_ok(), component_cache, files=files).result.slug == "plugin/files-too-large"


def test_files_that_do_not_fit_into_the_memory(component_cache: Path) -> None:
    """A plugin that cannot even hold what it is handed is not started, and the error says what to raise."""
    files = (InlineFile(name="large.txt", content="x" * (5 << 20)),)

    result = run_now(component_that_returns_ok(), component_cache, files=files, limits=Limits(memory_bytes=4 << 20)).result

    assert (result.outcome, result.slug) == ("refused", "plugin/files-too-large")
    assert "5 MiB" in str(result.error)
    assert "`memory`" in str(result.hint)


def test_last_words_of_a_worker(component_cache: Path) -> None:
    """What a dying worker wrote to stderr is in the error's detail, and how it ended in its summary."""
    with pytest.raises(SandboxError, match="exit status 3") as caught:
        run_now(component_that_returns_ok(), component_cache, worker_module="tests.support.bad_workers.silent")

    assert caught.value.detail == "out of ideas"


def test_timeout_counts_calls(component_cache: Path) -> None:
    """The timeout is wall-clock time, and the hint says how to raise it; what the plugin took until then is told."""

    async def forever(_request: CanisterCallRequest) -> bytes:
        await anyio.sleep_forever()
        return b""

    request = request_for(component_that_touches(16, method="m"), component_cache, limits=Limits(timeout_seconds=1.5))

    result = anyio.run(run_plugin, request, forever, lambda _line: None)

    assert (result.outcome, result.limit, result.calls) == ("limit", "timeout", 1)
    assert result.hint is not None
    assert "timeout" in result.hint
    assert 0 < result.compute_seconds < 1.5
    assert 16 << 20 <= result.peak_memory_bytes < 40 << 20


def test_limits_may_be_higher_than_a_system_counts(component_cache: Path) -> None:
    """A limit that says no more than "none" is none."""
    limits = Limits(compute_seconds=math.inf, timeout_seconds=1e300, memory_bytes=1 << 80)
    assert run_now(component_that_touches(1, method="m"), component_cache, limits=limits).result.outcome == "ok"


def test_calls_do_not_count_as_computing(component_cache: Path) -> None:
    """A plugin with a small compute limit may wait for its canister longer than that."""
    waited = 0.3

    async def slow(_request: CanisterCallRequest) -> bytes:
        with anyio.move_on_after(waited):
            await anyio.sleep_forever()
        return b"DIDL\0\0"

    request = request_for(component_that_calls("m", b""), component_cache, limits=Limits(compute_seconds=waited / 2))

    result = anyio.run(run_plugin, request, slow, lambda _line: None)

    assert (result.outcome, result.calls) == ("ok", 1)
    assert result.compute_seconds < waited / 2
