"""Running a sync plugin in its sandbox, and telling what it does."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio.to_thread

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, PluginStep
from orchestrator.engine.declarations import find_private
from orchestrator.engine.fingerprints import StepView, fingerprint, step_key
from orchestrator.engine.plugins import PluginInputs, component_cache, step_limits
from orchestrator.engine.routing import require_control, route_step
from orchestrator.engine.run import Run
from orchestrator.engine.slots import ComputeSlot
from orchestrator.engine.steps.plugin_calls import PluginCalls, Target
from orchestrator.errors import PluginRefusedError
from orchestrator.events import StepOutput, StepPhase, Warned
from orchestrator.sandbox.outcomes import failure_of
from orchestrator.sandbox.request import OutputLine, Phase, PluginRequest
from orchestrator.sandbox.wall_clock import WallClock

__all__ = ["PluginRun", "apply_plugin"]

_TOLD = frozenset({"compiling", "quiet"})
"""Phases that are worth a line; the others say that such a one is over."""
_AT_REST = frozenset({"resting", "quiet"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRun:
    """One plugin step of one canister.

    `module_hash` (hex) is that of the installed module, `index` counts from 1, and `label` is what to call the step.
    """

    canister: Canister
    canister_id: Principal
    module_hash: str | None
    step: PluginStep
    index: int
    label: str


async def apply_plugin(run: Run, plugin: PluginRun) -> None:
    """Run one plugin to its end; a step with `run: changed` that succeeded is remembered with all that it could see."""
    async with run.preparation.inputs(run.session, plugin.canister, plugin.step) as inputs:
        await _apply(run, plugin, inputs)


async def _apply(run: Run, plugin: PluginRun, inputs: PluginInputs) -> None:
    proxy = route_step(run.session, run.stores.ids.load(), plugin.step)
    if proxy is not None and proxy not in run.proxies:
        await require_control(run.connection, proxy, plugin.step.span)
        run.proxies.add(proxy)
    await _warn_of_private(run, plugin, inputs)
    # Taken before the run: what changes meanwhile may not have been seen, and makes the step run again.
    seen = await _fingerprint(run, plugin, inputs, proxy) if plugin.step.run == "changed" else None
    records, key = run.stores.sync_records, step_key(plugin.index, plugin.step)
    others = _callable(run, plugin)
    request = _request(run, plugin, inputs, proxy)
    clock = WallClock()
    slot = ComputeSlot(run.session.plugin_slots, clock)
    facts = {"canister_id": str(plugin.canister_id), "component": inputs.sha256, "index": str(plugin.index), "name": plugin.label}
    teller = _Teller(run, plugin, slot)
    await run.preparation.wait_compiled(inputs.sha256, teller.tell_phase)
    async with slot.held():
        with run.recorder.operation(plugin.canister.name, "sync-plugin", **facts) as operation:
            if seen is not None:
                records.start(plugin.canister.name, key)
            target = Target(canister_id=plugin.canister_id, proxy=proxy, others=others)
            calls = PluginCalls(run.port(operation), target, plugin.step.max_cycles, slot)
            await _run_plugin(run, plugin, request, calls, teller, clock)
            if seen is not None:
                records.write(plugin.canister.name, key, seen)


async def _fingerprint(run: Run, plugin: PluginRun, inputs: PluginInputs, proxy: Principal | None) -> str:
    view = StepView(
        step=plugin.step,
        inputs=inputs,
        canister_id=plugin.canister_id,
        module_hash=plugin.module_hash,
        proxy=proxy,
        canister_ids=run.stores.ids.load(),
    )
    return await fingerprint(run.session, run.connection, view)


async def _warn_of_private(run: Run, plugin: PluginRun, inputs: PluginInputs) -> None:
    """Say when a declared folder holds what a plugin should not read, such as keys; a strict run does not go on."""
    for found in await anyio.to_thread.run_sync(find_private, plugin.step, inputs.directories):
        if run.session.strict:
            raise PluginRefusedError(found.summary, slug=found.slug, span=found.span, hint=found.hint)
        run.session.emit(Warned(slug=found.slug, summary=found.summary, canister=plugin.canister.name, hint=found.hint, place=found.span))


async def _run_plugin(run: Run, plugin: PluginRun, request: PluginRequest, calls: PluginCalls, teller: "_Teller", clock: WallClock) -> None:
    from orchestrator.sandbox.host import run_plugin

    result = await run_plugin(
        request,
        calls.answer,
        teller.tell_line,
        on_phase=teller.tell_phase,
        pool=run.preparation.pool,
        read_section=calls.read_section,
        clock=clock,
    )
    failure = failure_of(result, plugin.step.span)
    if failure is not None:
        raise failure


class _Teller:
    """Makes events of what a plugin writes and does."""

    def __init__(self, run: Run, plugin: PluginRun, slot: ComputeSlot) -> None:
        """Take who is told, and of what, and the slot that a plugin at rest lends to others."""
        self._slot = slot
        self._emit = run.session.emit
        self._plugin = plugin
        self._told = False

    def tell_line(self, line: OutputLine) -> None:
        """Tell a line as it was written."""
        plugin = self._plugin
        self._emit(
            StepOutput(
                canister=plugin.canister.name,
                step="sync-plugin",
                index=plugin.index,
                total=len(plugin.canister.sync),
                stream=line.stream,
                line=line.text,
                name=plugin.label,
            )
        )

    def tell_phase(self, phase: Phase, detail: str) -> None:
        """Tell what takes long: of the other phases only that this is over."""
        if phase in _AT_REST:
            self._slot.lend()
        elif phase == "running":
            self._slot.resume()
        if phase == "resting":
            return
        if phase not in _TOLD and not self._told:
            return
        self._told = phase in _TOLD
        plugin = self._plugin
        self._emit(
            StepPhase(
                canister=plugin.canister.name,
                step="sync-plugin",
                index=plugin.index,
                total=len(plugin.canister.sync),
                phase=phase,
                detail=detail,
                name=plugin.label,
            )
        )


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
        options=run.session.plugin_options,
        limits=step_limits(run.session, plugin.step),
        api_url=_with_path(run.connection.api_url),
        gateway_url=None if run.connection.gateway_url is None else _with_path(run.connection.gateway_url),
        fields=plugin.step.fields,
        canister_ids=_canister_ids(run, plugin.canister),
        canisters=plugin.step.canisters,
    )


def _with_path(url: str) -> str:
    """Return a URL with a path, as icp-cli writes them: what a plugin appends to one fits the other."""
    return url if urlsplit(url).path else f"{url}/"


def _canister_ids(run: Run, canister: Canister) -> tuple[tuple[str, str], ...]:
    """Return every id of the environment by key, and those of the canister's own project by their names in it as well."""
    ids = run.stores.ids.load()
    own = {name: ids[key] for name, key in canister.bindings.items() if ":" not in name and key in ids}
    return tuple((name, str(principal)) for name, principal in sorted({**ids, **own}.items()))


def _callable(run: Run, plugin: PluginRun) -> dict[str, Principal]:
    """Find the canisters that a step lists as callable; raises `PluginRefusedError` for one without an id."""
    ids = run.stores.ids.load()
    keys = {name: plugin.canister.bindings.get(name, name) for name in plugin.step.canisters}
    for name, key in keys.items():
        if key not in ids:
            raise PluginRefusedError(
                f"the step lists canister `{name}` as callable, but no canister of that name is known in environment "
                f"`{run.session.environment.name}`",
                slug="plugin/unknown-canister",
                span=plugin.step.span,
                hint="write the name that the canister has in the project, and deploy it first",
            )
    return {name: ids[key] for name, key in keys.items()}
