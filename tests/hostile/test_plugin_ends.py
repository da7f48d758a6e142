"""Runs that are stopped: the worker goes with them, at once and whole. And runs side by side."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.sandbox.compiler import MAX_COMPILER_BYTES
from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.request import CanisterCallRequest, OutputLine
from tests.support.components import OK, Guest, component_that_calls, component_that_loops, component_that_prints
from tests.support.plugin_runs import request_for

LOOP = "(loop $again (br $again)) unreachable"
TALKATIVE_LOOP = component_that_prints(stdout=b"computing\n", then=LOOP)
SLOW_TO_COMPILE = f"(core module (func (param i32) (result i32) (local.get 0) {'(i32.const 3) i32.mul ' * 300_000}))"
WAIT_SECONDS = 30.0


Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def children() -> Children:
    """Return what lists this process's descendants that were not there before the test."""
    process = psutil.Process()
    earlier = set(process.children(recursive=True))
    return lambda: [child for child in process.children(recursive=True) if child not in earlier]


async def unused(_request: CanisterCallRequest) -> bytes:
    """Answer a call that nobody makes."""
    await anyio.lowlevel.checkpoint()
    return b""


def test_cancelled_while_computing(component_cache: Path, children: Children) -> None:
    """Cancelling ends a plugin that computes: when the scope is left, its process is gone."""

    async def main() -> None:
        async with anyio.create_task_group() as group:

            def stop(_line: OutputLine) -> None:
                assert len(children()) == 1
                group.cancel_scope.cancel()

            group.start_soon(run_plugin, request_for(TALKATIVE_LOOP, component_cache), unused, stop)

    anyio.run(main)

    assert children() == []


def test_cancelled_during_a_call(component_cache: Path, children: Children) -> None:
    """Cancelling while the plugin waits for its canister cancels the call and ends the worker."""
    seen: list[str] = []

    async def main() -> None:
        async with anyio.create_task_group() as group:

            async def call(_request: CanisterCallRequest) -> bytes:
                group.cancel_scope.cancel()
                try:
                    await anyio.sleep_forever()
                finally:
                    seen.append("cancelled")
                return b""

            group.start_soon(run_plugin, request_for(component_that_calls("m", b""), component_cache), call, lambda _line: None)

    anyio.run(main)

    assert seen == ["cancelled"]
    assert children() == []


def test_cancelled_before_it_starts(component_cache: Path, children: Children) -> None:
    """A scope that is already cancelled starts nothing that stays."""

    async def main() -> bool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await run_plugin(request_for(component_that_loops(), component_cache), unused, lambda _line: None)
        return scope.cancelled_caught

    assert anyio.run(main)
    assert children() == []


def test_error_in_a_line_handler(component_cache: Path, children: Children) -> None:
    """An exception of the caller's own comes out as it is, and the worker is ended."""

    async def main() -> None:
        def fail(_line: OutputLine) -> None:
            raise LookupError("no place for lines")

        await run_plugin(request_for(TALKATIVE_LOOP, component_cache), unused, fail)

    with pytest.raises(LookupError, match="no place for lines"):
        anyio.run(main)
    assert children() == []


TOOL = """
import sys
from pathlib import Path
import anyio
from orchestrator.sandbox.host import run_plugin
from tests.support.plugin_runs import request_for

async def unused(request):
    return b""

def tell(line):
    print(line.text, flush=True)

anyio.run(run_plugin, request_for(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])), unused, tell)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_tool_dies(component_cache: Path, tmp_path: Path, how: signal.Signals) -> None:
    """A worker does not outlive its tool, even one that is killed and can do nothing about it."""
    component = tmp_path / "plugin.wasm"
    component.write_bytes(TALKATIVE_LOOP)
    tool = subprocess.Popen(
        [sys.executable, "-c", TOOL, str(component), str(component_cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    with tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == b"computing\n"
        workers = psutil.Process(tool.pid).children(recursive=True)
        assert len(workers) == 1

        tool.send_signal(how)
        tool.wait(WAIT_SECONDS)
        _, alive = psutil.wait_procs(workers, WAIT_SECONDS)

        assert alive == []


@pytest.mark.slow
def test_the_tool_dies_while_compiling(tmp_path: Path) -> None:
    """Nobody wants the compiler's work any more: it ends at once and leaves no artifact, however long it would have gone on."""
    component, cache = tmp_path / "plugin.wasm", tmp_path / "cache"
    component.write_bytes(Guest().plugin(OK, extra_definitions=SLOW_TO_COMPILE))
    tool = subprocess.Popen([sys.executable, "-c", TOOL, str(component), str(cache)], cwd=Path(__file__).parents[2])
    with tool:
        while not list(cache.glob("*.lock")):  # the compiler takes the lock before it begins
            with pytest.raises(subprocess.TimeoutExpired):
                tool.wait(0.01)
        processes = psutil.Process(tool.pid).children(recursive=True)
        assert len(processes) == 2
        if sys.platform == "linux":
            held = [process.rlimit(psutil.RLIMIT_DATA) for process in processes]
            assert (MAX_COMPILER_BYTES, MAX_COMPILER_BYTES) in held
        tool.kill()

    _, alive = psutil.wait_procs(processes, WAIT_SECONDS)
    assert alive == []
    assert not list(cache.glob("*.cwasm"))


def test_two_plugins_at_once(component_cache: Path) -> None:
    """Plugins run side by side: each one's call is answered only when both are waiting."""
    arrived: list[str] = []

    async def main() -> list[str]:
        both = anyio.Event()
        outcomes: list[str] = []

        async def call(request: CanisterCallRequest) -> bytes:
            arrived.append(request.method)
            if len(arrived) == 2:
                both.set()
            await both.wait()
            return b"DIDL\0\0"

        async def run(component: bytes) -> None:
            result = await run_plugin(request_for(component, component_cache), call, lambda _line: None)
            outcomes.append(result.outcome)

        with anyio.fail_after(WAIT_SECONDS):
            async with anyio.create_task_group() as group:
                group.start_soon(run, component_that_calls("first", b""))
                group.start_soon(run, component_that_calls("second", b""))
        return outcomes

    assert anyio.run(main) == ["ok", "ok"]
    assert sorted(arrived) == ["first", "second"]


def test_eight_runs_of_one_plugin_compile_it_once(tmp_path: Path) -> None:
    """Runs that start together with a cold cache wait for one compilation, and leave one artifact."""
    cache = tmp_path / "cache"

    async def main() -> list[str]:
        outcomes: list[str] = []

        async def run() -> None:
            outcomes.append((await run_plugin(request_for(component_that_calls("m", b""), cache), unused, lambda _line: None)).outcome)

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(run)
        return outcomes

    assert anyio.run(main) == ["ok"] * 8
    assert len(list(cache.glob("*.cwasm"))) == 1
