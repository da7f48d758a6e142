"""`orchestrator lock`."""

import json
import os
from pathlib import Path

from orchestrator.manifest import load_project
from orchestrator.store import EnvironmentLock, Layout
from tests.support.command import Command


def test_free_lock(orchestrator: Command) -> None:
    """An environment that nobody changes is not locked, before and without any deploy."""
    done = orchestrator("lock", "status")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "Environment `local` is not locked\n", "")


def test_held_lock_names_its_holder(orchestrator: Command, project: Path) -> None:
    """While a run holds the lock, `lock status` tells who."""
    files = Layout(project).environment(load_project(project).environments["staging"])
    with EnvironmentLock(files.lock, environment="staging", command="orchestrator deploy", run="r1"):
        text = orchestrator("lock", "status", "-e", "staging").stdout
        value = json.loads(orchestrator("lock", "status", "-e", "staging", "--json").stdout)

    assert text.startswith("Environment `staging` is locked by `orchestrator deploy` (process ")
    assert (value["held"], value["pid"], value["run"]) == (True, os.getpid(), "r1")
    assert json.loads(orchestrator("lock", "status", "-e", "staging", "--json").stdout)["held"] is False
