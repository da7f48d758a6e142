"""`orchestrator plugin run`: a plugin in its sandbox, against a canister that is not there."""

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from orchestrator.candid import parse_arguments
from tests.support.command import Command, Run
from tests.support.components import (
    CALL_RESULT,
    OK,
    Guest,
    component_that_calls,
    component_that_fails,
    component_that_loops,
    component_that_prints,
    component_that_returns_ok,
    component_that_traps,
    error,
)
from tests.support.second_plugins import plugin_that_calls_by_name, plugin_that_reads, plugin_that_tells
from tests.support.workspace import Completed

FIELDS = ["schema", "result", "error", "stdout", "stderr", "calls", "compute_seconds", "peak_memory_bytes", "interface"]
CALL_FIELDS = ["method", "type", "direct", "cycles", "via_proxy", "arg_hex", "arg_text", "result", "error"]
PROXY = "rrkah-fqaaa-aaaaa-aaaaq-cai"
GREETING = parse_arguments('("hi")', None)


def facts(done: Completed) -> dict[str, Any]:
    """Return the one object that a run printed."""
    assert done.stdout.count("\n") == 1, str(done)
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def echo(*calls: str) -> bytes:
    """Build a plugin that makes queries without arguments, and returns all replies and errors in a row as its error."""
    guest = Guest()
    copies = "".join(
        f"""{guest.call(method, b"DIDL" + bytes(2), query=True)}
        (memory.copy (i32.add (i32.const 512) (local.get $end))
          (i32.load (i32.const {CALL_RESULT + 4})) (i32.load (i32.const {CALL_RESULT + 8})))
        (local.set $end (i32.add (local.get $end) (i32.load (i32.const {CALL_RESULT + 8}))))"""
        for method in calls
    )
    return guest.plugin(f"(local $end i32) {copies} {error('(i32.const 512)', '(local.get $end)')}")


def test_json_has_the_shape_that_scripts_rely_on(run: Run) -> None:
    """One line with exactly the documented fields, and nothing else on stdout."""
    done = run(component_that_calls("put", GREETING, cycles=2**63, times=2), "--proxy", PROXY, "--json")
    shown = facts(done)

    assert (done.exit_code, done.stderr) == (0, "")
    assert list(shown) == FIELDS
    assert (shown["schema"], shown["result"], shown["error"], shown["interface"]) == (1, "ok", None, "icp:sync-plugin@0.1.0")
    assert (shown["stdout"], shown["stderr"]) == ([], [])
    assert 0 < shown["compute_seconds"] < 60
    assert shown["peak_memory_bytes"] > 0
    assert [list(call) for call in shown["calls"]] == [CALL_FIELDS] * 2
    assert shown["calls"][0] == {
        "method": "put",
        "type": "update",
        "direct": False,
        "cycles": "9223372036854775808",
        "via_proxy": True,
        "arg_hex": GREETING.hex(),
        "arg_text": '("hi")',
        "result": "4449444c0000",
        "error": None,
    }


def test_the_way_that_a_call_would_take_is_told(run: Run) -> None:
    """Only an update call that is not direct goes through a proxy, if there is one."""
    guest = Guest()
    component = guest.plugin(
        guest.call("a", GREETING) + guest.call("b", GREETING, direct=True) + guest.call("c", GREETING, query=True) + OK
    )

    calls = facts(run(component, "--proxy", PROXY, "--json"))["calls"]

    ways = [(call["via_proxy"], call["direct"], call["type"]) for call in calls]
    assert ways == [(True, False, "update"), (False, True, "update"), (False, False, "query")]


def test_text_tells_the_run_as_it_goes(run: Run, snapshot: SnapshotAssertion) -> None:
    """Lines and calls come in their order, and one line sums the run up."""
    guest = Guest()
    write = f"(call $write (call $get-stdout) {guest.text('sending' + chr(10))} (i32.const 48))"
    late = f"(call $write (call $get-stderr) {guest.text('careful: done' + chr(10))} (i32.const 48))"
    calls = guest.call("put", GREETING, direct=True) + guest.call("raw", b"\1\2", query=True)
    done = run(guest.plugin(write + calls + late + OK, wasi=("stdio",)), "--fail", "raw=no such method", "--reply", "put=(42 : nat)")

    assert (done.exit_code, done.stderr) == (0, "")
    *before, last = done.stdout.splitlines()
    assert "\n".join(before) == snapshot
    assert last.startswith("ok: 2 calls, ")
    assert last.endswith(", icp:sync-plugin@0.1.0")


def test_backtraces_are_shown_when_asked_for(run: Run) -> None:
    """Where in its code the plugin was when it trapped is shown with `-v` alone."""
    component = Guest().plugin("unreachable")

    quiet, verbose = run(component), run(component, "-v")

    assert "backtrace" not in quiet.stdout + quiet.stderr
    assert "hint: it wrote nothing to stderr that says why; `-v` shows where" in quiet.stderr
    assert "the plugin's fault: error while executing at wasm backtrace:" in verbose.stderr


@pytest.mark.parametrize(
    ("component", "options", "result", "words"),
    [
        pytest.param(component_that_fails("no such folder"), [], "err", "no such folder", id="err"),
        pytest.param(component_that_traps(), [], "trap", "plugin trapped: it aborted", id="trap", marks=pytest.mark.slow),
        pytest.param(
            Guest().plugin(f"(call $exit (i32.const 0)) {OK}", wasi=("environment",)), [], "trap", "plugin trapped: it exited", id="exit"
        ),
        pytest.param(
            component_that_loops(),
            ["--compute-limit", "0.2"],
            "limit",
            "plugin exceeded the 0.2s compute",
            id="compute",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            Guest().plugin("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 8)) (i32.const -1)))) unreachable"),
            ["--memory", "8mib"],
            "limit",
            "plugin probably ran out of memory: its memories held 8 MiB of the 8 MiB",
            id="memory",
            marks=pytest.mark.slow,
        ),
        pytest.param(b"\0asm\x01\0\0\0", [], "refused", "core WebAssembly module", id="core-module"),
        pytest.param(component_that_returns_ok(), ["--dir", "nowhere"], "refused", "plugin dir 'nowhere' does not exist", id="dir"),
        pytest.param(component_that_returns_ok(), ["--file", "/etc/hosts"], "refused", "is not a safe relative path", id="absolute"),
    ],
)
def test_every_bad_end_is_told(run: Run, component: bytes, options: list[str], result: str, words: str) -> None:
    """Whatever the end, the JSON says which it was, the error is on stderr too, and the exit status is 1."""
    done = run(component, *options, "--json")
    shown = facts(done)

    assert done.exit_code == 1
    assert (shown["result"], list(shown)) == (result, FIELDS)
    assert words in shown["error"]
    assert words in done.stderr


def test_answers_come_in_the_order_of_the_command_line(run: Run) -> None:
    """Replies and failures of one method mix as they were typed, and the last one stays, a failure too."""
    done = run(
        echo("m", "m", "m", "m", "other", "other"),
        *("--reply", f"m={b'one '.hex()}", "--fail", "m=two ", "--reply=m=" + b"three ".hex()),
        *("--fail", "other=four ", "--json"),
    )

    assert facts(done)["error"] == "one two three three four four "


def test_a_reply_is_hex_or_candid(run: Run) -> None:
    """What begins with a parenthesis is Candid text, all else is hex."""
    forms = ('("hi")', GREETING.hex(), f"0x{GREETING.hex().upper()}")
    guest = Guest()
    calls = facts(run(guest.plugin(guest.call("m", b"") * 3 + OK), *(f"--reply=m={form}" for form in forms), "--json"))["calls"]

    assert [call["result"] for call in calls] == [GREETING.hex()] * 3


INTERFACE = "service : { put : (record { key : text; count : nat }) -> (nat); get : () -> (opt nat) query }"


def test_an_interface_gives_names_and_types(run: Run, project: Path) -> None:
    """With the .did file arguments have names and replies no types; an argument of other types fails the call, other methods do not."""
    (project / "c.did").write_text(INTERFACE)
    guest = Guest()
    right = guest.call("put", parse_arguments('(record { key = "a"; count = 1 : nat })', None))
    component = guest.plugin(right + guest.call("put", GREETING) + guest.call("more", GREETING) + OK)
    good, bad, other = facts(run(component, "--candid", "c.did", "--reply", "put=(5)", "--json"))["calls"]

    assert good["arg_text"] == '(record { key = "a"; count = 1 : nat })'
    assert good["result"] == parse_arguments("(5 : nat)", None).hex()
    assert bad["error"].startswith("canister call failed: the argument is not what `put` takes: ")
    assert (bad["arg_text"], other["error"]) == ('("hi")', None)


def test_the_plugin_sees_what_the_command_line_says(run: Run, project: Path) -> None:
    """Environment, ids and files arrive; a file has the name that was typed."""
    (project / "a").mkdir()
    (project / "a" / "b.txt").write_text("text")
    guest = Guest()
    # The texts that the plugin is given stand together, with the name and the content of its file in the list.
    body = """(local $end i32)
      (call $add (local.get $canister) (local.get $canister-length)) (call $add (local.get $environment) (local.get $environment-length))
      (call $add (local.get $identity) (local.get $identity-length)) (call $add (local.get $proxy) (local.get $proxy-length))
      (call $add (i32.load (local.get $files)) (i32.load offset=4 (local.get $files)))
      (call $add (i32.load offset=8 (local.get $files)) (i32.load offset=12 (local.get $files)))""" + error(
        "(i32.const 256)", "(global.get $end)"
    )
    functions = """(global $end (mut i32) (i32.const 0))
      (func $add (param $address i32) (param $length i32)
        (memory.copy (i32.add (i32.const 256) (global.get $end)) (local.get $address) (local.get $length))
        (global.set $end (i32.add (global.get $end) (local.get $length))))"""
    component = guest.plugin(body, functions=functions)
    principals = ("--canister-id", "aaaaa-aa", "--identity-principal", "2vxsx-fae", "--proxy", PROXY)
    done = run(component, *principals, "-e", "staging", "--file", "./a/b.txt", "--json")

    assert facts(done)["error"] == f"aaaaa-aastaging2vxsx-fae{PROXY}./a/b.txttext"


def test_a_plugin_of_the_second_interface_calls_other_canisters(run: Run) -> None:
    """A canister that is named may be called, and the call says which."""
    component = plugin_that_calls_by_name("ledger")

    allowed = run(component, "--canister", f"ledger={PROXY}", "--reply", "m=00", "--json")

    (call,) = facts(allowed)["calls"]
    assert (call["target"], call["method"], call["result"]) == ("ledger", "m", "00")
    assert facts(allowed)["interface"] == "icp:sync-plugin@0.2.3"


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, "motd"), pytest.param(8, "a.txt", marks=pytest.mark.slow), pytest.param(16, "text", marks=pytest.mark.slow)],
)
def test_a_plugin_of_the_second_interface_knows_files_by_names(run: Run, project: Path, offset: int, expected: str) -> None:
    """`NAME=PATH` gives the plugin both."""
    (project / "a.txt").write_text("text")

    done = run(plugin_that_tells(44, offset), "--file", "motd=a.txt", "--json")

    assert facts(done)["error"] == expected


@pytest.mark.parametrize(
    "entry", [("--file", "a.txt"), ("--dir", "seed"), ("--file", "=a.txt"), ("--file", "a="), ("--file", "up=../a.txt")]
)
def test_a_plugin_of_the_second_interface_wants_names(run: Run, project: Path, entry: tuple[str, str]) -> None:
    """What a deployment refuses is refused here, before the plugin runs; entries stay below the working directory."""
    (project / "a.txt").write_text("text")
    (project.parent / "a.txt").write_text("text")

    shown = facts(run(plugin_that_tells(44, 0), *entry, "--json"))

    assert (shown["result"], shown["interface"]) == ("refused", "icp:sync-plugin@0.2.0")
    assert "NAME=PATH" in shown["error"] or "../a.txt" in shown["error"]


def test_a_directory_among_the_files_of_the_second_interface(run: Run, project: Path) -> None:
    """What is on disk tells a directory from a file, as in a deployment."""
    (project / "seed").mkdir()

    assert facts(run(plugin_that_tells(36, 0), "--file", "data=seed", "--json"))["error"] == "data"


def test_sections_are_told(run: Run) -> None:
    """A plugin that reads sections finds none here; each is in the JSON."""
    shown = facts(run(plugin_that_reads("name", "ledger"), "--canister", f"ledger={PROXY}", "--json"))

    assert shown["sections"] == [{"name": "name", "target": "ledger", "direct": True, "result": None, "error": None}]
    assert list(shown) == [*FIELDS, "sections"]


def test_output_is_harmless_to_people_and_exact_for_programs(run: Run) -> None:
    """Control and direction characters are spelled out on a terminal, and kept in JSON; `error` is the plugin's own text."""
    guest = Guest()
    write = f"(call $write (call $get-stdout) {guest.text('a' + chr(0x202E) + 'b' + chr(7) + chr(10))} (i32.const 48))"
    colour = f"(call $write (call $get-stderr) {guest.text('c' + chr(27) + '[31md' + chr(10))} (i32.const 48))"
    component = guest.plugin(write + colour + guest.error("a\u202eb"), wasi=("stdio",))

    text, shown = run(component), facts(run(component, "--json"))

    assert sorted(text.stdout.splitlines()[:2], reverse=True) == ["stdout  a\\u202eb\\x07", "stderr  cd"]
    assert (shown["stdout"], shown["stderr"], shown["error"]) == (["a\u202eb\x07"], ["cd"], "a\u202eb")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--reply", "m"], "`m` is not of the form `--reply METHOD=HEX`"),
        (["--reply", "get"], "write `--reply 'get=(1 : nat)'` in Candid text, or"),
        (["--reply", "get=null"], "write `--reply 'get=(null)'` in Candid text"),
        (["--reply", "=00"], "`=00` is not of the form `--reply METHOD=HEX`"),
        (["--fail", "m"], "`m` is not of the form `--fail METHOD=TEXT`"),
        (["--reply", "m=xyz"], "the reply of `m` is neither hex digits nor Candid text"),
        (["--reply", "m=(1 : gnat)"], "the reply of `m` is not Candid text"),
        (["--option", "k"], "'k' is not of the form KEY=VALUE"),
        (["--timeout", "soon"], "`--timeout`: `soon` ends with an unknown unit"),
        (["--timeout", "0s"], "`--timeout 0s` lets no plugin run"),
        (["--memory", "lots"], "`--memory`: `lots` ends with an unknown unit"),
        (["--memory", "0"], "`--memory 0` lets no plugin run"),
        (["--compute-limit", "0"], "'0' is not a number of seconds above zero"),
        (["--compute-limit", "nan"], "'nan' is not a number of seconds above zero"),
        (["--compute-limit", "x"], "'x' is not a number of seconds above zero"),
        (["--canister-id", "backend"], "the canister id is not a principal"),
        (["--identity-principal", "me"], "the identity is not a principal"),
        (["--proxy", "proxy"], "the proxy is not a principal"),
        (["--record", "nowhere/r.json"], "the recording `nowhere/r.json` cannot be written"),
        (["--record", "."], "the recording `.` cannot be written"),
        (["--record", "/dev/null"], "it is a device or a pipe"),
        (["--canister", "ledger=me"], "the canister `ledger` is not a principal"),
        (["--candid", "missing.did"], "the interface `missing.did` cannot be used"),
        (["--candid", "icp.yaml"], "the interface `icp.yaml` cannot be used"),
        (["--replay", "missing.json"], "the recording `missing.json` cannot be read"),
        (["--replay", "icp.yaml"], "`icp.yaml` is not a recording that can be replayed"),
        (["--replay", "r.json", "--record", "s.json"], "`--record` cannot stand beside `--replay`"),
        (["--replay", "r.json", "--fail", "m=t"], "`--reply` and `--fail` cannot stand beside `--replay`"),
    ],
)
def test_a_wrong_command_line_runs_nothing(run: Run, options: list[str], words: str) -> None:
    """What cannot be meant is said before the plugin runs, with exit status 2 and nothing on stdout."""
    done = run(component_that_prints(stdout=b"ran"), *options)

    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_reply_of_no_method_is_a_wrong_command_line(run: Run, project: Path) -> None:
    """With an interface a misspelled method is found, and the one that is meant is named."""
    (project / "c.did").write_text(INTERFACE)

    done = run(component_that_prints(stdout=b"ran"), "--candid", "c.did", "--reply", "gett=(null)")

    assert (done.exit_code, done.stdout) == (2, "")
    assert "`gett`, which is no method of the interface `c.did`" in done.stderr
    assert "did you mean `get`?" in done.stderr


def test_replies_that_nobody_asked_for_are_named(run: Run) -> None:
    """Without an interface a misspelled method shows at the end, for people only."""
    arguments = (component_that_calls("get", GREETING), "--reply", "gett=00", "--fail", "get=no")

    assert "Never called, so that their answers were not used: `gett`\n" in run(*arguments).stderr
    assert "gett" not in run(*arguments, "--json").stderr


def test_a_missing_directory_is_told_without_a_step(run: Run) -> None:
    """There is no step here from which it could be removed."""
    done = run(component_that_returns_ok(), "--dir", "nowhere")

    assert "create it, or leave it out; the path is relative to" in done.stderr
    assert "step" not in done.stderr


def test_what_should_not_be_given_is_warned_of(run: Run, project: Path) -> None:
    """A folder with secrets, and options that nobody reads, are told before the run, which goes on."""
    (project / "seed" / ".git").mkdir(parents=True)

    done = run(component_that_returns_ok(), "--dir", "seed", "--option", "a=b", "--json")

    assert (done.exit_code, facts(done)["result"]) == (0, "ok")
    assert done.stderr.startswith("warning[plugin/private-contents]: plugin dir 'seed' holds .git")
    assert "\nwarning[plugin/unread-options]: the plugin asks for no options: a will not be read\n" in done.stderr


def test_a_missing_component_is_a_wrong_command_line(orchestrator: Command) -> None:
    """A file that is not there is named, with exit status 2."""
    done = orchestrator("plugin", "run", "missing.wasm", "--json")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error[usage/no-component]: the plugin `missing.wasm` cannot be read")


def test_the_compute_variables_count(orchestrator: Command, project: Path) -> None:
    """Without the option the variables set the limit, and a malformed one is refused."""
    (project / "x.wasm").write_bytes(component_that_returns_ok())
    done = orchestrator("plugin", "run", "x.wasm", environ={"ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS": "soon"})

    assert done.exit_code == 2
    assert "invalid ICP_CLI_PLUGIN_COMPUTE_LIMIT_SECS value 'soon'" in done.stderr
