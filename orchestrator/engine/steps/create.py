"""Creating a canister, and having its id on disk the moment it exists."""

from orchestrator.core.principal import Principal
from orchestrator.core.project import Settings
from orchestrator.core.settings import plan_creation
from orchestrator.engine.run import Run
from orchestrator.events import CanisterCreated

__all__ = ["apply_creation"]


async def apply_creation(run: Run, canister: str, settings: Settings) -> Principal:
    """Create a canister with the amounts of its settings, and assign its id before anything else can happen."""
    with run.recorder.operation(canister, "create") as operation:
        principal = await run.port(operation).create(plan_creation(settings))
        run.stores.ids.assign(canister, principal)
    run.session.emit(CanisterCreated(canister=canister, id=str(principal)))
    return principal
