"""`orchestrator completions`, `environment list`, and readers that leave."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli.main import run
from orchestrator.cli.terminal import Terminal
from tests.support.command import Command
from tests.support.projects import make_wasm
from tests.support.workspace import ROOT


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion_script(orchestrator: Command, shell: str) -> None:
    """Each shell gets a script that asks the command itself."""
    done = orchestrator("completions", shell)

    assert (done.exit_code, done.stderr) == (0, "")
    assert f"_ORCHESTRATOR_COMPLETE={shell}_complete" in done.stdout


def test_completion_answers() -> None:
    """What the script asks is answered: `network sta` completes to its commands."""
    asked = {"_ORCHESTRATOR_COMPLETE": "bash_complete", "COMP_WORDS": "orchestrator network sta", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli"], cwd=ROOT, env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["plain,start", "plain,status"]


def test_environments_are_listed(orchestrator: Command) -> None:
    """Those that every project has, then the project's own in the order of the manifest; one per line, or as JSON."""
    text = orchestrator("environment", "list").stdout
    value = json.loads(orchestrator("environment", "list", "--json").stdout)

    assert text == "local\nic\nstaging\n"
    assert value == {"schema": 1, "environments": ["local", "ic", "staging"]}


class Unread(io.StringIO):
    """A stream that nobody reads any more."""

    def write(self, _text: str) -> int:
        """Fail."""
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_run_goes_on_when_its_reader_leaves(orchestrator: Command, project: Path) -> None:
    """`orchestrator build --json | head -1` builds all the same, with the run's own exit status; the log says why nobody heard."""
    (project / "backend.wasm").write_bytes(make_wasm())
    stderr = io.StringIO()
    terminal = Terminal(stdin=io.StringIO(), stdout=Unread(), stderr=stderr, environ=orchestrator.environ, directory=project)

    assert (run(["build", "--json"], terminal), stderr.getvalue()) == (0, "")
    assert_built_unheard(project)


@pytest.mark.slow
def test_a_process_goes_on_when_its_reader_leaves(project: Path) -> None:
    """The same with a pipe of the system's."""
    (project / "backend.wasm").write_bytes(make_wasm())
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "build", "--json", "--project", str(project)],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, b"")
    assert_built_unheard(project)


def assert_built_unheard(project: Path) -> None:
    """Look into the log of a build whose reader left."""
    (log,) = (project / ".orchestrator" / "cache" / "logs").glob("*.log")
    text = log.read_text()
    assert text.count("event=output-closed stream=stdout") == 1
    assert "event=build-finished" in text


@pytest.mark.slow
def test_reader_that_leaves_early_gets_no_complaint(project: Path) -> None:
    """When the reader of stdout is gone the command ends without success and without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "canister", "list", "--project", str(project)],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)

    assert done.returncode != 0
    assert done.stderr == b""


def test_warnings_are_told_where_they_matter(orchestrator: Command, project: Path) -> None:
    """One about an environment is told in full by a plan for that, in a line by commands that are about something else."""
    manifest = project / "icp.yaml"
    manifest.write_text(f"{manifest.read_text()}    rollout: {{stages: [{{name: first, canisters: [backend]}}]}}\n")
    told = "the key `rollout` in environment `staging` has no effect yet"

    assert orchestrator("canister", "list").stderr == f"warning[manifest/not-supported]: {told}; see `orchestrator project validate`\n"
    manifest.write_text(manifest.read_text().replace("    rollout", "    approvrs: []\n    rollout"))
    assert orchestrator("environment", "list").stderr == "warnings: 2 about the project; see `orchestrator project validate`\n"
    assert told not in orchestrator("build", "-e", "local").stderr
    assert told in orchestrator("build", "-e", "staging").stderr
