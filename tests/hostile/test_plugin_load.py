"""Fifty hostile plugins at once, and honest ones between them: each run ends as it does alone. And a plugin that is a load itself."""

import resource
import subprocess
import sys
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.pool import WorkerPool
from orchestrator.sandbox.request import CanisterCallRequest, PluginResult
from tests.support.components import OK, Guest
from tests.support.hostile_plugins import HOSTILE, honest_plugin
from tests.support.plugin_runs import request_for

HOSTILE_AT_ONCE = 50
HONEST_AT_ONCE = 12
POOL_SIZE = 2


async def _echo(request: CanisterCallRequest) -> bytes:
    await anyio.lowlevel.checkpoint()
    return b"reply to " + request.arg


async def _run_all(cache: Path) -> tuple[list[tuple[str, PluginResult]], list[tuple[str, PluginResult, int]]]:
    """Run everything at once; answer what came of the hostile plugins and of the honest ones, with the calls of each."""
    hostile: list[tuple[str, PluginResult]] = []
    honest: list[tuple[str, PluginResult, int]] = []

    async def run_hostile(name: str) -> None:
        each = HOSTILE[name]
        request = request_for(each.component, cache, limits=each.limits)
        hostile.append((name, await run_plugin(request, _echo, lambda _line: None)))

    async def run_honest(canister_id: str, pool: WorkerPool) -> None:
        calls: list[bytes] = []

        async def call(request: CanisterCallRequest) -> bytes:
            calls.append(request.arg)
            return await _echo(request)

        result = await run_plugin(request_for(honest_plugin(), cache, canister_id=canister_id), call, lambda _line: None, pool=pool)
        assert set(calls) == {canister_id.encode()}
        honest.append((canister_id, result, len(calls)))

    names = list(HOSTILE)
    async with WorkerPool(POOL_SIZE) as pool, anyio.create_task_group() as group:
        for number in range(HOSTILE_AT_ONCE):
            group.start_soon(run_hostile, names[number % len(names)])
            if number % (HOSTILE_AT_ONCE // HONEST_AT_ONCE) == 0:
                group.start_soon(run_honest, f"canister-{number}", pool)
    return hostile, honest


@pytest.mark.slow
def test_fifty_hostile_plugins_at_once(component_cache: Path) -> None:
    """Under the load of fifty hostile plugins each ends as it does alone, honest runs get their own replies, and nothing stays."""
    process = psutil.Process()
    descriptors, earlier = process.num_fds(), set(process.children(recursive=True))

    hostile, honest = anyio.run(_run_all, component_cache)

    assert [(name, result.outcome, result.error) for name, result in hostile if result.outcome != HOSTILE[name].outcome] == []
    assert len(hostile) == HOSTILE_AT_ONCE
    assert len(honest) >= HONEST_AT_ONCE
    for canister_id, result, calls in honest:
        assert (result.outcome, result.error) == ("err", f"reply to {canister_id}")
        assert (result.stdout, calls) == ((canister_id,), 5)
    assert set(process.children(recursive=True)) <= earlier
    assert process.num_fds() <= descriptors + 2  # the event loop's threads may keep one pair


def test_an_honest_plugin_alone(component_cache: Path) -> None:
    """What the honest plugin does under load it does alone too: nothing here depends on the load."""

    async def main() -> PluginResult:
        return await run_plugin(request_for(honest_plugin(), component_cache, canister_id="alone"), _echo, lambda _line: None)

    result = anyio.run(main)

    assert (result.outcome, result.error, result.stdout) == ("err", "reply to alone", ("alone",))


HUNGRY = f"(core module (func (param i32) (result i32) (local.get 0) {'(i32.const 3) i32.mul ' * 100_000}))"
LITTLE_MEMORY_BYTES = 120 << 20
RUN_AND_TELL = """
import sys
from pathlib import Path
from tests.support.plugin_runs import run_now

result = run_now(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])).result
print(result.outcome, result.slug, result.hint)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="this limit of memory is Linux's")
def test_a_plugin_that_takes_all_memory_to_compile(tmp_path: Path) -> None:
    """A small component may take any memory to compile: the compiler is stopped, the tool is not, and says what happened."""
    component = tmp_path / "plugin.wasm"
    component.write_bytes(Guest().plugin(OK, extra_definitions=HUNGRY * 4))

    def have_little_memory() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (LITTLE_MEMORY_BYTES, LITTLE_MEMORY_BYTES))

    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL, str(component), str(tmp_path / "cache")],
        preexec_fn=have_little_memory,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.startswith("refused plugin/compile-memory build a smaller plugin"), done.stderr
    assert not list((tmp_path / "cache").glob("*.cwasm"))
