"""`orchestrator network`, on networks that do not run."""

import io
import json
import os
import signal
from pathlib import Path

import pytest

from orchestrator.cli.foreground import refuse_running
from orchestrator.cli.main import run
from orchestrator.cli.terminal import Terminal
from orchestrator.errors import NetworkError
from orchestrator.network.access import NetworkReport, NetworkState
from orchestrator.store import EnvironmentLock
from tests.support.command import Command
from tests.support.workspace import workspace


def test_status_of_a_stopped_network(orchestrator: Command) -> None:
    """A network that does not run is reported, not an error."""
    done = orchestrator("network", "status")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "Network: local\nState: stopped\n", "")


def test_json_status_has_exactly_the_documented_fields(orchestrator: Command) -> None:
    """The JSON has every field, null where nothing is known."""
    done = orchestrator("network", "status", "local", "--json")

    assert json.loads(done.stdout) == {
        "schema": 1,
        "name": "local",
        "launcher": "embedded",
        "state": "stopped",
        "api_url": None,
        "gateway_url": None,
        "root_key": None,
        "pid": None,
        "proxy_canister_id": None,
    }
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("arguments", [("network", "status", "-e", "staging"), ("-e", "staging", "network", "status")])
def test_status_of_a_connected_network(orchestrator: Command, arguments: tuple[str, ...]) -> None:
    """A connected network is told as the manifest describes it; the environment may stand before or after the command."""
    lines = orchestrator(*arguments).stdout.splitlines()

    assert lines[:3] == ["Network: test", "State: connected", "Api Url: http://127.0.0.1:1"]
    assert lines[-1].startswith("Root Key: 308182301d06")


@pytest.mark.parametrize("verb", ["start", "stop", "reset"])
def test_connected_networks_are_not_ours_to_run(orchestrator: Command, verb: str) -> None:
    """Starting, stopping or resetting a connected network is refused."""
    done = orchestrator("network", verb, "test")

    assert done.exit_code == 1
    assert done.stderr.startswith("error[network/not-managed]: network `test` is not a managed network\n")


def test_stopping_what_does_not_run(orchestrator: Command) -> None:
    """A network that does not run is as it was asked to be: a line says so, and the command succeeds."""
    done = orchestrator("network", "stop")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "Network `local` is not running\n")


@pytest.mark.parametrize("verb", ["stop", "reset"])
def test_a_network_that_a_run_is_changing_stays(orchestrator: Command, project: Path, verb: str) -> None:
    """Neither stop nor reset touches a network while a run holds one of its environments; the message names the run."""
    folder = keep_state(project)
    manifest = project / "icp.yaml"
    manifest.write_text(f"{manifest.read_text()}  - name: demo\n    network: local\n")

    with EnvironmentLock(project / ".orchestrator/cache/locks/demo.lock", environment="demo", command="orchestrator deploy"):
        done = orchestrator("network", verb, "--yes")
        elsewhere = orchestrator("network", "reset", "test")

    assert done.exit_code == 5
    assert done.stderr.startswith(
        "error[network/in-use]: network `local` is in use: a run is changing environment `demo`\n"
        f"  the run is `orchestrator deploy` (process {os.getpid()}, since "
    )
    assert f"hint: wait for it to end, or end it with `kill {os.getpid()}`; then run this again\n" in done.stderr
    assert (folder / "state").exists()
    assert elsewhere.exit_code == 1


def test_list_names_every_network(orchestrator: Command) -> None:
    """Networks are listed by name, one per line, or as JSON."""
    text = orchestrator("network", "list").stdout
    value = json.loads(orchestrator("network", "list", "--json").stdout)

    assert text == "ic\nlocal\ntest\n"
    assert value == {"schema": 1, "networks": ["ic", "local", "test"]}


def keep_state(project: Path) -> Path:
    """Leave what a network that was used leaves: its state, and the id of a canister."""
    folder = project / ".orchestrator" / "cache" / "networks" / "local"
    (folder / "state").mkdir(parents=True)
    ids = {"v": 1, "instance_id": "aa", "canisters": {"backend": "aaaaa-aa"}}
    (folder / "ids").mkdir()
    (folder / "ids" / "local.json").write_text(json.dumps(ids))
    return folder


def test_reset_says_what_it_would_delete(orchestrator: Command, project: Path) -> None:
    """Where nobody can be asked nothing is deleted, and the message says what would be and how to agree."""
    folder = keep_state(project)

    done = orchestrator("network", "reset")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Resetting network `local` deletes:\n"
        "  canister `backend` (aaaaa-aa) of environment `local`\n"
        f"  the state in `{folder / 'state'}`\n"
        "error[network/reset-consent]: network `local` is not reset: nobody agreed to it\n"
        "  nothing was deleted\n\nhint: run again with `--yes` to agree\n"
    )
    assert (folder / "state").exists()


def test_reset_with_a_yes_deletes(orchestrator: Command, project: Path) -> None:
    """`--yes` agrees; then there is nothing left to ask about."""
    folder = keep_state(project)

    assert orchestrator("network", "reset", "--yes").exit_code == 0
    again = orchestrator("network", "reset")

    assert not (folder / "state").exists()
    assert not (folder / "ids").exists()
    assert (again.exit_code, again.stderr) == (0, "Network `local` is empty; to start it, run `orchestrator network start local`\n")


def test_reset_helps_where_ids_are_damaged(orchestrator: Command, project: Path) -> None:
    """The reset that a damaged file's error recommends works."""
    (keep_state(project) / "ids" / "local.json").write_text("{")

    assert orchestrator("network", "reset", "--yes").exit_code == 0


def test_reset_wants_the_name_of_a_protected_environment(orchestrator: Command, project: Path) -> None:
    """An environment on the network that is protected is not deleted by a yes."""
    folder = keep_state(project)
    manifest = project / "icp.yaml"
    manifest.write_text(f"{manifest.read_text()}  - name: demo\n    network: local\n    protected: true\n")

    refused = orchestrator("network", "reset", "--yes")
    named = orchestrator("network", "reset", "--yes", "--confirm", "demo")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("error[deploy/protected]: environment `demo` is protected\n")
    assert named.exit_code == 0
    assert not (folder / "state").exists()


def test_ping_of_a_network_that_does_not_run(orchestrator: Command) -> None:
    """A network of the project that is stopped is said to be so, with the command that starts it."""
    done = orchestrator("network", "ping")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error[network/not-running]: the `local` network of this project is not running\n")


@pytest.mark.parametrize("name", ["test", "http://127.0.0.1:1"], ids=["connected", "url"])
def test_ping_of_what_does_not_answer(orchestrator: Command, name: str) -> None:
    """A network that is reached by a URL is asked there, project or not; silence is an error with the reason."""
    done = orchestrator("network", "ping", name)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error[network/unresponsive]: http://127.0.0.1:1 does not answer\n")


@pytest.mark.parametrize("state", ["running", "unresponsive"])
def test_foreground_takes_nobodys_network(state: NetworkState) -> None:
    """A network that lives is refused, also one that is too busy to answer: a second terminal does not end the first one's."""
    report = NetworkReport(name="local", launcher="embedded", state=state, access=None)

    with pytest.raises(NetworkError, match="is already running") as caught:
        refuse_running(report)

    assert caught.value.hint == "run `orchestrator network stop local` first"


class Impatient(io.StringIO):
    """A terminal whose user presses Ctrl-C as soon as a text appears."""

    def __init__(self, awaited: str) -> None:
        """Wait for `awaited`."""
        super().__init__()
        self._awaited = awaited

    def write(self, text: str) -> int:
        """Show the text, and press Ctrl-C for the awaited one."""
        if self._awaited in text:
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_ctrl_c_at_once_stops_the_network_too(orchestrator: Command, project: Path) -> None:
    """Ctrl-C in the very moment in which the network is said to be ready ends it; it is not left running behind."""
    manifest = project / "icp.yaml"
    manifest.write_text("networks: [{name: local, mode: managed, gateway: {port: 0}}]\n")
    terminal = Terminal(
        stdin=io.StringIO(), stdout=io.StringIO(), stderr=Impatient("Press Ctrl-C"), environ=orchestrator.environ, directory=project
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = run(["network", "start", "--foreground"], terminal)
    finally:
        signal.signal(signal.SIGINT, before)
        after = orchestrator("network", "status").stdout
        orchestrator("network", "stop")

    assert code == 0
    assert after == "Network: local\nState: stopped\n"


@pytest.mark.slow
def test_start_stays_in_the_foreground_until_it_is_interrupted(tmp_path: Path) -> None:
    """With `--foreground` the network answers while the command runs, and Ctrl-C ends both without a failure."""
    manifest = "networks: [{name: local, mode: managed, gateway: {port: 0}}]\n"
    with workspace(tmp_path, manifest=manifest) as project, project.start("network", "start", "--foreground") as process:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        pinged = project.succeed("network", "ping", "--wait-healthy", "--json")
        again = project.run("network", "start", "--foreground")
        os.kill(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        code = process.wait()
        after = project.succeed("network", "status")

    assert lines[0].startswith("Network `local` is ready: http://localhost:")
    assert lines[1] == "Press Ctrl-C to stop it.\n"
    assert json.loads(pinged.stdout)["health"] == "healthy"
    assert again.exit_code == 1
    assert "error[network/already-running]" in again.stderr
    assert code == 0
    assert "Network `local` stopped (process " in rest
    assert "State: stopped" in after.stdout
