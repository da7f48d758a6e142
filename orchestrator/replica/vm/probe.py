"""Which of the engine's settings work here, tried in a process of their own.

Some settings end the whole process instead of raising: a compiler that the library lacks, a stack for WebAssembly that
is larger than the one for asynchronous calls, a function that is not there. So on a system that this version has not
been tested on they are tried in a child process, the best first, and what has worked is written down.
"""

import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from orchestrator.replica.vm.engine import Compiler, Compilers, engine_version
from orchestrator.replica.vm.host import Bindings, Host
from orchestrator.replica.vm.image import CopyingImage
from orchestrator.replica.vm.instance import WasmInstance, WasmModule
from orchestrator.replica.vm.interface import CanisterView, Message, MessageKind, Reply
from orchestrator.replica.vm.live import LiveInstance
from orchestrator.replica.vm.stable import StableMemory
from orchestrator.replica.vm.thread import make_executor
from orchestrator.replica.vm.wasm import instrument

__all__ = ["EngineChoice", "choose_engine", "this_system", "try_in_child"]

PROBE_SECONDS = 60
"""How long a trial may take."""

_VERSION = 1
_WORKS = b"works\n"
_CANISTER = """(module (import "ic0" "msg_reply" (func $reply))
  (memory 1) (global $count (mut i32) (i32.const 0))
  (func $down (param i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "canister_update probe") (call $down (i32.const 10000)) (global.set $count (i32.const 1)) (call $reply))
  (func (export "canister_update deep") (call $down (i32.const -1))))"""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """How host functions are reached, and which compiler is tried first."""

    bindings: Bindings
    compiler: Compiler


_CHOICES = (EngineChoice("native", "winch"), EngineChoice("native", "cranelift"), EngineChoice("portable", "cranelift"))
"""From the fastest to the one that uses nothing but the public API."""

_TESTED = {f"linux {machine} wasmtime 50.0.1": _CHOICES[0] for machine in ("x86_64", "AMD64")}
"""What the tests of this project have run on: there, nothing needs to be tried."""


def this_system() -> str:
    """Return what the answer depends on: operating system, machine, version of the engine."""
    return f"{sys.platform} {platform.machine()} wasmtime {engine_version()}"


def choose_engine(cache_directory: Path | None, *, system: str, try_out: Callable[[EngineChoice], bool]) -> EngineChoice:
    """Return the best choice that works; one that had to be tried is remembered in the cache directory."""
    tested = _TESTED.get(system)
    if tested is not None:
        return tested
    path = None if cache_directory is None else cache_directory / "engine.json"
    remembered = None if path is None else _read(path, system)
    if remembered is not None:
        return remembered
    choice = next((choice for choice in _CHOICES[:-1] if try_out(choice)), _CHOICES[-1])
    if path is not None:
        _write(path, system, choice)
    return choice


def try_in_child(choice: EngineChoice) -> bool:
    """Run a canister with these settings in a process of its own; returns if that process came to a good end."""
    import subprocess

    command = [sys.executable, "-m", "orchestrator.replica.vm.probe", choice.bindings, choice.compiler]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=PROBE_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout == _WORKS


def _read(path: Path, system: str) -> EngineChoice | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {(choice.bindings, choice.compiler): choice for choice in _CHOICES}
        return known[content["bindings"], content["compiler"]] if (content["v"], content["system"]) == (_VERSION, system) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, system: str, choice: EngineChoice) -> None:
    """Remember a choice; a cache that cannot be written is no error."""
    content = {"v": _VERSION, "system": system, "bindings": choice.bindings, "compiler": choice.compiler}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(json.dumps(content), encoding="utf-8")
    except OSError:
        return


def _probe(choice: EngineChoice) -> bool:
    """Compile and run a canister that recurses, first as far as it may and then without end."""
    host = Host(choice.bindings)
    compilers = Compilers(host, compiler=choice.compiler, cache_directory=None)
    plan = instrument(bytes(wasmtime.wat2wasm(_CANISTER)))
    compiled = compilers.compile(plan.code, choice.compiler, wide=False)
    live = LiveInstance(plan, compiled, choice.bindings)
    image = CopyingImage()
    if live.memory is not None:
        image.capture(live.memory)
    instance = WasmInstance(host, WasmModule(plan, compiled), live, image=image, values=live.globals.read(), stable=StableMemory())
    view = CanisterView(id=b"", controllers=frozenset(), cycles=0)
    message = Message(kind=MessageKind.UPDATE, now=1)
    works = instance.run("canister_update probe", message, view).response == Reply(b"")
    trap = instance.run("canister_update deep", message, view).trap
    return works and trap is not None


def main() -> int:
    """Try the settings that the arguments name."""
    choice = next(choice for choice in _CHOICES if [choice.bindings, choice.compiler] == sys.argv[1:])
    executor = make_executor()
    works = executor.submit(_probe, choice).result()
    executor.shutdown()
    sys.stdout.buffer.write(_WORKS if works else b"does not work\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
