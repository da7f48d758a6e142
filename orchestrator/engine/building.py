"""Building: every canister's steps in order, canisters at once, each module checked and stored under its hash."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from orchestrator.core.project import BuildStep, Canister, PrebuiltStep, ScriptStep
from orchestrator.engine.modules import MAX_MODULE_BYTES, describe_defect
from orchestrator.engine.session import Session
from orchestrator.engine.shell import run_commands
from orchestrator.engine.sources import Wanted, load_source
from orchestrator.engine.step_blame import blame_recipe
from orchestrator.errors import BuildError, Diagnostic, OrchestratorError
from orchestrator.events import BuildFailed, BuildFinished, BuildOutput, BuildStarted, Stream
from orchestrator.store import ArtifactStore

__all__ = ["Artifact", "build_canisters", "wanted_module"]

_OUTPUT_VARIABLE = "ICP_WASM_OUTPUT_PATH"
_ENVIRONMENT_VARIABLE = "ICP_CLI_ENVIRONMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A module that a build stored; `sha256` is lower-case hex of the bytes as installed, `size` their number."""

    canister: str
    sha256: str
    size: int


async def build_canisters(session: Session, canisters: Sequence[Canister]) -> Mapping[str, Artifact]:
    """Build canisters concurrently, bounded by the session's jobs; those without build steps are left out.

    Every canister is built, however the others fare; then all failures are raised at once as `BuildError`.
    """
    artifacts: dict[str, Artifact] = {}
    failures: dict[str, OrchestratorError] = {}

    async def one(canister: Canister) -> None:
        async with session.limiter:
            try:
                artifacts[canister.name] = await _build(session, canister)
            except OrchestratorError as error:
                failures[canister.name] = error

    async with anyio.create_task_group() as group:
        for canister in canisters:
            if canister.build:
                group.start_soon(one, canister)
    if failures:
        raise _combined(failures)
    return {canister.name: artifacts[canister.name] for canister in canisters if canister.name in artifacts}


async def _build(session: Session, canister: Canister) -> Artifact:
    """Run one canister's steps and store what they made."""
    started = anyio.current_time()
    total = len(canister.build)
    session.emit(BuildStarted(canister=canister.name, total=total))
    index = 0
    try:
        with tempfile.TemporaryDirectory(prefix="orchestrator-build-") as temporary:
            output = Path(temporary) / "out.wasm"
            for index, step in enumerate(canister.build, 1):
                await _run_step(session, canister, step, index, output)
            wasm = await anyio.to_thread.run_sync(_load_module, canister, output)
        store = ArtifactStore(directory=session.layout.artifacts, index=session.files.artifacts)
        sha256 = await anyio.to_thread.run_sync(store.add, canister.name, wasm)
    except OrchestratorError as error:
        blame_recipe(error, canister, canister.build[: canister.expanded.build] if canister.expanded is not None else ())
        session.emit(BuildFailed(canister=canister.name, index=index, total=total, slug=error.slug, summary=error.summary))
        raise
    seconds = anyio.current_time() - started
    session.emit(BuildFinished(canister=canister.name, sha256=sha256, size=len(wasm), seconds=seconds))
    return Artifact(canister=canister.name, sha256=sha256, size=len(wasm))


async def _run_step(session: Session, canister: Canister, step: BuildStep, index: int, output: Path) -> None:
    def on_line(stream: Stream, line: str) -> None:
        session.emit(
            BuildOutput(canister=canister.name, index=index, total=len(canister.build), stream=stream, line=line),
        )

    match step:
        case ScriptStep():
            environ = {**session.environ, _OUTPUT_VARIABLE: str(output), _ENVIRONMENT_VARIABLE: session.environment.name}
            failure = await run_commands(step.commands, directory=canister.directory, environ=environ, on_line=on_line)
            if failure is not None:
                raise BuildError(f"the build of canister `{canister.name}` failed", detail=failure.reason, span=step.span)
        case PrebuiltStep():
            wasm = await load_source(session, step, wanted_module(canister))
            await anyio.Path(output).write_bytes(wasm)


def wanted_module(canister: Canister) -> Wanted:
    """Return what messages call the module of a canister."""
    return Wanted(
        noun="module",
        name=f"the module of canister `{canister.name}`",
        error=BuildError,
        missing_slug="build/missing-module",
        large_slug="build/too-large",
        download_slug="build/download",
        checksum_slug="build/checksum",
    )


def _load_module(canister: Canister, output: Path) -> bytes:
    """Read what the steps made, and refuse what no canister can be made of."""
    last = canister.build[-1]
    try:
        size = output.stat().st_size
    except FileNotFoundError as error:
        raise BuildError(
            f"the build of canister `{canister.name}` made no module",
            slug="build/no-output",
            detail=f"nothing was written to `{output}`, which is what `${_OUTPUT_VARIABLE}` names",
            span=last.span,
            hint=f'end the build with a command such as `cp module.wasm "${_OUTPUT_VARIABLE}"`',
        ) from error
    if size > MAX_MODULE_BYTES:
        defect: str | None = f"it has {size} bytes, and a module has at most {MAX_MODULE_BYTES}"
        wasm = b""
    else:
        wasm = output.read_bytes()
        defect = describe_defect(wasm)
    if defect is not None:
        raise BuildError(
            f"what the build of canister `{canister.name}` made is not a WebAssembly module",
            slug="build/not-wasm",
            detail=defect,
            span=last.span,
        )
    return wasm


def _combined(failures: Mapping[str, OrchestratorError]) -> OrchestratorError:
    """Return one error for all: a single one as it is."""
    if len(failures) == 1:
        return next(iter(failures.values()))
    diagnostics: list[Diagnostic] = [diagnostic for error in failures.values() for diagnostic in error.diagnostics]
    return BuildError(f"{len(failures)} canisters failed to build: {', '.join(sorted(failures))}", diagnostics=diagnostics)
