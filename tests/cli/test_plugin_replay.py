"""`orchestrator plugin run --record` and `--replay`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.candid import parse_arguments
from tests.support.command import Run
from tests.support.components import (
    OK,
    BatchCall,
    Guest,
    component_that_calls,
    component_that_fails,
    component_that_reports_batch,
    component_that_returns_ok,
    component_that_returns_reply,
)

PROXY = "rrkah-fqaaa-aaaaa-aaaaq-cai"
GREETING = parse_arguments('("hi")', None)


@pytest.fixture
def recorded(project: Path) -> Path:
    """Return a recording of two calls of `put`, written as the page about recordings has it."""
    call = {"method": "put", "type": "update", "direct": False, "cycles": "0", "batch": None, "arg_hex": GREETING.hex()}
    given = {"environment": "local", "canister_id": "aaaaa-aa", "identity_principal": "2vxsx-fae", "proxy_canister_id": None}
    whole = {
        "schema": 1,
        "component": {"sha256": "00" * 32, "interface": None},
        "input": {**given, "dirs": [], "files": [], "options": []},
        "calls": [{**call, "result_hex": "4449444c0000", "error": None}] * 2,
    }
    path = project / "r.json"
    path.write_text(json.dumps(whole))
    return path


def in_order(*calls: str) -> bytes:
    """Build a plugin that makes these update calls with the same argument, whatever comes of them."""
    guest = Guest()
    return guest.plugin("".join(guest.call(method, GREETING) for method in calls) + OK)


def test_a_recording_has_all_that_was_given_and_said(run: Run, project: Path) -> None:
    """The file is as documented: the component's hash, what the plugin was given, and every call with its answer."""
    (project / "seed").mkdir()
    done = run(
        in_order("put", "set"),
        *("--record", "r.json", "--reply", "put=(1 : nat)", "--fail", "set=no", "--dir", "seed", "--file", "icp.yaml"),
        *("--proxy", PROXY, "--option", "a=b", "--field", "level=2", "--canister", "other=aaaaa-aa", "-e", "staging", "--json"),
    )
    kept = json.loads((project / "r.json").read_text())

    assert done.exit_code == 0
    assert list(kept) == ["schema", "component", "input", "calls", "sections"]
    assert (kept["schema"], kept["component"]["interface"], len(kept["component"]["sha256"])) == (1, "icp:sync-plugin@0.1.0", 64)
    assert kept["input"] == {
        "environment": "staging",
        "canister_id": "bkyz2-fmaaa-aaaaa-qaaaq-cai",
        "identity_principal": "2vxsx-fae",
        "proxy_canister_id": PROXY,
        "dirs": ["seed"],
        "files": ["icp.yaml"],
        "options": [["a", "b"]],
        "fields": [["level", "2"]],
        "canisters": [["other", "aaaaa-aa"]],
    }
    shared = {
        "type": "update",
        "direct": False,
        "cycles": "0",
        "batch": None,
        "target": None,
        "arg_hex": GREETING.hex(),
        "arg_text": '("hi")',
    }
    assert kept["calls"] == [
        {"method": "put", **shared, "result_hex": parse_arguments("(1 : nat)", None).hex(), "result_text": "(1 : nat)", "error": None},
        {"method": "set", **shared, "result_hex": None, "result_text": None, "error": "no"},
    ]


def test_a_replay_answers_as_recorded(run: Run, project: Path) -> None:
    """Replies, failures and circumstances are those of the recording, also of a run that failed; what is typed stands instead."""
    component = component_that_returns_reply("get")
    run(component, "--record", "r.json", "--fail", "get=once", "-e", "staging", "--proxy", PROXY)

    done = run(component, "--replay", "r.json", "--json")
    shown = json.loads(done.stdout)

    assert shown["error"] == "once"
    assert shown["replay"] == {"recorded": 1, "answered": 1, "difference": None}
    assert run(component, "--replay", "r.json", "--dir", "nowhere").stderr.startswith("error[plugin/dir-missing]")
    assert (project / "r.json").exists()


@pytest.mark.parametrize(
    ("component", "error", "detail"),
    [
        pytest.param(
            in_order("put", "get"), "call 2 is not the one of the recording", '  -update put\n  +update get\n   ("hi")', id="method"
        ),
        pytest.param(in_order("put"), "ended after 1 of 2 recorded calls", '  -update put\n  -("hi")', id="fewer"),
    ],
)
@pytest.mark.usefixtures("recorded")
def test_the_first_difference_is_shown(run: Run, component: bytes, error: str, detail: str) -> None:
    """A plugin that goes another way is ended there; the message has both calls, the exit status is 1."""
    done = run(component, "--replay", "r.json", "--json")
    shown = json.loads(done.stdout)

    assert done.exit_code == 1
    assert done.stderr.startswith("error[plugin/replay]: the plugin")
    assert error in done.stderr
    assert detail in done.stderr
    assert shown["result"] == "err"
    assert error in shown["error"]
    assert shown["replay"]["difference"].startswith(shown["error"])


@pytest.mark.usefixtures("recorded")
def test_a_plugin_that_fails_by_itself_is_not_blamed_for_what_is_left(run: Run) -> None:
    """Its own error is what is told; how far it came is in the summary."""
    done = run(component_that_fails("my own"), "--replay", "r.json", "--json")
    shown = json.loads(done.stdout)

    assert (done.exit_code, shown["error"]) == (1, "my own")
    assert shown["replay"] == {"recorded": 2, "answered": 0, "difference": None}


def batch(*methods: str) -> bytes:
    """Build a plugin that makes these calls in one batch, and reports the results by further calls."""
    return component_that_reports_batch([BatchCall(method=method.encode(), arg=GREETING) for method in methods])


def test_calls_of_a_batch_may_come_in_any_order(run: Run) -> None:
    """Within a batch only what was asked counts; each call gets its own answer."""
    answers = [f"--reply={method}={method.encode().hex()}" for method in "abc"]
    first = run(batch("a", "b", "c"), "--record", "r.json", *answers, "--json")

    turned = run(batch("c", "a", "b"), "--replay", "r.json", "--json")

    assert json.loads(first.stdout)["result"] == "ok"
    shown = json.loads(turned.stdout)
    assert {call["method"]: bytes.fromhex(call["result"]) for call in shown["calls"][:3]} == {"a": b"a", "b": b"b", "c": b"c"}
    assert shown["replay"]["answered"] >= 3


def broken(change: Callable[[Any], object]) -> Callable[[Path], None]:
    """Return what breaks a recording's file."""

    def write(path: Path) -> None:
        kept = json.loads(path.read_text())
        change(kept)
        path.write_text(json.dumps(kept))

    return write


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda path: path.write_text("{"), "it is not JSON", id="not-json"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), "it is not JSON", id="not-text"),
        pytest.param(lambda path: path.write_text("[" * 100_000), "it is not JSON", id="deep"),
        pytest.param(lambda path: path.write_text("[]"), "the file is not an object", id="list"),
        pytest.param(broken(lambda kept: kept.update(schema=2)), "its schema is 2, and this version reads 1", id="schema"),
        pytest.param(broken(lambda kept: kept.pop("calls")), "the file has no `calls`", id="no-calls"),
        pytest.param(broken(lambda kept: kept["input"].update(dirs=[1])), "`dirs` of `input` has something else than texts", id="dirs"),
        pytest.param(
            broken(lambda kept: kept["input"].update(options=[["a"]])), "`options` of `input` has something else than pairs", id="options"
        ),
        pytest.param(broken(lambda kept: kept["calls"][0].update(arg_hex="xy")), "`arg_hex` of call 1 is not hex", id="hex"),
        pytest.param(broken(lambda kept: kept["calls"][0].update(cycles="-1")), "the cycles of a call are a decimal text", id="cycles"),
        pytest.param(broken(lambda kept: kept["calls"][0].update(direct=1)), "`direct` of call 1 is neither true nor false", id="direct"),
        pytest.param(
            broken(lambda kept: kept["calls"][0].update(type="oneway")), "a call is an update or a query, not `oneway`", id="type"
        ),
        pytest.param(broken(lambda kept: kept["calls"][0].update(error="x")), "a call has either a result or an error", id="both"),
    ],
)
def test_a_spoilt_recording_is_refused(run: Run, recorded: Path, spoil: Callable[[Path], object], words: str) -> None:
    """What is wrong with the file is said, and nothing is run."""
    spoil(recorded)

    done = run(component_that_calls("put", GREETING), "--replay", "r.json")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error[usage/recording]: `r.json` is not a recording that can be replayed")
    assert words in done.stderr


def test_where_nothing_can_be_written_nothing_is_run(run: Run, project: Path) -> None:
    """A recording that could not be kept is found before the plugin runs."""
    (project / "file").write_text("")
    done = run(component_that_returns_ok(), "--record", "file/r.json")

    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no directory" in done.stderr
