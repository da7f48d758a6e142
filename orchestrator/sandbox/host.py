"""Runs a sync plugin: the door of this package.

The component is read, compiled once into the cache, and run in a worker process that knows neither the
network nor the identity. The worker asks for canister calls; this side alone decides what they are and
answers them by the function that it was given.
"""

import hashlib
from dataclasses import replace
from typing import Final

import anyio
from anyio import to_thread

from orchestrator.errors import PluginRefusedError, SandboxError
from orchestrator.sandbox.cache import Artifact, ComponentCache, artifact_stem
from orchestrator.sandbox.component import ComponentFacts, inspect_component
from orchestrator.sandbox.conversation import Conversation, StaleArtifactError, refusal_of
from orchestrator.sandbox.frames import Compile, Compiled, Refused
from orchestrator.sandbox.limits import MAX_FILES_CHARACTERS
from orchestrator.sandbox.process import start_child
from orchestrator.sandbox.request import (
    CanisterCall,
    OnLine,
    PluginRequest,
    PluginResult,
)

__all__ = ["WORKER", "run_plugin"]

COMPILER: Final = "orchestrator.sandbox.compiler"
WORKER: Final = "orchestrator.sandbox.worker"
"""The module whose process runs a plugin."""
COMPILE_SECONDS: Final = 600.0
"""How long compiling one component may take."""


def _check_bytes(request: PluginRequest) -> None:
    if hashlib.sha256(request.component).hexdigest() != request.sha256:
        raise PluginRefusedError(
            "the plugin's bytes are not those of its sha256",
            slug="plugin/sha256-mismatch",
            detail=f"expected {request.sha256}",
            hint="the file changed while it was read; run again",
        )


def _inspect(request: PluginRequest) -> ComponentFacts:
    total = sum(len(file.content) for file in request.files)
    if total > MAX_FILES_CHARACTERS:
        raise PluginRefusedError(
            f"the plugin's files hold {total >> 20} MiB of text together, more than {MAX_FILES_CHARACTERS >> 20} MiB",
            slug="plugin/files-too-large",
            detail="files are handed to the plugin as text, all at once",
            hint="declare their directory under `dirs` and let the plugin read them",
        )
    return inspect_component(request.component)


async def _compile(request: PluginRequest, cache: ComponentCache, stem: str) -> Artifact:
    """Compile in a child process and find the artifact."""
    async with start_child(COMPILER) as child:
        with anyio.move_on_after(COMPILE_SECONDS):
            await child.send(Compile(component=request.component, directory=str(cache.directory), stem=stem, wrap=request.wrap))
            answer = await child.receive()
            await child.wait_ended()
            if isinstance(answer, Refused):
                raise refusal_of(answer)
            if isinstance(answer, Compiled):
                # Found anew rather than taken from the answer: the path is ours to choose, not the child's.
                found = await to_thread.run_sync(cache.find, stem)
                if found is not None:
                    return found
            raise SandboxError("the compiled plugin is not in the component cache", slug="plugin/worker-garbage")
    raise PluginRefusedError(
        f"compiling the plugin took longer than {COMPILE_SECONDS:g} s", slug="plugin/compile-timeout", hint="build a smaller plugin"
    )


async def _load_artifact(request: PluginRequest) -> Artifact:
    cache = ComponentCache(request.cache_directory.absolute())
    stem = artifact_stem(request.sha256, wrap=request.wrap)

    def look() -> Artifact | None:
        _check_bytes(request)
        cache.prepare()
        return cache.find(stem)

    return await to_thread.run_sync(look) or await _compile(request, cache, stem)


def _forget_artifact(request: PluginRequest) -> None:
    cache = ComponentCache(request.cache_directory.absolute())
    stale = cache.find(artifact_stem(request.sha256, wrap=request.wrap))
    if stale is not None:
        cache.forget(stale)


async def _start_and_run(conversation: Conversation, request: PluginRequest, worker_module: str) -> PluginResult:
    """Start a worker and, while it starts, verify the artifact or make it."""
    async with start_child(worker_module) as worker:
        return await conversation.run(worker, await _load_artifact(request))


async def run_plugin(request: PluginRequest, call: CanisterCall, on_line: OnLine, *, worker_module: str = WORKER) -> PluginResult:
    """Run one plugin to its end.

    `call` answers canister calls: it gets the plugin's request, and either returns the reply's bytes or
    raises `CanisterCallError`, whose text the plugin gets as its error; anything else it raises ends the
    plugin and comes out here. `on_line` is called with each line of output as it is complete. Whatever the
    plugin does is in the result (`outcomes.failure_of` makes an error of it). Raises `SandboxError` when the
    worker itself fails. Cancelling kills the worker at once. `worker_module` is the module of the process.
    """
    try:
        facts = await to_thread.run_sync(_inspect, request)
        conversation = Conversation(request, call, on_line)
        try:
            result = await _start_and_run(conversation, request, worker_module)
        except StaleArtifactError:
            await to_thread.run_sync(_forget_artifact, request)
            result = await _start_and_run(conversation, request, worker_module)
    except PluginRefusedError as refusal:
        return PluginResult(outcome="refused", error=refusal.summary, slug=refusal.slug, detail=refusal.detail, hint=refusal.hint)
    except StaleArtifactError as error:
        raise SandboxError(
            "wasmtime refuses the component that it has just compiled", slug="plugin/cache-unusable", detail=str(error)
        ) from error
    return replace(result, interface=facts.interface)
