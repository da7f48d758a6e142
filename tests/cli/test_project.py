"""`orchestrator project` and `orchestrator completions`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.projects import make_wasm
from tests.support.workspace import ROOT


def test_valid_project_is_said_to_be(orchestrator: Command) -> None:
    """A project without problems is summed up in one line, and nothing is on stdout."""
    done = orchestrator("project", "validate")

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "`icp.yaml` is valid: 1 canister, 3 networks, 3 environments\n"


def test_warnings_become_errors_when_strict(orchestrator: Command, project: Path) -> None:
    """A key that icp ignores is a warning, and an error with --strict."""
    manifest = project / "icp.yaml"
    manifest.write_text(manifest.read_text().replace("    network: test\n", "    network: test\n    netwrok: test\n"))

    lenient = orchestrator("project", "validate")
    strict = orchestrator("project", "validate", "--strict")

    assert lenient.exit_code == 0
    assert lenient.stderr.startswith("warning[manifest/")
    assert lenient.stderr.endswith("; 1 warning\n")
    assert strict.exit_code == 1
    assert strict.stderr.startswith("error[manifest/")
    assert "warning" not in strict.stderr


def test_what_plugins_are_shown_is_checked(orchestrator: Command, project: Path) -> None:
    """A secret in a declared directory is a warning, and an error with --strict; a path that never works is one anyway."""
    manifest = project / "icp.yaml"
    step = "    sync:\n      steps:\n        - type: plugin\n          path: later.wasm\n          dirs:\n            - dist\n            - later\n"
    manifest.write_text(manifest.read_text().replace("          path: backend.wasm\n", f"          path: backend.wasm\n{step}"))
    (project / "dist" / ".git").mkdir(parents=True)

    lenient = orchestrator("project", "validate")
    strict = orchestrator("project", "validate", "--strict")
    manifest.write_text(manifest.read_text().replace("- later\n", '- "../\\e[31mup"\n'))
    broken = orchestrator("project", "validate")

    assert lenient.exit_code == 0
    assert "warning[plugin/private-contents]: plugin dir 'dist' holds .git, which the plugin can read" in lenient.stderr
    assert "icp.yaml:12:15" in lenient.stderr
    assert lenient.stderr.endswith("; 1 warning\n")
    assert strict.exit_code == 1
    assert "error[plugin/private-contents]" in strict.stderr
    assert broken.exit_code == 1
    assert "error[plugin/unsafe-path]: plugin dir '../\\x1b[31mup' is not a safe relative path" in broken.stderr
    assert "\x1b" not in broken.stderr


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


def test_a_run_goes_on_when_its_reader_leaves(project: Path) -> None:
    """`orchestrator build --json | head -1` builds all the same, with the run's own exit status; the log says why nobody heard."""
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

    (log,) = (project / ".orchestrator" / "cache" / "logs").glob("*.log")
    text = log.read_text()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.count("event=output-closed stream=stdout") == 1
    assert "event=build-finished" in text


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
