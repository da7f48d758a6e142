"""From a project, its built modules and a network to a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread

from orchestrator.core.diff import Desired, DesiredCanister, diff
from orchestrator.core.graph import levels
from orchestrator.core.observed import Observed, ObservedCanister
from orchestrator.core.plan import Mode, Plan
from orchestrator.core.project import Canister
from orchestrator.engine.agreements import describe_uses
from orchestrator.engine.arguments import CANDID_SERVICE, install_arguments
from orchestrator.engine.control import check_control
from orchestrator.engine.fingerprints import describe_due, due_steps
from orchestrator.engine.interfaces import describe_break
from orchestrator.engine.modules import load_metadata
from orchestrator.engine.observe import observe
from orchestrator.engine.ports import Connection
from orchestrator.engine.session import Session
from orchestrator.engine.settings_warnings import warn_of_settings
from orchestrator.engine.stores import open_stores
from orchestrator.engine.tasks import run_all
from orchestrator.store import ArtifactStore

__all__ = ["Options", "Prospect", "make_prospect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks of a deploy: `force` upgrades unchanged modules and runs every sync step."""

    mode: Mode = "auto"
    force: bool = False
    sync: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A plan with everything it was made from; `due` holds the numbers (from 1) of the sync steps to run, by canister."""

    plan: Plan
    canisters: tuple[Canister, ...]
    desired: Desired
    observed: Observed
    due: Mapping[str, tuple[int, ...]]


async def make_prospect(
    session: Session, connection: Connection | None, canisters: Sequence[Canister], artifacts: Mapping[str, str], options: Options
) -> Prospect:
    """Observe and compare; without a connection (a network that is not running) everything is to be created.

    `artifacts` are the SHA-256 of the canisters' modules. Sends no update call. Raises `DeployError` for a canister that
    the proxy of management calls could not change.
    """
    levels({canister.name: canister.depends_on for canister in canisters})
    observed, stores = Observed(), None
    if connection is not None:
        stores = open_stores(session, connection)
        observed = await observe(session, connection, stores, {canister.name for canister in canisters})
    creating = any(canister.name not in observed.ids for canister in canisters)
    wanted: dict[str, DesiredCanister] = {}
    due: dict[str, tuple[int, ...]] = {}

    async def one(canister: Canister) -> None:
        present = observed.canisters.get(canister.name)
        artifact = artifacts.get(canister.name)
        steps: Mapping[int, str] = {}
        if options.sync:
            everything = _why_everything(options, present)
            steps = await due_steps(session, connection, stores, canister, present, artifact, everything=everything, creating=creating)
        due[canister.name] = tuple(steps)
        wanted[canister.name] = await _desired(session, connection, canister, present, artifact, steps)

    await run_all(canisters, one)
    desired = Desired(
        environment=session.environment.name,
        network=session.environment.network.name,
        names=tuple(canister.name for canister in session.environment.canisters),
        canisters=tuple(wanted[canister.name] for canister in canisters),
        mode=options.mode,
        force=options.force,
        recipes=await describe_uses(session, canisters, due),
        manager=connection.manager if connection is not None else None,
        bindings={canister.name: canister.bindings for canister in session.environment.canisters},
    )
    plan = diff(desired, observed)
    warn_of_settings(session, desired, observed)
    if connection is not None:
        await check_control(session, connection, plan, observed)
    return Prospect(plan=plan, canisters=tuple(canisters), desired=desired, observed=observed, due=due)


def _why_everything(options: Options, present: ObservedCanister | None) -> str | None:
    """Return why every sync step must run: a fresh or wiped state has none of what earlier syncs brought."""
    if options.force:
        return "`--force`"
    if options.mode in {"install", "reinstall"}:
        return f"`--mode {options.mode}` leaves nothing of earlier ones"
    return "no module is installed" if present is not None and present.module_hash is None else None


async def _desired(
    session: Session,
    connection: Connection | None,
    canister: Canister,
    present: ObservedCanister | None,
    artifact: str | None,
    steps: Mapping[int, str],
) -> DesiredCanister:
    metadata: Mapping[str, bytes] = {}
    if artifact is not None:
        store = ArtifactStore(directory=session.layout.artifacts, index=session.files.artifacts)
        metadata = load_metadata(await anyio.to_thread.run_sync(store.load, artifact))
    install_argument, upgrade_argument = install_arguments(canister, metadata)
    return DesiredCanister(
        name=canister.name,
        settings=canister.settings,
        artifact=artifact,
        install_argument=install_argument,
        upgrade_argument=upgrade_argument,
        sync_steps=len(steps),
        sync_reason=describe_due(canister, steps) if steps else "",
        interface_break=await _interface_break(connection, present, artifact, metadata.get(CANDID_SERVICE)),
    )


async def _interface_break(
    connection: Connection | None, present: ObservedCanister | None, artifact: str | None, new: bytes | None
) -> str | None:
    """Return what callers of the installed module would lose; `None` when one of the interfaces is not told."""
    if connection is None or present is None or present.module_hash in {None, artifact} or new is None:
        return None
    old = await connection.reader.metadata(present.id, CANDID_SERVICE)
    return None if old is None else describe_break(new, old)
