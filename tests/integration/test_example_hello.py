"""The example that newcomers start with, deployed for real."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.support.workspace import Completed, Workspace, workspace


@dataclass(frozen=True, slots=True)
class Deployed:
    """The example after its first deploy, and what that printed."""

    project: Workspace
    output: Completed


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy a copy of the example from nothing, in a home of its own; the tests share it, and only the last one edits it."""
    with workspace(tmp_path_factory.mktemp("hello"), example="hello") as project:
        yield Deployed(project, project.succeed("deploy", "--env", "local"))


@pytest.fixture
def hello(deployed: Deployed) -> Workspace:
    """Return the example, deployed and its network running."""
    return deployed.project


def test_hello_deploys_from_nothing_to_a_seeded_canister(deployed: Deployed) -> None:
    """One command starts the network, creates, installs and syncs; the canister then has the seeded data."""
    answer = deployed.project.succeed("canister", "call", "phrasebook", "greet", '("Ada", "gsw")')

    assert "Grüezi, Ada!" in answer.stdout
    assert "orchestrator network stop" in deployed.output.stderr + deployed.output.stdout


def test_hello_deployed_again_changes_nothing_and_says_so(hello: Workspace) -> None:
    """The second run sends no update call: the canister's version stays, and the output says that nothing changed."""
    before = json.loads(hello.succeed("canister", "status", "phrasebook", "--json").stdout)

    again = hello.succeed("deploy")
    events = [json.loads(line) for line in hello.succeed("deploy", "--json").stdout.splitlines()]

    after = json.loads(hello.succeed("canister", "status", "phrasebook", "--json").stdout)
    assert "nothing" in (again.stdout + again.stderr).lower()
    assert "nothing-changed" in {event["event"] for event in events}
    assert events[-1]["event"] == "run-finished"
    assert events[-1]["exit_code"] == 0
    assert before["module_hash"] == after["module_hash"]
    assert before["id"] == after["id"]


def test_hello_is_served_in_the_browser_by_its_url(deployed: Deployed) -> None:
    """The URL that a deployment prints answers with the phrases."""
    url = re.search(r"http://(phrasebook\.local)\.localhost:(\d+)/", deployed.output.stdout)
    assert url is not None, str(deployed.output)

    response = httpx.get(f"http://127.0.0.1:{url[2]}/", headers={"Host": f"{url[1]}.localhost:{url[2]}"}, timeout=30)

    assert response.status_code == 200
    assert "こんにちは" in response.text


def test_hello_survives_a_restart_of_the_network(hello: Workspace) -> None:
    """Stopping the network keeps its state: started again, the same canister answers with the same data."""
    hello.succeed("network", "stop")
    hello.succeed("network", "start")

    answer = hello.succeed("canister", "call", "phrasebook", "get", '("ja")')

    assert "こんにちは" in answer.stdout


def test_hello_sync_sends_only_the_edited_phrase(hello: Workspace) -> None:
    """After one seed file is edited, `sync` sends that phrase and leaves the others."""
    hello.write("seed/en.txt", "Good morning, {name}!\n")

    synced = hello.succeed("sync")

    assert "1 phrases sent, 3 unchanged" in synced.stderr
    answer = hello.succeed("canister", "call", "phrasebook", "greet", '("Ada", "en")')
    assert "Good morning, Ada!" in answer.stdout
