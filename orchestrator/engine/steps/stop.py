"""Stopping a canister, and waiting until it has stopped."""

from orchestrator.core.principal import Principal
from orchestrator.engine.run import Run

__all__ = ["apply_stop"]


async def apply_stop(run: Run, canister: str, canister_id: Principal) -> None:
    """Stop a canister that runs."""
    with run.recorder.operation(canister, "stop", canister_id=str(canister_id)) as operation:
        await run.port(operation).stop(canister_id)
