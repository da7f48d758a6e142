"""Runs a sync plugin: the door of this package.

The component is read, compiled once into the cache, and run in a worker process that knows neither the
network nor the identity. The worker asks for canister calls; this side alone decides what they are and
answers them by the function that it was given.
"""

import hashlib
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from orchestrator.errors import PluginRefusedError, SandboxError
from orchestrator.sandbox.cache import Artifact, ComponentCache, artifact_stem
from orchestrator.sandbox.component import ComponentFacts, inspect_component
from orchestrator.sandbox.conversation import Conversation, StaleArtifactError, refusal_of
from orchestrator.sandbox.frames import Compile, Compiled, Refused
from orchestrator.sandbox.limits import MAX_FILES_CHARACTERS
from orchestrator.sandbox.pool import WORKER, WorkerPool
from orchestrator.sandbox.process import OUT_OF_MEMORY, Child, ChildDiedError, start_child
from orchestrator.sandbox.request import (
    CanisterCall,
    OnLine,
    OnPhase,
    OnUsage,
    PluginRequest,
    PluginResult,
    SectionReader,
)
from orchestrator.sandbox.wall_clock import WallClock

__all__ = ["WORKER", "prepare_component", "run_plugin"]

COMPILER: Final = "orchestrator.sandbox.compiler"
COMPILE_SECONDS: Final = 600.0
"""How long compiling one component may take."""
COMPILERS_AT_ONCE: Final = 1
"""A compiler uses all processors and twenty times the component's size in memory: two at once gain nothing."""

_compilers: RunVar[CapacityLimiter] = RunVar("component compilers")


def _unheard(_phase: str, _detail: str) -> None:
    """Take a phase that nobody wants to know of."""


def _compiler_slot() -> CapacityLimiter:
    try:
        return _compilers.get()
    except LookupError:
        limiter = CapacityLimiter(COMPILERS_AT_ONCE)
        _compilers.set(limiter)
        return limiter


def _compiler_failure(death: ChildDiedError) -> SandboxError:
    """Tell a compiler that wanted too much memory from one that failed."""
    if not any(mark in death.stderr for mark in OUT_OF_MEMORY):
        return death
    return PluginRefusedError(
        "compiling the plugin takes more memory than there is for it",
        slug="plugin/compile-memory",
        detail=death.stderr,
        hint="build a smaller plugin: without debug information, and with what it uses only",
    )


def _check_files(request: PluginRequest) -> None:
    total = sum(len(file.content) for file in request.files)
    if total > MAX_FILES_CHARACTERS:
        raise PluginRefusedError(
            f"the plugin's files hold {total >> 20} MiB of text together, more than {MAX_FILES_CHARACTERS >> 20} MiB",
            slug="plugin/files-too-large",
            detail="files are handed to the plugin as text, all at once",
            hint="declare their directory under `dirs` and let the plugin read them",
        )
    if total > request.limits.memory_bytes:
        raise PluginRefusedError(
            f"the plugin's files hold {total / (1 << 20):.4g} MiB of text together, which do not fit into its memory",
            slug="plugin/files-too-large",
            detail=f"its memory is limited to {request.limits.memory_bytes / (1 << 20):.4g} MiB",
            hint="set `memory` on the step higher, or declare their directory under `dirs` and let the plugin read them",
        )


class _Source:
    """A component and where its machine code is kept."""

    def __init__(self, component: bytes, sha256: str, cache_directory: Path, *, wrap: bool, on_phase: OnPhase) -> None:
        self._component = component
        self._sha256 = sha256
        self._wrap = wrap
        self._cache = ComponentCache(cache_directory.absolute())
        self._stem = artifact_stem(sha256, wrap=wrap)
        self._on_phase = on_phase

    @property
    def _described(self) -> str:
        size = len(self._component)
        return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"

    def inspect(self) -> ComponentFacts:
        """Read the component; refuses what is no plugin, and bytes that are not those of the hash."""
        facts = inspect_component(self._component)
        if hashlib.sha256(self._component).hexdigest() != self._sha256:
            raise PluginRefusedError(
                "the plugin's bytes are not those of its sha256",
                slug="plugin/sha256-mismatch",
                detail=f"expected {self._sha256}",
                hint="the file changed while it was read; run again",
            )
        return facts

    def _find(self) -> Artifact | None:
        self._cache.prepare()
        return self._cache.find(self._stem)

    def forget(self) -> None:
        """Delete the artifact, if there is one."""
        stale = self._cache.find(self._stem)
        if stale is not None:
            self._cache.forget(stale)

    async def artifact(self) -> Artifact:
        """Find the artifact, or make it first."""
        found = await to_thread.run_sync(self._find)
        if found is None:
            self._on_phase("compiling", self._described)
            async with _compiler_slot():
                # Whoever had the slot before may have compiled the same component.
                found = await to_thread.run_sync(self._find) or await self._compile()
        return found

    async def _compile(self) -> Artifact:
        """Compile in a child process and find the artifact."""
        order = Compile(component=self._component, directory=str(self._cache.directory), stem=self._stem, wrap=self._wrap)
        async with start_child(COMPILER) as child:
            with anyio.move_on_after(COMPILE_SECONDS):
                try:
                    await child.send(order)
                    answer = await child.receive()
                except ChildDiedError as death:
                    raise _compiler_failure(death) from death
                await child.wait_ended()
                if isinstance(answer, Refused):
                    raise refusal_of(answer)
                if isinstance(answer, Compiled):
                    # Found anew rather than taken from the answer: the path is ours to choose, not the child's.
                    found = await to_thread.run_sync(self._cache.find, self._stem)
                    if found is not None:
                        return found
                raise SandboxError("the compiled plugin is not in the component cache", slug="plugin/worker-garbage")
        raise PluginRefusedError(
            f"compiling the plugin took longer than {COMPILE_SECONDS:g} s", slug="plugin/compile-timeout", hint="build a smaller plugin"
        )


async def prepare_component(
    component: bytes, sha256: str, cache_directory: Path, *, wrap: bool = True, on_phase: OnPhase = _unheard
) -> ComponentFacts:
    """Compile a component into the cache, if it is not there yet, without running it.

    A run that follows finds it compiled and verified. Raises `PluginRefusedError` for what is no plugin.
    """
    source = _Source(component, sha256, cache_directory, wrap=wrap, on_phase=on_phase)
    facts = await to_thread.run_sync(source.inspect)
    await source.artifact()
    return facts


async def _start_and_run(conversation: Conversation, source: _Source, worker: AbstractAsyncContextManager[Child]) -> PluginResult:
    """Start a worker and, while it starts, verify the artifact or make it."""
    async with worker as child:
        return await conversation.run(child, await source.artifact())


async def run_plugin(
    request: PluginRequest,
    call: CanisterCall,
    on_line: OnLine,
    *,
    on_phase: OnPhase = _unheard,
    pool: WorkerPool | None = None,
    read_section: SectionReader | None = None,
    on_usage: OnUsage | None = None,
    clock: WallClock | None = None,
    worker_module: str = WORKER,
) -> PluginResult:
    """Run one plugin to its end.

    `call` answers canister calls: it gets the plugin's request, and either returns the reply's bytes or
    raises `CanisterCallError`, whose text the plugin gets as its error; anything else it raises ends the
    plugin and comes out here. `on_line` is called with each line of output as it is complete, `on_phase` when
    the run goes on to something else. Whatever the plugin does is in the result (`outcomes.failure_of` makes
    an error of it). Raises `SandboxError` when the worker itself fails. Cancelling kills the worker at once.
    The worker comes from `pool`, or is a process of `worker_module`. `read_section` reads modules for plugins of 0.2.
    `clock` counts the timeout, and lets `call` stop it.
    `on_usage` is told what the plugin takes, also before a call, for whoever cancels the run.
    """
    source = _Source(request.component, request.sha256, request.cache_directory, wrap=request.wrap, on_phase=on_phase)

    def worker() -> AbstractAsyncContextManager[Child]:
        on_phase("starting", "")
        return start_child(worker_module) if pool is None else pool.worker()

    try:
        _check_files(request)
        facts = await to_thread.run_sync(source.inspect)
        conversation = Conversation(request, call, on_line, on_phase, read_section=read_section, on_usage=on_usage, clock=clock)
        try:
            result = await _start_and_run(conversation, source, worker())
        except StaleArtifactError:
            await to_thread.run_sync(source.forget)
            result = await _start_and_run(conversation, source, worker())
    except PluginRefusedError as refusal:
        return PluginResult(outcome="refused", error=refusal.summary, slug=refusal.slug, detail=refusal.detail, hint=refusal.hint)
    except StaleArtifactError as error:
        raise SandboxError(
            "wasmtime refuses the component that it has just compiled", slug="plugin/cache-unusable", detail=str(error)
        ) from error
    return replace(result, interface=facts.interface)
