"""Runs a plugin from a synchronous test and keeps what it did.

run = run_now(component_that_calls("m", b"..."), cache_directory)
run.result.outcome, run.calls[0].method, run.lines
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from orchestrator.sandbox.host import WORKER, run_plugin
from orchestrator.sandbox.request import CanisterCallRequest, OutputLine, PluginRequest, PluginResult

__all__ = ["Answer", "Run", "request_for", "run_now"]

Answer = Callable[[CanisterCallRequest], bytes]
"""Answers a canister call, or raises `CanisterCallError`."""


@dataclass
class Run:
    """One finished run: its result, the calls it made and the lines it wrote, in order."""

    result: PluginResult
    calls: list[CanisterCallRequest] = field(default_factory=list)
    lines: list[OutputLine] = field(default_factory=list)


def request_for(component: bytes, cache_directory: Path, **options: Any) -> PluginRequest:
    """Ask for a run with made-up but valid circumstances; `options` are fields of `PluginRequest`."""
    circumstances: dict[str, Any] = {
        "canister_id": "rrkah-fqaaa-aaaaa-aaaaq-cai",
        "environment": "local",
        "identity_principal": "2vxsx-fae",
    }
    return PluginRequest(
        component=component, sha256=hashlib.sha256(component).hexdigest(), cache_directory=cache_directory, **{**circumstances, **options}
    )


def _empty_reply(_request: CanisterCallRequest) -> bytes:
    return b"DIDL\0\0"


def run_now(component: bytes, cache_directory: Path, *, answer: Answer = _empty_reply, worker_module: str = WORKER, **options: Any) -> Run:
    """Run a plugin to its end."""
    calls: list[CanisterCallRequest] = []
    lines: list[OutputLine] = []

    async def call(request: CanisterCallRequest) -> bytes:
        calls.append(request)
        await anyio.lowlevel.checkpoint()
        return answer(request)

    async def main() -> PluginResult:
        return await run_plugin(
            request_for(component, cache_directory, **options),
            call,
            lines.append,
            worker_module=worker_module,
        )

    return Run(result=anyio.run(main), calls=calls, lines=lines)
