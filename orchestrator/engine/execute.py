"""Under the environment's lock: settle what was left open, plan, ask, apply.

The lock covers the plan and the question too, so that what was agreed to is what happens.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from orchestrator.core.plan import Plan
from orchestrator.core.project import Canister
from orchestrator.engine.agreements import remember_agreements
from orchestrator.engine.applying import apply_prospect
from orchestrator.engine.commits import Commits
from orchestrator.engine.consent import Consent, refuse_anonymous, require_confirmation, require_consent
from orchestrator.engine.planner import Options, Prospect, make_prospect
from orchestrator.engine.ports import Connection
from orchestrator.engine.preparing import Preparation, plugin_steps
from orchestrator.engine.recorder import Recorder
from orchestrator.engine.run import Run
from orchestrator.engine.session import Session
from orchestrator.engine.settle import settle
from orchestrator.engine.stores import Stores, open_stores
from orchestrator.engine.syncing import check_sync
from orchestrator.engine.urls import emit_urls
from orchestrator.errors import DeployError, OrchestratorError
from orchestrator.events import NothingChanged, PlanReady
from orchestrator.store import EnvironmentLock, Journal

__all__ = ["execute", "hold_environment", "locked_run", "make_run"]


def hold_environment(session: Session) -> EnvironmentLock:
    """Return the lock that every mutating verb holds; raises `LockHeldError` when entered while another run has it."""
    return EnvironmentLock(
        session.files.lock,
        environment=session.environment.name,
        command=f"orchestrator {session.verb}",
        run=session.run,
        clock=session.now,
    )


@asynccontextmanager
async def locked_run(session: Session, connection: Connection, preparation: Preparation | None = None) -> AsyncIterator[Run]:
    """Hold the environment, settle what was left open, and hand out a run with its own journal."""
    refuse_anonymous(session, connection)
    await require_confirmation(session)
    with hold_environment(session):
        stores = open_stores(session, connection)
        await settle(session, connection, stores)
        with Journal(session.files.journal(session.run), clock=session.now) as journal:
            yield make_run(session, connection, stores, journal, preparation)


async def execute(
    session: Session,
    connection: Connection,
    canisters: Sequence[Canister],
    artifacts: Mapping[str, str],
    options: Options,
    *,
    consent: Consent | None = None,
    approved_digest: str | None = None,
    preparation: Preparation | None = None,
) -> Plan:
    """Plan and apply under the lock; returns the plan that was applied.

    `consent` is asked when something is destructive, or when remote recipes reach whom nobody agreed to; without it, or with a no, `ConsentError`, and nothing was sent.
    With `approved_digest` the plan must be that one, and is applied without asking; else `DeployError`, nothing sent.
    """
    refuse_anonymous(session, connection)
    with hold_environment(session):
        stores = open_stores(session, connection)
        await settle(session, connection, stores)
        prospect = await make_prospect(session, connection, canisters, artifacts, options)
        plan = prospect.plan
        due = [canister for canister in prospect.canisters if prospect.due[canister.name]]
        check_sync(session, stores.ids.load(), due, plan.canisters)
        if approved_digest is None:
            session.emit(PlanReady(environment=plan.environment, digest=plan.digest, changes=plan.changes, recipes=plan.recipes))
            await require_consent(plan, consent)
        elif approved_digest != plan.digest:
            raise _stale(session, approved_digest, plan)
        if not plan.mutates:
            session.emit(NothingChanged(environment=plan.environment, canisters=plan.canisters))
            return plan
        await require_confirmation(session)
        await remember_agreements(session, plan.recipes)
        await _apply(session, connection, prospect, preparation or Preparation())
        return plan


def make_run(session: Session, connection: Connection, stores: Stores, journal: Journal, preparation: Preparation | None = None) -> Run:
    """Put together what the steps of a run share."""
    recorder = Recorder(commits=Commits(journal), run=session.run, instance_id=connection.instance_id)
    return Run(session=session, connection=connection, recorder=recorder, stores=stores, preparation=preparation or Preparation())


async def _apply(session: Session, connection: Connection, prospect: Prospect, preparation: Preparation) -> None:
    steps = [step for canister in prospect.canisters for step in plugin_steps(canister, prospect.due[canister.name])]
    preparation.expect(steps)
    with Journal(session.files.journal(session.run), clock=session.now) as journal:
        run = make_run(session, connection, open_stores(session, connection), journal, preparation)
        try:
            async with preparation.workers(steps):
                await apply_prospect(run, prospect)
        except OrchestratorError:
            # What was deployed is worth knowing although something else failed; what failed is what is to be told.
            with suppress(OrchestratorError):
                await emit_urls(session, connection, _deployed(run, prospect))
            raise


def _deployed(run: Run, prospect: Prospect) -> list[Canister]:
    """Return the canisters with which nothing went wrong; none when what ended the run is no canister's own failure."""
    if not run.failures.by_canister:
        return []
    return [canister for canister in prospect.canisters if not run.failures.stopped(canister.name)]


def _stale(session: Session, approved: str, plan: Plan) -> DeployError:
    return DeployError(
        "the plan does not describe the environment any more",
        slug="deploy/stale-plan",
        detail=f"its digest is {approved}, the present one is {plan.digest}; nothing was sent",
        hint=f"run `orchestrator plan --env {session.environment.name}` again and read what it says now",
    )
