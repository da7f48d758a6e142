"""Worker processes that a plugin has taken over, as far as the tool can know: whatever they do, the run ends and is told."""

from contextlib import suppress
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.errors import SandboxError
from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.limits import MAX_OUTPUT_BYTES, Limits
from orchestrator.sandbox.request import CanisterCallRequest, OutputLine
from tests.support.components import component_that_returns_ok
from tests.support.plugin_runs import Run, request_for, run_now

pytestmark = pytest.mark.slow
WORKERS = "tests.support.bad_workers"
WAIT_SECONDS = 30.0
SHORT = Limits(timeout_seconds=0.5)


def run_with(name: str, cache: Path, limits: Limits | None = None) -> Run:
    """Run a plugin, with the named program in its worker's place."""
    return run_now(component_that_returns_ok(), cache, worker_module=f"{WORKERS}.{name}", limits=limits or Limits())


async def no_answer(_request: CanisterCallRequest) -> bytes:
    """Answer a call that nobody makes."""
    await anyio.lowlevel.checkpoint()
    return b""


def workers_left() -> list[psutil.Process]:
    """List the processes that a run has left; other tests' dead ones, which have no command line any more, do not count."""
    left = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if WORKERS in " ".join(child.cmdline()):
                left.append(child)
    return left


@pytest.mark.parametrize("name", ["chatter", "deaf"])
def test_a_worker_that_never_ends(component_cache: Path, name: str) -> None:
    """Neither a worker that talks without end nor one that ignores all signals outlives the step's timeout."""
    run = run_with(name, component_cache, SHORT)

    assert (run.result.outcome, run.result.limit) == ("limit", "timeout")
    assert sum(len(line) + 1 for line in run.result.stdout) <= MAX_OUTPUT_BYTES + 100
    assert workers_left() == []


def test_a_worker_that_answers_before_it_is_asked(component_cache: Path) -> None:
    """The first last word counts: what comes after it is not heard, and no call is made for it."""
    run = run_with("early", component_cache)

    assert run.result.outcome == "ok"
    assert run.calls == []
    assert "said after the end" not in run.result.stdout


def test_a_worker_that_is_too_loud(component_cache: Path) -> None:
    """The tool keeps as much of the output as it keeps of any, whatever the worker lets through."""
    run = run_with("loud", component_cache)

    assert run.result.stdout == ("x" * MAX_OUTPUT_BYTES, f"… {(18 << 20) - MAX_OUTPUT_BYTES} bytes of stdout truncated")


def test_a_worker_that_dies_in_the_middle_of_a_frame(component_cache: Path) -> None:
    """Half a frame is not taken for one; the death is told with its signal."""
    with pytest.raises(SandboxError, match="SIGKILL") as caught:
        run_with("halves", component_cache)

    assert caught.value.slug == "plugin/worker-died"


def test_a_worker_that_asks_for_oversize_calls(component_cache: Path) -> None:
    """The tool does not trust a worker with the limits of calls: one that goes beyond them makes no call."""
    run = run_with("caller", component_cache, SHORT)

    assert run.result.outcome == "limit"  # it waits for ever for more than its refusal
    assert run.calls == []


def test_a_worker_that_asks_for_other_canisters(component_cache: Path) -> None:
    """The tool alone decides who is called: a canister that the step does not list is not, whoever asks."""
    run = run_with("trespasses", component_cache)

    assert run.calls == []
    assert run.result.stdout == ("False",) * 3


def test_a_worker_that_starts_processes(component_cache: Path) -> None:
    """What a worker has started ends with it, even when the worker itself ends well."""
    run = run_with("forks", component_cache)

    assert run.result.outcome == "ok"
    assert len(run.result.stdout) == 1
    left = int(run.result.stdout[0])
    if psutil.pid_exists(left):
        _, alive = psutil.wait_procs([psutil.Process(left)], WAIT_SECONDS)
        assert alive == []


def test_a_worker_that_dies_in_the_middle_of_a_line(component_cache: Path) -> None:
    """What its plugin wrote last is told, though its line has no end."""
    lines: list[OutputLine] = []

    async def main() -> None:
        request = request_for(component_that_returns_ok(), component_cache)
        with pytest.raises(SandboxError, match="exit status 3"):
            await run_plugin(request, no_answer, lines.append, worker_module=f"{WORKERS}.unfinished")

    anyio.run(main)

    assert lines == [OutputLine(stream="stderr", text="the line before"), OutputLine(stream="stderr", text="last wor")]


def test_a_worker_that_fills_its_stderr(component_cache: Path) -> None:
    """A worker's own limits keep its stderr from filling the disk."""
    with pytest.raises(SandboxError) as caught:
        run_with("scribbles", component_cache)

    assert "stopped by the limit" in str(caught.value.detail)


@pytest.mark.parametrize("name", ["lingers", "mute"])
def test_a_worker_that_stays(component_cache: Path, name: str) -> None:
    """A worker that has said its last word, or has closed its side, is given a moment, and then ended."""
    if name == "lingers":
        assert run_with(name, component_cache, SHORT).result.outcome == "ok"  # the plugin has ended in time
    else:
        with pytest.raises(SandboxError, match="closed its pipe"):
            run_with(name, component_cache)

    assert workers_left() == []
