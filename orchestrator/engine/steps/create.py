"""Creating a canister, and having its id on disk the moment it exists."""

import json
import secrets

from orchestrator.core.principal import Principal
from orchestrator.core.project import Settings
from orchestrator.core.settings import SettingsUpdate, plan_creation
from orchestrator.engine.ports import NetworkPort
from orchestrator.engine.run import Run
from orchestrator.engine.stores import Stores
from orchestrator.events import CanisterCreated

__all__ = ["apply_creation", "repeat_creation"]

_SPREAD_NS = 1_000_000_000
"""How far a creation's time may lie back; a ledger takes times of the last day."""


async def apply_creation(run: Run, canister: str, settings: Settings) -> Principal:
    """Create a canister with the amounts of its settings, and assign its id before anything else can happen.

    The journal keeps what was asked for and when, which is all that asking again needs.
    """
    update, created_at_ns = plan_creation(settings), _choose_time(run)
    facts = {"created_at_ns": str(created_at_ns), "creation": _render(update)}
    with run.recorder.operation(canister, "create", **facts) as operation:
        principal = await run.port(operation).create(update, created_at_ns=created_at_ns)
        run.stores.ids.assign(canister, principal)
    run.session.emit(CanisterCreated(canister=canister, id=str(principal)))
    return principal


def _choose_time(run: Run) -> int:
    """Return a time of the last second that no other creation has: a ledger takes two with one time for the same one.

    Clocks are coarser than nanoseconds, and other runs may pay from the same account.
    """
    while True:
        created_at_ns = run.session.now_ns() - secrets.randbelow(_SPREAD_NS)
        if created_at_ns not in run.creation_times:
            run.creation_times.add(created_at_ns)
            return created_at_ns


async def repeat_creation(port: NetworkPort, stores: Stores, canister: str, *, created_at_ns: int, creation: str) -> Principal:
    """Ask again for a creation of an interrupted run, with what its journal kept; assigns the id."""
    principal = await port.create(_parse(creation), created_at_ns=created_at_ns)
    stores.ids.assign(canister, principal)
    return principal


def _render(update: SettingsUpdate) -> str:
    visibilities = {
        name: [str(viewer) for viewer in value] if isinstance(value, tuple) else value for name, value in update.visibilities.items()
    }
    return json.dumps({"amounts": {name: str(amount) for name, amount in update.amounts.items()}, "visibilities": visibilities})


def _parse(text: str) -> SettingsUpdate:
    kept = json.loads(text)
    visibilities = kept.get("visibilities") or {"log_visibility": kept.get("log_visibility")}  # as earlier versions kept it
    return SettingsUpdate(
        amounts={name: int(amount) for name, amount in kept["amounts"].items()},
        visibilities={
            name: tuple(Principal.from_text(viewer) for viewer in value) if isinstance(value, list) else value
            for name, value in visibilities.items()
            if value is not None
        },
    )
