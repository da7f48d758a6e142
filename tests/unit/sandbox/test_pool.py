"""Workers that are started before they are needed."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.sandbox.host import prepare_component, run_plugin
from orchestrator.sandbox.pool import WorkerPool
from orchestrator.sandbox.request import CanisterCallRequest, PluginRequest
from tests.support.components import component_that_calls, component_that_returns_ok
from tests.support.plugin_runs import request_for

WAIT_SECONDS = 30.0
ROOT = Path(__file__).parents[3]


async def empty(_request: CanisterCallRequest) -> bytes:
    """Answer with an empty message."""
    await anyio.lowlevel.checkpoint()
    return b"DIDL\0\0"


async def outcome_of(request: PluginRequest, pool: WorkerPool) -> str:
    """Run a plugin in a worker of the pool."""
    return (await run_plugin(request, empty, lambda _line: None, pool=pool)).outcome


def children() -> set[int]:
    """Return the processes that this one has started."""
    return {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE}


def in_time(main: Callable[[], Awaitable[None]]) -> None:
    """Run, and fail rather than wait for ever."""

    async def bounded() -> None:
        with anyio.fail_after(WAIT_SECONDS):
            await main()

    anyio.run(bounded)


async def wait_for_children(earlier: set[int], count: int) -> set[int]:
    """Wait until there are `count` processes more than earlier."""
    while len(new := children() - earlier) < count:
        await anyio.lowlevel.checkpoint()
    return new


def test_each_worker_runs_one_plugin(component_cache: Path) -> None:
    """Three runs one after the other have three workers, which were there before; none is left behind."""
    request = request_for(component_that_calls("m", b""), component_cache)
    earlier = children()
    used: set[int] = set()

    async def main() -> None:
        async with WorkerPool(1) as pool:
            for _ in range(3):
                ready = await wait_for_children(earlier, 1)
                async with pool.worker() as worker:
                    used.add(worker.pid)
                    assert worker.pid in ready

    in_time(main)

    assert len(used) == 3
    assert children() == earlier
    assert request.sha256


def test_runs_at_once_share_the_pool(component_cache: Path) -> None:
    """More plugins at once than the pool holds: all run, each in a worker of its own."""
    request = request_for(component_that_calls("m", b""), component_cache)
    earlier = children()

    async def main() -> None:
        async with WorkerPool(2) as pool, anyio.create_task_group() as group:

            async def run() -> None:
                assert await outcome_of(request, pool) == "ok"

            for _ in range(6):
                group.start_soon(run)

    in_time(main)

    assert children() == earlier


def test_starts_no_more_than_are_needed() -> None:
    """A pool that knows how many plugins there are starts no worker after the last of them."""
    earlier = children()
    seen: set[int] = set()

    async def main() -> None:
        async with WorkerPool(4, most=1) as pool:
            seen.update(await wait_for_children(earlier, 1))
            async with pool.worker() as worker:
                seen.add(worker.pid)
                seen.update(children() - earlier)

    in_time(main)

    assert len(seen) == 1


def test_a_worker_that_has_died_is_not_given_out() -> None:
    """Something else ends an unused worker: the next one is taken."""
    earlier = children()

    async def main() -> None:
        async with WorkerPool(1, most=1) as pool:
            (dead,) = await wait_for_children(earlier, 1)
            psutil.Process(dead).kill()
            while dead in children():
                await anyio.lowlevel.checkpoint()
            async with pool.worker() as worker:
                assert worker.pid != dead

    in_time(main)

    assert children() == earlier


def test_what_the_block_raises_comes_out_as_it_is() -> None:
    """An error inside the block is not wrapped in a group, and the workers are gone."""
    earlier = children()

    async def main() -> None:
        async with WorkerPool(2):
            await wait_for_children(earlier, 2)
            raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        in_time(main)
    assert children() == earlier


def test_cancelling_ends_the_workers() -> None:
    """A pool whose scope is cancelled leaves no process, not even one that was just being started."""
    earlier = children()

    async def main() -> None:
        with anyio.CancelScope() as scope:
            async with WorkerPool(2):
                scope.cancel()
                await anyio.sleep_forever()
        with anyio.CancelScope() as scope:
            async with WorkerPool(2):
                await wait_for_children(earlier, 2)
                scope.cancel()
                await anyio.sleep_forever()

    in_time(main)

    assert children() == earlier


TOOL = """
import anyio
from orchestrator.sandbox.pool import WorkerPool

async def main():
    async with WorkerPool(3):
        print("ready", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.mark.slow
def test_a_killed_tool_takes_its_pool_with_it() -> None:
    """Unused workers do not outlive a tool that was killed and could do nothing about it."""
    with subprocess.Popen([sys.executable, "-c", TOOL], stdout=subprocess.PIPE, cwd=ROOT) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == b"ready\n"
        workers: list[psutil.Process] = []
        while len(workers) < 3:
            workers = psutil.Process(tool.pid).children(recursive=True)
        tool.kill()

    _, alive = psutil.wait_procs(workers, WAIT_SECONDS)

    assert alive == []


def test_preparing_compiles_once(tmp_path: Path) -> None:
    """A component that was prepared is not compiled by the run that follows, and its phases say so, with a small one's size."""
    request = request_for(component_that_returns_ok(), tmp_path)
    prepared: list[tuple[str, str]] = []
    run: list[str] = []

    async def main() -> None:
        facts = await prepare_component(
            request.component, request.sha256, tmp_path, on_phase=lambda phase, detail: prepared.append((phase, detail))
        )
        assert facts.interface == "0.1.0"
        assert (await run_plugin(request, empty, lambda _line: None, on_phase=lambda phase, _detail: run.append(phase))).outcome == "ok"

    in_time(main)

    assert prepared == [("compiling", f"{len(request.component) / 1000:.1f} kB")]
    assert "compiling" not in run
    assert run[0] == "starting"
