"""Many runs one after another and side by side leave nothing behind: no memory, descriptors, processes, threads or files.

The number of runs is 200, or what the environment variable PLUGIN_LEAK_RUNS says.
"""

import gc
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.limits import Limits
from orchestrator.sandbox.pool import WorkerPool
from orchestrator.sandbox.request import CanisterCallRequest
from tests.support.hostile_plugins import HOSTILE, honest_plugin
from tests.support.plugin_runs import request_for

RUNS = int(os.environ.get("PLUGIN_LEAK_RUNS", "200"))
WARM_UP_RUNS = 40
AT_ONCE = 4
CANCELLED_AFTER_CALLS = 2
TRACED_BYTES_ALLOWED = 256 << 10
RESIDENT_BYTES_ALLOWED = 16 << 20
SHORT = Limits(compute_seconds=0.02, timeout_seconds=0.3, memory_bytes=8 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What this process holds; bytes that Python has allocated, and that are resident."""

    descriptors: int
    children: int
    threads: int
    files: tuple[str, ...]
    traced_bytes: int
    resident_bytes: int


def _look(temporary: Path, cache: Path) -> _Held:
    gc.collect()
    process = psutil.Process()
    return _Held(
        descriptors=process.num_fds(),
        children=len(process.children(recursive=True)),
        threads=process.num_threads(),
        files=tuple(sorted(str(path) for folder in (temporary, cache) for path in folder.rglob("*"))),
        traced_bytes=tracemalloc.get_traced_memory()[0],
        resident_bytes=process.memory_info().rss,
    )


async def _run_one(number: int, cache: Path, pool: WorkerPool) -> None:
    """Run one of the plugins; every tenth one is cancelled in the middle of its calls."""
    made = 0

    async def call(request: CanisterCallRequest) -> bytes:
        nonlocal made
        made += 1
        if number % 10 == 0 and made == CANCELLED_AFTER_CALLS:
            scope.cancel()
        await anyio.lowlevel.checkpoint()
        return request.arg

    hostile = list(HOSTILE.values())
    component = honest_plugin() if number % 2 == 0 else hostile[number // 2 % len(hostile)].component
    with anyio.CancelScope() as scope:
        await run_plugin(
            request_for(component, cache, limits=SHORT if number % 2 else Limits()),
            call,
            lambda _line: None,
            pool=pool if number % 3 else None,
        )


async def _run_many(count: int, cache: Path) -> None:
    """Run this many plugins, some at a time, with a pool."""
    waiting = iter(range(count))

    async def work(pool: WorkerPool) -> None:
        for number in waiting:
            await _run_one(number, cache, pool)

    async with WorkerPool(2) as pool, anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(work, pool)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let everything that makes temporary files make them in a folder of their own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def tracing() -> Iterator[None]:
    """Count the bytes that Python allocates."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.timeout(60 + RUNS)
@pytest.mark.usefixtures("tracing")
def test_many_runs_leave_nothing_behind(tmp_path: Path, temporary: Path) -> None:
    """After hundreds of runs, hostile, honest and cancelled, the process holds what it held after the first ones."""
    cache = tmp_path / "cache"
    anyio.run(_run_many, WARM_UP_RUNS, cache)
    before = _look(temporary, cache)

    anyio.run(_run_many, RUNS, cache)
    after = _look(temporary, cache)

    assert (after.descriptors, after.children, after.files) == (before.descriptors, before.children, before.files)
    assert after.threads <= before.threads
    assert after.traced_bytes - before.traced_bytes < TRACED_BYTES_ALLOWED
    assert after.resident_bytes - before.resident_bytes < RESIDENT_BYTES_ALLOWED
    assert [path for path in before.files if path.startswith(str(temporary))] == []
