"""The verbs of the command line that build or change something, as functions.

Each is given a session (`open_session`), tells the session's `emit` what happens, and raises `OrchestratorError`s.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from shlex import quote

from orchestrator.core.plan import Plan
from orchestrator.core.principal import Principal
from orchestrator.core.project import Canister
from orchestrator.engine.agreements import remember_agreements
from orchestrator.engine.building import Artifact, build_canisters
from orchestrator.engine.connection import open_connection, require_connection
from orchestrator.engine.consent import Consent, refuse_anonymous, refuse_unapproved, require_recipe_consent
from orchestrator.engine.control import read_status
from orchestrator.engine.execute import execute, locked_run
from orchestrator.engine.fingerprints import step_key
from orchestrator.engine.planner import Options, make_prospect
from orchestrator.engine.preflight import check_plugins
from orchestrator.engine.preparing import Expected, plugin_steps, prepare_plugins
from orchestrator.engine.recipes import expand_recipes
from orchestrator.engine.reporting import reported_run
from orchestrator.engine.run import Run
from orchestrator.engine.scoping import check_bound, select_in_scope
from orchestrator.engine.session import Session, select_canisters
from orchestrator.engine.stores import Stores, open_stores
from orchestrator.engine.syncing import check_sync, fail_sync, sync_canister
from orchestrator.engine.tasks import run_all
from orchestrator.engine.urls import emit_urls
from orchestrator.errors import DeployError, OrchestratorError
from orchestrator.events import PlanReady, Warned

__all__ = ["apply", "build", "deploy", "plan", "sync"]


async def build(session: Session, names: Sequence[str] = ()) -> Mapping[str, Artifact]:
    """Build the named canisters of the environment (all of them without names); returns the stored modules by canister."""
    canisters = select_canisters(session, names)
    with reported_run(session, [canister.name for canister in canisters]):
        return await build_canisters(session, await expand_recipes(session, canisters))


async def plan(session: Session, names: Sequence[str] = (), *, options: Options | None = None) -> Plan:
    """Build, look at the network, and return what a deploy would do; no update call is sent.

    A managed network that is not running stays so: everything is to be created then.
    """
    selected = select_in_scope(session, names)
    with reported_run(session, [canister.name for canister in selected]):
        canisters = await expand_recipes(session, selected)
        artifacts = await build_canisters(session, canisters)
        if options is None or options.sync:
            await check_plugins(session, canisters)
        async with open_connection(session, when_stopped="ignore") as connection:
            if connection is None:
                _warn_of_guess(session)
            else:
                check_bound(session, open_stores(session, connection).ids.load(), selected, names)
            prospect = await make_prospect(session, connection, canisters, _hashes(artifacts), options or Options())
        result = prospect.plan
        session.emit(PlanReady(environment=result.environment, digest=result.digest, changes=result.changes, recipes=result.recipes))
        return result


def _warn_of_guess(session: Session) -> None:
    """Say that a stopped network cannot be compared with, where it may hold canisters of the environment."""
    if not session.files.ids.exists():
        return
    network = session.environment.network.name
    session.emit(
        Warned(
            slug="plan/network-stopped",
            summary=f"network `{network}` is not running: the plan supposes that nothing is deployed there",
            hint=f"run `orchestrator network start {network}` first, to compare with what is there",
        )
    )


async def apply(session: Session, approved: Plan) -> Plan:
    """Apply a plan verbatim; raises `DeployError` (`deploy/stale-plan`) when project or network have changed since."""
    selected = select_canisters(session, approved.canisters) if approved.canisters else ()
    with reported_run(session, approved.canisters):
        refuse_unapproved(session)
        if approved.environment != session.environment.name:
            raise DeployError(f"the plan is for environment `{approved.environment}`", slug="deploy/other-environment")
        canisters = await expand_recipes(session, selected)
        await check_plugins(session, canisters)
        async with open_connection(session, when_stopped="start") as connection:
            options = Options(mode=approved.mode, force=approved.force)
            network = require_connection(connection)
            async with prepare_plugins(session) as preparation:
                result = await execute(
                    session, network, canisters, approved.artifacts, options, approved_digest=approved.digest, preparation=preparation
                )
            await emit_urls(session, network, canisters)
        return result


async def deploy(session: Session, names: Sequence[str] = (), *, options: Options | None = None, consent: Consent | None = None) -> Plan:
    """Build, plan, ask where something is destructive, and apply; a managed network that is not running is started.

    Raises what failed, all of it at once, after the canisters that could go on have gone on.
    """
    selected = select_in_scope(session, names)
    with reported_run(session, [canister.name for canister in selected]):
        refuse_unapproved(session)
        async with open_connection(session, when_stopped="start") as opened:
            connection = require_connection(opened)
            refuse_anonymous(session, connection)
            check_bound(session, open_stores(session, connection).ids.load(), selected, names)
            canisters = await expand_recipes(session, selected)
            wanted = options or Options()
            async with prepare_plugins(session) as preparation:
                preparation.expect(_certain_steps(open_stores(session, connection), canisters, wanted))
                artifacts = await build_canisters(session, canisters)
                if wanted.sync:
                    await check_plugins(session, canisters)
                hashes = _hashes(artifacts)
                result = await execute(session, connection, canisters, hashes, wanted, consent=consent, preparation=preparation)
            await emit_urls(session, connection, canisters)
            return result


def _certain_steps(stores: Stores, canisters: Sequence[Canister], options: Options) -> list[Expected]:
    """Return the plugin steps that a deploy will run whatever its plan says: those that always run, or never succeeded."""
    if not options.sync:
        return []
    known = {canister.name: stores.sync_records.load(canister.name) for canister in canisters}
    return [
        (canister, step)
        for canister in canisters
        for index in range(1, len(canister.sync) + 1)
        for _, step in plugin_steps(canister, [index])
        if step.run == "always" or options.force or step_key(index, step) not in known[canister.name]
    ]


async def sync(session: Session, names: Sequence[str] = (), *, consent: Consent | None = None) -> None:
    """Run every sync step of the named canisters, `run: changed` or not; they must be deployed and running.

    `consent` is asked where a remote recipe's steps name a proxy or other canisters.
    """
    selected = select_canisters(session, names)
    with reported_run(session, [canister.name for canister in selected]):
        refuse_unapproved(session)
        canisters = [canister for canister in await expand_recipes(session, selected) if canister.sync]
        uses = await require_recipe_consent(session, canisters, consent)
        steps = [step for canister in canisters for step in plugin_steps(canister, range(1, len(canister.sync) + 1))]
        # Workers start before there is a connection: opening one keeps this process busy, not the other processors.
        async with (
            prepare_plugins(session) as preparation,
            preparation.workers(steps),
            open_connection(session, when_stopped="fail") as opened,
        ):
            connection = require_connection(opened)
            _require_ids(session, open_stores(session, connection), canisters)
            if session.strict:
                await check_plugins(session, canisters)
            async with locked_run(session, connection, preparation) as run:
                await remember_agreements(session, uses)
                check_sync(session, run.stores.ids.load(), canisters, ())
                preparation.expect(steps)
                await run_all(canisters, partial(_sync_one, run))
                run.failures.raise_all()


def _require_ids(session: Session, stores: Stores, canisters: Sequence[Canister]) -> None:
    ids = stores.ids.load()
    missing = [canister.name for canister in canisters if canister.name not in ids]
    if missing:
        names = " ".join(quote(name) for name in missing)
        raise DeployError(
            f"not deployed in environment `{session.environment.name}`: {', '.join(missing)}",
            slug="sync/not-deployed",
            hint=f"run `orchestrator deploy {names} --env {session.environment.name}` first",
        )


async def _sync_one(run: Run, canister: Canister) -> None:
    """Sync one canister; its failure is kept in the run, and the others go on."""
    canister_id = run.stores.ids.load()[canister.name]
    due = range(1, len(canister.sync) + 1)
    try:
        module_hash = await _running_module(run, canister, canister_id)
    except OrchestratorError as error:
        fail_sync(run, canister, error, due)
        return
    await sync_canister(run, canister, canister_id, module_hash, due)


async def _running_module(run: Run, canister: Canister, canister_id: Principal) -> str | None:
    """Return the hash of a canister's module, in hex; one that is not running is refused: somebody stopped it on purpose."""
    live = await read_status(run.session, run.connection, canister.name, canister_id)
    if live is None or live.state != "running":
        state = "gone" if live is None else live.state
        raise DeployError(
            f"canister `{canister.name}` ({canister_id}) is {state}; syncing requires it to be running",
            slug="sync/not-running",
            span=canister.span,
            hint=f"run `orchestrator canister start {quote(canister.name)} --env {run.session.environment.name}`, then sync again",
        )
    return live.module_hash


def _hashes(artifacts: Mapping[str, Artifact]) -> Mapping[str, str]:
    return {name: artifact.sha256 for name, artifact in artifacts.items()}
