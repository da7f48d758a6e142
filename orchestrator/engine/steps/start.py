"""Starting a canister, and being sure that it answers."""

from orchestrator.core.principal import Principal
from orchestrator.engine.run import Run

__all__ = ["apply_start"]


async def apply_start(run: Run, canister: str, canister_id: Principal) -> None:
    """Start a canister that is stopped."""
    with run.recorder.operation(canister, "start", canister_id=str(canister_id)) as operation:
        await run.port(operation).start(canister_id)
