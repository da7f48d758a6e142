"""Syncing one canister: its steps in order, each reported, the unchanged ones left out."""

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister, PluginStep, ScriptStep, SyncStep
from orchestrator.core.redaction import redact_url
from orchestrator.engine.plugins import step_limits
from orchestrator.engine.routing import check_routes
from orchestrator.engine.run import Run, fail_step, run_step
from orchestrator.engine.session import Session
from orchestrator.engine.steps.sync_plugin import PluginRun, apply_plugin
from orchestrator.engine.steps.sync_script import apply_script
from orchestrator.errors import OrchestratorError
from orchestrator.events import StepKind, StepSkipped

__all__ = ["check_sync", "fail_sync", "sync_canister"]

_UNCHANGED = "nothing that it sees has changed since it last succeeded"


def check_sync(session: Session, ids: Mapping[str, Principal], canisters: Iterable[Canister], planned: Collection[str]) -> None:
    """Refuse limits and proxies that no step could run with, before anything is sent; `planned` canisters will exist.

    Raises `UsageError` for a limit, `DeployError` for a proxy.
    """
    chosen = list(canisters)
    for canister in chosen:
        for step in canister.sync:
            if isinstance(step, PluginStep):
                step_limits(session, step)
    check_routes(session, ids, chosen, planned)


def fail_sync(run: Run, canister: Canister, error: OrchestratorError, due: Collection[int]) -> None:
    """Keep and report a failure that came before the first of the steps that are `due` (numbers from 1) could begin."""
    index = min(due)
    kind, name = _describe(canister.sync[index - 1])
    fail_step(run, canister.name, kind, error, index=index, total=len(canister.sync), name=name)


async def sync_canister(run: Run, canister: Canister, canister_id: Principal, module_hash: str | None, due: Collection[int]) -> None:
    """Run a canister's sync steps one after another; the first failure ends them.

    `module_hash` (hex) is the installed module's; `due` are the numbers (from 1) of the steps to run.
    """
    total = len(canister.sync)
    for index, step in enumerate(canister.sync, 1):
        kind, name = _describe(step)
        if index not in due:
            run.session.emit(
                StepSkipped(canister=canister.name, step=kind, index=index, total=total, reason=_UNCHANGED, name=name),
            )
            continue
        match step:
            case ScriptStep():
                action = partial(apply_script, run, canister, canister_id, module_hash, step, index)
            case PluginStep():
                plugin = PluginRun(
                    canister=canister, canister_id=canister_id, module_hash=module_hash, step=step, index=index, label=name or kind
                )
                action = partial(apply_plugin, run, plugin)
        async with run.session.plugin_slots.processes if isinstance(step, PluginStep) else run.session.limiter:
            succeeded = await run_step(run, canister.name, kind, action, index=index, total=total, name=name)
        if not succeeded:
            return


def _describe(step: SyncStep) -> tuple[StepKind, str | None]:
    """Return a step's kind and what to call it."""
    if isinstance(step, ScriptStep):
        return "sync-script", step.commands[0] if len(step.commands) == 1 else None
    if step.name:
        return "sync-plugin", step.name
    return "sync-plugin", step.path.name if step.path is not None else redact_url(step.url or "")
