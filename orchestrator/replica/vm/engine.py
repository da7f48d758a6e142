"""Compiling modules: the engine's configuration, a fast compiler with a slow one behind it, and a cache on disk.

Some settings end the whole process instead of raising (a stack for WebAssembly that is larger than the one for
asynchronous calls; an unknown compiler), so they are fixed here, and `orchestrator.replica.vm.probe` sees if they work.
"""

import contextlib
import hashlib
import os
import platform
import resource
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import wasmtime

from orchestrator.replica.vm import native
from orchestrator.replica.vm.host import Bindings, Host
from orchestrator.replica.vm.interface import InvalidModuleError

__all__ = [
    "CONFINED_RESERVATION_BYTES",
    "MAX_ARTIFACTS",
    "MAX_WASM_STACK_BYTES",
    "UNMETERED",
    "Compiled",
    "Compiler",
    "Compilers",
    "address_space_is_limited",
    "engine_version",
]

Compiler = Literal["winch", "cranelift"]
"""Winch compiles ten times faster, Cranelift makes code that runs twice as fast."""

UNMETERED: frozenset[Compiler] = frozenset({"winch"})
"""Compilers whose code counts an instruction that moves memory as one, however much it moves."""

MAX_WASM_STACK_BYTES = 5 * 1024 * 1024
"""Stack that a canister may use, in bytes; the thread that runs it needs several times as much."""

PORTABLE_WASM_STACK_BYTES = 1024 * 1024
"""The same where the setting that must go with a larger one cannot be reached."""

MAX_ARTIFACTS = 200
"""Compiled modules that are kept on disk."""

CONFINED_RESERVATION_BYTES = 16 * 1024 * 1024
"""Address space that is reserved for a canister's memory where it is limited, in bytes; elsewhere it is 4 GiB. A memory
that grows beyond what is reserved moves, and every access is checked by code."""

CONFINED_GUARD_BYTES = 64 * 1024
"""Address space behind a memory where it is limited, in bytes."""

_STACK_RESERVE_BYTES = 1024 * 1024
_ARTIFACT_VERSION = 3
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Machine code and the linker of the engine that it was made for. `owner` keeps both from being closed."""

    engine: wasmtime.Engine
    linker: wasmtime.Linker
    module: wasmtime.Module
    compiler: Compiler
    owner: object


class Compilers:
    """Engines, one per compiler, made when first used."""

    def __init__(self, host: Host, *, compiler: Compiler, cache_directory: Path | None, is_confined: bool = False) -> None:
        self._host = host
        self._is_confined = is_confined
        self._order: tuple[Compiler, ...] = ("winch", "cranelift") if compiler == "winch" else ("cranelift",)
        self._cache = cache_directory
        self._engines: dict[Compiler, wasmtime.Engine] = {}
        self._linkers: dict[tuple[Compiler, bool], wasmtime.Linker] = {}
        weakref.finalize(self, _close, self._engines, self._linkers)

    @property
    def order(self) -> tuple[Compiler, ...]:
        """Return the compilers, the one to try first in front; the last one knows everything that canisters may use."""
        return self._order

    def compile(self, code: bytes, compiler: Compiler, *, wide: bool) -> Compiled:
        """Compile an instrumented module; raises `InvalidModuleError` with the engine's reason."""
        engine = self._engine(compiler)
        try:
            module = self._load_or_compile(engine, code, compiler)
        except wasmtime.WasmtimeError as error:
            raise InvalidModuleError(f"Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with {error}") from error
        return Compiled(engine=engine, linker=self._linker(compiler, wide=wide), module=module, compiler=compiler, owner=self)

    def interrupt(self) -> None:
        """End the message that runs now, if any: its store's deadline is the next epoch. May be called by any thread."""
        for engine in list(self._engines.values()):
            engine.increment_epoch()

    def _engine(self, compiler: Compiler) -> wasmtime.Engine:
        if compiler not in self._engines:
            self._engines[compiler] = _make_engine(compiler, self._host.bindings, is_confined=self._is_confined)
        return self._engines[compiler]

    def _linker(self, compiler: Compiler, *, wide: bool) -> wasmtime.Linker:
        if (compiler, wide) not in self._linkers:
            self._linkers[compiler, wide] = self._host.make_linker(self._engine(compiler), wide=wide)
        return self._linkers[compiler, wide]

    def _load_or_compile(self, engine: wasmtime.Engine, code: bytes, compiler: Compiler) -> wasmtime.Module:
        if self._cache is None:
            return wasmtime.Module(engine, code)
        settings = f"{_ARTIFACT_VERSION} {engine_version()} {compiler} {self._host.bindings} {platform.machine()} {self._is_confined}"
        path = self._cache / f"{hashlib.sha256(settings.encode() + code).hexdigest()}.cwasm"
        artifact = _read_artifact(path)
        if artifact is not None:
            _touch(path)
            try:
                return wasmtime.Module.deserialize(engine, artifact)
            except wasmtime.WasmtimeError:  # made by an engine with other settings: compile and replace it
                path.unlink(missing_ok=True)
        module = wasmtime.Module(engine, code)
        _write_artifact(path, bytes(module.serialize()))
        return module


def engine_version() -> str:
    """Return the version of the `wasmtime` package, read off the name of its metadata: importing a reader takes 20 ms."""
    found = list(Path(wasmtime.__file__).parent.parent.glob("wasmtime-*.dist-info"))
    if len(found) == 1:
        return found[0].name.removeprefix("wasmtime-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("wasmtime")


def address_space_is_limited() -> bool:
    """Say if this process may not reserve as much memory as it likes (`ulimit -v`)."""
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def _make_engine(compiler: Compiler, bindings: Bindings, *, is_confined: bool) -> wasmtime.Engine:
    """Make an engine with the features that the Internet Computer accepts: its validation rules, as of 2025."""
    config = wasmtime.Config()
    if is_confined:
        config.memory_reservation = config.memory_reservation_for_growth = CONFINED_RESERVATION_BYTES
        config.memory_guard_size = CONFINED_GUARD_BYTES
    config.consume_fuel = True
    config.epoch_interruption = True
    config.cranelift_nan_canonicalization = True
    config.wasm_memory64 = True
    config.wasm_multi_memory = False
    config.wasm_relaxed_simd = False
    config.wasm_wide_arithmetic = False
    config.wasm_threads = False
    config.wasm_exceptions = False
    config.wasm_function_references = False
    config.wasm_gc = False
    if bindings == "native":
        native.configure_stack(config, wasm_bytes=MAX_WASM_STACK_BYTES, reserve_bytes=_STACK_RESERVE_BYTES)
    else:
        config.max_wasm_stack = PORTABLE_WASM_STACK_BYTES
    if compiler == "winch":
        native.configure_strategy(config, "winch")
    else:
        config.strategy = "cranelift"
        config.cranelift_opt_level = "speed"
    return wasmtime.Engine(config)


def _close(engines: dict[Compiler, wasmtime.Engine], linkers: dict[tuple[Compiler, bool], wasmtime.Linker]) -> None:
    """Give everything back, at the latest when Python ends, while the library is still there."""
    for linker in linkers.values():
        linker.close()
    for engine in engines.values():
        engine.close()


def _read_artifact(path: Path) -> bytes | None:
    """Return what was stored, unless it is missing or damaged: the engine trusts what it is given."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    artifact = stored[_DIGEST_BYTES:]
    return artifact if hashlib.sha256(artifact).digest() == stored[:_DIGEST_BYTES] else None


def _touch(path: Path) -> None:
    """Note that an artifact is in use; where that cannot be noted, it goes sooner."""
    with contextlib.suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _write_artifact(path: Path, artifact: bytes) -> None:
    """Store machine code where only this user can change it; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(artifact).digest() + artifact)
        Path(file.name).replace(path)
        _remove_oldest(path.parent)
    except OSError:
        return


def _remove_oldest(directory: Path) -> None:
    """Remove the artifacts that nobody has used for the longest time, and what interrupted writing has left."""
    files = [(path.stat().st_atime_ns, path) for path in directory.iterdir() if path.suffix == ".cwasm" or path.name.startswith("tmp")]
    for _, path in sorted(files)[:-MAX_ARTIFACTS]:
        path.unlink(missing_ok=True)
