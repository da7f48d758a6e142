"""Applying a plan: the only way that a deploy changes anything.

All missing canisters are created at once, then every canister's settings; then each canister goes its own way: it waits
for what it depends on to be installed, is installed, started if need be, and synced. What fails ends only its own
canister and those that depend on it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

import anyio

from orchestrator.agent.cycles_ledger import CREATION_SETTINGS
from orchestrator.core.diff import DesiredCanister
from orchestrator.core.observed import Observed, ObservedCanister, ObservedSettings
from orchestrator.core.plan import Change
from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister
from orchestrator.core.settings import AMOUNTS, CANISTER_ID_PREFIX, VISIBILITIES, SettingsUpdate, plan_settings, plan_variables
from orchestrator.engine.planner import Prospect
from orchestrator.engine.ports import InstallMode
from orchestrator.engine.preparing import plugin_steps
from orchestrator.engine.readiness import wait_ready
from orchestrator.engine.routing import proxy_canister
from orchestrator.engine.run import Run, run_step
from orchestrator.engine.steps.create import apply_creation
from orchestrator.engine.steps.install import Installation, apply_install
from orchestrator.engine.steps.settings import apply_settings
from orchestrator.engine.steps.start import apply_start
from orchestrator.engine.syncing import fail_sync, sync_canister
from orchestrator.errors import DeployError
from orchestrator.events import StepSkipped

__all__ = ["apply_prospect"]

_INSTALLS: Mapping[str, InstallMode] = {"install": "install", "upgrade": "upgrade", "reinstall": "reinstall"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What one apply is about: the prospect, and the state that creation has brought about since."""

    prospect: Prospect
    observed: Observed
    ids: Mapping[str, Principal]


async def apply_prospect(run: Run, prospect: Prospect) -> None:
    """Carry a plan out. Every failure is reported by an event and raised at the end, all of them at once."""
    await _create_missing(run, prospect)
    ids = {name: principal for name, principal in run.stores.ids.load().items() if name in prospect.desired.names}
    work = _Work(prospect=prospect, observed=_with_created(run, prospect, ids), ids=ids)
    await _update_settings(run, work)
    await _install_and_sync(run, work)
    run.failures.raise_all()


async def _create_missing(run: Run, prospect: Prospect) -> None:
    async def one(canister: DesiredCanister) -> None:
        async def create() -> None:
            await apply_creation(run, canister.name, canister.settings)

        async with run.session.limiter:
            await run_step(run, canister.name, "create", create)

    async with anyio.create_task_group() as group:
        for canister in prospect.desired.canisters:
            if any(change.action == "create" for change in prospect.plan.of(canister.name)):
                group.start_soon(one, canister)


def _with_created(run: Run, prospect: Prospect, ids: Mapping[str, Principal]) -> Observed:
    """Add the canisters that now exist: created with what a creation sets, controlled by the identity."""
    taken = CREATION_SETTINGS if run.connection.repeatable_creation else {*AMOUNTS, *VISIBILITIES}
    fresh = {
        canister.name: ObservedCanister(
            id=ids[canister.name], state="running", settings=_born_with(canister, run.connection.manager, taken)
        )
        for canister in prospect.desired.canisters
        if canister.name in ids and canister.name not in prospect.observed.canisters
    }
    return replace(prospect.observed, canisters={**prospect.observed.canisters, **fresh}, ids=ids)


def _born_with(canister: DesiredCanister, controller: Principal, taken: Collection[str]) -> ObservedSettings:
    """Return the settings that a creation gave; what the cycles ledger does not take is not known to be set."""
    settings = canister.settings
    known = {name: getattr(settings, name) for name in (*AMOUNTS, *VISIBILITIES) if name in taken}
    return ObservedSettings(controllers=frozenset({controller}), **known)


async def _update_settings(run: Run, work: _Work) -> None:
    """Bring every selected canister to its settings, and announce ids to those that the plan names besides."""
    updates = {
        canister.name: _update_of(work, canister)
        for canister in work.prospect.desired.canisters
        if canister.name in work.observed.canisters
    }
    for change in work.prospect.plan.changes:
        if change.action == "settings" and change.canister not in updates and change.canister not in work.prospect.plan.canisters:
            updates[change.canister] = _announcement(work, change)

    async def one(name: str, update: SettingsUpdate) -> None:
        async with run.session.limiter:
            await run_step(run, name, "settings", partial(apply_settings, run, name, work.ids[name], update))

    async with anyio.create_task_group() as group:
        for name, update in updates.items():
            if not update.empty or update.unresolved:
                group.start_soon(one, name, update)


def _update_of(work: _Work, canister: DesiredCanister) -> SettingsUpdate:
    present = work.observed.canisters[canister.name]
    variables = plan_variables(canister.settings, ids=_seen_by(work, canister.name))
    fresh = canister.name not in work.prospect.observed.canisters
    manager = work.prospect.desired.manager
    return plan_settings(canister.settings, present.settings, ids=work.ids, variables=variables, manager=manager, fresh=fresh)


def _seen_by(work: _Work, canister: str) -> dict[str, Principal]:
    """Return the ids that a canister is told, by the ends of its variables' names."""
    return {name: work.ids[key] for name, key in work.prospect.desired.seen_by(canister).items() if key in work.ids}


def _announcement(work: _Work, change: Change) -> SettingsUpdate:
    """Return the update of a canister that is not deployed: its variables stay, ids that are known now are added."""
    current = work.observed.canisters[change.canister].settings.environment_variables
    deployed = {name: str(work.ids[name]) for name in work.prospect.plan.canisters if name in work.ids}
    seen = work.prospect.desired.seen_by(change.canister)
    ids = {f"{CANISTER_ID_PREFIX}{name}": deployed[key] for name, key in seen.items() if key in deployed}
    variables = dict(sorted({**current, **ids}.items()))
    return SettingsUpdate(environment_variables=variables, details=change.details)


async def _install_and_sync(run: Run, work: _Work) -> None:
    installed = {canister.name: anyio.Event() for canister in work.prospect.canisters}

    async def one(canister: Canister) -> None:
        try:
            if await _dependencies_ready(run, canister, installed):
                await _install(run, work, canister)
        finally:
            installed[canister.name].set()
        if not run.failures.stopped(canister.name):
            await _start(run, work, canister)
        if not run.failures.stopped(canister.name) and await _proxies_ready(run, work, canister, installed):
            await _sync(run, work, canister)

    async with anyio.create_task_group() as group:
        for canister in work.prospect.canisters:
            group.start_soon(one, canister)


async def _dependencies_ready(run: Run, canister: Canister, installed: Mapping[str, anyio.Event]) -> bool:
    """Wait until what the canister depends on is installed; `False`, and said so, when it or the canister itself failed."""
    for name in canister.depends_on:
        if name in installed:
            await installed[name].wait()
    if run.failures.stopped(canister.name):
        return False
    broken = [name for name in canister.depends_on if run.failures.stopped(name)]
    if broken:
        reason = f"it depends on `{broken[0]}`, which failed"
        run.failures.block(canister.name, reason)
        run.session.emit(StepSkipped(canister=canister.name, step="install", index=1, total=1, reason=reason))
    return not broken


async def _install(run: Run, work: _Work, canister: Canister) -> None:
    plan = work.prospect.plan
    mode = next((_INSTALLS[change.action] for change in plan.of(canister.name) if change.action in _INSTALLS), None)
    if mode is None:
        return
    wanted = next(each for each in work.prospect.desired.canisters if each.name == canister.name)
    present = work.observed.canisters[canister.name]
    installation = Installation(
        canister=canister.name,
        canister_id=present.id,
        mode=mode,
        module_hash=plan.artifacts[canister.name],
        argument=wanted.upgrade_argument if mode == "upgrade" else wanted.install_argument,
        previous=present.module_hash,
        running=present.state == "running",
    )
    async with run.session.limiter:
        await run_step(run, canister.name, mode, partial(apply_install, run, installation))


async def _start(run: Run, work: _Work, canister: Canister) -> None:
    present = work.observed.canisters[canister.name]
    if any(change.action == "start" for change in work.prospect.plan.of(canister.name)):
        await run_step(run, canister.name, "start", partial(apply_start, run, canister.name, present.id))


async def _proxies_ready(run: Run, work: _Work, canister: Canister, installed: Mapping[str, anyio.Event]) -> bool:
    """Wait until the canisters that plugin steps call through are installed; `False`, and said so, when one failed."""
    for _, step in plugin_steps(canister, work.prospect.due[canister.name]):
        name = proxy_canister(run.session, step)
        if name is None or name == canister.name:
            continue
        if name in installed:
            await installed[name].wait()
        if run.failures.stopped(name):
            reason = f"it calls through `{name}`, which failed"
            run.failures.block(canister.name, reason)
            run.session.emit(StepSkipped(canister=canister.name, step="sync-plugin", index=1, total=len(canister.sync), reason=reason))
            return False
    return True


async def _sync(run: Run, work: _Work, canister: Canister) -> None:
    if not canister.sync:
        return
    present = work.observed.canisters[canister.name]
    plan = work.prospect.plan
    if any(change.action in {*_INSTALLS, "start"} for change in plan.of(canister.name)) and work.prospect.due[canister.name]:
        try:
            await wait_ready(run, canister.name, present.id)
        except DeployError as error:
            fail_sync(run, canister, error, work.prospect.due[canister.name])
            return
    module_hash = plan.artifacts.get(canister.name) or present.module_hash
    await sync_canister(run, canister, present.id, module_hash, work.prospect.due[canister.name])
