"""Children of the sandbox: how they are started, and what their deaths are taken for."""

import os
import sys
from pathlib import Path

import anyio
import pytest

from orchestrator.errors import PluginRefusedError
from orchestrator.sandbox.host import _compiler_failure
from orchestrator.sandbox.process import ChildDiedError, start_child

WAIT_SECONDS = 30.0


@pytest.mark.parametrize(
    ("status", "said"),
    [(-9, "SIGKILL, as the system does when it is out of memory"), (-11, "SIGSEGV"), (3, "exit status 3"), (-99, "signal 99")],
)
def test_how_a_child_died(status: int, said: str) -> None:
    """The signal is named; a number that has no name stays a number."""
    death = ChildDiedError(status=status, stderr="")

    assert death.summary == f"the plugin's worker process ended early: {said}"
    assert death.detail == "it wrote nothing to stderr"


@pytest.mark.parametrize("words", ["memory allocation of 4096 bytes failed", "MemoryError", "OSError: [Errno 12] Cannot allocate memory"])
def test_a_compiler_without_memory(words: str) -> None:
    """A compiler that the system refuses memory is the component's fault, and its words are kept."""
    failure = _compiler_failure(ChildDiedError(status=-6, stderr=words))

    assert isinstance(failure, PluginRefusedError)
    assert (failure.slug, failure.detail) == ("plugin/compile-memory", words)


def test_a_compiler_that_dies_otherwise() -> None:
    """Any other death of a compiler is told as it is."""
    death = ChildDiedError(status=-11, stderr="")

    assert _compiler_failure(death) is death


@pytest.mark.skipif(sys.platform != "linux", reason="the system's own account of a process")
def test_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child leads a session of its own, in a directory that is gone, with a module path that only leads to what it needs."""
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("SECRET", "hunter2")

    async def main() -> None:
        with anyio.fail_after(WAIT_SECONDS):
            async with start_child("orchestrator.sandbox.worker") as child:
                folder = Path(f"/proc/{child.pid}")
                assert os.getsid(child.pid) == child.pid
                assert str((folder / "cwd").readlink()).endswith(" (deleted)")
                environment = (folder / "environ").read_bytes()
                assert b"hunter2" not in environment
                assert b"PYTHONPATH" not in environment
                assert child.is_alive
            assert not child.is_alive

    anyio.run(main)
