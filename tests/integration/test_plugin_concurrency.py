"""Plugins of many canisters on a real network: at once, each canister's in order, each failure told, none in another's way."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.components import OK, Guest, component_that_calls, component_that_fails, component_that_prints, component_that_traps
from tests.support.plugin_projects import EMPTY, START, count_of, journal_records, plugin_project
from tests.support.workspace import Completed, Workspace

pytestmark = pytest.mark.slow
CANISTERS = [f"c{index}" for index in range(8)]
CALLS = 3
DELAY_MS = 200
LINES = 10_000
SLEEP_NS = 5 * 10**9


def events_of(done: Completed) -> list[dict[str, str]]:
    """Return the events that a command printed."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def requests_of(project: Workspace) -> list[dict[str, str]]:
    """Return the update calls that were written down."""
    return [record for record in journal_records(project) if record["phase"] == "request"]


@pytest.fixture(scope="module")
def slow_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Deploy eight canisters, each with a plugin that makes a few calls, where updates take a while."""
    caller = component_that_calls("inc", EMPTY, times=CALLS)
    with plugin_project(tmp_path_factory.mktemp("slow"), {name: [caller] for name in CANISTERS}, delay_ms=DELAY_MS) as project:
        project.succeed("deploy")
        yield project


def test_plugins_that_wait_let_others_compute(slow_network: Workspace) -> None:
    """Even with one slot all eight are under way before the first has ended, and each call is made once."""
    before, sent = count_of(slow_network, "c0"), len(requests_of(slow_network))

    events = events_of(slow_network.succeed("sync", "--json", "--jobs", "1"))

    kinds = [event["event"] for event in events if event["event"] in {"step-started", "step-finished"}]
    assert kinds == ["step-started"] * 8 + ["step-finished"] * 8
    assert count_of(slow_network, "c0") == before + CALLS
    assert len(requests_of(slow_network)) == sent + CALLS * len(CANISTERS)


def test_a_plugin_that_sleeps_lets_others_compute(tmp_path: Path) -> None:
    """With one slot, a plugin that sleeps does not keep one that came after it from its end, calls included."""
    sleeps = Guest().plugin(f"(call $block (call $after-nanoseconds (i64.const {SLEEP_NS}))) {OK}", wasi=("sleep",))
    calls = component_that_calls("inc", EMPTY, times=CALLS)
    with plugin_project(tmp_path, {"sleeper": [sleeps], "caller": [calls]}) as project:
        project.succeed("deploy")

        events = events_of(project.succeed("sync", "--json", "--jobs", "1"))

        assert [event["canister"] for event in events if event["event"] == "step-finished"] == ["caller", "sleeper"]


def test_a_failure_ends_its_canister_alone(tmp_path: Path) -> None:
    """The steps after a failed one are not run; all other canisters go on; the end names each failure with its cause."""
    adds = component_that_calls("inc", EMPTY)
    canisters = {
        "fine": [adds, adds],
        "fails": [adds, component_that_fails("no luck"), adds],
        "traps": [component_that_traps(), adds],
        "last": [adds],
    }
    with plugin_project(tmp_path, canisters) as project:
        done = project.run("deploy")

        assert done.exit_code == 1
        assert [count_of(project, name) - START for name in canisters] == [2, 1, 0, 1]
        assert (
            "error: failed: `fails`, `traps` (2 errors)\n  `fails`: plugin returned error: no luck\n  `traps`: plugin trapped: "
            in done.stderr
        )


def test_a_stopped_canister_hides_no_failure(tmp_path: Path) -> None:
    """A canister that cannot be synced is one failure among others; they are told together."""
    with plugin_project(tmp_path, {"still": [Guest().plugin(OK)], "fails": [Guest().plugin(OK)]}) as project:
        project.succeed("deploy")
        project.succeed("canister", "stop", "still")
        (project.directory / "fails-0.wasm").write_bytes(component_that_fails("no luck"))

        done = project.run("sync")

        assert done.exit_code == 1
        assert "`fails`: plugin returned error: no luck" in done.stderr
        assert "is stopped; syncing requires it to be running" in done.stderr


@pytest.mark.parametrize("arguments", [["--json"], []], ids=["json", "text"])
def test_no_line_of_a_burst_is_lost(bursting: Workspace, arguments: list[str]) -> None:
    """Ten thousand lines at once are ten thousand lines on the way out, and in the log."""
    done = bursting.succeed("sync", *arguments)

    shown = [event["line"] for event in events_of(done) if event["event"] == "step-output"] if arguments else done.stderr.splitlines()
    assert [line.removeprefix("[api] api-0.wasm | ") for line in shown if "line " in line] == [f"line {index}" for index in range(LINES)]
    log = max((bursting.directory / ".orchestrator" / "cache" / "logs").glob("*sync*")).read_text(encoding="utf-8")
    assert log.count(" line=") == LINES


@pytest.fixture(scope="module")
def bursting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Deploy a canister whose plugin writes many lines at once."""
    lines = b"".join(b"line %d\n" % index for index in range(LINES))
    with plugin_project(tmp_path_factory.mktemp("burst"), {"api": [component_that_prints(stdout=lines)]}) as project:
        project.succeed("deploy")
        yield project
