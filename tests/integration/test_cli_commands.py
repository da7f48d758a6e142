"""Commands on a deployed canister, one after another, for real."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.manifest import load_project
from orchestrator.store import EnvironmentLock, Layout
from tests.support.workspace import Workspace, workspace


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return the example, deployed once for all tests of this module."""
    with workspace(tmp_path_factory.mktemp("hello"), example="hello") as project:
        project.succeed("deploy")
        yield project


def events(text: str) -> list[dict[str, object]]:
    """Return a JSON stream's objects."""
    return [json.loads(line) for line in text.splitlines()]


def test_stopped_canister_is_not_synced_and_starts_again(hello: Workspace) -> None:
    """`canister stop` stops, `sync` then refuses and names the command that starts, and after that syncing works."""
    stopped = hello.succeed("canister", "stop", "phrasebook")
    status = json.loads(hello.succeed("canister", "status", "phrasebook", "--json").stdout)
    refused = hello.run("sync")
    again = hello.succeed("canister", "stop", "phrasebook")
    started = hello.succeed("canister", "start", "phrasebook")
    hello.succeed("sync")

    assert "[phrasebook] stopped in" in stopped.stderr
    assert status["status"] == "stopped"
    assert refused.exit_code == 1
    assert "orchestrator canister start phrasebook --env local" in refused.stderr
    assert "skipped stopping: it is stopped" in again.stderr
    assert "[phrasebook] started in" in started.stderr


def test_locked_environment_is_exit_status_5(hello: Workspace) -> None:
    """While another run holds the lock, a deploy ends with 5 and says who that is."""
    project = load_project(Path(hello.directory))
    files = Layout(project.directory).environment(project.environments["local"])
    with EnvironmentLock(files.lock, environment="local", command="orchestrator sync"):
        held = hello.run("deploy")
        shown = hello.succeed("lock", "status")

    assert held.exit_code == 5
    assert "error[store/locked]: environment `local` is locked by another run\n  held by `orchestrator sync` (process " in held.stderr
    assert shown.stdout.startswith("Environment `local` is locked by `orchestrator sync`")


def test_plan_of_what_is_deployed(hello: Workspace) -> None:
    """A plan without changes is exit status 0; with --force it is 3, and the JSON is one object on stdout."""
    same = hello.run("plan")
    forced = hello.run("plan", "--force", "--json")

    value = json.loads(forced.stdout)
    assert (same.exit_code, forced.exit_code) == (0, 3)
    assert same.stdout.endswith("Nothing would change.\n")
    assert {"schema", "environment", "digest", "changes"} <= set(value)
    assert {"canister", "action", "reason", "destructive"} <= set(value["changes"][0])


def test_reinstall_needs_consent(hello: Workspace) -> None:
    """Without a terminal a destructive plan is refused with nothing sent; `--yes` is consent."""
    refused = hello.run("deploy", "--mode", "reinstall", "--json")
    agreed = hello.run("deploy", "--mode", "reinstall", "--yes", "--json")

    assert refused.exit_code == 1
    assert [each["event"] for each in events(refused.stdout)][-2:] == ["error", "run-finished"]
    assert "step-started" not in {each["event"] for each in events(refused.stdout)}
    assert events(agreed.stdout)[-1]["result"] == "done"
    assert "reinstall" in {each.get("step") for each in events(agreed.stdout)}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["phrasebook", "get", '("fr")'], '(opt "Bonjour, {name} !")\n'),
        (["phrasebook", "get", '("xx")', "--query"], "(null)\n"),
        (["phrasebook", "get", "4449444c0001710265 6e".replace(" ", ""), "--args-format", "hex"], '(opt "Hello, {name}!")\n'),
        (["phrasebook", "get", '("en")', "-o", "hex"], None),
    ],
)
def test_call_prints_the_reply_and_nothing_else(hello: Workspace, arguments: list[str], expected: str | None) -> None:
    """A reply is the only thing on stdout; with a name, as a query, from hex, as hex."""
    done = hello.succeed("canister", "call", *arguments)

    assert done.stderr == ""
    assert done.stdout == expected if expected is not None else bytes.fromhex(done.stdout.strip()).startswith(b"DIDL")


def test_call_as_json_and_by_principal(hello: Workspace) -> None:
    """A principal does as well as a name, and the JSON has the reply in all forms."""
    principal = hello.succeed("canister", "status", "phrasebook", "--id-only").stdout.strip()

    value = json.loads(hello.succeed("canister", "call", principal, "get", '("fr")', "--json").stdout)

    assert value["response_candid"] == '(opt "Bonjour, {name} !")'
    assert bytes.fromhex(value["response_bytes"]).startswith(b"DIDL")


def test_broken_arguments_are_explained(hello: Workspace) -> None:
    """Text that is not Candid gives an error with the reason, and no traceback."""
    done = hello.run("canister", "call", "phrasebook", "get", '("unclosed')

    assert done.exit_code == 1
    assert done.stderr.startswith("error[candid/")
    assert "Traceback" not in done.stderr


def test_saved_plan_is_applied_and_a_stale_one_refused(hello: Workspace) -> None:
    """A plan saved as JSON is applied without asking; one that no longer fits is refused, and nothing is sent."""
    hello.write("plan.json", hello.run("plan", "--mode", "reinstall", "--json").stdout)
    changed = json.loads(hello.run("plan", "--force", "--json").stdout)
    hello.write("stale.json", json.dumps({**changed, "digest": "0" * 64}))

    elsewhere = hello.run("apply", "plan.json", "-e", "ic")
    applied = hello.run("apply", "plan.json", "--json")
    stale = hello.run("apply", "stale.json", "--json")

    assert elsewhere.exit_code == 2
    assert events(applied.stdout)[-1]["result"] == "done", str(applied)
    assert "reinstall" in {each.get("step") for each in events(applied.stdout)}
    assert stale.exit_code == 1
    assert "deploy/stale-plan" in stale.stdout
    assert "step-started" not in {each["event"] for each in events(stale.stdout)}


def test_plan_of_a_stopped_network_says_that_it_guesses(hello: Workspace) -> None:
    """What a stopped network holds cannot be seen: the plan says so, and how to see it."""
    hello.succeed("network", "stop")
    try:
        done = hello.run("plan")
    finally:
        hello.succeed("network", "start")

    assert done.exit_code == 3
    assert "plan/network-stopped" in done.stderr
    assert "orchestrator network start local" in done.stderr
