"""One plugin step: the example's plugin with an empty cache and with a filled one, and bytes across the boundary."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import anyio

from orchestrator.candid import encode, types
from orchestrator.sandbox.host import run_plugin
from orchestrator.sandbox.request import CanisterCallRequest, PluginRequest, PluginResult, Preopen
from tests.bench.measuring import MEGABYTE, Row, median_seconds, milliseconds
from tests.support.workspace import ROOT

TIMES = 7
FILE_BYTES = 2_000_000
HELLO = ROOT / "examples" / "hello"


def rows(folder: Path) -> Iterator[Row]:
    """Measure cold, warm, and a warm run that moves one large phrase into the canister."""
    small = _request(folder, HELLO / "seed")
    runs = iter(range(TIMES + 1))
    cold = median_seconds(lambda: _run(_request(folder / f"cold-{next(runs)}", HELLO / "seed")), times=TIMES)
    yield Row(what="plugin step, 22 KB Zig component, empty cache", value=milliseconds(cold))
    warm = median_seconds(lambda: _run(small), times=TIMES)
    peak = _run(small).peak_memory_bytes / MEGABYTE
    yield Row(
        what="plugin step, the same, filled cache", value=milliseconds(warm), peer=f"peak memory {peak:.0f} MB above the worker's start"
    )

    large = folder / "large"
    large.mkdir()
    (large / "big.txt").write_text("x" * FILE_BYTES, encoding="utf-8")
    fast = median_seconds(lambda: _run(_request(folder, large)), times=3)
    stock = median_seconds(lambda: _run(_request(folder, large, wrap=False)), times=3)
    yield Row(what="plugin step, one call with 2 MB", value=milliseconds(fast), peer=f"wasmtime's own byte lists: {milliseconds(stock)}")


def _request(folder: Path, seed: Path, *, wrap: bool = True) -> PluginRequest:
    component = (HELLO / "plugin" / "seed.wasm").read_bytes()
    return PluginRequest(
        component=component,
        sha256=hashlib.sha256(component).hexdigest(),
        canister_id="rrkah-fqaaa-aaaaa-aaaaq-cai",
        environment="bench",
        identity_principal="2vxsx-fae",
        cache_directory=folder / "components",
        directories=(Preopen(guest="seed", host=seed),),
        wrap=wrap,
    )


def _run(request: PluginRequest) -> PluginResult:
    """Run the plugin with a canister that has no phrases and takes all."""
    missing = encode([types.Opt(types.TEXT)], [None])

    async def answer(call: CanisterCallRequest) -> bytes:
        return missing if call.method == "get" else encode([], [])

    async def run() -> PluginResult:
        return await run_plugin(request, answer, lambda _: None)

    result = anyio.run(run)
    if result.outcome != "ok":
        raise RuntimeError(f"the plugin ended with {result.outcome}: {result.error}")
    return result
