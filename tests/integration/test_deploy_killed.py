"""A deploy that is killed outright, by the signal that nobody can handle, on a real network."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, workspace

END_LIMIT_SECONDS = 60.0


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return the example in a folder of its own, its network running."""
    with workspace(tmp_path, example="hello") as made:
        made.succeed("network", "start")
        yield made


def kill_at(project: Workspace, step: str) -> None:
    """Deploy, and kill the process when it says that this step has started."""
    process = project.start("deploy", "--json")
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step-started" and event["step"] == step:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=END_LIMIT_SECONDS)
    assert process.returncode in {-signal.SIGKILL, 0}


@pytest.mark.parametrize(
    "step", ["create", *(pytest.param(step, marks=pytest.mark.slow) for step in ("settings", "install", "sync-plugin"))]
)
def test_the_next_deploy_finishes(project: Workspace, step: str) -> None:
    """After a kill at any step one deploy brings the state of an uninterrupted run, and the one after it changes nothing."""
    kill_at(project, step)

    project.succeed("deploy")

    events = [json.loads(line) for line in project.succeed("deploy", "--json").stdout.splitlines()]
    assert "nothing-changed" in {event["event"] for event in events}
    answer = project.succeed("canister", "call", "phrasebook", "greet", '("Ada", "fr")')
    assert "Bonjour, Ada !" in answer.stdout
