"""Running a sync plugin in its sandbox: this side alone decides where its calls go, and journals each update."""

from dataclasses import dataclass

import anyio.to_thread

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.fingerprints import fingerprint, step_key
from orchestrator.engine.plugins import PluginInputs, component_cache, load_inputs, step_limits
from orchestrator.engine.ports import NetworkPort
from orchestrator.engine.routing import route_step
from orchestrator.engine.run import Run
from orchestrator.errors import AgentError, OutcomeUnknownError, ProtocolError, RejectError
from orchestrator.events import StepOutput, Warned
from orchestrator.sandbox.outcomes import failure_of
from orchestrator.sandbox.request import CanisterCallError, CanisterCallRequest, OutputLine, PluginRequest

__all__ = ["PluginRun", "apply_plugin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRun:
    """One plugin step of one canister; `module_hash` (hex) is that of the installed module, `index` counts from 1."""

    canister: Canister
    canister_id: Principal
    module_hash: str | None
    step: PluginStep
    index: int


class _Calls:
    """Answers the plugin's canister calls, and keeps count of the cycles that they attach."""

    def __init__(self, port: NetworkPort, canister_id: Principal, proxy: Principal | None, max_cycles: int | None) -> None:
        """Take where calls go; `max_cycles` bounds what all of them may attach together."""
        self._port = port
        self._canister_id = canister_id
        self._proxy = proxy
        self._max_cycles = max_cycles
        self._cycles = 0

    async def answer(self, request: CanisterCallRequest) -> bytes:
        """Make a call; what the network refuses is the plugin's to handle, an outcome nobody knows ends the step."""
        try:
            if request.call_type == "query":
                return await self._port.query(self._canister_id, request.method, request.arg)
            proxy = None if request.direct else self._proxy
            self._spend(request.cycles, proxy)
            cycles = request.cycles if proxy is not None else 0
            return await self._port.update(self._canister_id, request.method, request.arg, proxy=proxy, cycles=cycles)
        except OutcomeUnknownError:
            raise
        except RejectError as error:
            code = f" ({error.error_code})" if error.error_code else ""
            raise CanisterCallError(f"canister call failed: {error.message}{code}") from error
        except (AgentError, ProtocolError) as error:
            raise CanisterCallError(f"canister call failed: {error.summary}") from error

    def _spend(self, cycles: int, proxy: Principal | None) -> None:
        """Refuse a call that would go over the step's limit; cycles travel only through a proxy."""
        if proxy is None or cycles == 0:
            return
        if self._max_cycles is not None and self._cycles + cycles > self._max_cycles:
            raise CanisterCallError(
                f"canister call refused: it attaches {cycles} cycles, and of the step's `max_cycles` {self._max_cycles} "
                f"only {self._max_cycles - self._cycles} are left"
            )
        self._cycles += cycles


async def apply_plugin(run: Run, plugin: PluginRun) -> None:
    """Run one plugin to its end; a step with `run: changed` that succeeded is remembered with all that it could see."""
    inputs = await load_inputs(run.session, plugin.canister, plugin.step)
    proxy = route_step(run.session, run.stores.ids.load(), plugin.step)
    await _warn_of_private(run, plugin, inputs)
    facts = {"canister_id": str(plugin.canister_id), "component": inputs.sha256, "index": str(plugin.index)}
    with run.recorder.operation(plugin.canister.name, "sync-plugin", **facts) as operation:
        # Taken before the run: what changes meanwhile may not have been seen, and makes the step run again.
        seen = await _fingerprint(run, plugin, inputs, proxy) if plugin.step.run == "changed" else None
        calls = _Calls(run.port(operation), plugin.canister_id, proxy, plugin.step.max_cycles)
        await _run_plugin(run, plugin, _request(run, plugin, inputs, proxy), calls)
        if seen is not None:
            run.stores.sync_records.write(plugin.canister.name, step_key(plugin.index, plugin.step), seen)


async def _fingerprint(run: Run, plugin: PluginRun, inputs: PluginInputs, proxy: Principal | None) -> str:
    return await fingerprint(run.connection, plugin.step, inputs, plugin.canister_id, plugin.module_hash, proxy)


async def _warn_of_private(run: Run, plugin: PluginRun, inputs: PluginInputs) -> None:
    """Say when a declared folder holds what a plugin should not read, such as keys."""
    from orchestrator.sandbox.declared import find_private_contents

    for directory in inputs.directories:
        for found in await anyio.to_thread.run_sync(find_private_contents, directory, plugin.step.span):
            run.session.emit(Warned(slug=found.slug, summary=found.summary, canister=plugin.canister.name, hint=found.hint))


async def _run_plugin(run: Run, plugin: PluginRun, request: PluginRequest, calls: _Calls) -> None:
    from orchestrator.sandbox.host import run_plugin

    def on_line(line: OutputLine) -> None:
        run.session.emit(
            StepOutput(
                canister=plugin.canister.name,
                step="sync-plugin",
                index=plugin.index,
                total=len(plugin.canister.sync),
                stream=line.stream,
                line=line.text,
                name=plugin.step.name,
            )
        )

    failure = failure_of(await run_plugin(request, calls.answer, on_line), plugin.step.span)
    if failure is not None:
        raise failure


def _request(run: Run, plugin: PluginRun, inputs: PluginInputs, proxy: Principal | None) -> PluginRequest:
    return PluginRequest(
        component=inputs.component,
        sha256=inputs.sha256,
        canister_id=str(plugin.canister_id),
        environment=run.session.environment.name,
        identity_principal=str(run.connection.identity),
        cache_directory=component_cache(run.session),
        proxy_canister_id=str(proxy) if proxy is not None else None,
        directories=inputs.directories,
        files=inputs.files,
        limits=step_limits(run.session, plugin.step),
    )
