"""Starting and stopping deployed canisters: plans of one step, with the same lock, journal and checks as a deploy."""

from collections.abc import Sequence
from functools import partial
from shlex import quote

from orchestrator.core.project import Canister
from orchestrator.engine.connection import open_connection, require_connection
from orchestrator.engine.execute import locked_run
from orchestrator.engine.reporting import reported_run
from orchestrator.engine.run import Run, run_step
from orchestrator.engine.session import Session, select_canisters
from orchestrator.engine.steps.start import apply_start
from orchestrator.engine.steps.stop import apply_stop
from orchestrator.engine.tasks import run_all
from orchestrator.errors import DeployError
from orchestrator.events import StepSkipped

__all__ = ["start_canisters", "stop_canisters"]


async def start_canisters(session: Session, names: Sequence[str]) -> None:
    """Start deployed canisters; those that run already are left alone."""
    await _run(session, names, start=True)


async def stop_canisters(session: Session, names: Sequence[str]) -> None:
    """Stop deployed canisters and wait until they have stopped; those that have already are left alone."""
    await _run(session, names, start=False)


async def _run(session: Session, names: Sequence[str], *, start: bool) -> None:
    canisters = select_canisters(session, names)
    with reported_run(session, [canister.name for canister in canisters]):
        async with open_connection(session, when_stopped="fail") as opened:
            connection = require_connection(opened)
            async with locked_run(session, connection) as run:
                await run_all(canisters, partial(_one, run, start=start))
                run.failures.raise_all()


async def _one(run: Run, canister: Canister, *, start: bool) -> None:
    name, canister_id = canister.name, run.stores.ids.load().get(canister.name)
    live = None if canister_id is None else await run.connection.reader.status(canister_id)
    if canister_id is None or live is None:
        raise DeployError(
            f"canister `{name}` is not deployed in environment `{run.session.environment.name}`",
            slug="deploy/not-deployed",
            span=canister.span,
            hint=f"run `orchestrator deploy {quote(name)} --env {run.session.environment.name}` first",
        )
    if live.state == ("running" if start else "stopped"):
        reason = f"it is {live.state}"
        run.session.emit(StepSkipped(canister=name, step="start" if start else "stop", index=1, total=1, reason=reason))
        return
    action = partial(apply_start if start else apply_stop, run, name, canister_id)
    async with run.session.limiter:
        await run_step(run, name, "start" if start else "stop", action)
