"""The plugins that the benchmarks run: one of 70 KB of code, one with a whole Python in it, and ones that only move bytes."""

import subprocess
import sys
from pathlib import Path

from tests.support.components import OK, BatchCall, Guest, component_that_calls
from tests.support.workspace import ROOT

__all__ = [
    "CALLS",
    "CannotBuildError",
    "batch_plugin",
    "large_argument_plugin",
    "large_reply_plugin",
    "python_plugin",
    "single_plugin",
    "small_plugin",
]

CALLS = 5
CACHE = ROOT / ".venv" / "bench"
"""Where toolchains and what they built are kept between runs."""
TOOLCHAIN = "componentize-py==0.25.1"
INSTALL_SECONDS = 600
STEPS, FUNCTIONS = 60, 70
LARGE_BYTES = 2_000_000
_EMPTY = b"DIDL\0\0"
_APP = f"""
import json
import sys
from pathlib import Path

import wit_world
from wit_world.imports.types import CallType, CanisterCallRequest


class WitWorld(wit_world.WitWorld):
    def exec(self, input):
        for number in range({CALLS}):
            wit_world.canister_call(CanisterCallRequest("take", b"DIDL\\0\\0", CallType.UPDATE, direct=False, cycles=0))
        print(json.dumps({{"calls": {CALLS}, "version": sys.version}}))
"""


class CannotBuildError(Exception):
    """Raised when a toolchain cannot be installed here; its text is the reason."""


def small_plugin() -> bytes:
    """Build a plugin of about 70 KB whose functions are all code, and which makes five calls."""
    guest = Guest()
    steps = "".join(
        f"""(local.set $x (i32.xor
          (i32.mul (i32.add (local.get $x) (i32.const {number})) (i32.const {number + 7}))
          (i32.rotl (local.get $x) (i32.const {number % 31}))))"""
        for number in range(STEPS)
    )
    functions = "".join(f"(func $f{number} (param $x i32) (result i32) {steps} (local.get $x))" for number in range(FUNCTIONS))
    return guest.plugin(f"(drop (call $f0 (i32.const 1))) {guest.call('take', _EMPTY) * CALLS} {OK}", functions=functions)


def single_plugin(times: int) -> bytes:
    """Build a plugin that makes its calls one after another."""
    return component_that_calls("take", _EMPTY, times=times)


def batch_plugin(times: int) -> bytes:
    """Build a plugin that makes its calls in one batch."""
    guest = Guest()
    return guest.plugin(guest.batch([BatchCall(method=b"take", arg=_EMPTY)] * times) + OK, extension=True)


def large_argument_plugin() -> bytes:
    """Build a plugin that makes one call with an argument of two million bytes."""
    guest = Guest()
    return guest.plugin(
        f"""(memory.fill (i32.const 65536) (i32.const 120) (i32.const {LARGE_BYTES}))
        (memory.copy (i32.const 65536) {guest.text(_EMPTY).split(" (i32.const 6)")[0]} (i32.const 6))
        (call $canister-call {guest.text("take")} (i32.const 65536) (i32.const {LARGE_BYTES}) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 32))
        (if (i32.load8_u (i32.const 32)) (then unreachable))
        {OK}""",
        pages=(LARGE_BYTES >> 16) + 8,
    )


def large_reply_plugin() -> bytes:
    """Build a plugin that makes one query whose reply has two million bytes."""
    guest = Guest()
    return guest.plugin(
        f"{guest.call('give', _EMPTY, query=True)} (if (i32.ne (i32.load (i32.const 40)) (i32.const {LARGE_BYTES})) (then unreachable)) {OK}"
    )


def python_plugin(wit: Path) -> bytes:
    """Build the plugin with a whole Python in it, once: later runs take it from the cache.

    Raises `CannotBuildError` when componentize-py cannot be installed or does not build.
    """
    output = CACHE / f"python-{TOOLCHAIN.partition('==')[2]}-{CALLS}.wasm"
    if not output.exists():
        folder = CACHE / TOOLCHAIN.replace("==", "-")
        tool = folder / "bin" / "componentize-py"
        if not tool.exists():
            _run([sys.executable, "-m", "venv", str(folder)])
            _run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", TOOLCHAIN])
        (CACHE / "app.py").write_text(_APP, encoding="utf-8")
        _run([str(tool), "-d", str(wit), "-w", "sync-plugin", "componentize", "app", "-o", str(output)])
    return output.read_bytes()


def _run(command: list[str]) -> None:
    CACHE.mkdir(exist_ok=True)
    done = subprocess.run(command, cwd=CACHE, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise CannotBuildError(f"{Path(command[0]).name} failed: {' '.join(last)}")
