"""`plugin run` ended from outside: by Ctrl-C, by a dead worker, by a reader that leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.components import Guest, component_that_prints

ENDLESS = "(loop $again (br $again)) unreachable"


def start(folder: Path, component: bytes, cache: Path, *options: str) -> subprocess.Popen[str]:
    """Start `plugin run` with a component, in a process group of its own."""
    (folder / "x.wasm").write_bytes(component)
    home = folder / "home"
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "components").symlink_to(cache)
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", "plugin", "run", "x.wasm", *options],
        cwd=folder,
        env={**os.environ, "ORCHESTRATOR_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def worker_of(process: subprocess.Popen[str]) -> psutil.Process:
    """Return the worker that runs the plugin: the only process that the command has started."""
    (worker,) = psutil.Process(process.pid).children(recursive=True)
    return worker


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_ends_the_plugin(tmp_path: Path, component_cache: Path, number: signal.Signals) -> None:
    """Ctrl-C ends the run with 130 whatever the plugin does, and leaves no process."""
    process = start(tmp_path, component_that_prints(stdout=b"here\n", then=ENDLESS), component_cache)
    assert process.stdout is not None
    assert process.stdout.readline() == "stdout  here\n"
    worker = worker_of(process)

    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)

    assert process.returncode == 130, stderr
    assert "interrupted" in stderr
    assert not worker.is_running()


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_of(tmp_path: Path, component_cache: Path) -> None:
    """A worker that the system kills is a failed run with what it had written, not a hang."""
    process = start(tmp_path, component_that_prints(stdout=b"here\n", then=ENDLESS), component_cache)
    assert process.stdout is not None
    assert process.stdout.readline() == "stdout  here\n"

    worker_of(process).kill()
    stdout, stderr = process.communicate(timeout=30)

    assert process.returncode == 1, stderr
    assert stdout.startswith("trap: no calls")
    assert "SIGKILL" in stderr


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_run(tmp_path: Path, component_cache: Path) -> None:
    """With nobody to read (`| head`), the run ends as other tools do."""
    guest = Guest()
    line = f"(call $write (call $get-stdout) {guest.text('line' + chr(10))} (i32.const 48))"
    process = start(tmp_path, guest.plugin(f"(loop $again {line} (br $again)) unreachable", wasi=("stdio",)), component_cache)
    assert process.stdout is not None
    assert process.stdout.readline() == "stdout  line\n"

    process.stdout.close()
    assert process.stderr is not None
    stderr = process.stderr.read()
    process.stderr.close()

    assert process.wait(timeout=30) == 141, stderr
