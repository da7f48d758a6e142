"""Looking at a network: which canisters of the environment exist, and how they are. Sends no update call."""

from collections.abc import Collection, Sequence

import anyio

from orchestrator.core.observed import LastInstall, Observed, ObservedCanister
from orchestrator.core.principal import Principal
from orchestrator.engine.control import read_status
from orchestrator.engine.ports import Connection, LiveCanister
from orchestrator.engine.session import Session
from orchestrator.engine.stores import Stores
from orchestrator.errors import DeployError, OrchestratorError
from orchestrator.store import InstallRecord

__all__ = ["observe"]


async def observe(session: Session, connection: Connection, stores: Stores, selected: Collection[str]) -> Observed:
    """Return the state of the environment's canisters.

    Those in `selected` must be readable: one that has an id and does not exist, or that the identity may not see, raises
    `DeployError`. The others are left out then.
    """
    names = [canister.name for canister in session.environment.canisters]
    ids = {name: principal for name, principal in stores.ids.load().items() if name in names}
    records = stores.records.load()
    found: dict[str, ObservedCanister] = {}
    errors: dict[str, OrchestratorError] = {}

    async def one(name: str, principal: Principal) -> None:
        async with session.limiter:
            try:
                found[name] = _observed(principal, await _status(session, connection, name, principal), records.get(name))
            except OrchestratorError as error:
                errors[name] = error

    async with anyio.create_task_group() as group:
        for name, principal in ids.items():
            group.start_soon(one, name, principal)
    failed = [errors[name] for name in names if name in errors and name in selected]
    if failed:
        raise _combined(failed)
    return Observed(canisters={name: found[name] for name in names if name in found}, ids=ids)


async def _status(session: Session, connection: Connection, name: str, principal: Principal) -> LiveCanister:
    """Return a canister's state, or say why there is none."""
    live = await read_status(session, connection, name, principal)
    if live is None:
        raise _gone(session, name, principal)
    return live


def _observed(principal: Principal, live: LiveCanister, record: InstallRecord | None) -> ObservedCanister:
    last = None
    if record is not None and record.canister_id == str(principal):
        last = LastInstall(module_hash=record.module_hash, argument_hash=record.argument_hash)
    return ObservedCanister(id=principal, state=live.state, settings=live.settings, module_hash=live.module_hash, last_install=last)


def _gone(session: Session, name: str, principal: Principal) -> DeployError:
    return DeployError(
        f"canister `{name}` does not exist on network `{session.environment.network.name}`",
        slug="deploy/canister-gone",
        detail=f"environment `{session.environment.name}` has the id {principal} for it",
        hint=f"if it was deleted, remove `{name}` from `{session.files.ids}`: the next deploy then creates a new one",
    )


def _combined(failed: Sequence[OrchestratorError]) -> OrchestratorError:
    """Return one error for all; a network that does not answer is told once."""
    if len(failed) == 1 or not all(isinstance(error, DeployError) for error in failed):
        return failed[0]
    diagnostics = [diagnostic for error in failed for diagnostic in error.diagnostics]
    return DeployError(f"{len(failed)} canisters cannot be looked at", slug=failed[0].slug, diagnostics=diagnostics)
