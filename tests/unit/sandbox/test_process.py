"""Children of the sandbox: how they are started, and what their deaths are taken for."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio
import pytest

from orchestrator.errors import PluginRefusedError, SandboxError
from orchestrator.sandbox.host import _compiler_failure
from orchestrator.sandbox.process import Child, ChildDiedError, start_child

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


def test_no_file_left_to_start_with() -> None:
    """A tool with too many open files is told so, and what to raise; nothing is left open by the attempt."""

    def open_files() -> list[int]:
        return sorted(int(each.name) for each in Path("/dev/fd").iterdir())

    async def main() -> SandboxError:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        before = open_files()
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[-1] + 3, hard))
        filled = []
        try:
            while True:
                try:
                    filled.append(os.open(os.devnull, os.O_RDONLY))
                except OSError:
                    break
            os.close(filled.pop())  # the last words' file can be opened, the pipes cannot
            with pytest.raises(SandboxError) as refusal:
                async with start_child("orchestrator.sandbox.worker"):
                    pass
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for each in filled:
                os.close(each)
        assert open_files() == before
        return refusal.value

    failure = anyio.run(main)

    assert failure.slug == "plugin/worker-start"
    assert "ulimit -n" in str(failure.hint)


def test_no_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no temporary file can be made, the error names TMPDIR."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    async def main() -> None:
        async with start_child("orchestrator.sandbox.worker"):
            pass

    with pytest.raises(SandboxError) as refusal:
        anyio.run(main)

    assert refusal.value.slug == "plugin/worker-start"
    assert "TMPDIR" in str(refusal.value.hint)


def test_a_number_that_others_have_by_now() -> None:
    """A child's number is let go when it ends: closing the child later ends no process that has been given it since."""

    class Ended:
        returncode = 0

        def __init__(self, pid: int) -> None:
            self.pid = pid

    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        child = Child(Ended(stranger.pid), orders=None, answers=None, stderr=None)  # type: ignore[arg-type]
        child.kill()
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    finally:
        stranger.kill()
        stranger.wait()

    assert stranger.returncode == 0
