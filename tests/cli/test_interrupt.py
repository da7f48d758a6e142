"""Ctrl-C."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace, workspace

MANIFEST = """\
canisters:
  - name: slow
    build:
      steps:
        - type: script
          command: echo begun && exec sleep 300
networks:
  - name: local
    mode: managed
    gateway:
      port: 0
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Workspace]:
    """Return a project whose build takes too long."""
    with workspace(tmp_path, manifest=MANIFEST) as made:
        yield made


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_interruption_is_one_line_and_exit_status_130(project: Workspace, kind: signal.Signals) -> None:
    """A run that is interrupted ends its steps, says what was in flight and how to go on, and shows no traceback."""
    with project.start("build") as process:
        assert process.stderr is not None
        seen: list[str] = []
        while not any("begun" in line for line in seen):
            seen.append(process.stderr.readline())
            assert seen[-1], seen
        os.kill(process.pid, kind)
        rest = process.stderr.read()
        code = process.wait()

    assert code == 130
    assert "error[run/interrupted]: interrupted (in flight: slow: building); run the same command again to resume\n" in rest
    assert "Traceback" not in rest


def test_sigterm_ends_a_background_job_that_ignores_ctrl_c(project: Workspace) -> None:
    """A shell without job control starts its background jobs with SIGINT ignored: SIGTERM still ends them, SIGINT does not."""
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *project.command("build")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=project.directory, env=project.variables) as process:
        assert process.stderr is not None
        seen: list[str] = []
        while not any("begun" in line for line in seen):
            seen.append(process.stderr.readline())
            assert seen[-1], seen
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        code = process.wait()

    assert code == 130
    assert "error[run/interrupted]: interrupted (in flight: slow: building)" in rest
    assert "Traceback" not in rest


def test_interrupted_json_stream_ends_as_documented(project: Workspace) -> None:
    """The JSON stream of an interrupted run still ends with `run-finished`, result `interrupted`, exit code 130."""
    with project.start("build", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        while not any("begun" in line for line in lines):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        process.send_signal(signal.SIGINT)
        lines += process.stdout.readlines()
        process.stderr.read()
        code = process.wait()

    assert code == 130
    assert '"event": "run-finished"' in lines[-1]
    assert '"result": "interrupted"' in lines[-1]
    assert '"exit_code": 130' in lines[-1]
