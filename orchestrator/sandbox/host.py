"""Runs a sync plugin: the door of this package.

The component is read, compiled once into the cache, and run in a worker process that knows neither the
network nor the identity. The worker asks for canister calls; this side alone decides what they are and
answers them by the function that it was given.
"""

import hashlib
import os
from dataclasses import replace
from typing import Final

import anyio
from anyio import to_thread

from orchestrator.errors import PluginRefusedError, SandboxError
from orchestrator.sandbox.cache import Artifact, ComponentCache, artifact_stem
from orchestrator.sandbox.component import ComponentFacts, inspect_component
from orchestrator.sandbox.frames import Call, Compile, Compiled, Done, Output, Refused, Reply, Start
from orchestrator.sandbox.limits import MAX_ERROR_CHARACTERS, MAX_FILES_CHARACTERS, MAX_REPLY_BYTES
from orchestrator.sandbox.outcomes import Ending, memory_ending, read_ending, timeout_ending
from orchestrator.sandbox.output import LineCapture
from orchestrator.sandbox.process import Child, ChildDiedError, start_child
from orchestrator.sandbox.request import (
    CallType,
    CanisterCall,
    CanisterCallError,
    CanisterCallRequest,
    OnLine,
    OutputLine,
    PluginRequest,
    PluginResult,
    Preopen,
)

__all__ = ["WORKER", "run_plugin"]

COMPILER: Final = "orchestrator.sandbox.compiler"
WORKER: Final = "orchestrator.sandbox.worker"
"""The module whose process runs a plugin."""
COMPILE_SECONDS: Final = 600.0
"""How long compiling one component may take."""
MAX_NANOSECONDS: Final = 2**63 - 1
_OUT_OF_MEMORY: Final = ("memory allocation of", "MemoryError", "Cannot allocate memory")


class _StaleArtifactError(Exception):
    """Raised when wasmtime refuses an artifact from the cache, as after a change of the processor."""


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


def _refusal(frame: Refused) -> PluginRefusedError:
    return PluginRefusedError(frame.summary, slug=frame.slug, detail=frame.detail or None, hint=frame.hint or None)


async def _compile(request: PluginRequest, cache: ComponentCache, stem: str) -> Artifact:
    """Compile in a child process and find the artifact."""
    async with start_child(COMPILER) as child:
        with anyio.move_on_after(COMPILE_SECONDS):
            await child.send(Compile(component=request.component, directory=str(cache.directory), stem=stem, wrap=request.wrap))
            answer = await child.receive()
            await child.wait_ended()
            if isinstance(answer, Refused):
                raise _refusal(answer)
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


def _inode_text(directory: Preopen) -> str:
    return "" if directory.inode is None else f"{directory.inode[0]}:{directory.inode[1]}"


def _order(request: PluginRequest, artifact: Artifact) -> Start:
    return Start(
        artifact=str(artifact.path),
        wrapped=artifact.wrapped,
        parent_pid=os.getpid(),
        canister_id=request.canister_id,
        environment=request.environment,
        identity_principal=request.identity_principal,
        proxy_canister_id=request.proxy_canister_id,
        directories=tuple((each.guest, str(each.host.absolute()), _inode_text(each)) for each in request.directories),
        files=tuple((file.name, file.content) for file in request.files),
        compute_ns=min(int(request.limits.compute_seconds * 1e9), MAX_NANOSECONDS),
        memory_bytes=request.limits.memory_bytes,
    )


class _Session:
    """One run: what the plugin wrote and asked for so far."""

    def __init__(self, request: PluginRequest, call: CanisterCall, on_line: OnLine) -> None:
        self._request = request
        self._call = call
        self._on_line = on_line
        self._stdout = LineCapture("stdout")
        self._stderr = LineCapture("stderr")
        self._calls = 0
        self._call_seconds = 0.0

    async def run(self, worker: Child, artifact: Artifact) -> PluginResult:
        """Run the artifact to its end or to its timeout; raises `_StaleArtifactError`."""
        limits = self._request.limits
        started = anyio.current_time()
        with anyio.move_on_after(limits.timeout_seconds):
            return await self._converse(worker, artifact)
        spent = anyio.current_time() - started - self._call_seconds
        return self.result(timeout_ending(limits), compute_seconds=min(spent, limits.compute_seconds))

    async def _converse(self, worker: Child, artifact: Artifact) -> PluginResult:
        try:
            await worker.send(_order(self._request, artifact))
            last = await self._serve(worker)
        except ChildDiedError as death:
            if any(mark in death.stderr for mark in _OUT_OF_MEMORY):
                return self.result(memory_ending(self._request.limits, death.stderr))
            raise
        await worker.wait_ended()
        if isinstance(last, Refused):
            raise _refusal(last)
        if last.ending == "artifact":
            raise _StaleArtifactError(last.text)
        return self.result(
            read_ending(last, self._request.limits),
            dropped=(last.dropped_stdout, last.dropped_stderr),
            compute_seconds=last.compute_ns / 1e9,
            peak_memory_bytes=last.peak_bytes,
        )

    async def _serve(self, worker: Child) -> Done | Refused:
        while True:
            match await worker.receive():
                case Output() as output:
                    self._take_output(output)
                case Call() as asked:
                    await worker.send(await self._answer(asked))
                case Done() | Refused() as last:
                    return last
                case other:
                    raise SandboxError(
                        "the plugin's worker process sent something that is not part of the conversation",
                        slug="plugin/worker-garbage",
                        detail=f"a frame of the kind {other.kind}",
                    )

    def _take_output(self, output: Output) -> None:
        capture = self._stderr if output.stderr else self._stdout
        self._announce(capture, capture.feed(output.data))

    def _announce(self, capture: LineCapture, lines: list[str]) -> None:
        for line in lines:
            self._on_line(OutputLine(stream=capture.name, text=line))

    async def _answer(self, asked: Call) -> Reply:
        self._calls += 1
        call_type: CallType = "query" if asked.query else "update"
        started = anyio.current_time()
        try:
            reply = await self._call(
                CanisterCallRequest(method=asked.method, arg=asked.argument, call_type=call_type, direct=asked.direct, cycles=asked.cycles)
            )
        except CanisterCallError as error:
            return Reply(accepted=False, payload=error.text[:MAX_ERROR_CHARACTERS].encode("utf-8", "replace"))
        finally:
            self._call_seconds += anyio.current_time() - started
        if len(reply) > MAX_REPLY_BYTES:
            text = f"canister call failed: the reply of {len(reply)} bytes is longer than {MAX_REPLY_BYTES}"
            return Reply(accepted=False, payload=text.encode())
        return Reply(accepted=True, payload=reply)

    def result(
        self, ending: Ending, *, dropped: tuple[int, int] = (0, 0), compute_seconds: float = 0.0, peak_memory_bytes: int = 0
    ) -> PluginResult:
        """End both streams and put the result together."""
        for capture, count in zip((self._stdout, self._stderr), dropped, strict=True):
            self._announce(capture, capture.finish(count))
        return PluginResult(
            outcome=ending.outcome,
            error=ending.error,
            slug=ending.slug,
            detail=ending.detail,
            hint=ending.hint,
            limit=ending.limit,
            stdout=tuple(self._stdout.lines),
            stderr=tuple(self._stderr.lines),
            compute_seconds=compute_seconds,
            peak_memory_bytes=peak_memory_bytes,
            calls=self._calls,
        )


def _forget_artifact(request: PluginRequest) -> None:
    cache = ComponentCache(request.cache_directory.absolute())
    stale = cache.find(artifact_stem(request.sha256, wrap=request.wrap))
    if stale is not None:
        cache.forget(stale)


async def _start_and_run(session: _Session, request: PluginRequest, worker_module: str) -> PluginResult:
    """Start a worker and, while it starts, verify the artifact or make it."""
    async with start_child(worker_module) as worker:
        return await session.run(worker, await _load_artifact(request))


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
        session = _Session(request, call, on_line)
        try:
            result = await _start_and_run(session, request, worker_module)
        except _StaleArtifactError:
            await to_thread.run_sync(_forget_artifact, request)
            result = await _start_and_run(session, request, worker_module)
    except PluginRefusedError as refusal:
        return PluginResult(outcome="refused", error=refusal.summary, slug=refusal.slug, detail=refusal.detail, hint=refusal.hint)
    except _StaleArtifactError as error:
        raise SandboxError(
            "wasmtime refuses the component that it has just compiled", slug="plugin/cache-unusable", detail=str(error)
        ) from error
    return replace(result, interface=facts.interface)
