"""Plugin runs that are cut off, and calls that get lost: the canister sees each call at most once, and the next run finishes."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.components import component_that_calls, component_that_loops
from tests.support.flaky_proxy import Loss, flaky_proxy
from tests.support.plugin_projects import EMPTY, START, Step, count_of, journal_records, plugin_project
from tests.support.workspace import Workspace

pytestmark = pytest.mark.slow
END_LIMIT_SECONDS = 20.0
CALLS = 6
DELAY_MS = 50
LOSSES = [Loss.ANSWER, None, Loss.ANSWER, Loss.ANSWER, Loss.REQUEST]


def wait_for_events(process: subprocess.Popen[str], name: str, count: int) -> None:
    """Read a command's events until one has come this often."""
    assert process.stdout is not None
    for line in process.stdout:
        count -= json.loads(line)["event"] == name
        if count == 0:
            return
    raise AssertionError(f"the command ended before that: {process.communicate()[1]}")


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something while a command runs; the process's end is what paces the polling."""
    while not reached():
        try:
            process.wait(timeout=0.005)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the command ended before that: {process.communicate()[1]}")


def requests_of(project: Workspace) -> list[dict[str, str]]:
    """Return the update calls of plugins that were written down."""
    return [record for record in journal_records(project) if record["phase"] == "request" and record["method"] == "inc"]


def open_operations(project: Workspace) -> int:
    """Return how many operations have a line before and none after."""
    records = journal_records(project)
    return sum(record["phase"] == "before" for record in records) - sum(record["phase"] == "after" for record in records)


def test_ctrl_c_ends_all_plugins_and_leaves_the_journal_true(tmp_path: Path) -> None:
    """Plugins that compute and plugins that call: 130 soon after Ctrl-C, no process left, and the next run settles what was open."""
    callers = ["c0", "c1", "c2"]
    names = [*callers, "loops"]
    endless = {**dict.fromkeys(callers, component_that_calls("inc", EMPTY, times=10_000)), "loops": component_that_loops()}
    with plugin_project(tmp_path, {name: [] for name in names}, delay_ms=500) as project:
        project.succeed("deploy")
        for name in names:
            (project.directory / f"{name}-0.wasm").write_bytes(endless[name])
        manifest = project.directory / "icp.yaml"
        text = manifest.read_text(encoding="utf-8")
        for name in names:
            step = f"    sync: {{steps: [{{type: plugin, path: {name}-0.wasm}}]}}\n"
            text = text.replace(f"  - name: {name}\n", f"  - name: {name}\n{step}")
        manifest.write_text(text, encoding="utf-8")
        process = project.start("sync", "--json")
        wait_for_events(process, "step-started", len(names))
        wait_until(lambda: len(requests_of(project)) >= len(callers) and open_operations(project) == len(names), process)
        workers = psutil.Process(process.pid).children(recursive=True)

        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=END_LIMIT_SECONDS)

        assert process.returncode == 130, stderr
        assert "in flight: " in stderr
        assert [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE] == []
        assert open_operations(project) == len(names)
        (project.directory / "c0-0.wasm").write_bytes(component_that_calls("get", EMPTY, query=True))
        project.succeed("sync", "c0")
        assert open_operations(project) == 0


@pytest.mark.parametrize("at", [1, CALLS])
def test_a_kill_during_the_calls_is_settled_by_the_next_run(tmp_path: Path, at: int) -> None:
    """Killed outright at a call: the next run asks what became of it, then runs the step whole; no call counts twice."""
    with plugin_project(tmp_path, {"api": []}, delay_ms=DELAY_MS) as project:
        project.succeed("deploy")
        (project.directory / "api-0.wasm").write_bytes(component_that_calls("inc", EMPTY, times=CALLS))
        manifest = project.directory / "icp.yaml"
        step = "    sync: {steps: [{type: plugin, path: api-0.wasm}]}\n"
        manifest.write_text(manifest.read_text(encoding="utf-8").replace("  - name: api\n", f"  - name: api\n{step}"), encoding="utf-8")
        process = project.start("sync")
        wait_until(lambda: len(requests_of(project)) >= at, process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=END_LIMIT_SECONDS)
        sent = len(requests_of(project))
        known = sum(record["phase"] == "answer" for record in journal_records(project)[-2 * sent :])

        again = project.succeed("sync", "--json")

        events = [json.loads(line) for line in again.stdout.splitlines()]
        (settled,) = [event for event in events if event["event"] == "operation-settled"]
        assert settled["step"] == "sync-plugin"
        assert [event["event"] for event in events].index("operation-settled") < [event["event"] for event in events].index("step-started")
        assert len(requests_of(project)) == sent + CALLS
        assert sent - 1 <= count_of(project, "api") - START - CALLS <= sent
        assert known <= sent
        assert open_operations(project) == 0


def test_calls_that_get_lost_are_sent_again_byte_for_byte(tmp_path: Path) -> None:
    """Requests and answers are lost on the way: the plugin does not notice, and the canister sees each call once."""
    with plugin_project(tmp_path, {"api": [Step(component_that_calls("inc", EMPTY, times=CALLS))]}) as project:
        project.succeed("deploy")
        before = count_of(project, "api")
        (path,) = project.directory.rglob("descriptor.json")
        descriptor = json.loads(path.read_text(encoding="utf-8"))
        with flaky_proxy(descriptor["port"], LOSSES) as proxy:
            path.write_text(json.dumps({**descriptor, "port": proxy.port}), encoding="utf-8")
            project.succeed("sync")
            path.write_text(json.dumps(descriptor), encoding="utf-8")

        assert proxy.lost == len(LOSSES) - LOSSES.count(None)
        assert count_of(project, "api") == before + CALLS
        assert len(set(proxy.bodies)) == CALLS, "whatever was sent again was the same, byte for byte"
        assert len(requests_of(project)) == 2 * CALLS
