"""Runs that are cut off: the network dies, or the user presses Ctrl-C. The next run ends where the first would have."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import ROOT, Workspace, workspace

SLOW_UPDATES = """
networks:
  - name: local
    mode: managed
    artificial-delay-ms: 400
    gateway:
      port: 0
"""
END_LIMIT_SECONDS = 60.0


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Workspace]:
    """Return the example on a network whose updates take a while."""
    text = (ROOT / "examples" / "hello" / "icp.yaml").read_text(encoding="utf-8") + SLOW_UPDATES
    with workspace(tmp_path, example="hello", manifest=text) as project:
        project.succeed("network", "start")
        yield project


def deploy_until(project: Workspace, step: str) -> subprocess.Popen[str]:
    """Start a deploy and return it once it says that this step has started."""
    process = project.start("deploy", "--json")
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step-started" and event["step"] == step:
            return process
    raise AssertionError(f"the deploy ended before `{step}`: {process.communicate()[1]}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; return the exit status and stderr."""
    _, stderr = process.communicate(timeout=END_LIMIT_SECONDS)
    return process.returncode, stderr


@pytest.mark.slow
@pytest.mark.parametrize("step", ["install", "create", "sync-plugin"])
def test_ctrl_c_is_130_and_the_next_run_finishes(slow: Workspace, step: str) -> None:
    """Ctrl-C at any step: exit status 130, no traceback; the next deploy ends with the seeded data, in one canister."""
    process = deploy_until(slow, step)
    process.send_signal(signal.SIGINT)
    exit_code, stderr = finish(process)

    assert exit_code == 130, stderr
    assert "Traceback" not in stderr
    slow.succeed("deploy")
    answer = slow.succeed("canister", "call", "phrasebook", "greet", '("Ada", "fr")')
    assert "Bonjour, Ada !" in answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize("step", ["sync-plugin", "install"])
def test_a_network_killed_during_a_call_is_a_clear_error(slow: Workspace, step: str) -> None:
    """The network's process dies: an error without a traceback, and the next deploy starts it and goes on."""
    network = json.loads(slow.succeed("network", "status", "--json").stdout)
    process = deploy_until(slow, step)
    os.kill(network["pid"], signal.SIGKILL)
    exit_code, stderr = finish(process)

    assert exit_code in {1, 6}, stderr
    assert "Traceback" not in stderr
    assert "network" in stderr
    slow.succeed("deploy")
    answer = slow.succeed("canister", "call", "phrasebook", "greet", '("Ada", "fr")')
    assert "Bonjour, Ada !" in answer.stdout
